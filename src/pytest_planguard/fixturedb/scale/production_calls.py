"""Production's statements with how often they are called and how long they take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_planguard.fixturedb.queries import named_queries
from pytest_planguard.model.statistics import ProductionCall
from pytest_planguard.sql.calls import of_applications, without_values

if TYPE_CHECKING:
    import psycopg

MOST = 500
"""Statements: beyond, each takes less than a five-hundredth of the time of the first ones."""
LONGEST = 20_000
"""Characters of a statement; longer ones would fill the file."""


def read(
    connection: psycopg.Connection[Any], *, verbatim: bool
) -> tuple[tuple[ProductionCall, ...], list[str]]:
    """What ``pg_stat_statements`` says of this database, most time first, and what it hides.

    Args:
        connection: To the source.
        verbatim: Texts stay as the extension has them, with whatever values those hold.
    """
    import psycopg
    from psycopg import sql

    queries = named_queries(__package__, "calls.sql")
    row = connection.execute(queries["extension"]).fetchone()
    if row is None:
        return (), ["the calls: the extension pg_stat_statements is not in this database"]
    schema, renamed = row
    marks = {
        "{schema}": sql.Identifier(schema).as_string(connection),
        "{total}": "total_exec_time" if renamed else "total_time",
    }
    for name, text in queries.items():
        for mark, fragment in marks.items():
            text = text.replace(mark, fragment)  # noqa: PLW2901 - the same text, completed
        queries[name] = text
    try:
        with connection.transaction():
            given = {"longest": LONGEST, "most": MOST}
            rows = connection.execute(queries["calls"], given).fetchall()
            hidden = connection.execute(queries["hidden_calls"]).fetchone()
    except psycopg.errors.QueryCanceled:
        raise
    except psycopg.Error as error:
        return (), [f"the calls: {error.diag.message_primary or error}"]
    calls = of_applications(
        ProductionCall(sql=query, calls=count, mean_ms=round(float(mean), 3), rows=int(total))
        for query, count, mean, total in rows
    )
    notes = _hidden(hidden[0] if hidden else 0)
    if verbatim:
        return calls, notes
    calls, unreadable = without_values(calls)
    if unreadable:
        notes.append(f"{unreadable:,} calls whose texts cannot be told without their values")
    return calls, notes


def _hidden(count: int) -> list[str]:
    if not count:
        return []
    return [
        f"{count:,} statements of other roles in pg_stat_statements: they need pg_read_all_stats"
    ]
