"""Rows that are really loaded, after the declared distributions: for small tables.

Everything is made inside the server, one INSERT … SELECT a table. A value is a function of the
row's number and the seed, by PostgreSQL's own hash: the same seed gives the same rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pytest_planguard.errors import ScaleError
from pytest_planguard.fixturedb.scale.expressions import RowExpressions
from pytest_planguard.fixturedb.scale.partitions import Tree
from pytest_planguard.model.catalog import Catalog, Table
from pytest_planguard.model.ports import quoted
from pytest_planguard.model.statistics import Statistics

if TYPE_CHECKING:
    import psycopg

LARGEST = 5_000_000
"""Rows of a table that is still loaded: about a minute and a gigabyte."""


def load_rows(
    connection: psycopg.Connection[Any],
    catalog: Catalog,
    statistics: Statistics,
    *,
    seed: int,
    progress: Callable[[str], None],
) -> list[str]:
    """Loads every table and analyses once; returns what came out otherwise than declared.

    Triggers and foreign keys rest meanwhile: keys are made within the range of the table they
    point to. A check that made-up rows break stays, but is not validated.

    Raises:
        ScaleError: A table is too large for this, or its rows cannot be made.
    """
    import psycopg

    _refuse_large(statistics)
    tables = _insert_targets(catalog)
    notes: list[str] = []
    with connection.transaction():
        connection.execute("SET LOCAL session_replication_role = replica")
        for number, table in enumerate(tables, 1):
            progress(f"loading rows: {table.qualified} ({number} of {len(tables)})")
            statement = insert_statement(catalog, statistics, table, seed)
            try:
                loaded, broken = _loaded(connection, table, statement)
            except psycopg.Error as error:
                raise ScaleError(
                    f"rows for {table.qualified} cannot be made:"
                    f" {error.diag.message_primary or error}",
                    hint='declare values for its columns, or set scale = "statistics"',
                ) from error
            notes += broken
            wanted = round(statistics.tables[table.qualified].rows)
            if loaded != wanted:
                notes.append(f"{table.qualified} got {loaded:,} rows of {wanted:,}: keys ran out")
    for view in (table for table in catalog.tables.values() if table.kind == "m"):
        connection.execute(f"REFRESH MATERIALIZED VIEW {_name(view)}")
    progress("loading rows: vacuum and analyze")
    connection.execute("VACUUM ANALYZE")
    connection.execute("CHECKPOINT")  # heights of indexes are read from their files
    return notes


def _loaded(
    connection: psycopg.Connection[Any], table: Table, statement: str
) -> tuple[int, list[str]]:
    """Inserts a table's rows: how many, and a sentence for each check that they break."""
    import psycopg

    aside: list[tuple[str, str]] = []
    while True:
        try:
            with connection.transaction():
                count = connection.execute(statement).rowcount
            break
        except psycopg.errors.CheckViolation as error:
            name = error.diag.constraint_name or ""
            definition = _definition(connection, table, name)
            if definition is None:  # of a domain, or a partition's bounds
                raise
            connection.execute(f"ALTER TABLE {_name(table)} DROP CONSTRAINT {quoted(name)}")
            aside.append((name, definition))
    for name, definition in aside:
        check = definition.removesuffix(" NOT VALID")
        connection.execute(
            f"ALTER TABLE {_name(table)} ADD CONSTRAINT {quoted(name)} {check} NOT VALID"
        )
    return count, [
        f"the rows made for {table.qualified} break its check {name}, which was not validated"
        for name, _ in sorted(aside)
    ]


def _definition(connection: psycopg.Connection[Any], table: Table, name: str) -> str | None:
    """A check of the table's own as SQL; None where it has none of that name."""
    query = (
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conrelid = %s::regclass AND conname = %s AND contype = 'c'"
    )
    row = connection.execute(query, [_name(table), name]).fetchone()
    return None if row is None else str(row[0])


def insert_statement(catalog: Catalog, statistics: Statistics, table: Table, seed: int) -> str:
    """The one statement that loads a table; pure."""
    rows = round(statistics.tables[table.qualified].rows)
    expressions = RowExpressions(catalog, statistics, seed)
    columns = [column for column in table.columns if not column.generated]
    names = ", ".join(quoted(column.name) for column in columns)
    values = ",\n  ".join(expressions.value(table, column, "i") for column in columns)
    return (
        f"INSERT INTO {_name(table)} ({names}) OVERRIDING SYSTEM VALUE\n"
        f"SELECT {values}\nFROM generate_series(1::bigint, {rows}) AS g(i)\nON CONFLICT DO NOTHING"
    )


def _refuse_large(statistics: Statistics) -> None:
    large = [
        f"{name} ({facts.rows:,.0f})"
        for name, facts in statistics.tables.items()
        if facts.rows > LARGEST
    ]
    if large:
        raise ScaleError(
            f"too many rows to load them really: {', '.join(large)}; at most {LARGEST:,} a table",
            hint='set scale = "statistics", which needs no rows, or declare fewer',
        )


def _insert_targets(catalog: Catalog) -> list[Table]:
    """Tables rows are inserted into: leaves, or the parent where a hash chooses the leaf."""
    tree = Tree(catalog)
    found: list[Table] = []
    for _, table in sorted(catalog.tables.items()):
        hashed = (table.partition_key or "").startswith("HASH")
        below_hash = any(
            (parent.partition_key or "").startswith("HASH")
            for parent in tree.ancestors(table.qualified)
        )
        if not below_hash and (table.kind == "r" or (table.kind == "p" and hashed)):
            found.append(table)
    return found


def _name(table: Table) -> str:
    return f"{quoted(table.schema)}.{quoted(table.name)}"
