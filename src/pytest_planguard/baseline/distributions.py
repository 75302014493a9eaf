"""A column's statistics as the baseline keeps them: one line, rounded, without any value.

``4 bytes; 5 distinct; correlation 0.12; common 75%, 20%, 5%``: ``model.terse`` of rounded numbers,
and the frequencies of the most common values.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import msgspec

from pytest_planguard.baseline.numbers import significant
from pytest_planguard.model.statistics import ColumnStatistics, TableStatistics
from pytest_planguard.model.terse import (
    SEPARATOR,
    column_from,
    column_text,
    percent,
    share,
    whole,
)

MOST_COMMON = 5
"""Frequencies that are kept one by one; of those behind them number and sum."""

_MOST_LISTED = 10_000
"""The largest ``default_statistics_target``."""

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
    except (ValueError, ArithmeticError):
        return None


def _frequencies(text: str) -> Iterator[float]:
    if not text:
        return
    first, _, more = text.removeprefix(_COMMON).partition(" and ")
    yield from (share(one.removesuffix("%")) for one in first.split(", "))
    if more:
        count, _, total = more.partition(" more of ")
        known = min(whole(count), _MOST_LISTED)
        yield from [share(total.removesuffix("%")) / max(known, 1)] * known
