"""Fills a table as fast as CREATE TABLE AS, which writes in bulk where INSERT goes row by row.

Half of what loading takes is INSERT's way to each page. CREATE TABLE AS keeps the page it is at
and extends its file by many, but makes a table of its own. Its file is then given to the table
that is to be filled, as CLUSTER does it with the file it has written (swap_relation_files in
src/backend/commands/cluster.c): two rows of ``pg_class`` exchange their file numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pytest_planguard.fixturedb.scale.expressions import RowExpressions
from pytest_planguard.model.catalog import Table
from pytest_planguard.model.ports import quoted
from pytest_planguard.sql.never_null import is_never_null

if TYPE_CHECKING:
    import psycopg

_SCRATCH = "planguard_loading"
LEAST_ROWS = 10_000
"""Of a smaller table the exchange takes longer than what it saves."""


class _RefusedError(Exception):
    """The file does not fit; what was done is rolled back."""


def fill_in_bulk(
    connection: psycopg.Connection[Any],
    queries: Mapping[str, str],
    expressions: RowExpressions,
    table: Table,
    rows: int,
) -> bool:
    """Fills a table that was truncated in this transaction; whether it could be done.

    Args:
        connection: As superuser, in a transaction; indexes of the table rest.
        queries: Of ``generated.sql``.
        expressions: Make the values.
        table: What to fill.
        rows: How many rows.
    """
    name = f"{quoted(table.schema)}.{quoted(table.name)}"
    if rows < LEAST_ROWS or not _answer(connection, queries["fillable"], [name]):
        return False
    scratch = f"{quoted(table.schema)}.{_SCRATCH}"
    columns = sorted(table.columns, key=lambda column: column.number)
    made = {column.name: expressions.value(table, column, "i") for column in columns}
    values = ",\n  ".join(f"{value} AS {quoted(name)}" for name, value in made.items())
    doubtful = [
        column.name
        for column in columns
        if column.not_null and not is_never_null(made[column.name], {"i"})
    ]
    statement = (
        f"CREATE TABLE {scratch} WITH (fillfactor = {table.fillfactor or 100}) AS\n"
        f"SELECT {values}\nFROM (SELECT generate_series(1::bigint, {rows})) AS g(i)"
    )
    both = {"old": name, "new": scratch}
    try:
        with connection.transaction():
            with _made_by_a_worker(connection):
                connection.execute(statement.encode())
            _refuse_unfit(connection, queries["alike"], both, doubtful)
            connection.execute(queries["exchange"], both)
            connection.execute(f"DROP TABLE {scratch}")
    except _RefusedError:
        return False
    return True


def put_back_in_order(
    connection: psycopg.Connection[Any], queries: Mapping[str, str], table: Table, moved: str
) -> None:
    """Writes a table anew where rows that were changed have moved to its end.

    Args:
        connection: As superuser, in the transaction that filled the table.
        queries: Of ``generated.sql``.
        table: What was changed.
        moved: A table of ``old`` and ``new`` places of the rows that moved.
    """
    name = f"{quoted(table.schema)}.{quoted(table.name)}"
    scratch = f"{quoted(table.schema)}.{_SCRATCH}"
    if not _answer(connection, queries["fillable"], [name]):
        return
    both = {"old": name, "new": scratch}
    connection.execute(
        f"CREATE TABLE {scratch} WITH (fillfactor = {table.fillfactor or 100}) AS"  # noqa: S608 -- names are quoted
        f" SELECT t.* FROM {name} t LEFT JOIN {moved} m ON m.new = t.ctid"
        " ORDER BY coalesce(m.old, t.ctid)".encode()
    )
    if _answer(connection, queries["alike"], both):
        connection.execute(queries["exchange"], both)
        connection.execute(f"REINDEX TABLE {name}")
    connection.execute(f"DROP TABLE {scratch}")


@contextmanager
def _made_by_a_worker(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Lets one worker make the rows while the session's own process writes them.

    By itself the planner has a function's rows made by the process that asks. Told to, it puts a
    Gather with a single worker above the whole plan (standard_planner in
    src/backend/optimizer/plan/planner.c); one worker keeps the order of the rows, and where none
    is free the process makes them itself.
    """
    renamed = connection.info.server_version >= 160_000
    name = "debug_parallel_query" if renamed else "force_parallel_mode"
    for setting, value in (("max_parallel_workers_per_gather", "1"), (name, "on")):
        connection.execute("SELECT set_config(%s, %s, true)", [setting, value])
    yield
    connection.execute("SELECT set_config(%s, 'off', true)", [name])


def _refuse_unfit(
    connection: psycopg.Connection[Any],
    alike: str,
    both: Mapping[str, str],
    doubtful: Sequence[str],
) -> None:
    """Raises where the new table's file is none of the old one's, or lacks a value it must have."""
    if not _answer(connection, alike, both) or _has_nulls(connection, doubtful, both["new"]):
        raise _RefusedError


def _has_nulls(connection: psycopg.Connection[Any], columns: Sequence[str], scratch: str) -> bool:
    """Whether one of the columns lacks a value: CREATE TABLE AS does not look.

    Reading the table takes a fifth of the time of writing it, so that columns whose values are
    certain to be there are not asked for.
    """
    if not columns:
        return False
    missing = " OR ".join(f"{quoted(name)} IS NULL" for name in columns)
    return _answer(connection, f"SELECT EXISTS (SELECT FROM {scratch} WHERE {missing})")  # noqa: S608 -- names are quoted


def _answer(connection: psycopg.Connection[Any], query: str, parameters: Any = None) -> bool:
    row = connection.execute(query.encode(), parameters).fetchone()
    return bool(row and row[0])
