"""``[tool.pytest-planguard]``, the environment and options → one ``Config`` or all mistakes."""

from __future__ import annotations

import datetime as dt
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from pytest_planguard.config.budgets import read_budgets
from pytest_planguard.config.checks import (
    Mistakes,
    Reader,
    check_choice,
    check_code,
    shown,
)
from pytest_planguard.config.connections import read_deployment
from pytest_planguard.config.database import read_database, read_tables
from pytest_planguard.config.options import FAIL_ON, Options, codes, path, read_options, reports
from pytest_planguard.config.project import project_name
from pytest_planguard.config.redaction import read_redaction
from pytest_planguard.config.repository import folder_in_repository
from pytest_planguard.config.values import Config, Ignore
from pytest_planguard.errors import ConfigurationError
from pytest_planguard.model.finding import Severity
from pytest_planguard.model.spec import DatabaseSpec, Thresholds

_MARKERS = ("pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")


def load(
    root: Path,
    overrides: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] = os.environ,
    *,
    pulling: bool = False,
) -> Config:
    """The configuration that holds for a project.

    Args:
        root: pytest's root; the file is looked for here and upwards.
        overrides: Options by name (``fail_on``, ``fail_on_growth``, ``db``, ``baseline``,
            ``capture_file``, ``report``, ``select``, ``ignore``, ``redact``); None is not given.
        environ: The environment.
        pulling: A statistics file that is named may be missing: it is about to be written.

    Raises:
        ConfigurationError: With every mistake there is.
    """
    file, values = _find(root.resolve())
    mistakes = Mistakes()
    home = file.parent if file is not None else root.resolve()
    reader = Reader(values, "", mistakes)
    options = read_options(overrides or {}, environ, mistakes)
    config = _read(reader, home, options, project_name(home), pulling=pulling)
    if mistakes.found:
        raise _error(mistakes, file)
    return msgspec.structs.replace(config, folder=folder_in_repository(home, environ))


def find_root(start: Path) -> Path:
    """The folder commands work in: the nearest upwards with our table, else a pytest root."""
    start = start.resolve()
    file, _ = _find(start)
    if file is not None:
        return file.parent
    for folder in (start, *start.parents):
        if any((folder / marker).is_file() for marker in _MARKERS):
            return folder
    return start


def _find(root: Path) -> tuple[Path | None, dict[str, Any]]:
    for folder in (root, *root.parents):
        file = folder / "pyproject.toml"
        if not file.is_file():
            continue
        table = _parse(file).get("tool", {}).get("pytest-planguard")
        if isinstance(table, dict):
            return file, table
    return None, {}


