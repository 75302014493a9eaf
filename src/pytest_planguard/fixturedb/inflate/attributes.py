"""Rows of ``pg_class`` and ``pg_statistic``, and how they are sent: all at once, or by halves.

Where the server refuses some of them, halves find the ones it means, and only these are lost.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from pytest_planguard.fixturedb.queries import named_queries
from pytest_planguard.model.statistics import ColumnStatistics

if TYPE_CHECKING:
    import psycopg


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
    range_length_histogram: tuple[str, ...] | None
    """As texts: that of a range without an end is infinite, which is no number in JSON."""
    range_empty_frac: float | None
    range_bounds_histogram: tuple[str, ...] | None
    type: int | None = None
    """OID of the type the statistics are of; None: the attribute's own."""


def attribute_row(
    schema: str,
    relation: str,
    attribute: str,
    facts: ColumnStatistics,
    *,
    inherited: bool = False,
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
        range_length_histogram=tuple(map(repr, facts.range_length_histogram)) or None,
        range_empty_frac=facts.range_empty_frac,
        range_bounds_histogram=facts.range_bounds_histogram or None,
    )


def write_attributes(
    connection: psycopg.Connection[Any], rows: Sequence[AttributeRow], refused: list[str]
) -> None:
    """Replaces rows of ``pg_statistic``; what the server refuses is added to ``refused``."""
    query = named_queries(__package__, "statistics.sql")["attributes"]
    write(connection, query, rows, refused)


def expression_types(
    connection: psycopg.Connection[Any], table: str, expressions: Sequence[str]
) -> list[int]:
    """OIDs of the types of columns or expressions over a table; domains count as what they hide.

    Args:
        connection: To the database.
        table: Schema-qualified, unquoted.
        expressions: As the server prints them.
    """
    from psycopg import sql

    query = sql.SQL("SELECT {} FROM ONLY {} LIMIT 0").format(
        sql.SQL(", ").join(sql.SQL("({})").format(sql.SQL(text)) for text in expressions),
        sql.Identifier(*table.split(".", 1)),
    )
    cursor = connection.execute(query)
    return [column.type_code for column in cursor.description or ()]


def write(
    connection: psycopg.Connection[Any],
    query: str,
    rows: Sequence[RelationRow | AttributeRow],
    refused: list[str],
) -> None:
    """Sends rows; of a column whose values the server cannot read, the numbers stay.

    Args:
        connection: In a transaction.
        query: Takes them as one JSON text; names that come back were not taken as they are.
        rows: What to send.
        refused: Hears a sentence about each that the server did not take, or not wholly.
    """
    import psycopg

    if not rows:
        return
    try:
        with connection.transaction():
            refused += _send(connection, query, rows)
    except psycopg.Error as error:
        if len(rows) > 1:
            write(connection, query, rows[: len(rows) // 2], refused)
            write(connection, query, rows[len(rows) // 2 :], refused)
            return
        (row,) = rows
        message = condition(error)
        if isinstance(row, AttributeRow) and row != (numbers := _without_values(row)):
            where = f"{row.schema}.{row.relation}.{row.attribute}"
            refused.append(f"values in the statistics of {where} were refused: {message}")
            write(connection, query, (numbers,), refused)
            return
        where = ".".join((row.schema, row.relation, getattr(row, "attribute", "")))
        refused.append(f"statistics of {where.rstrip('.')} were refused: {message}")


def condition(error: psycopg.Error) -> str:
    """What kind of error it is, as its SQLSTATE is called: messages quote values, reports do not.

    ``invalid text representation`` of ``invalid input syntax for type integer: "ada@x.org"``.
    """
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(error).__name__).lower()
    return f"{words} ({error.sqlstate})" if error.sqlstate else words


def _without_values(row: AttributeRow) -> AttributeRow:
    """The same column without anything in the text form of its type."""
    return msgspec.structs.replace(
        row,
        most_common_vals=None,
        most_common_freqs=None,
        histogram_bounds=None,
        most_common_elems=None,
        most_common_elem_freqs=None,
        range_bounds_histogram=None,
    )


def _send(
    connection: psycopg.Connection[Any],
    query: str,
    rows: Sequence[RelationRow | AttributeRow],
) -> list[str]:
    """Sends rows as one JSON text."""
    text = msgspec.json.encode(rows).decode()
    cursor = connection.execute(query, {"rows": text})
    answers = cursor.fetchall() if cursor.description is not None else []
    return [
        f"statistics of {name} were taken only in part:"
        " its type lacks an order, an equality, elements or bounds"
        for (name,) in answers
    ]
