"""Ranges of values as integers: evenly spaced bounds of a histogram, in a type's text form."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import msgspec

BOUNDS = 101
"""Bounds of a histogram at ``default_statistics_target = 100``."""

YEARS = 3
"""How far back timestamps nobody declared reach from the clock."""

_INTEGER_LIMITS = {"int2": 2**15 - 1, "int4": 2**31 - 1, "int8": 2**63 - 1, "oid": 2**32 - 1}
_PLAIN_NUMBERS = frozenset({"numeric", "float4", "float8", "money"})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_UUID_LAST = 2**128 - 1
_STEPS = 10**12
"""Parts a span is divided into to find a bound: more than a double's share can tell apart."""


class Span(msgspec.Struct, frozen=True):
    """Values of one type between two ends, both included.

    Integers stand for themselves, dates for days and timestamps for microseconds since 1970 in
    UTC, uuids for their 128 bits: all arithmetic is exact and the same on every machine.
    """

    base_type: str
    low: int
    high: int

    @property
    def size(self) -> int:
        """How many values there are."""
        return self.high - self.low + 1


def float4(value: float) -> float:
    """The value as a ``real`` column keeps it.

    >>> float4(120_000_001.0)
    120000000.0
    """
    return float(struct.unpack("f", struct.pack("f", value))[0])


def whole_span(base_type: str, clock: str, count: float, start: int = 1) -> Span | None:
    """The values a column of that type is taken to have; None where the type says nothing.

    Args:
        base_type: As ``Column.base_type``.
        clock: The instant the statistics speak of, ISO 8601.
        count: How many integers there are.
        start: The first of them.
    """
    if base_type in _INTEGER_LIMITS or base_type in _PLAIN_NUMBERS:
        last = _INTEGER_LIMITS.get(base_type, 2**63 - 1)
        first = min(start, last)
        return Span(base_type, first, max(first, min(start + int(count) - 1, last)))
    if base_type == "uuid":
        return Span(base_type, 0, _UUID_LAST)
    if base_type in {"timestamptz", "timestamp", "date"}:
        end = datetime.fromisoformat(clock).astimezone(UTC)
        begin = end - timedelta(days=365 * YEARS)
        return Span(base_type, _number(base_type, begin), _number(base_type, end))
    return None


def parse(base_type: str, text: str) -> int | None:
    """A value's integer; None where the text is none of that type's (or its infinity).

    >>> parse("date", "1970-01-03"), parse("int4", "17"), parse("date", "infinity")
    (2, 17, None)
    """
    try:
        if base_type in _INTEGER_LIMITS or base_type in _PLAIN_NUMBERS:
            return int(text)
        if base_type == "uuid":
            return uuid.UUID(text).int
        if base_type in {"timestamptz", "timestamp", "date"}:
            moment = datetime.fromisoformat(text)
            return _number(base_type, moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except ValueError:
        return None
    return None


def render(base_type: str, value: int) -> str:
    """The text form a server with ``DateStyle = ISO`` reads and prints.

    >>> render("timestamptz", 0), render("date", 366), render("uuid", 1)[-4:]
    ('1970-01-01 00:00:00+00', '1971-01-02', '0001')
    """
    if base_type == "uuid":
        return str(uuid.UUID(int=value))
    if base_type == "date":
        return (date(1970, 1, 1) + timedelta(days=value)).isoformat()
    if base_type in {"timestamptz", "timestamp"}:
        text = (_EPOCH + value * _MICROSECOND).replace(tzinfo=None).isoformat(sep=" ")
        return text + "+00" if base_type == "timestamptz" else text
    return str(value)


def histogram(span: Span, distinct: float) -> tuple[str, ...]:
    """Evenly spaced bounds over a span; empty where there are fewer than two values."""
    return union_histogram([(span, 1.0)], distinct)


def union_histogram(parts: Sequence[tuple[Span, float]], distinct: float) -> tuple[str, ...]:
    """Bounds with equally many rows between them, over several spans with their rows.

    Each span's rows are uniform inside it; the spans are taken in the order of their low ends,
    as the partitions of a range do not overlap.
    """
    ordered = sorted((part for part in parts if part[1] > 0), key=lambda part: part[0].low)
    total = sum(rows for _, rows in ordered)
    values = sum(span.size for span, _ in ordered)
    count = int(min(BOUNDS, distinct, values))
    if count < 2 or total <= 0:
        return ()
    bounds: list[str] = []
    index, before = 0, 0.0
    for step in range(count):
        target = total * step / (count - 1)
        while index < len(ordered) - 1 and target > before + ordered[index][1]:
            before += ordered[index][1]
            index += 1
        span, rows = ordered[index]
        bounds.append(render(span.base_type, _at(span, min(1.0, (target - before) / rows))))
    return tuple(bounds)


def _at(span: Span, share: float) -> int:
    """The value that share of the way into the span; exact at both ends."""
    scaled = round(share * _STEPS)  # integers from here on: a float cannot hold 128 bits
    return span.low + ((span.high - span.low) * scaled + _STEPS // 2) // _STEPS


def _number(base_type: str, moment: datetime) -> int:
    """Days for a date, microseconds for a timestamp."""
    since = moment - _EPOCH
    return since.days if base_type == "date" else since // _MICROSECOND
