"""What moved between two lines of a column.

ANALYZE reads another sample each time: what moves by no more than such a sample does has not moved,
and its line stays as it is written.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import msgspec

from pytest_planguard.baseline.distributions import MOST_COMMON, known_facts
from pytest_planguard.baseline.numbers import significant
from pytest_planguard.model.statistics import ColumnStatistics
from pytest_planguard.model.terse import grouped, number_text, percent

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


class Sizes(msgspec.Struct, frozen=True):
    """Rows of a table then and now."""

    before: float
    now: float


def differences(before: str, after: str, rows: Sizes) -> dict[str, float]:
    """What moved between two lines of a column, and by how much: words, and a ratio above 1.

    Distinct values that are as many, or as large a share of the rows, have not moved: a table that
    grows has more customers, and as many states.

    >>> list(differences("4 bytes; 5 distinct", "4 bytes; 40,000 distinct", Sizes(1e6, 1e6)))
    ['5 distinct → 40,000']
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
    old = known_facts(before) if before is not None else None
    new = known_facts(after)
    if before is None or old is None or new is None or _known(old) != _known(new):
        return after
    return after if differences(before, after, Sizes(rows, rows)) else before


def _known(facts: ColumnStatistics) -> tuple[bool, bool]:
    """What ANALYZE has told of it."""
    return bool(facts.n_distinct), facts.correlation is not None


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
