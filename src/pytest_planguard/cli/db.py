"""``db``: the fixture database by hand."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import click
import msgspec

from pytest_planguard.cli.common import (
    chosen_database,
    load_config,
    progress,
    schema_for,
    server_options,
)
from pytest_planguard.errors import ConfigurationError, ServerError

if TYPE_CHECKING:
    from pytest_planguard.config import Config
    from pytest_planguard.model.ports import FixtureDatabase

_database = click.option("--database", metavar="NAME", help="Which, where there are several.")


@click.group("db")
def command() -> None:
    """The fixture database: build, look, connect, stop."""


@command.command("build")
@server_options
@_database
@click.option("--rows", is_flag=True, help='Really load rows, as with scale = "rows".')
def build(database: str | None, rows: bool, **given: Any) -> int:
    """Build it at scale and check that it is; what can be kept is ready for the next run."""
    config = load_config(given)
    name = chosen_database(config, database)
    config = _with_rows(config, name) if rows else config
    from pytest_planguard import pipeline

    with progress() as show:
        schema = schema_for(config, name)
        with pipeline.open_fixture(config, name, schema, show, keep=True) as fixture:
            lines = _sizes(fixture)
    for line in lines:
        click.echo(line)
    return 0


@command.command("status")
@server_options
def status(**given: Any) -> int:
    """What is there, and how much of the disk it takes."""
    from pytest_planguard.fixturedb.status import status as servers
    from pytest_planguard.report import _numbers as numbers

    config = load_config(given)
    empty = True
    for spec in config.databases.values():
        for one in servers(spec):
            empty = False
            on_disk, apparent = numbers.size(one.bytes_on_disk), numbers.size(one.bytes_apparent)
            source = f", {one.source}" if one.source else ""
            click.echo(f"{one.name}  {one.kind}  {on_disk} on disk, {apparent} apparent{source}")
    if empty:
        click.echo("nothing is there")
    return 0


@command.command("url")
@server_options
@_database
def url(database: str | None, **given: Any) -> int:
    """Print how to connect to it; it lives until standard input ends or Ctrl-C."""
    config = load_config(given)
    name = chosen_database(config, database)
    from pytest_planguard import pipeline

    schema = schema_for(config, name)
    with pipeline.open_fixture(config, name, schema) as fixture:
        click.echo(fixture.conninfo)
        sys.stdout.flush()
        if sys.stdin.isatty():
            click.echo("press Enter to stop the server", err=True)
            sys.stdin.readline()
        else:
            sys.stdin.read()
    return 0


@command.command("shell")
@server_options
@_database
def shell(database: str | None, **given: Any) -> int:
    """Open psql on it; the database is read-only, EXPLAIN is what it is for."""
    config = load_config(given)
    name = chosen_database(config, database)
    psql = _psql(config, name)
    from pytest_planguard import pipeline

    with progress() as show:
        schema = schema_for(config, name)
    with pipeline.open_fixture(config, name, schema, show) as fixture:
        conninfo, password = _apart(fixture.conninfo)
        environment = {**os.environ, "PGPASSWORD": password} if password else None
        return subprocess.run([psql, conninfo], env=environment, check=False).returncode


@command.command("down")
@server_options
def down(**given: Any) -> int:
    """Stop servers of ours, and remove what is kept between runs.

    On a server named by its URL only databases that planguard made are dropped.
    """
    from pytest_planguard.fixturedb.status import stop

    config = load_config(given)
    for spec in config.databases.values():
        stop(spec)
    return 0


def _with_rows(config: Config, name: str) -> Config:
    """The configuration with rows really loaded into one database.

    Raises:
        ConfigurationError: That database is used as it is.
    """
    spec = config.databases[name]
    if spec.as_is:
        raise ConfigurationError(
            f'the database "{name}" is used as it is: no rows are loaded into it',
            hint="leave --rows out, or as-is = true in [tool.pytest-planguard.database]",
        )
    loaded = msgspec.structs.replace(spec, scale="rows")
    return msgspec.structs.replace(config, databases={**config.databases, name: loaded})


def _sizes(fixture: FixtureDatabase) -> list[str]:
    """The tables, largest first, and what could not be made."""
    from pytest_planguard.report import _numbers as numbers

    tables = sorted(fixture.statistics.tables.items(), key=lambda one: (-one[1].rows, one[0]))
    lines = [
        f"{name}  {numbers.rows(table.rows)} rows  "
        f"{numbers.size(table.pages * 8192) if table.pages else 'no file'}  {table.source.value}"
        for name, table in tables
    ]
    return [*lines, *(f"! {sentence}" for sentence in fixture.lacking)]


def _apart(conninfo: str) -> tuple[str, str]:
    """A connection string for psql, and the password, which no list of processes is to show.

    psql may be older than the libpq we have, and would refuse a parameter it does not know.
    """
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    known = {name: value for name, value in conninfo_to_dict(conninfo).items() if value != ""}
    password = str(known.pop("password", ""))
    known.pop("require_auth", None)
    return make_conninfo("", **known), password


def _psql(config: Config, database: str) -> str:
    bindir = config.databases[database].bindir
    found = shutil.which("psql", path=str(bindir)) if bindir is not None else None
    found = found or shutil.which("psql")
    if found is None:
        raise ServerError(
            "psql is not on the PATH",
            hint="install the PostgreSQL client, or connect with `pytest-planguard db url`",
        )
    return found
