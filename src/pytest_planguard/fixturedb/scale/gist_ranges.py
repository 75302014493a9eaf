"""Pages of a GiST index on ranges, as PostgreSQL 18 and newer build it.

Since 18 ranges can be sorted, and CREATE INDEX sorts them (``gistSortedBuildIndex``). Four full
pages of neighbours at a time are split until each part fits a page (``gistSplit``), by the rules of
``range_gist_picksplit`` in rangetypes_gist.c. What comes of it depends on the ranges: measured on
18.6, 400,000 rows of 800 different ``int4range`` fill a third of their pages, ranges of one hour to
three days two thirds. So some of those batches are made of what ANALYZE knows, and split.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from operator import itemgetter
from statistics import fmean, pvariance

from pytest_planguard.fixturedb.scale.spans import parse
from pytest_planguard.model.statistics import ColumnStatistics

SORTED_SINCE = 180000
"""``server_version_num`` from which on the default operator class of ranges can be sorted."""

_ROOM = 8192 - 24 - 16
_BATCH = 4
"""Pages (``GIST_SORTED_BUILD_PAGE_NUM``)."""
_SAMPLED = 96
"""Batches that are made: their mean then is known to some 3 %."""
_LEAST = 4
"""Rows that fit a page; of wider tuples nothing was measured."""
_KNOTS = 10
"""Bounds of whole numbers that one is taken of: a value's rows are as even as its neighbours'."""
_LIMIT = 0.3
"""Least share of a split's smaller side (``LIMIT_RATIO``)."""
_INNER_FILL = 0.85
"""Of inner pages, which are few: measured 0.74 and 0.93."""
_SUBTYPES = {
    "int4range": "int4", "int8range": "int8", "daterange": "date", "tsrange": "timestamp",
    "tstzrange": "timestamptz",
}  # fmt: skip
_CONTINUOUS = frozenset({"tsrange", "tstzrange"})
_MICROSECONDS = 1_000_000.0
"""Their lengths are in seconds, their bounds in microseconds."""

Range = tuple[float, float]
_end = itemgetter(1)


