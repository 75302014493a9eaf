"""Functions of a database, so that what they send can be read."""

from __future__ import annotations

from pytest_planguard.fixturedb.queries import named_queries
from pytest_planguard.sql.blocks import Function


def functions_at(conninfo: str) -> dict[str, Function]:
    """By name without the schema; of several with one name the newest.

    Args:
        conninfo: The database's, through a connection of its own.
    """
    import psycopg

    query = named_queries(__package__, "functions.sql")["functions"].encode()
    with psycopg.connect(conninfo, autocommit=True) as connection:
        rows = connection.execute(query).fetchall()
    return {
        name: Function(name, language, definition, source, tuple(arguments))
        for name, language, definition, source, arguments in rows
    }