def _parse(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{file} cannot be read: {error}", hint="mend the file") from None


def _read(reader: Reader, root: Path, options: Options, project: str, *, pulling: bool) -> Config:
    large = reader.number("large-table-rows", 10_000, 1) or 10_000
    critical = frozenset(reader.texts("critical-tables"))
    fail_on = reader.choice("fail-on", FAIL_ON, "error")
    _, fail_on = options.get("fail_on", ("", fail_on))
    databases, patterns = _databases(reader, root, options, pulling=pulling)
    tenant_schemas, tenant_model = _tenants(reader)
    databases = {
        name: msgspec.structs.replace(
            spec, tenant_schemas=tenant_schemas, tenant_model=tenant_model
        )
        for name, spec in databases.items()
    }
    config = Config(
        root=root,
        large_table_rows=large,
        fail_on=None if fail_on == "none" else Severity(fail_on),
        critical_tables=critical,
        databases=databases,
        patterns=patterns,
        severity=_severities(reader.table("severity")),
        ignores=tuple(
            ignore for item in reader.tables("ignore") if (ignore := _ignore(item)) is not None
        ),
        select=codes(reader, "select", options),
        ignore_codes=codes(reader, "ignore", options),
        baseline=path(reader, "baseline", "planguard/baseline", root, options),
        capture_file=path(reader, "capture-file", ".planguard/capture.json.gz", root, options),
        reports=reports(reader, options),
        tenant_schemas=tenant_schemas,
        tenant_model=tenant_model,
        sizes_declared=any(map(_sized, databases.values())),
        redaction=read_redaction(reader, options),
        project=reader.text("project", project),
        thresholds=Thresholds(
            large_table_rows=large,
            critical_tables=frozenset(n if "." in n else f"public.{n}" for n in critical),
        ),
        budgets=read_budgets(reader.tables("budget")),
        growth=reader.flag("growth"),
        deployment=read_deployment(reader.table("connections")),
        fail_on_growth=options.get("fail_on_growth", ("", False))[1],
    )
    reader.finish()
    return config


def _tenants(reader: Reader) -> tuple[str, str]:
    """The pattern of tenants' schemas and the one all others are like; both or neither."""
    schemas, model = reader.text("tenant-schemas"), reader.text("tenant-model")
    if bool(schemas) != bool(model):
        here, missing = "tenant-schemas", "tenant-model"
        if model:
            here, missing = missing, here
        reader.wrong(missing, f"missing, {here} needs it")
    return schemas, model


def _sized(spec: DatabaseSpec) -> bool:
    declared = any(table.rows is not None or table.columns for table in spec.tables.values())
    return declared or spec.statistics is not None or spec.as_is


def _databases(
    reader: Reader, root: Path, options: Options, *, pulling: bool
) -> tuple[dict[str, DatabaseSpec], dict[str, tuple[str, ...]]]:
    """The databases by name, and what the tests call them."""
    tables = read_tables(reader.table("tables"))
    several = reader.table("databases")
    single = reader.table("database")
    if several.values and single.values:
        several.mistakes.add("databases", "stands beside [database], wanted one of the two")
    if not several.values:
        _server_of_option(single, options)
        spec = read_database(single, "default", root, tables, single=True, pulling=pulling)
        spec = msgspec.structs.replace(spec, server_only="db" in options)
        single.finish()
        return {"default": spec}, {}
    specs: dict[str, DatabaseSpec] = {}
    patterns: dict[str, tuple[str, ...]] = {}
    replicas: dict[str, tuple[Reader, str]] = {}
    for name, item in several.each():
        match = item.text_or_texts("match")
        if item.has("replica-of"):
            replicas[name] = (item, item.text("replica-of"))
        else:
            _server_of_option(item, options)
            own = tables | read_tables(item.table("tables"))
            spec = read_database(item, name, root, own, single=False, pulling=pulling)
            specs[name] = msgspec.structs.replace(spec, server_only="db" in options)
        patterns[name] = match
        item.finish()
    return specs, _with_replicas(specs, patterns, replicas)


def _with_replicas(
    specs: dict[str, DatabaseSpec],
    patterns: dict[str, tuple[str, ...]],
    replicas: dict[str, tuple[Reader, str]],
) -> dict[str, tuple[str, ...]]:
    merged = {name: patterns[name] for name in specs}
    for name, (reader, primary) in replicas.items():
        if check_choice(reader.mistakes, reader.name("replica-of"), primary, specs):
            merged[primary] = (*merged[primary], name, *patterns[name])
    return merged


def _server_of_option(reader: Reader, options: Options) -> None:
    """``--planguard-db`` names a server; the configuration's own is then not used."""
    if "db" in options:
        kept = {k: v for k, v in reader.values.items() if k not in {"image", "bindir", "as-is"}}
        reader.values = kept | {"provider": "url", "url": options["db"][1]}


def _severities(reader: Reader) -> dict[str, Severity | None]:
    severities: dict[str, Severity | None] = {}
    for code in reader.values:
        check_code(reader.mistakes, reader.name(code), code)
        word = reader.choice(code, ("error", "warning", "info", "off"), "off")
        severities[code] = None if word == "off" else Severity(word)
    return severities


def _ignore(reader: Reader) -> Ignore | None:
    rule = reader.text("rule")
    reason = reader.text("reason")
    if not reader.has("rule"):
        reader.wrong("rule", "missing, wanted a rule code such as PLN001")
    elif rule:
        check_code(reader.mistakes, reader.name("rule"), rule)
    if not reader.has("reason"):
        reader.wrong("reason", "missing, an ignore needs one")
    ignore = Ignore(
        rule=rule,
        reason=reason,
        table=reader.text("table"),
        query=reader.text("query"),
        origin=reader.text("origin"),
        expires=_expires(reader),
    )
    reader.finish()
    return ignore


def _expires(reader: Reader) -> dt.date | None:
    if not reader.has("expires"):
        return None
    value = reader.values["expires"]
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    try:
        return dt.date.fromisoformat(value)
    except (TypeError, ValueError):
        reader.wrong("expires", f"found {shown(value)}, wanted a date such as 2027-06-30")
        return None


def _error(mistakes: Mistakes, file: Path | None) -> ConfigurationError:
    count = len(mistakes.found)
    in_file = not all(one.startswith(("option ", "PLANGUARD_")) for one in mistakes.found)
    where = f" in {file} [tool.pytest-planguard]" if file is not None and in_file else ""
    head = "1 mistake" if count == 1 else f"{count} mistakes"
    return ConfigurationError(
        "\n  ".join([f"{head}{where}", *mistakes.found]),
        hint="mend them and run again; nothing was done",
    )
