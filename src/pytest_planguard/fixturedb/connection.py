"""Connections to the fixture's server, and what is set for a whole database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from pytest_planguard.conninfo import without_password
from pytest_planguard.errors import ConfigurationError, ServerError
from pytest_planguard.fixturedb.parts import FixtureServer
from pytest_planguard.fixturedb.queries import named_queries
from pytest_planguard.model.ports import PostgresServer
from pytest_planguard.model.spec import DatabaseSpec
from pytest_planguard.model.statistics import Statistics

if TYPE_CHECKING:
    import psycopg

MAINTENANCE = ""
"""The database commands about other databases are sent from: the server's own choice."""

_LISTS = frozenset(
    {"local_preload_libraries", "search_path", "session_preload_libraries", "temp_tablespaces"}
)
"""Settings that are lists of names: after ``=``, a literal is one name, with all its commas.

Those of GUC_LIST_QUOTE (guc_tables.c) that a database can have. ``FROM CURRENT`` takes a value as
it is, but rounds floating-point numbers to six digits: the others are written out.
"""

_LOST = frozenset({None, "57P01", "57P02", "57P03"})
"""No answer at all; administrator's shutdown, crash, cannot connect now."""


def connect(server: PostgresServer, database: str = MAINTENANCE) -> psycopg.Connection[Any]:
    """A connection in autocommit mode.

    Raises:
        ServerError: The server or the database cannot be reached.
    """
    import psycopg

    conninfo = server.conninfo(database)
    try:
        return psycopg.connect(conninfo, autocommit=True, prepare_threshold=None)
    except psycopg.OperationalError as error:
        said = without_password(str(error).strip(), conninfo)
        raise ServerError(
            f"no connection to {database or 'the server'}: {said}",
            hint="start the run again; pytest-planguard doctor tells what the server says",
        ) from error


@contextmanager
def lost_server() -> Iterator[None]:
    """Turns the loss of the server, while something is made on it, into a ServerError."""
    import psycopg

    try:
        yield
    except psycopg.OperationalError as error:
        if error.sqlstate not in _LOST:
            raise
        first = str(error).strip().partition("\n")[0]  # libpq goes on to guess why
        raise ServerError(f"the server was lost: {first}", hint="start the run again") from error


def drop(server: FixtureServer, name: str) -> None:
    """Drops a database; one on a server that is gone is left to the next run to clean up."""
    import psycopg

    with suppress(psycopg.OperationalError, ServerError):
        server.drop_database(name)


def refuse_wrong_settings(connection: psycopg.Connection[Any], settings: Mapping[str, str]) -> None:
    """Tries every setting and forgets it again.

    Raises:
        ConfigurationError: Some are unknown or have a value the server refuses; all are named.
    """
    import psycopg

    names = {row[0].lower() for row in connection.execute("SELECT name FROM pg_settings")}
    mistakes: list[str] = []
    for name, value in settings.items():
        if name.lower() not in names and "." not in name:
            from pytest_planguard.fixturedb.scale.declarations import did_you_mean

            mistakes.append(f"settings.{name}: unknown to the server{did_you_mean(name, names)}")
            continue
        try:
            with connection.transaction(force_rollback=True):
                connection.execute("SELECT set_config(%s, %s, true)", [name, str(value)])
        except psycopg.Error as error:
            mistakes.append(f"settings.{name}: {error.diag.message_primary or error}")
    if mistakes:
        raise ConfigurationError(
            "\n".join(mistakes), hint="mend settings in [tool.pytest-planguard.database]"
        )


def settings_in_force(
    connection: psycopg.Connection[Any], spec: DatabaseSpec, source: Statistics | None
) -> tuple[dict[str, str], tuple[str, ...]]:
    """The planner's settings: production's, and over them what is configured.

    What production's file does not name is PostgreSQL's default there, whatever the server of the
    fixture has been configured to.

    Returns:
        The settings, and a sentence for each of production's this server does not take.
    """
    import psycopg

    wanted: dict[str, str] = {}
    refused: list[str] = []
    theirs = source.settings if source is not None else {}
    if source is not None and source.server_version:  # declared files name what they mean
        theirs = {**_defaults(connection), **theirs}
    for name, value in theirs.items():
        if name in spec.settings:
            continue
        try:
            with connection.transaction(force_rollback=True):
                connection.execute("SELECT set_config(%s, %s, true)", [name, value])
        except psycopg.Error as error:
            why = error.diag.message_primary or str(error)
            refused.append(f"production's {name} = {value} cannot be had here: {why}")
        else:
            wanted[name] = value
    return {**wanted, **spec.settings}, tuple(refused)


def _defaults(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """PostgreSQL's own values of planner settings to which the server gives others."""
    query = named_queries(__package__, "connection.sql")["defaults"]
    return dict(connection.execute(query).fetchall())


def freeze(connection: psycopg.Connection[Any], database: str, settings: Mapping[str, str]) -> None:
    """Makes a database read-only by default and gives it the planner's settings.

    Settings go to the database, not to a session: every connection then plans alike.
    """
    from psycopg import sql

    for name, value in {**settings, "default_transaction_read_only": "on"}.items():
        setting = sql.SQL("ALTER DATABASE {} SET {}").format(
            sql.Identifier(database), sql.Identifier(*name.split("."))
        )
        if name.lower() not in _LISTS:
            connection.execute(setting + sql.SQL(" = {}").format(sql.Literal(str(value))))
            continue
        with connection.transaction():
            connection.execute("SELECT set_config(%s, %s, true)", [name, str(value)])
            connection.execute(setting + sql.SQL(" FROM CURRENT"))
