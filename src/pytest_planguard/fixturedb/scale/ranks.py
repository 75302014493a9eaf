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

_ORDERED = 0.999
"""Correlations above it are taken as 1: ANALYZE's own sample does not tell them apart."""
_UNORDERED = 0.02
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

    The first rows are shuffled among themselves and the rest stand in order: a share w that is
    shuffled takes w³ from the correlation (the variance of a difference of two uniforms).

    >>> rank("i", 1000, 1.0, 0, 0), rank("i", 1000, -1.0, 0, 0)
    ('(i - 1)', '(1000 - i)')
    >>> rank("i", 1000, 0.875, 0, 0)
    '(CASE WHEN i <= 500 THEN ((i * 207 + 0) % 500) ELSE i - 1 END)'
    """
    strength = abs(correlation)
    if strength >= _ORDERED:
        return f"({i} - 1)" if correlation > 0 else f"({count} - {i})"
    mixed = round(count * (1 - strength) ** (1 / 3))
    if strength < _UNORDERED or mixed >= count - 1:
        return shuffled(i, count, which, start)
    upwards = f"(CASE WHEN {i} <= {mixed} THEN {shuffled(i, mixed, which, start % mixed)}"
    upwards += f" ELSE {i} - 1 END)" if mixed > 0 else ""
    return upwards if correlation > 0 else f"({count - 1} - {upwards})"
