"""Writes statistics into a database's catalogs, without a row in its tables.

All servers take them from a superuser, row by row of ``pg_class`` and ``pg_statistic``. The
functions PostgreSQL 18 has for it (``pg_restore_attribute_stats``) would need no superuser, but
the files do anyway, and they take less than ANALYZE writes: measured on 18.6, the share of empty
ranges is refused where no histogram of lengths is beside it, and so are values that a domain's
CHECK does not know. Indexes must exist first: making one sets the row count of its table to zero.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from pytest_planguard.fixturedb.inflate import orders
from pytest_planguard.fixturedb.inflate.attributes import (
    AttributeRow,
    RelationRow,
    attribute_row,
    expression_types,
    write,
    write_attributes,
)
from pytest_planguard.fixturedb.inflate.extended import inject_extended
from pytest_planguard.fixturedb.queries import named_queries
from pytest_planguard.model.catalog import Catalog, Index, Table
from pytest_planguard.model.statistics import ColumnStatistics, Statistics, TableStatistics

if TYPE_CHECKING:
    import psycopg

_NEVER_ANALYSED_SINCE = 140000
"""Since then ``reltuples`` is -1 where it is not known; before it was 0, on 0 pages."""


class Rows(msgspec.Struct, frozen=True):
    """What is to be written, and sentences about what cannot be."""

    relations: tuple[RelationRow, ...]
    attributes: tuple[AttributeRow, ...]
    lacking: tuple[str, ...]


def inject(
    connection: psycopg.Connection[Any],
    catalog: Catalog,
    statistics: Statistics,
    server_version: int,
) -> list[str]:
    """Writes all statistics in one transaction; returns what the server would not take.

    Args:
        connection: To the database, as superuser.
        catalog: What the database has; statistics of anything else are named in the answer.
        statistics: What to write.
        server_version: ``server_version_num``.
    """
    rows = rows_to_write(catalog, statistics, server_version)
    refused = list(rows.lacking)
    queries = named_queries(__package__, "statistics.sql")
    with connection.transaction():
        connection.execute(queries["neutral"])
        write(connection, queries["relations"], rows.relations, refused)
        attributes = _with_key_types(connection, catalog, statistics, rows.attributes)
        write_attributes(connection, attributes, refused)
        inject_extended(connection, catalog, statistics, server_version, refused)
    return refused


def rows_to_write(catalog: Catalog, statistics: Statistics, server_version: int) -> Rows:
    """Statistics → catalog rows, for what the database has; pure."""
    relations: list[RelationRow] = []
    attributes: list[AttributeRow] = []
    lacking: list[str] = list(orders.of_database(catalog, statistics))
    for name, facts in statistics.tables.items():
        table = catalog.tables.get(name)
        if table is None:
            lacking.append(f"statistics of {name} were not used: the schema has no such table")
            continue
        if table.kind != "p":
            tuples = _tuples(facts, statistics.server_version, server_version)
            relations.append(
                RelationRow(table.schema, table.name, facts.pages, tuples, facts.all_visible)
            )
        elif server_version >= _NEVER_ANALYSED_SINCE:  # as ANALYZE does; nothing plans by it
            relations.append(RelationRow(table.schema, table.name, -1, facts.rows))
        attributes += _columns(table, facts, lacking)
        lacking += orders.of_columns(table, facts, catalog, statistics)
        for index_name, index in facts.indexes.items():
            there = catalog.indexes.get(f"{table.schema}.{index_name}")
            if there is None:
                lacking.append(
                    f"statistics of the index {index_name} were not used: it is not there"
                )
                continue
            relations.append(RelationRow(table.schema, index_name, index.pages, index.tuples))
            attributes += _expressions(there, index.expressions, lacking)
            lacking += orders.of_expressions(there, index, catalog, statistics)
    return Rows(tuple(relations), tuple(attributes), tuple(lacking))


def _tuples(facts: TableStatistics, source_version: int, server_version: int) -> float:
    """``reltuples`` as this server writes what the source's said."""
    if server_version < _NEVER_ANALYSED_SINCE:
        return max(facts.rows, 0)
    never = 0 < source_version < _NEVER_ANALYSED_SINCE and facts.pages == facts.rows == 0
    return -1 if never else facts.rows


def _columns(table: Table, facts: TableStatistics, lacking: list[str]) -> Iterator[AttributeRow]:
    """Rows of a table's columns, its own and those with its children."""
    for inherited, columns in ((False, facts.columns), (True, facts.inherited)):
        for column, numbers in columns.items():
            if table.column(column) is None:
                name = f"{table.qualified}.{column}"
                lacking.append(f"statistics of {name} were not used: no such column")
                continue
            yield attribute_row(table.schema, table.name, column, numbers, inherited=inherited)


def _expressions(
    index: Index, expressions: dict[str, ColumnStatistics], lacking: list[str]
) -> Iterator[AttributeRow]:
    """Rows of an index's expressions."""
    for name, numbers in expressions.items():
        if name not in index.attributes:
            lacking.append(
                f"statistics of {name} in the index {index.name} were not used:"
                " it has no such expression"
            )
            continue
        yield attribute_row(index.schema, index.name, name, numbers)


def _with_key_types(
    connection: psycopg.Connection[Any],
    catalog: Catalog,
    statistics: Statistics,
    rows: Sequence[AttributeRow],
) -> list[AttributeRow]:
    """Rows of expressions with the expression's type, where the index may store another.

    ANALYZE believes the expression, not the index's column (analyze.c, examine_attribute): a
    GiST index of ``to_tsvector(…)`` stores signatures. The server describes the expressions'
    types in the answer to a query without rows.
    """
    found: dict[tuple[str, str, str], int] = {}
    for name, facts in statistics.tables.items():
        for index_name, index_facts in facts.indexes.items():
            index = catalog.indexes.get(f"{name.partition('.')[0]}.{index_name}")
            if index is None or not index_facts.expressions or index.method in {"btree", "hash"}:
                continue
            types = expression_types(connection, index.table, index.keys)
            for attribute, kind in zip(index.attributes, types, strict=True):
                found[index.schema, index.name, attribute] = kind
    return [
        msgspec.structs.replace(row, type=found.get((row.schema, row.relation, row.attribute)))
        for row in rows
    ]
