"""A column's statistics as the baseline keeps them: one line, rounded, without any value.

``4 bytes; 5 distinct; correlation 0.12; common 75%, 20%, 5%``. ANALYZE reads another sample each
time: what moves by no more than such a sample does stays as it is written, and moves no file.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

import msgspec

from pytest_planguard.baseline.numbers import significant
from pytest_planguard.model.statistics import ColumnStatistics, TableStatistics
from pytest_planguard.model.terse import (
    SEPARATOR,
    column_from,
    column_text,
    grouped,
    number_text,
    percent,
    share,
    whole,
)

MOVED = 1.5
"""Times as many distinct values, rows of one value or bytes from which a column has moved: by less
no cost becomes the 1.5 times from which a plan is worse (``worse.STEP_RATIO``)."""

SHARE_MOVED = 0.001
"""Share of the rows by which that of a value, or of NULLs, must move besides: five standard
deviations of a share of 0.1 % in the 30,000 rows ANALYZE reads (``default_statistics_target`` is
100, and ``std_typanalyze`` wants 300 rows for each)."""

CORRELATION_MOVED = 0.2
"""Of the order on disk (*proposal*): costs of an index scan go by its square (costsize.c)."""

WIDTH_MOVED = 4
"""Bytes."""

MOST_COMMON = 5
"""Frequencies that are kept one by one; of those behind them number and sum."""

_COMMON = "common "
_MORE = " and {} more of {}"


def lines_of(table: TableStatistics) -> dict[str, str]:
    """By column: its line; of a partitioned table with its partitions."""
    return {name: line(one) for name, one in sorted((table.columns or table.inherited).items())}


def line(facts: ColumnStatistics) -> str:
    """A column's, to two significant digits, the number of its distinct values to three.

    >>> line(ColumnStatistics(0.02513, 8, 4321.0, ("a", "b"), (0.7512, 0.2034), correlation=0.123))
    '8 bytes; 2.5% null; 4,320 distinct; correlation 0.12; common 75%, 20%'
    """
    empty = facts.range_empty_frac
    rounded = ColumnStatistics(
        significant(facts.null_frac),
        facts.avg_width,
        significant(facts.n_distinct, 3),
        correlation=None if facts.correlation is None else significant(facts.correlation),
        range_empty_frac=None if empty is None else significant(empty),
    )
    common = _common_text(facts.most_common_freqs)
    return SEPARATOR.join(filter(None, (column_text(rounded), common)))


def _common_text(freqs: Sequence[float]) -> str:
    """Of the first few; the others are counted.

    >>> _common_text((0.5, 0.1, 0.1, 0.1, 0.1, 0.04, 0.03))
    'common 50%, 10%, 10%, 10%, 10% and 2 more of 7%'
    """
    if not freqs:
        return ""
    first = ", ".join(percent(significant(one)) for one in freqs[:MOST_COMMON])
    rest = freqs[MOST_COMMON:]
    more = _MORE.format(f"{len(rest):,}", percent(significant(sum(rest)))) if rest else ""
    return f"{_COMMON}{first}{more}"


def facts_from(text: str) -> ColumnStatistics:
    """What a line says; its frequencies are of values that are not known.

    >>> facts_from("8 bytes; unique; common 50%, 10% and 2 more of 4%").most_common_freqs
    (0.5, 0.1, 0.02, 0.02)

    Raises:
        ValueError: It is not understood.
    """
    parts = text.split(SEPARATOR)
    common = parts.pop() if parts[-1].startswith(_COMMON) else ""
    facts = column_from(SEPARATOR.join(parts))
    return msgspec.structs.replace(facts, most_common_freqs=tuple(_frequencies(common)))


@lru_cache(maxsize=10_000)
def known_facts(text: str) -> ColumnStatistics | None:
    """As ``facts_from``; None where a line is by somebody's hand, or of a later version."""
    try:
        return facts_from(text)
    except ValueError:
        return None


def _frequencies(text: str) -> Iterator[float]:
    if not text:
        return
    first, _, more = text.removeprefix(_COMMON).partition(" and ")
    yield from (share(one.removesuffix("%")) for one in first.split(", "))
    if more:
        count, _, total = more.partition(" more of ")
        yield from [share(total.removesuffix("%")) / max(whole(count), 1)] * whole(count)


class Sizes(msgspec.Struct, frozen=True):
    """Rows of a table then and now."""

    before: float
    now: float


def differences(before: str, after: str, rows: Sizes) -> dict[str, float]:
    """What moved between two lines of a column, and by how much: words, and a ratio above 1.

    Distinct values that are as many, or as large a share of the rows, have not moved: a table that
    grows has more customers, and as many states.

    >>> differences("4 bytes; 5 distinct", "4 bytes; 40,000 distinct", Sizes(1e6, 1e6))
    {'5 distinct → 40,000': 8000.0}
    """
    old, new = known_facts(before), known_facts(after)
    if before == after or old is None or new is None:
        return {}
    found = [
        *_of_distinct(old, new, rows),
        *_of_share("{} null → {}", old.null_frac, new.null_frac),
        *_of_common(old, new, rows),
        *_of_correlation(old.correlation, new.correlation),
        *_of_width(old.avg_width, new.avg_width),
    ]
    return dict(found)


