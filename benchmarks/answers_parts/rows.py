"""A case's tables with rows in them, as many as can be loaded in a second or two."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
import psycopg
from fidelity_parts.source import Source
from psycopg import sql

from fix_answers import Case
from fix_rules import ExampleQuery
from pytest_planguard.fixturedb.scale.declared import declare
from pytest_planguard.fixturedb.scale.generated import load_rows
from pytest_planguard.model.spec import DEFAULT_CLOCK, ColumnDeclaration, TableDeclaration
from pytest_planguard.planner.catalog import read_catalog

MOST = 400_000
"""Rows of the largest table: some 30 MB, which a server builds an index on in half a second."""
LEAST = 1_000
"""Rows of a table beside it, where it has as many."""
DATABASE = "answers"
_FEW = 100
"""A closed list: so many different values stay as many."""
_FRACTION = 0.1
"""More different values than this share of the rows are a share of fewer rows, too."""


def sizes(case: Case) -> dict[str, float]:
    """Rows by table: the case's, all made smaller by one factor."""
    factor = _factor(case)
    return {
        table: case.loaded.get(table, max(min(rows, LEAST), round(rows * factor)))
        for table, rows in case.rows.items()
    }


def _factor(case: Case) -> float:
    return min(1.0, MOST / max(case.rows.values()))


def declarations(case: Case) -> dict[str, TableDeclaration]:
    """What is declared of the smaller tables.

    The number of different values, where it is no closed list, falls with the square root of the
    rows: so both the rows a value has and its share of them stay as near as they can to what they
    are in the large table.
    """
    root = math.sqrt(_factor(case))
    found: dict[str, TableDeclaration] = {}
    for table, rows in sizes(case).items():
        columns = {
            name.partition(".")[2]: _smaller(facts, case.rows[table], root)
            for name, facts in case.columns.items()
            if name.partition(".")[0] == table
        }
        found[table] = TableDeclaration(rows, columns)
    return found


def _smaller(facts: dict[str, Any], rows: float, root: float) -> ColumnDeclaration:
    declared = msgspec.convert(facts, ColumnDeclaration)
    distinct = declared.distinct
    if distinct is None or distinct <= _FEW:
        return declared
    if distinct > _FRACTION * rows:
        return msgspec.structs.replace(declared, distinct=min(0.999_999, distinct / rows))
    return msgspec.structs.replace(declared, distinct=max(2.0, round(distinct * root)))


@contextmanager
def loaded(source: Source, case: Case) -> Iterator[psycopg.Connection[Any]]:
    """A connection to a database with the case's tables, dropped at the end."""
    with source.connect("postgres") as control:
        control.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
        control.execute(f"CREATE DATABASE {DATABASE}")
        try:
            with source.connect(DATABASE) as connection:
                _fill(connection, case)
                yield connection
        finally:
            control.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")


def _fill(connection: psycopg.Connection[Any], case: Case) -> None:
    connection.execute("CREATE EXTENSION pg_trgm")
    connection.execute("CREATE EXTENSION hypopg")
    connection.execute(case.schema.encode())
    catalog = read_catalog(connection)
    wanted = declare(catalog, declarations(case), clock=DEFAULT_CLOCK)
    load_rows(connection, catalog, wanted, seed=1, progress=lambda _: None)
    if case.load:
        connection.execute(case.load.encode())
    connection.execute("VACUUM ANALYZE")
    for name, value in case.settings.items():
        connection.execute("SELECT set_config(%s, %s, false)", [name, value])


def values(connection: psycopg.Connection[Any], query: ExampleQuery) -> list[str | None]:
    """The query's first list of values; ``@table.column`` is one that the column has."""
    given: Sequence[str | None] = query.samples[0].values if query.samples else ()
    return [
        _drawn(connection, value[1:], number) if value and value.startswith("@") else value
        for number, value in enumerate(given)
    ]


def _drawn(connection: psycopg.Connection[Any], where: str, number: int) -> str:
    table, _, column = where.partition(".")
    text = sql.SQL(
        "SELECT {column}::text FROM {table} WHERE {column} IS NOT NULL"
        " OFFSET (SELECT count({column}) FROM {table}) / 2 + {number} LIMIT 1"
    )
    row = connection.execute(
        text.format(column=sql.Identifier(column), table=sql.Identifier(table), number=number)
    ).fetchone()
    if row is None:
        raise LookupError(f"{where} has no value")
    return str(row[0])