def range_pages(facts: ColumnStatistics, kind: str, rows: float, size: float) -> int | None:
    """Pages of the index; None: what is known of the ranges does not tell.

    Args:
        facts: Of the column.
        kind: Its type.
        rows: That are not NULL.
        size: Bytes of a tuple with its line pointer.
    """
    fits = int(_ROOM // size)
    if kind not in _SUBTYPES or fits < _LEAST:
        return None
    each = _pages_of_a_batch(facts, kind, rows, fits)
    if each is None:
        return None
    pages = level = max(1, round(rows / (_BATCH * fits) * each))
    while level > 1:
        level = -int(-level // (_INNER_FILL * fits))
        pages += level
    return pages


@lru_cache(maxsize=64)
def _pages_of_a_batch(facts: ColumnStatistics, kind: str, rows: float, fits: int) -> float | None:
    batch = _BATCH * fits
    drawn = _drawn(facts, kind, rows)
    if drawn is None or rows < batch:
        return None
    starts = [(rows - batch) * (number + 0.5) / _SAMPLED for number in range(_SAMPLED)]
    alike = _neighbours if kind not in _CONTINUOUS else _all
    return fmean(split_pages(alike(drawn, start, batch), fits) for start in starts)


def _all(drawn: Callable[[float], Range], start: float, count: int) -> list[Range]:
    """So many ranges from a place on."""
    return [drawn(start + at) for at in range(count)]


def _neighbours(drawn: Callable[[float], Range], start: float, count: int) -> list[Range]:
    """The same; where both ends of a stretch are the same, all of it is."""
    first, last = drawn(start), drawn(start + count - 1)
    if first == last or count <= 2:
        return [first] * (count - 1) + [last]
    half = count // 2
    return _neighbours(drawn, start, half) + _neighbours(drawn, start + half, count - half)


def split_pages(ranges: Sequence[Range], fits: int) -> int:
    """Pages that ranges are split to, so many of which fit a page.

    >>> split_pages([(1.0, 5.0)] * 1164, 291), split_pages([(n, n + 1.0) for n in range(1164)], 291)
    (5, 4)
    """
    waiting, pages = [list(ranges)], 0
    while waiting:
        part = waiting.pop()
        if len(part) <= fits:
            pages += 1
        else:
            waiting += _split(part)
    return pages


def _split(ranges: list[Range]) -> tuple[list[Range], list[Range]]:
    """The two sides of a split (``range_gist_double_sorting_split``)."""
    chosen = _chosen(ranges)
    if chosen is None:
        half = (len(ranges) - 1) // 2
        return ranges[:half], ranges[half:]
    end, start, common_left = chosen
    either = [one for one in ranges if one[1] <= end and one[0] >= start]
    either.sort(key=lambda one: (one[0] - start) - (end - one[1]))
    left = [one for one in ranges if one[1] <= end and one[0] < start] + either[:common_left]
    right = [one for one in ranges if one[1] > end] + either[common_left:]
    if left and right:
        return left, right
    half = (len(ranges) + 1) // 2  # nothing on one side: ``genericPickSplit``
    return ranges[:half], ranges[half:]


def _chosen(ranges: Sequence[Range]) -> tuple[float, float, int] | None:
    """The left side's end, the right side's start, and how many that fit both go left.

    As many of these as are too many for the half go left (``common_left``), not as many as lack.
    """
    count = len(ranges)
    half, more = count // 2, (count + 1) // 2
    overlap, best = float("inf"), 0.0
    found = None
    for end, start, least, most in _candidates(ranges):
        left = least if least >= more else min(most, half)
        ratio = min(left, count - left) / count
        if ratio <= _LIMIT:
            continue
        over = max(0.0, end - start)
        if over < overlap or (over == overlap and ratio > best):
            overlap, best, found = over, ratio, (end, start, most - left)
    return found


def _candidates(ranges: Sequence[Range]) -> Iterator[tuple[float, float, int, int]]:
    """Ends of the left and starts of the right side: with how many must and may be on the left."""
    lows = sorted(ranges)
    highs = sorted(ranges, key=_end)
    count = len(ranges)
    end, fits = float("-inf"), 0
    for at in range(1, count):
        end = max(end, lows[at - 1][1])
        if lows[at][0] != lows[at - 1][0]:
            while fits < count and highs[fits][1] <= end:
                fits += 1
            yield end, lows[at][0], at, fits
    start, must = float("inf"), count
    for at in range(count - 1, 0, -1):
        start = min(start, highs[at][0])
        if highs[at][1] != highs[at - 1][1]:
            while must and lows[must - 1][0] >= start:
                must -= 1
            yield highs[at - 1][1], start, must, at


def _drawn(facts: ColumnStatistics, kind: str, rows: float) -> Callable[[float], Range] | None:
    """The range at a place in their order, which is that of their starts and then of their ends.

    ANALYZE keeps starts, ends and lengths apart. Either ends or lengths are taken as independent of
    starts: those with which the third spreads as it does.
    """
    known = _quantiles(facts, kind)
    if known is None:
        return None
    spread = [pvariance(one) for one in known]
    free = abs(spread[2] - spread[0] - spread[1]) < abs(spread[1] - spread[0] - spread[2])
    whole = kind not in _CONTINUOUS
    lows, highs, lengths = [one[::_KNOTS] if whole else one for one in known]
    draw = random.Random(len(lows))  # noqa: S311 - the same numbers each time

    def drawn(place: float) -> Range:
        low = _at(lows, place / rows)
        low = float(round(low)) if whole else low
        share = _within(lows, low, place / rows) if whole else None
        share = draw.random() if share is None else share
        end = _at(highs, share) if free else low + _at(lengths, share)
        end = float(round(end)) if whole else end
        return low, max(low, end)

    return drawn


def _within(values: Sequence[float], low: float, share: float) -> float | None:
    """How far into the rows of one whole number a place is; None: it has hardly any."""
    first, last = _share_below(values, low - 0.5), _share_below(values, low + 0.5)
    return min(1.0, max(0.0, (share - first) / (last - first))) if last > first else None


def _share_below(values: Sequence[float], value: float) -> float:
    at = bisect_left(values, value)
    if at in (0, len(values)):
        return float(at > 0)
    low, high = values[at - 1], values[at]
    return (at - 1 + (value - low) / (high - low)) / (len(values) - 1)


def _at(values: Sequence[float], share: float) -> float:
    """The quantile."""
    place = min(max(share, 0.0), 1.0) * (len(values) - 1)
    at = min(int(place), len(values) - 2)
    return values[at] + (values[at + 1] - values[at]) * (place - at)


def _quantiles(
    facts: ColumnStatistics, kind: str
) -> tuple[list[float], list[float], list[float]] | None:
    """Evenly spaced quantiles of starts, ends and lengths."""
    subtype = _SUBTYPES[kind]
    if len(facts.range_length_histogram) <= _KNOTS:
        return None
    pairs = [
        text.strip("[]()").replace('"', "").split(",") for text in facts.range_bounds_histogram
    ]
    if len(pairs) <= _KNOTS or any(len(pair) != 2 for pair in pairs):
        return None
    numbers = [[parse(subtype, end) for end in pair] for pair in pairs]
    lows = [float(pair[0]) for pair in numbers if pair[0] is not None]
    highs = [float(pair[1]) for pair in numbers if pair[1] is not None]
    unit = _MICROSECONDS if kind in _CONTINUOUS else 1.0
    lengths = [length * unit for length in facts.range_length_histogram]
    if len(lows) != len(pairs) or len(highs) != len(pairs) or max(lengths) == float("inf"):
        return None
    return lows, highs, lengths
