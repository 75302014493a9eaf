"""Writes statistics into a database's catalogs, without a row in its tables.

PostgreSQL 18 and newer have functions for it; older ones take them from a superuser, row by row
of ``pg_class`` and ``pg_statistic``. Indexes must exist first: making one sets the row count of
its table back to zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import msgspec

from pytest_planguard.fixturedb.queries import named_queries
from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.statistics import ColumnStatistics, Statistics

if TYPE_CHECKING:
    import psycopg

_FUNCTIONS_SINCE = 180000


class RelationRow(msgspec.Struct, frozen=True):
    """A row of ``pg_class``."""

    schema: str
    relation: str
    pages: int
    tuples: float
    visible: int = 0


class AttributeRow(msgspec.Struct, frozen=True):
    """A row of ``pg_stats``; None: the server is told nothing."""

    schema: str
    relation: str
    attribute: str
    inherited: bool
    null_frac: float
    avg_width: int
    n_distinct: float
    most_common_vals: tuple[str, ...] | None
    most_common_freqs: tuple[float, ...] | None
    histogram_bounds: tuple[str, ...] | None
    correlation: float | None
    most_common_elems: tuple[str, ...] | None
    most_common_elem_freqs: tuple[float, ...] | None
    elem_count_histogram: tuple[float, ...] | None


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
    era = "since_18" if server_version >= _FUNCTIONS_SINCE else "before_18"
    with connection.transaction(), _Warnings(connection) as warnings:
        _write(connection, queries[f"relations_{era}"], rows.relations, refused)
        _write(connection, queries[f"attributes_{era}"], rows.attributes, refused)
    return refused + warnings.sentences


def rows_to_write(catalog: Catalog, statistics: Statistics, server_version: int) -> Rows:
    """Statistics → catalog rows, for what the database has; pure."""
    relations: list[RelationRow] = []
    attributes: list[AttributeRow] = []
    lacking: list[str] = []
    for name, facts in statistics.tables.items():
        table = catalog.tables.get(name)
        if table is None:
            lacking.append(f"statistics of {name} were not used: the schema has no such table")
            continue
        if table.kind != "p":
            relations.append(
                RelationRow(table.schema, table.name, facts.pages, facts.rows, facts.all_visible)
            )
        elif server_version >= 140000:  # as ANALYZE does since then; nothing plans by it
            relations.append(RelationRow(table.schema, table.name, -1, facts.rows))
        for inherited, columns in ((False, facts.columns), (True, facts.inherited)):
            for column, numbers in columns.items():
                if table.column(column) is None:
                    lacking.append(f"statistics of {name}.{column} were not used: no such column")
                    continue
                attributes.append(_attribute(table.schema, table.name, column, inherited, numbers))
        for index_name, index in facts.indexes.items():
            if f"{table.schema}.{index_name}" not in catalog.indexes:
                lacking.append(
                    f"statistics of the index {index_name} were not used: it is not there"
                )
                continue
            relations.append(RelationRow(table.schema, index_name, index.pages, index.tuples))
            attributes += (
                _attribute(table.schema, index_name, expression, False, numbers)
                for expression, numbers in index.expressions.items()
            )
    return Rows(tuple(relations), tuple(attributes), tuple(lacking))


def _attribute(
    schema: str, relation: str, attribute: str, inherited: bool, facts: ColumnStatistics
) -> AttributeRow:
    """One column's row; empty lists are not sent."""
    return AttributeRow(
        schema=schema,
        relation=relation,
        attribute=attribute,
        inherited=inherited,
        null_frac=facts.null_frac,
        avg_width=facts.avg_width,
        n_distinct=facts.n_distinct,
        most_common_vals=facts.most_common_values or None,
        most_common_freqs=facts.most_common_freqs or None,
        histogram_bounds=facts.histogram_bounds or None,
        correlation=facts.correlation,
        most_common_elems=facts.most_common_elems or None,
        most_common_elem_freqs=facts.most_common_elem_freqs or None,
        elem_count_histogram=facts.elem_count_histogram or None,
    )


def _write(
    connection: psycopg.Connection[Any],
    query: str,
    rows: Sequence[RelationRow | AttributeRow],
    refused: list[str],
) -> None:
    """All rows at once; where the server refuses that, one by one, to name the ones it means."""
    import psycopg

    if not rows:
        return
    try:
        with connection.transaction():
            refused += _send(connection, query, rows)
    except psycopg.Error:
        for row in rows:
            try:
                with connection.transaction():
                    refused += _send(connection, query, (row,))
            except psycopg.Error as error:
                where = ".".join((row.schema, row.relation, getattr(row, "attribute", "")))
                message = error.diag.message_primary or str(error)
                refused.append(f"statistics of {where.rstrip('.')} were refused: {message}")


def _send(
    connection: psycopg.Connection[Any],
    query: str,
    rows: Sequence[RelationRow | AttributeRow],
) -> list[str]:
    """Sends rows as one JSON text; the names that come back were not taken as they are."""
    text = msgspec.json.encode(rows).decode()
    cursor = connection.execute(query, {"rows": text})
    answers = cursor.fetchall() if cursor.description is not None else []
    return [
        f"statistics of {name} were taken only in part: its type lacks an order or an equality"
        for name, *accepted in answers
        if not accepted
    ]


class _Warnings:
    """Listens to the server's warnings; functions of 18 and newer refuse by warning."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.sentences: list[str] = []
        self._connection = connection

    def __enter__(self) -> Self:
        self._connection.add_notice_handler(self._hear)
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.remove_notice_handler(self._hear)

    def _hear(self, diagnostic: psycopg.errors.Diagnostic) -> None:
        if diagnostic.severity_nonlocalized == "WARNING":
            self.sentences.append(f"statistics: {diagnostic.message_primary}")
