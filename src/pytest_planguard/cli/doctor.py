"""``doctor``: is everything there, does it work, and what would make plans more faithful."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import click

from pytest_planguard.cli.common import (
    default_capture,
    load_config,
    progress,
    schema_for,
    server_options,
)
from pytest_planguard.errors import PlanguardError, SchemaError

if TYPE_CHECKING:
    from pytest_planguard.config import Config
    from pytest_planguard.model.report import Report
    from pytest_planguard.model.schema import Schema

_NEEDED = ("pytest", "pglast", "msgspec", "click", "rich", "jinja2")
_DRIVERS = ("psycopg", "psycopg2", "asyncpg", "sqlalchemy", "django")
_MOST = 5
"""Sizes asked for: more than that nobody looks up."""

_PRODUCTION_ROWS = "SELECT reltuples::bigint FROM pg_class WHERE oid = '{}'::regclass"


@click.command("doctor")
@server_options
def command(**given: Any) -> int:
    """Versions, drivers, server, scale self-check, and the sizes that matter most."""
    for line in _versions():
        click.echo(line)
    config = load_config(given)
    click.echo(f"configuration  {config.root}")
    if any(spec.provider == "embedded" for spec in config.databases.values()):
        for line in _installations():
            click.echo(line)
    results = [_database(config, name) for name in sorted(config.databases)]
    healthy = all(results)  # every one is looked at, also behind a broken one
    if healthy and not config.sizes_declared:
        for line in _sizes(config):
            click.echo(line)
    return 0 if healthy else 3


def _versions() -> Iterator[str]:
    yield f"python {platform.python_version()}"
    for name in ("pytest-planguard", *_NEEDED):
        yield f"{name} {_version(name) or 'missing'}"
    found = [name for name in _DRIVERS if importlib.util.find_spec(name) is not None]
    for name in found:
        version = _version(name) or _version(f"{name}-binary") or "version unknown"
        yield f"driver {name} {version}"
    if "psycopg" not in found:
        yield "! psycopg is missing: statements are captured, plans are made elsewhere"


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _installations() -> Iterator[str]:
    from pytest_planguard.fixturedb.providers.binaries import installations

    found = list(installations())
    for one in found:
        if one.version:
            yield f"PostgreSQL {one.version} in {one.bindir}"
        else:
            yield f"! PostgreSQL in {one.bindir} does not run: {one.why_not}"
    if not found:
        yield "! no PostgreSQL installation found: pip install 'pytest-planguard[embedded]'"


def _database(config: Config, name: str) -> bool:
    """Builds one fixture database, which checks its scale; whether that worked.

    Without a schema yet, as in a project whose tests have not run, a server that starts will do.
    """
    try:
        schema = schema_for(config, name)
    except SchemaError as error:
        click.echo(f"! database {name}: not built, {error}")
        return _tried(name, lambda: _start(config, name))
    except PlanguardError as error:
        click.echo(f"! database {name}: {error}")
        return False
    return _tried(name, lambda: _build(config, name, schema))


def _tried(name: str, attempt: Callable[[], str]) -> bool:
    try:
        with progress() as show:
            show(f"database {name}")
            sentence = attempt()
    except PlanguardError as error:
        click.echo(f"! database {name}: {error}")
        return False
    click.echo(f"database {name}: {sentence}")
    return True


def _start(config: Config, name: str) -> str:
    from pytest_planguard.fixturedb.providers import open_server

    with open_server(config.databases[name]) as server:
        return f"PostgreSQL {server.version // 10000}.{server.version % 10000} starts"


def _build(config: Config, name: str, schema: Schema | None) -> str:
    from pytest_planguard import pipeline

    with pipeline.open_fixture(config, name, schema) as fixture:
        count = len(fixture.statistics.tables)
        source = fixture.statistics.source.value
    if source == "as-is":
        return "; ".join((f"{count} tables, used as they are", *fixture.lacking))
    return f"{count} tables at scale ({source} sizes), self-check passed"


def _sizes(config: Config) -> Iterator[str]:
    """The tables whose size decides most, as configuration to fill in."""
    capture = default_capture(config)
    if capture is None:
        yield "sizes are assumed; run pytest --planguard once and doctor names those that matter"
        return
    from pytest_planguard import pipeline

    with progress() as show:
        report = pipeline.run(config, capture, pipeline.Options(), show).report
    tables = weightiest(report)
    if not tables:
        return
    yield ""
    yield "sizes are assumed; these matter most, take them from production:"
    for table in tables:
        name = table.removeprefix("public.")
        key = name if name.replace("_", "").isalnum() else f'"{name}"'
        yield ""
        yield f"# {_PRODUCTION_ROWS.format(table)}"
        yield f"[tool.pytest-planguard.tables.{key}]"
        yield "rows = …"


def weightiest(report: Report) -> list[str]:
    """The tables that the costs of the suite's worst plans depend on most, at most five.

    A plan's cost counts for every table it reads in full or filters through an index: the others
    grow with the height of a tree only.
    """
    from pytest_planguard.model.plan import Access, Planned

    growing = {Access.SEQ, Access.INDEX_FILTER, Access.BITMAP}
    weights: Counter[str] = Counter()
    for one in report.queries:
        if isinstance(one.outcome, Planned):
            worst = one.outcome.worst
            read = {p.relation for p in worst.access.values() if p.access in growing}
            for relation in sorted(read):
                weights[relation] += round(worst.cost)
    return [table for table, _ in sorted(weights.items(), key=lambda w: (-w[1], w[0]))[:_MOST]]
