"""Bytes that the values of a column take, each, as far as statistics show values."""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache

from pytest_planguard.model.statistics import ColumnStatistics

_TEXTS = frozenset({"text", "varchar", "bpchar", "citext"})
_SHORT = 126
"""A value up to so many bytes has a header of one (``VARATT_CAN_MAKE_SHORT``)."""
_FAR = 1.0
"""Bytes the mean may be off: more, and what is shown is not typical of all."""

Widths = tuple[tuple[float, float], ...]
"""Bytes with their header, and the share of the values that take them."""


@lru_cache(maxsize=512)
def stored_widths(facts: ColumnStatistics, base_type: str) -> Widths:
    """Widths of texts and numerics; nothing where others are, or values were left out.

    Most common values weigh what they are frequent, bounds of the histogram all the same: each
    stands for the rows beside it. Stand-ins of masked values are as long as what they stand for.

    >>> names = ColumnStatistics(0.0, 3, 3.0, ("ab", "abcd"), (0.75, 0.25))
    >>> stored_widths(names, "text")
    ((3.0, 0.75), (5.0, 0.25))
    """
    if base_type not in _TEXTS and base_type != "numeric":
        return ()
    shares: dict[float, float] = defaultdict(float)
    for value, freq in zip(facts.most_common_values, facts.most_common_freqs, strict=False):
        shares[_width(value, base_type)] += freq
    rest = max(0.0, 1 - facts.null_frac - sum(facts.most_common_freqs))
    for value in facts.histogram_bounds:
        shares[_width(value, base_type)] += rest / len(facts.histogram_bounds)
    total = sum(shares.values())
    if not total or total < (1 - facts.null_frac) / 2 or max(shares) > _SHORT:
        return ()
    mean = sum(width * share for width, share in shares.items()) / total
    if abs(mean - facts.avg_width) > _FAR:
        return ()
    return tuple((width, share / total) for width, share in sorted(shares.items()))


def _width(value: str, base_type: str) -> float:
    return float(1 + (len(value.encode()) if base_type != "numeric" else _digits(value)))


def _digits(value: str) -> int:
    """Bytes of a number: a short header, and two for four digits, none for zeros at its ends.

    ``NUMERIC_HDRSZ_SHORT`` in numeric.c.

    >>> _digits("12345.67"), _digits("0.00"), _digits("10000")
    (8, 2, 4)
    """
    whole, _, part = value.lstrip("-").partition(".")
    if not (whole + part).isdigit():
        return 2  # NaN, infinity
    whole = whole.zfill(-(-len(whole) // 4) * 4)
    part += "0" * (-len(part) % 4)
    groups = [(whole + part)[at : at + 4] for at in range(0, len(whole + part), 4)]
    while groups and groups[0] == "0000":
        groups.pop(0)
    while groups and groups[-1] == "0000":
        groups.pop()
    return 2 + 2 * len(groups)
