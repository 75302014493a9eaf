"""Ends of an index, as far as statistics know them.

A histogram leaves the most common values out. For a condition before its first or behind its last
bound the planner looks up the least or greatest value in a btree and takes that in the bound's
place (``get_actual_variable_range`` in selfuncs.c). An empty btree has none; but where the least
value is a common one, as with few keys that are very frequent, the statistics hold it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from pytest_planguard.fixturedb.queries import named_queries
from pytest_planguard.model.statistics import ColumnStatistics, Statistics, TableStatistics

if TYPE_CHECKING:
    import psycopg


class _Leading(NamedTuple):
    """What a btree is ordered by first."""

    table: str
    expression_of: str
    """The index of an expression; empty: a column."""
    column: str
    type: str
    collation_schema: str | None
    collation: str | None


def with_common_ends(connection: psycopg.Connection[Any], statistics: Statistics) -> Statistics:
    """The statistics with histograms that reach to the least and greatest common value.

    Only those of columns and expressions a btree is ordered by: of others the planner takes the
    histogram as it is. Nothing else the planner computes from a histogram changes: the range of a
    column takes in the common values anyway, and a prefix is not compared with the outer bounds.

    Args:
        connection: To a database with the schema; the order of values is its own.
        statistics: As they were read.
    """
    leading = [
        one
        for row in connection.execute(named_queries(__package__, "ends.sql")["leading"])
        if _can_move(_facts(statistics, one := _Leading(*row)))
    ]
    tables = dict(statistics.tables)
    for one, facts in zip(leading, _moved(connection, statistics, leading), strict=True):
        tables[one.table] = _replaced(tables[one.table], one, facts)
    return msgspec.structs.replace(statistics, tables=tables)


def _facts(statistics: Statistics, one: _Leading) -> ColumnStatistics | None:
    table = statistics.tables.get(one.table)
    if table is None:
        return None
    if not one.expression_of:
        return table.columns.get(one.column)
    index = table.indexes.get(one.expression_of)
    return index.expressions.get(one.column) if index else None


def _can_move(facts: ColumnStatistics | None) -> bool:
    return facts is not None and bool(facts.most_common_values and facts.histogram_bounds)


def _moved(
    connection: psycopg.Connection[Any], statistics: Statistics, leading: Sequence[_Leading]
) -> list[ColumnStatistics]:
    """Their statistics with the new bounds; as they are where the values are not of the type."""
    import psycopg

    facts = [found for one in leading if (found := _facts(statistics, one)) is not None]
    questions = [
        (_query(one), _candidates(found)) for one, found in zip(leading, facts, strict=True)
    ]
    try:
        with connection.pipeline():  # one round trip for all
            cursors = [connection.execute(*question) for question in questions]
        ends = [cursor.fetchone() for cursor in cursors]
    except psycopg.DataError:
        ends = [_asked_alone(connection, *question) for question in questions]
    return [_with_ends(found, *(end or ())) for found, end in zip(facts, ends, strict=True)]


def _asked_alone(
    connection: psycopg.Connection[Any], query: Any, parameters: list[list[str]]
) -> tuple[str, str] | None:
    """Least and greatest value; None where they are not of the column's type."""
    import psycopg

    try:
        with connection.transaction():
            return connection.execute(query, parameters).fetchone()
    except psycopg.DataError:
        return None


def _candidates(facts: ColumnStatistics) -> list[list[str]]:
    """The query's parameters."""
    bounds = facts.histogram_bounds
    values = [bounds[0], bounds[-1], *facts.most_common_values]
    return [values, values]


def _with_ends(facts: ColumnStatistics, *ends: str) -> ColumnStatistics:
    if not ends:
        return facts
    bounds = (ends[0], *facts.histogram_bounds[1:-1], ends[1])
    return msgspec.structs.replace(facts, histogram_bounds=bounds)


def _query(one: _Leading) -> Any:
    """Least and greatest of an array of texts, by the order of the column."""
    from psycopg import sql

    key = sql.Composed([sql.SQL("v::" + one.type)])
    if one.collation_schema and one.collation:
        key += sql.SQL(" COLLATE ") + sql.Identifier(one.collation_schema, one.collation)
    first = sql.SQL("(SELECT v FROM unnest(%s::text[]) AS v ORDER BY {} {} LIMIT 1)")
    return sql.SQL("SELECT {}, {}").format(
        first.format(key, sql.SQL("ASC")), first.format(key, sql.SQL("DESC"))
    )


def _replaced(table: TableStatistics, one: _Leading, facts: ColumnStatistics) -> TableStatistics:
    if not one.expression_of:
        return msgspec.structs.replace(table, columns={**table.columns, one.column: facts})
    index = table.indexes[one.expression_of]
    expressions = {**index.expressions, one.column: facts}
    index = msgspec.structs.replace(index, expressions=expressions)
    return msgspec.structs.replace(table, indexes={**table.indexes, one.expression_of: index})
