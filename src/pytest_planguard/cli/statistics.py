"""``statistics``: production's, from its catalogs into a file that is committed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pytest_planguard.cli.common import chosen_database, load_config, progress
from pytest_planguard.errors import ConfigurationError, StatisticsError

if TYPE_CHECKING:
    from pytest_planguard.config import Config
    from pytest_planguard.fixturedb.scale.pull import Wanted
    from pytest_planguard.model.statistics import Statistics, ValuePolicy

_database = click.option("--database", metavar="NAME", help="Which, where there are several.")
_STANDARD_OUTPUT = "-"


@click.group("statistics")
def command() -> None:
    """Production's statistics: pull, look, grow."""


@command.command("pull")
@click.option(
    "--url",
    metavar="URL",
    help="The server; default PLANGUARD_STATISTICS_URL, else what libpq's PGSERVICE or PGHOST say.",
)
@click.option(
    "-o", "--output", metavar="FILE", help="Default planguard/statistics.json; - prints it."
)
@click.option(
    "--keep",
    metavar="TABLE.COLUMN",
    multiple=True,
    help="A column whose values stay as they are; may be repeated.",
)
@click.option("--all-values", is_flag=True, help="Nothing is replaced by stand-ins.")
@click.option("--no-values", is_flag=True, help="No values, no histograms: counts only.")
@click.option("--calls", is_flag=True, help="Production's pg_stat_statements too.")
@_database
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(min=0.001, max=86_400),
    default=60.0,
    help="A single statement may take; default 60.",
)
def pull(
    url: str | None,
    output: str | None,
    keep: tuple[str, ...],
    all_values: bool,
    no_values: bool,
    calls: bool,
    database: str | None,
    timeout: float,
) -> int:
    """Read them from a server's catalogs, in one read-only transaction.

    No table is read. Texts, documents and addresses are replaced by stand-ins of the same length,
    order and frequency; numbers, dates, booleans and enums stay.
    """
    from pytest_planguard.conninfo import has_password
    from pytest_planguard.fixturedb.scale import source
    from pytest_planguard.fixturedb.scale.pull import Wanted

    policy = _policy(all_values, no_values, keep)
    config = load_config(pulling=True)
    target = None if output == _STANDARD_OUTPUT else _file(config, database, output)
    conninfo = source.conninfo_from(url, os.environ)
    if has_password(url):
        click.echo(
            f"! the password stands in the list of processes: set {source.VARIABLE} instead",
            err=True,
        )
    _pull(conninfo, Wanted(policy, frozenset(keep), calls, timeout), target)
    return 0


@command.command("show")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@_database
def show(file: Path | None, database: str | None) -> int:
    """Print a file as a table; with calls, also what no test covers."""
    from pytest_planguard.cli import statistics_table
    from pytest_planguard.fixturedb.scale import statistics_file

    config = load_config(pulling=True)
    statistics = statistics_file.read(file or _file(config, database, None))
    statistics_table.show(statistics)
    if statistics.calls:
        statistics_table.show_calls(statistics.calls, config)
    return 0


@command.command("scale")
@click.argument("factor", type=float, metavar="N")
@click.option("-o", "--output", metavar="FILE", help="Default: the file itself.")
@_database
def scale(factor: float, output: str | None, database: str | None) -> int:
    """Grow the file N times: what if production were ten times larger (10), or smaller (0.1)?"""
    from pytest_planguard.fixturedb.scale import grow, statistics_file

    config = load_config(pulling=True)
    source = _file(config, database, None)
    target = source if output is None else Path.cwd() / output
    statistics = grow.grown(statistics_file.read(source), factor)
    statistics_file.write(statistics, target)
    times = "as they were read" if statistics.grown == 1 else f"×{statistics.grown:g} in all"
    click.echo(f"wrote {_shown(target)}: {len(statistics.tables):,} tables, {times}", err=True)
    return 0


def _policy(all_values: bool, no_values: bool, keep: tuple[str, ...]) -> ValuePolicy:
    from pytest_planguard.model.statistics import ValuePolicy

    if all_values and no_values:
        raise ConfigurationError(
            "--all-values and --no-values exclude each other", hint="give one of the two"
        )
    if keep and (all_values or no_values):
        other = "--all-values" if all_values else "--no-values"
        raise ConfigurationError(
            f"--keep says which values are not masked, {other} that none are",
            hint="leave out one of the two",
        )
    if all_values:
        return ValuePolicy.ALL
    return ValuePolicy.NONE if no_values else ValuePolicy.MASKED


def _file(config: Config, database: str | None, output: str | None) -> Path:
    """The file that was named, else the database's.

    Raises:
        ConfigurationError: Several databases are configured, and none or one without a file.
    """
    if output is not None:
        return Path.cwd() / output
    name = chosen_database(config, database)
    path = config.databases[name].statistics
    if path is None:
        raise ConfigurationError(
            f'the database "{name}" has no statistics file',
            hint=f'set statistics = "planguard/{name}.json" in '
            f"[tool.pytest-planguard.databases.{name}], or give -o FILE",
        )
    return path


def _pull(conninfo: str, wanted: Wanted, target: Path | None) -> None:
    from pytest_planguard.fixturedb.scale import source, statistics_file, thin
    from pytest_planguard.fixturedb.scale.pull import pull
    from pytest_planguard.report import _numbers as numbers

    with source.connected(conninfo) as connection:
        info = connection.info
        where = f'the database "{info.dbname}" of PostgreSQL {_version(info.server_version)}'
        with progress() as tell:
            tell(f"reading {where}")
            statistics = pull(connection, wanted)
        if not statistics.tables:
            raise StatisticsError(
                f'{where} shows no table to the role "{info.user}"; nothing was written',
                hint="check the database's name: it is the last part of the URL",
            )
    statistics = thin.thinned(statistics)
    for line in _told(statistics, where):
        click.echo(line, err=True)
    if target is None:
        click.echo(statistics_file.encode(statistics), nl=False)
        return
    size = statistics_file.write(statistics, target)
    click.echo(f"wrote {_shown(target)}: {numbers.size(size)}", err=True)


def _told(statistics: Statistics, where: str) -> Iterator[str]:
    from pytest_planguard.cli.statistics_table import doubts
    from pytest_planguard.report._numbers import counted

    tables = statistics.tables.values()
    indexes = sum(len(table.indexes) for table in tables)
    yield (
        f"read {counted(len(tables), 'table')} and {counted(indexes, 'index', 'indexes')} of "
        f"{where}; values: {statistics.values.value}"
    )
    never = [name for name, t in statistics.tables.items() if t.rows < 0 and t.kind in {"r", "m"}]
    if never:
        from pytest_planguard.fixturedb.scale.unseen import listed

        yield f"! never analysed: {listed(sorted(never))}"
    if statistics.calls:
        yield f"read {counted(len(statistics.calls), 'statement')} of pg_stat_statements"
    yield from doubts(statistics)


def _version(number: int) -> str:
    return f"{number // 10000}.{number % 10000}"


def _shown(path: Path) -> str:
    """Relative to the current directory where it is below it."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
