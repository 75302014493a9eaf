"""The ``database`` tables and the sizes declared for them."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any

import msgspec

from pytest_planguard.config.checks import Reader, shown
from pytest_planguard.model.spec import (
    DEFAULT_CLOCK,
    ColumnDeclaration,
    DatabaseSpec,
    TableDeclaration,
)

OLDEST_MAJOR = 12
"""The first server whose prepared statements know ``plan_cache_mode`` (PostgreSQL 12 notes)."""


class _Header(msgspec.Struct, frozen=True):
    """Of a statistics file, what decides which server is taken."""

    server_version: int = 0


_STATISTICS = "planguard/statistics.json"
_TAGGED = re.compile(r"[^/]+[:@][^/]+$")
_URL = re.compile(r"postgres(ql)?://|.*=")


def read_database(
    reader: Reader,
    name: str,
    root: Path,
    tables: dict[str, TableDeclaration],
    *,
    single: bool,
    pulling: bool = False,
) -> DatabaseSpec:
    """One fixture database.

    Args:
        reader: Its table.
        name: The name it has in the report.
        root: What relative paths start at.
        tables: Declared sizes.
        single: It is the only one, so that the default statistics file is its.
        pulling: A statistics file that is named may be missing.
    """
    provider = reader.choice("provider", ("embedded", "container", "url"), "embedded")
    certain = reader.values.get("provider", provider) == provider
    kind = provider if certain else ""
    schema = _schema(reader, root)
    statistics = _statistics(reader, root, single=single, pulling=pulling)
    return DatabaseSpec(
        name=name,
        provider=provider,
        version=reader.integer("version", None, OLDEST_MAJOR),
        bindir=_bindir(reader, root),
        image=_image(reader, kind),
        url=_url(reader, kind),
        as_is=_as_is(reader, kind),
        schema=schema,
        source_major=_source_major(statistics),
        statistics=statistics,
        scale=reader.choice("scale", ("statistics", "rows"), "statistics"),
        seed=reader.integer("seed", 1, 0) or 0,
        settings=_settings(reader.table("settings")),
        clock=_clock(reader),
        tables=tables,
        root=root,
        cache=root / ".planguard",
    )


def read_tables(reader: Reader) -> dict[str, TableDeclaration]:
    """Declared sizes and distributions, by table."""
    return {name: _table(table) for name, table in reader.each()}


def _table(reader: Reader) -> TableDeclaration:
    rows = reader.number("rows", None, 0)
    columns = {name: _column(column) for name, column in reader.table("columns").each()}
    grows = reader.flag("grows", default=True)
    reader.finish()
    return TableDeclaration(rows=rows, columns=columns, grows=grows)


def _column(reader: Reader) -> ColumnDeclaration:
    column = ColumnDeclaration(
        values=_shares(reader.table("values")),
        distinct=_distinct(reader),
        nulls=reader.number("nulls", None, 0, 1),
        correlation=reader.number("correlation", None, -1, 1),
        width=reader.integer("width", None, 1),
    )
    if sum(column.values.values()) + (column.nulls or 0) > 1 + 1e-9:
        total = sum(column.values.values()) + (column.nulls or 0)
        reader.wrong("values", f"the shares (and nulls) add up to {total:g}, wanted 1 at most")
    reader.finish()
    return column


def _distinct(reader: Reader) -> int | float | None:
    """As it is written: 1.0 is a share of the rows, 1 a number of values."""
    number = reader.number("distinct", None, 0)
    return int(number) if number and isinstance(reader.values["distinct"], int) else number


def _shares(reader: Reader) -> dict[str, float]:
    shares = {key: reader.number(key, None, 0, 1) for key in reader.values}
    return {key: share for key, share in shares.items() if share is not None}


def _bindir(reader: Reader, root: Path) -> Path | None:
    text = reader.text("bindir")
    return root / text if text else None


def _image(reader: Reader, kind: str) -> str:
    image = reader.text("image")
    _belongs(reader, "image", "container", kind)
    if image and (not _TAGGED.search(image) or image.endswith(":latest")):
        reader.wrong("image", f'found "{image}", wanted a fixed version such as "postgres:18.4"')
    return image


def _url(reader: Reader, kind: str) -> str:
    url = reader.text("url")
    _belongs(reader, "url", "url", kind)
    if url and not _URL.match(url):
        reader.wrong("url", "wanted a libpq URL such as postgresql://user@host:5432/name")
    if kind == "url" and not url:
        reader.wrong("url", 'missing, provider = "url" needs it')
    return url


def _as_is(reader: Reader, kind: str) -> bool:
    as_is = reader.flag("as-is")
    _belongs(reader, "as-is", "url", kind)
    return as_is


def _belongs(reader: Reader, key: str, wanted: str, kind: str) -> None:
    """Notes a key given with another provider than its own; an unknown provider is enough."""
    if reader.has(key) and kind not in {wanted, ""}:
        reader.wrong(key, f'needs provider = "{wanted}", found "{kind}"')


def _schema(reader: Reader, root: Path) -> str:
    schema = reader.text("schema", "clone")
    kind, colon, rest = schema.partition(":")
    if colon and kind in {"command", "metadata"}:
        if not rest.strip():
            reader.wrong("schema", f'found "{schema}", wanted something behind the colon')
        if kind == "metadata" and rest.strip() and ":" not in rest:
            reader.wrong("schema", f'found "{schema}", wanted "metadata: module:attribute"')
    elif schema != "clone" and not (root / schema).is_file():
        reader.wrong("schema", f'no file "{schema}" in {root}')
    return schema


def _statistics(reader: Reader, root: Path, *, single: bool, pulling: bool) -> Path | None:
    text = reader.text("statistics")
    if text and not pulling and not (root / text).is_file():
        reader.wrong("statistics", f'no file "{text}" in {root}')
    if text:
        return root / text
    usual = root / _STATISTICS
    return usual if single and (pulling or usual.is_file()) else None


def _source_major(statistics: Path | None) -> int | None:
    """The major of the server they are from; a file that cannot be read is told of later."""
    if statistics is None:
        return None
    try:
        header = msgspec.json.decode(statistics.read_bytes(), type=_Header)
    except (OSError, msgspec.MsgspecError):
        return None
    return header.server_version // 10000 or None


def _settings(reader: Reader) -> dict[str, str]:
    settings: dict[str, str] = {}
    for key, value in reader.values.items():
        if isinstance(value, bool):
            settings[key] = "on" if value else "off"
        elif isinstance(value, (str, int, float)):
            settings[key] = str(value)
        else:
            reader.wrong(key, f"found {shown(value)}, wanted a string, a number, true or false")
    return settings


def _clock(reader: Reader) -> str:
    if not reader.has("clock"):
        return DEFAULT_CLOCK
    value: Any = reader.values["clock"]
    if isinstance(value, str):
        try:
            value = dt.datetime.fromisoformat(value)
        except ValueError:
            reader.wrong("clock", f"found {shown(value)}, wanted an instant in ISO 8601")
            return DEFAULT_CLOCK
    if not isinstance(value, dt.datetime):
        reader.wrong("clock", f"found {shown(value)}, wanted an instant in ISO 8601")
        return DEFAULT_CLOCK
    if value.tzinfo is None:
        value = value.replace(tzinfo=dt.UTC)
    instant: dt.datetime = value.astimezone(dt.UTC)
    return instant.isoformat()