def settled_line(before: str | None, after: str, rows: float) -> str:
    """The line to write: the one that stands there, unless the column has moved since."""
    if before is None or known_facts(before) is None:
        return after
    return after if differences(before, after, Sizes(rows, rows)) else before


_Found = Iterator[tuple[str, float]]


def _of_distinct(old: ColumnStatistics, new: ColumnStatistics, rows: Sizes) -> _Found:
    was, is_now = _distinct(old, rows.before), _distinct(new, rows.now)
    if not was or not is_now:
        return  # not known
    by_number = _times(was, is_now)
    by_share = _times(was / max(rows.before, 1.0), is_now / max(rows.now, 1.0))
    if min(by_number, by_share) >= MOVED:
        yield f"{_count(was)} distinct → {_count(is_now)}", min(by_number, by_share)


def former_facts(before: str, after: str, rows: Sizes) -> ColumnStatistics | None:
    """What a column was, for its table at today's size; None: the line is not understood.

    Where distinct values are as many, or as large a share, there are none: they go with the size.
    """
    old, new = known_facts(before), known_facts(after)
    if old is None or new is None:
        return None
    count = next(_of_distinct(old, new, rows), None) and old.n_distinct
    if count and -1 < count < 0:
        count = _distinct(old, rows.before)
    return msgspec.structs.replace(old, n_distinct=count or 0.0)


def _distinct(facts: ColumnStatistics, rows: float) -> float:
    """As a number; zero: unknown."""
    return -facts.n_distinct * max(rows, 1.0) if facts.n_distinct < 0 else facts.n_distinct


def _of_share(words: str, was: float, is_now: float) -> _Found:
    """A share of the rows: it counts as what it is, and as what it leaves."""
    if abs(was - is_now) < SHARE_MOVED:
        return
    times = max(_times(was, is_now), _times(1 - was, 1 - is_now))
    if times >= MOVED:
        yield words.format(_percent(was), _percent(is_now)), times


def _of_common(old: ColumnStatistics, new: ColumnStatistics, rows: Sizes) -> _Found:
    """Rows of the most common values; of one that is not listed, what the planner takes for it."""
    count = min(MOST_COMMON, max(len(old.most_common_freqs), len(new.most_common_freqs)))
    for place in range(count):
        was = _frequency(old, place, rows.before)
        is_now = _frequency(new, place, rows.now)
        found = list(_of_share(f"{_PLACES[place]}most common value {{}} → {{}}", was, is_now))
        if found:
            yield found[0]
            return


_PLACES = ("", "second ", "third ", "fourth ", "fifth ")


_UNKNOWN = 200.0
"""Distinct values where ANALYZE has not said (selfuncs.h, DEFAULT_NUM_DISTINCT)."""


def _frequency(facts: ColumnStatistics, place: int, rows: float) -> float:
    """Share of the rows with the value at a place, as ``var_eq_const`` has it (selfuncs.c)."""
    listed = facts.most_common_freqs
    if place < len(listed):
        return listed[place]
    left = max(0.0, 1 - facts.null_frac - sum(listed))
    return left / max(1.0, (_distinct(facts, rows) or _UNKNOWN) - len(listed))


def _of_correlation(was: float | None, is_now: float | None) -> _Found:
    if was is not None and is_now is not None and abs(was - is_now) > CORRELATION_MOVED:
        yield f"correlation {number_text(was)} → {number_text(is_now)}", 1 + abs(was - is_now)


def _of_width(was: int, is_now: int) -> _Found:
    times = _times(max(was, 1), max(is_now, 1))
    if times >= MOVED and abs(was - is_now) > WIDTH_MOVED:
        yield f"{was:,} bytes → {is_now:,}", times


def _times(one: float, other: float) -> float:
    low, high = sorted((one, other))
    return high / low if low > 0 else (math.inf if high > 0 else 1.0)


def _count(number: float) -> str:
    return grouped(significant(number))


def _percent(fraction: float) -> str:
    return percent(significant(fraction))


class Told(msgspec.Struct, frozen=True):
    """A column that moved, in words."""

    column: str
    words: str
    times: float


def told(before: Mapping[str, str], after: Mapping[str, str], rows: Sizes) -> Iterator[Told]:
    """The columns of a table that moved, as ``5 distinct → 40,000``."""
    for column in sorted(before.keys() & after.keys()):
        found = differences(before[column], after[column], rows)
        if found:
            yield Told(column, ", ".join(found), max(found.values()))
