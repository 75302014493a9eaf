"""How many rows each value of a column is in: what an index merges, and where its pages part."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import msgspec

from pytest_planguard.fixturedb.scale.spans import parse
from pytest_planguard.model.statistics import ColumnStatistics

_DEFAULT_DISTINCT = 200.0
"""``DEFAULT_NUM_DISTINCT`` of selfuncs.h, where nobody knows."""
_TARGET, _ROWS_PER_TARGET = 100, 300
"""``default_statistics_target``, and sampled rows for each of it (``std_typanalyze``)."""
_STEPS = 24
_FAR_MORE = 100.0
"""Values there may be for each row: then none comes twice."""
_WHOLE = frozenset({"int2", "int4", "int8", "oid", "date", "timestamp", "timestamptz"})
"""Types whose values lie at even distances."""


class Values(msgspec.Struct, frozen=True):
    """Values that are in about equally many rows each."""

    number: float
    """Of values there may be."""
    rows: float
    """Mean of each; their numbers spread as Poisson's do around it, so that below one row some
    of the values are in none."""

    @property
    def seen(self) -> float:
        """Values that are in any row."""
        return self.number * -math.expm1(-self.rows)


@lru_cache(maxsize=512)
def frequencies(facts: ColumnStatistics, base_type: str, rows: float) -> tuple[Values, ...]:
    """The values of a column that are not NULL; none: each is in one row.

    Most common values have the rows ANALYZE found. All others together are as many as their number
    says, and lie as the histogram does: equally many rows between two bounds are more rows a value
    where the bounds are near each other.

    Args:
        facts: Of the column.
        base_type: As ``Column.base_type``.
        rows: Of the table.
    """
    present = rows * (1 - facts.null_frac)
    distinct = distinct_values(facts, rows)
    if distinct >= present or present < 1:
        return ()
    common = [Values(1.0, freq * rows) for freq in facts.most_common_freqs]
    left = present - sum(one.rows for one in common)
    if left < 1:
        return tuple(common)
    sampled = min(1.0, _ROWS_PER_TARGET * _target(facts) / max(1.0, rows))
    return (*common, *_others(common, left, _bins(facts, base_type), distinct, sampled))


def distinct_values(facts: ColumnStatistics, rows: float) -> float:
    """``n_distinct`` as a number of values; unknown: the planner's default."""
    known = facts.n_distinct if facts.n_distinct >= 0 else -facts.n_distinct * rows
    return known or _DEFAULT_DISTINCT


def _target(facts: ColumnStatistics) -> int:
    """What was ANALYZE's for the column: it shows in the number of bounds."""
    return max(_TARGET, len(facts.histogram_bounds) - 1)


def _bins(facts: ColumnStatistics, base_type: str) -> list[tuple[float, float]]:
    """How many values fit between two bounds, and the share of the rows there, alike ones together.

    Nothing where bounds are no numbers.
    """
    bounds = _numbers(facts.histogram_bounds, base_type)
    if len(bounds) < 3:
        return []
    common = sorted(_numbers(facts.most_common_values, base_type))
    alike: dict[int, list[float]] = defaultdict(list)
    for low, high in pairwise(bounds):
        listed = bisect_left(common, high) - bisect_left(common, low)
        width = max(1.0, high - low - listed)
        alike[round(4 * math.log2(width))].append(width)
    return [(sum(widths), len(widths) / (len(bounds) - 1)) for widths in alike.values()]


def _numbers(values: Sequence[str], base_type: str) -> list[int]:
    if base_type not in _WHOLE:
        return []
    found = [parse(base_type, value) for value in values]
    return [] if None in found else [number for number in found if number is not None]


def _others(
    common: Sequence[Values],
    rows: float,
    bins: Sequence[tuple[float, float]],
    distinct: float,
    share: float,
) -> list[Values]:
    """Values that are not common: so many that ANALYZE would say what it says.

    Its estimator takes all values that come once in a sample for typical of the rest; where numbers
    of rows differ, be it by chance, there are more values than it says. Between two bounds there
    is at most one for each whole number.

    Args:
        common: The common ones.
        rows: Of the others.
        bins: As of ``_bins``.
        distinct: Number of all values as ANALYZE estimated it.
        share: Of the rows that it sampled.
    """
    most = 1.0 if bins else rows * _FAR_MORE
    bins = bins or [(1.0, 1.0)]

    def made(density: float) -> list[Values]:
        return [Values(n * density, part * rows / (n * density)) for n, part in bins]

    least = max(1.0, distinct - len(common)) / sum(n for n, _ in bins) / 2
    if least >= most or estimated([*common, *made(most)], share) <= distinct:
        return made(most)
    low, high = math.log(least), math.log(most)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        enough = estimated([*common, *made(math.exp(middle))], share) >= distinct
        low, high = (low, middle) if enough else (middle, high)
    return made(math.exp(high))


def estimated(values: Sequence[Values], share: float) -> float:
    """Number of values ANALYZE expects after a look at a share of the rows.

    ``n*d / (n - f1 + f1*n/N)`` of ``compute_scalar_stats`` in analyze.c, after Haas and Stokes,
    "Estimating the number of classes in a finite population" (1998), for the ``d`` values and the
    ``f1`` of them once that a sample has on average.

    >>> round(estimated([Values(1_000, 100)], 0.05)), round(estimated([Values(1e5, 1)], 1))
    (1000, 63212)
    """
    sampled = sum(one.number * one.rows for one in values) * share
    seen = sum(one.number * -math.expm1(-one.rows * share) for one in values)
    once = sum(one.number * one.rows * share * math.exp(-one.rows * share) for one in values)
    return sampled * seen / (sampled - once + once * share)
