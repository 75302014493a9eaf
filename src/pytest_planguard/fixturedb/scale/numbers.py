"""Facts about a column → the numbers ANALYZE would have written for it."""

from __future__ import annotations

import msgspec

from pytest_planguard.fixturedb.scale.declarations import BOOLEANS
from pytest_planguard.fixturedb.scale.spans import Span, float4, union_histogram
from pytest_planguard.fixturedb.scale.widths import average_width
from pytest_planguard.model.catalog import Column
from pytest_planguard.model.spec import ColumnDeclaration
from pytest_planguard.model.statistics import ColumnStatistics

_ANALYZE_FRACTION = 0.1
"""More distinct values than this share of the rows are stored as a fraction (analyze.c)."""


class Derived(msgspec.Struct, frozen=True):
    """Facts of a column before they become numbers for a row count."""

    span: Span | None = None
    distinct: float | None = None
    """Values that differ; None: unknown."""
    shares: dict[str, float] = {}
    """Of the rows that are not NULL."""
    correlation: float | None = None
    nulls: float = 0.0
    parts: tuple[tuple[Span, float], ...] = ()
    """Of a range-partitioned table: each partition's span and rows."""


def column_statistics(
    column: Column, facts: Derived, declared: ColumnDeclaration, rows: float
) -> ColumnStatistics:
    """A row of ``pg_stats`` for a table of that many rows."""
    nulls = facts.nulls
    shares = _shares(column, facts, declared)
    present = max(0.0, rows * (1 - nulls))
    rest = max(0.0, 1 - nulls - sum(shares.values()))
    distinct = _distinct(facts, declared, shares, present, rest)
    listed = sorted(shares.items(), key=lambda item: -item[1])
    open_values = (distinct or 0.0) - len(listed)
    bounds: tuple[str, ...] = ()
    if rest > 1e-6 and open_values >= 2:
        parts = facts.parts or (((facts.span, 1.0),) if facts.span is not None else ())
        bounds = union_histogram(parts, open_values)
    correlation = declared.correlation if declared.correlation is not None else facts.correlation
    return ColumnStatistics(
        null_frac=float4(nulls),
        avg_width=_width(column, declared, shares),
        n_distinct=_n_distinct(distinct, rows),
        most_common_values=tuple(value for value, _ in listed),
        most_common_freqs=tuple(float4(share) for _, share in listed),
        histogram_bounds=bounds,
        correlation=None if correlation is None else float4(correlation),
    )


def _shares(column: Column, facts: Derived, declared: ColumnDeclaration) -> dict[str, float]:
    """Shares of all rows: declared, and what is left spread over the other known values."""
    present = 1 - facts.nulls
    if not declared.values:
        return (
            {}
            if declared.distinct is not None
            else {value: share * present for value, share in facts.shares.items() if share > 0}
        )
    given = {_stored(column, value): share for value, share in declared.values.items()}
    others = [value for value in facts.shares if value not in given]
    rest = present - sum(given.values())
    if others and rest > 1e-6 and declared.distinct is None:
        given |= dict.fromkeys(others, rest / len(others))
    return given


def _stored(column: Column, value: str) -> str:
    """A declared value as the server prints it."""
    return BOOLEANS[value.lower()] if column.base_type == "bool" else value


def _distinct(
    facts: Derived,
    declared: ColumnDeclaration,
    shares: dict[str, float],
    present: float,
    rest: float,
) -> float | None:
    """Values that differ, among the rows that are not NULL; None: unknown."""
    if shares and rest <= 1e-6:
        return float(len(shares))
    count = facts.distinct
    if declared.distinct is not None:
        count = declared.distinct
        if isinstance(count, float) and count <= 1:
            count *= present
    return None if count is None else min(count, max(1.0, present))


def _n_distinct(distinct: float | None, rows: float) -> float:
    """As ANALYZE stores it: a negative fraction where the number would grow with the table."""
    if distinct is None or rows <= 0:
        return 0.0
    if distinct > _ANALYZE_FRACTION * rows:
        return float4(-min(1.0, distinct / rows))
    return float4(float(round(distinct)))


def _width(column: Column, declared: ColumnDeclaration, shares: dict[str, float]) -> int:
    """Declared, or of the values that are known, or of the type."""
    if declared.width is not None:
        return declared.width
    if column.length < 0 and column.category == "S" and shares:
        total = sum(shares.values())
        mean = sum((len(value.encode()) + 1) * share for value, share in shares.items())
        return max(1, round(mean / total))
    return average_width(column)
