"""Which place in the order of a column's values each row has: bijections written as SQL.

A row's number times a constant, modulo the number of rows, visits every place exactly once. The
constants are the fractional parts of square roots of different primes, so that columns of one
table are spread evenly over their combinations (Weyl's equidistribution): nothing is drawn at
random, shares come out to the row, and no hash function has to be the same on two servers.
"""

from __future__ import annotations

import functools
import math
import zlib
from fractions import Fraction

_ORDERED = 0.999
"""Correlations above it are taken as 1: ANALYZE's own sample does not tell them apart."""
_UNORDERED = 0.02
_FINEST = 1_000
"""Of how many rows one is shuffled at most, as ``_ORDERED`` has it."""
_DIGITS = 10**40


@functools.cache
def nth_prime(which: int) -> int:
    """Primes from 2 on.

    >>> nth_prime(0), nth_prime(1), nth_prime(9)
    (2, 3, 29)
    """
    found = 0
    candidate = 1
    while found <= which:
        candidate += 1
        if all(candidate % divisor for divisor in range(2, math.isqrt(candidate) + 1)):
            found += 1
    return candidate


def multiplier(count: int, which: int) -> int:
    """A factor without a divisor in common with ``count``, near a share of it no other has.

    >>> multiplier(100, 0), multiplier(1, 5)
    (41, 1)
    """
    root = math.isqrt(nth_prime(which) * _DIGITS**2)
    factor = max(1, root % _DIGITS * count // _DIGITS)
    while math.gcd(factor, count) != 1:
        factor += 1
    return factor


def offset(seed: int, salt: str, count: int) -> int:
    """Where a column begins, which the seed moves."""
    return zlib.crc32(f"{seed}.{salt}".encode()) % max(1, count)


def shuffled(i: str, count: int, which: int, start: int) -> str:
    """SQL for a place from 0 to ``count`` - 1, each once while ``i`` runs from 1 to ``count``.

    >>> shuffled("i", 100, 0, 7)
    '((i * 41 + 7) % 100)'
    """
    return "0" if count <= 1 else f"(({i} * {multiplier(count, which)} + {start}) % {count})"


def rank(i: str, count: int, correlation: float, which: int, start: int) -> str:
    """SQL for a row's place among all, where place and row number correlate as wanted.

    A share of the rows, evenly spread, is shuffled among themselves and the others stand in order:
    a share w that is shuffled takes w from the correlation. So it is with tables that were written
    in order and of which rows moved to another page when they were updated, and so the planner
    means a correlation: wherever a range lies, a part of its rows is elsewhere (``cost_index``).

    >>> rank("i", 1000, 1.0, 0, 0), rank("i", 1000, -1.0, 0, 0)
    ('(i - 1)', '(1000 - i)')
    >>> rank("i", 1000, 0.9, 0, 0)
    '(CASE WHEN (i - 1) % 10 < 1 THEN (((i - 1) / 10 * 41 + 0) % 100) * 10 ELSE i - 1 END)'
    """
    strength = abs(correlation)
    if strength >= _ORDERED:
        return f"({i} - 1)" if correlation > 0 else f"({count} - {i})"
    if strength < _UNORDERED:
        return shuffled(i, count, which, start)
    share = Fraction(1 - strength).limit_denominator(_FINEST)
    upwards = _partly(i, count, share.numerator, share.denominator, which, start)
    return upwards if correlation > 0 else f"({count - 1} - {upwards})"


def _partly(i: str, count: int, few: int, of: int, which: int, start: int) -> str:
    """A place for each row, where the first few of so many are shuffled among themselves."""
    whole, rest = divmod(count, of)
    total = whole * few + min(few, rest)
    if total < 2:
        return f"({i} - 1)"
    row = f"({i} - 1)"
    number = f"{row} / {of}" if few == 1 else f"({row} / {of} * {few} + {row} % {of})"
    moved = shuffled(number, total, which, start % total)
    place = f"{moved} * {of}" if few == 1 else f"({moved} / {few} * {of} + {moved} % {few})"
    return f"(CASE WHEN {row} % {of} < {few} THEN {place} ELSE {i} - 1 END)"
