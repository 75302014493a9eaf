"""Functions of a database, so that what they send can be read."""

from __future__ import annotations

from pytest_planguard.fixturedb.queries import named_queries
from pytest_planguard.sql.blocks import Function


def functions_at(conninfo: str) -> dict[str, Function]:
    """By name without the schema; which of several with one name is called is not known.

    Args:
        conninfo: The database's, through a connection of its own.
    """
    import psycopg

    query = named_queries(__package__, "functions.sql")["functions"].encode()
    with psycopg.connect(conninfo, autocommit=True) as connection:
        rows = connection.execute(query).fetchall()
    found: dict[str, Function] = {}
    for name, language, definition, source, arguments in rows:
        one = Function(name, language, definition, source, tuple(arguments))
        # Which of several is called depends on types and on the search path.
        found[name] = Function(name, "", "", "") if name in found else one
    return found
