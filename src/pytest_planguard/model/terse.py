"""A column's statistics as one line that people read: ``8 bytes; 2.5% null; unique``.

Numbers are written with the fewest digits that read back as the same number, so nothing is lost.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from pytest_planguard.model.statistics import ColumnStatistics

SEPARATOR = "; "
INFINITY = "1e999"
"""No text format has one word for it; a number beyond every double reads back as one."""

_SHORT = 10
"""Characters of a number that cannot be a ``real`` with a double's digits."""
_PLAIN = 12
"""Places behind the point a percentage is written with; what needs more gets an exponent."""
NUMBER = r"-?[0-9][0-9,]*(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?"
"""What ``number_text``, ``grouped`` and the share of ``percent`` write, as a pattern."""


def column_text(facts: ColumnStatistics) -> str:
    """What ``pg_stats`` says of a column, but for lists of values and their frequencies.

    >>> column_text(ColumnStatistics(0.025, 8, -1.0, correlation=0.5, masked=True))
    '8 bytes; 2.5% null; unique; correlation 0.5; masked'
    >>> column_text(ColumnStatistics(0.0, 12, 4321.0)), column_text(ColumnStatistics())
    ('12 bytes; 4,321 distinct', '0 bytes')
    """
    return SEPARATOR.join(_parts(facts))


def column_from(text: str) -> ColumnStatistics:
    """The column ``column_text`` described; its lists are empty.

    >>> column_from("8 bytes; 35% distinct; correlation -1").n_distinct
    -0.35

    Raises:
        ValueError: A part is not understood, says what another has said, or the width is missing.
    """
    found: dict[str, Any] = {}
    for part in text.split(SEPARATOR):
        name, value = _understood(part)
        if name in found:
            raise ValueError(f'"{part}" says again what is said already')
        found[name] = value
    if "avg_width" not in found:
        raise ValueError("no part says how many bytes wide it is")
    return ColumnStatistics(**found)


def _parts(facts: ColumnStatistics) -> Iterator[str]:
    yield f"{facts.avg_width:,} bytes"
    if facts.null_frac:
        yield f"{percent(facts.null_frac)} null"
    if facts.range_empty_frac is not None:
        yield f"{percent(facts.range_empty_frac)} empty"
    if facts.n_distinct:
        yield _distinct(facts.n_distinct)
    if facts.correlation is not None:
        yield f"correlation {number_text(facts.correlation)}"
    if facts.masked:
        yield "masked"


def _distinct(count: float) -> str:
    """Below zero, a share of the rows, as in ``pg_stats``."""
    if count == -1:
        return "unique"
    return f"{percent(-count) if count < 0 else grouped(count)} distinct"


def _understood(part: str) -> tuple[str, Any]:
    """The field a part speaks of, and its value."""
    for name, pattern, value in _READ:
        if match := pattern.fullmatch(part):
            return name, value(match)
    raise ValueError(f'"{part}" is not understood')


_READ: tuple[tuple[str, re.Pattern[str], Callable[[re.Match[str]], Any]], ...] = (
    ("avg_width", re.compile(r"(-?[0-9][0-9,]*) bytes"), lambda m: whole(m[1])),
    ("null_frac", re.compile(rf"({NUMBER})% null"), lambda m: share(m[1])),
    ("range_empty_frac", re.compile(rf"({NUMBER})% empty"), lambda m: share(m[1])),
    ("n_distinct", re.compile(rf"({NUMBER})% distinct"), lambda m: -share(m[1])),
    ("n_distinct", re.compile(rf"({NUMBER}) distinct"), lambda m: number(m[1])),
    ("n_distinct", re.compile("unique"), lambda _: -1.0),
    ("correlation", re.compile(rf"correlation ({NUMBER})"), lambda m: number(m[1])),
    ("masked", re.compile("masked"), lambda _: True),
)


def number(text: str) -> float:
    """What ``number_text`` or ``grouped`` has written."""
    return float(text.replace(",", ""))


def whole(text: str) -> int:
    """What ``{:,}`` has written of an integer."""
    return int(text.replace(",", ""))


def share(text: str) -> float:
    """The fraction of what ``percent`` has written, without its sign: ``2.5`` → 0.025."""
    return float(Decimal(text.replace(",", "")).scaleb(-2))


def percent(fraction: float) -> str:
    """A fraction as a percentage, by moving the point of its shortest digits.

    >>> percent(0.025), percent(1.0), percent(0.0033333334), percent(2e-20)
    ('2.5%', '100%', '0.33333334%', '2E-18%')
    """
    shifted = Decimal(number_text(fraction)).scaleb(2)
    exponent = shifted.as_tuple().exponent
    is_plain = isinstance(exponent, int) and -_PLAIN <= exponent <= 2
    return f"{shifted:f}%" if is_plain else f"{shifted}%"


def grouped(value: float) -> str:
    """A count, with commas where it is whole.

    >>> grouped(47_000_000.0), grouped(1.5), grouped(3e20)
    ('47,000,000', '1.5', '3e+20')
    """
    text = number_text(value)
    return f"{int(text):,}" if text.lstrip("-").isdigit() else text


def number_text(value: float) -> str:
    """The shortest digits that read back as the same number.

    The server's numbers are ``real`` mostly: one that came as a double is written as the server
    would print it.

    >>> number_text(0.1), number_text(0.10000000149011612), number_text(47000000.0)
    ('0.1', '0.1', '47000000')
    >>> number_text(1 / 3), number_text(float("-inf"))
    ('0.3333333333333333', '-1e999')
    """
    if math.isnan(value):  # the length of a range of floats that ends in NaN
        return INFINITY  # which is sorted before it, and nothing else is
    if math.isinf(value):
        return INFINITY if value > 0 else f"-{INFINITY}"
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    printed = repr(value)
    if len(printed) <= _SHORT:
        return printed
    return _as_real(value) or printed


def _as_real(value: float) -> str:
    """The digits of a ``real``; empty: it is none."""
    try:
        if _real(value) != value:
            return ""
    except OverflowError:
        return ""
    for digits in range(6, 9):
        text = f"{value:.{digits}g}"
        if _real(float(text)) == value:
            return repr(float(text))
    return repr(float(f"{value:.9g}"))


def _real(value: float) -> float:
    return float(struct.unpack("f", struct.pack("f", value))[0])
