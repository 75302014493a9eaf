"""Why a LIMIT ends a read later than the planner reckons, or may; pure."""

from __future__ import annotations

import msgspec

from pytest_planguard.model import words
from pytest_planguard.model.catalog import Catalog, Table
from pytest_planguard.model.judgement import Read
from pytest_planguard.model.spec import Thresholds
from pytest_planguard.model.statistics import ColumnStatistics, Statistics
from pytest_planguard.sql.obstacles import column_of, conditions_of, real_cast
from pytest_planguard.sql.patterns import fixed_prefix
from pytest_planguard.sql.predicates import Condition, Kind, Operand, oriented

_FOLDS = frozenset({"lower", "upper", "btrim", "ltrim", "rtrim", "coalesce", "md5", "unaccent"})
"""Functions that make few values alike, if any."""
_COARSE = frozenset({"date", "bool", "int2", "int4", "int8", "char"})
"""Types a cast to which may make many alike."""
_LOOKUPS = frozenset({1, 2, 21})
"""LIMITs of who looks for one row: ``first()`` and ``exists()``, two to see that it is one, and
Django's ``get()`` (MAX_GET_RESULTS)."""


class Reason(msgspec.Struct, frozen=True):
    """Why a read below a LIMIT is judged without it."""

    text: str
    """To follow a finding's message."""
    certain: bool
    """False: it depends on what is asked for, or on what nobody knows."""


def why_late(
    read: Read, limit: float, catalog: Catalog, statistics: Statistics, thresholds: Thresholds
) -> Reason | None:
    """The reason of the first condition that has one; None: the planner knows as much as we do.

    Args:
        read: Of a plan that was made with the LIMIT: stopped by it, or asked once for each row of
            one that is.
        limit: Rows it lets through.
        catalog: The fixture database's.
        statistics: What it has been given: how many values a column has.
        thresholds: From how many rows on a read counts.
    """
    for condition in conditions_of(read.filter) if read.limited else ():
        found = _of_equality(condition, read, limit, catalog, statistics, thresholds)
        if found is not None:
            return found
    return _RARE_TEXT if is_search(read) and (read.limited or read.loops > 1) else None


_RARE_TEXT = Reason(
    "LIMIT ends that only for a text that many rows have: for one that hardly any has, all are "
    "read",
    certain=False,
)


def is_search(read: Read) -> bool:
    """Whether it looks for text that may stand anywhere in a value."""
    return any(
        condition.kind is Kind.LIKE
        and fixed_prefix(condition) == ""
        and not condition.operator.startswith("!")
        and (own := oriented(condition, read.alias) or oriented(condition, "")) is not None
        and own.subject is not None
        and bool(own.subject.columns)
        for condition in conditions_of(read.filter)
    )


def _of_equality(
    condition: Condition,
    read: Read,
    limit: float,
    catalog: Catalog,
    statistics: Statistics,
    thresholds: Thresholds,
) -> Reason | None:
    subject = _compared(condition, read)
    if subject is None:
        return None
    name, table = subject.columns[0][1], catalog.tables[read.relation]
    if column_of(catalog, read.relation, name) is None:
        return None
    values = _values(table, name, catalog, statistics)
    if values is None:
        return _unknown(name) if round(limit) in _LOOKUPS else None
    if not _is_folded(subject, read, catalog):
        return None  # the planner reckons with the same number
    matches = table.rows / max(values, 1.0)
    if matches < limit + 0.5:
        return Reason(
            f"LIMIT does not end that: {name} hardly has a value twice, so that nearly all rows "
            "are read for the first match",
            certain=True,
        )
    reached = table.rows * limit / (matches + 1)  # matches that lie anywhere
    if reached < max(thresholds.large_table_rows, thresholds.kept_fraction * table.rows):
        return None
    return Reason(
        f"LIMIT ends that after some {words.rows(reached)} rows only: {words.rows(matches)} rows "
        f"share a value of {name}",
        certain=False,
    )


def _unknown(name: str) -> Reason:
    return Reason(
        f"LIMIT ends that only for a value of {name} that many rows have, and how many have one "
        "is not known: for a rare one all rows are read",
        certain=False,
    )


def _compared(condition: Condition, read: Read) -> Operand | None:
    """What is compared for equality, if it is one column or is computed from one."""
    own = oriented(condition, read.alias) or oriented(condition, "")
    subject = own.subject if own is not None and own.operator == "=" else None
    if subject is None or len(subject.columns) != 1:
        return None
    is_fine = {*subject.functions} <= _FOLDS and not _COARSE & {*subject.casts}
    return subject if is_fine else None


def _is_folded(subject: Operand, read: Read, catalog: Catalog) -> bool:
    """Whether the column is computed with, so that the planner knows nothing of it."""
    column = column_of(catalog, read.relation, subject.columns[0][1])
    if column is None:
        return False
    return bool(subject.functions) or bool(real_cast(column, subject))


def _values(table: Table, name: str, catalog: Catalog, statistics: Statistics) -> float | None:
    """Distinct values of a column; None: nobody knows."""
    if _is_unique(table, name, catalog):
        return table.rows
    known = statistics.tables.get(table.qualified)
    column = (known.inherited.get(name) or known.columns.get(name)) if known is not None else None
    if column is None or not _is_known(column):
        return None
    return column.n_distinct if column.n_distinct > 0 else -column.n_distinct * table.rows


def _is_known(column: ColumnStatistics) -> bool:
    return bool(column.n_distinct or column.most_common_values)


def _is_unique(table: Table, name: str, catalog: Catalog) -> bool:
    return any(
        one.unique and one.predicate is None and [key.strip('"') for key in one.keys] == [name]
        for one in catalog.indexes_of(table.qualified)
    )
