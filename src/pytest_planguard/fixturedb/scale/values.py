"""SQL that makes a value of a type from a number, and numbers from bounds of a histogram."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

import msgspec

from pytest_planguard.fixturedb.scale.spans import parse
from pytest_planguard.model.catalog import Column
from pytest_planguard.model.statistics import ColumnStatistics

_INTEGERS = frozenset({"int2", "int4", "int8", "oid"})
_FRACTIONS = frozenset({"numeric", "float4", "float8", "money"})
_DATED = frozenset({"timestamptz", "timestamp", "date"})
_TEXTS = frozenset({"text", "varchar", "bpchar", "name", "citext"})
_MOST_DECIMALS = 6
_BIGINT = 2**63 - 1
_MAIL = "@example.org"
_EVEN = 0.02
"""Bounds this near to evenly spaced ones, as a share of the whole, are taken as such."""
_MODIFIER_HEADER = 4
"""``VARHDRSZ``, which ``atttypmod`` counts in (utils/numeric.h)."""

_FROM_NUMBER = {
    "bool": "({n} % 2 = 0)",
    "uuid": "md5('{salt}' || {n})::uuid",
    "bytea": "convert_to(lpad({n}::text, greatest(8, {width}), '0'), 'UTF8')",
    "inet": "('10.0.0.0'::inet + ({n} % 16777216))",
    "cidr": "set_masklen('10.0.0.0'::inet + ({n} % 16777216), 32)::cidr",
    "tsvector": "to_tsvector('simple', 'word' || {n} || ' word' || {n} % 97)",
    "point": "point({n}, {n})",
    **dict.fromkeys(
        ("json", "jsonb"),
        "('{{\"key\": ' || {n} || ', \"text\": \"' || repeat('x', greatest(0, {width} - 30))"
        " || '\"}}')",
    ),
    **dict.fromkeys(
        ("timestamptz", "timestamp", "date"),
        "(timestamptz '2020-01-01 00:00:00+00' + {n} * interval '1 minute')",
    ),
    **dict.fromkeys(("time", "interval"), "(({n} % 86400) * interval '1 second')"),
    **dict.fromkeys(_INTEGERS | _FRACTIONS, "({n})"),
    "int2": "({n} % 32767)",
    "int4": "({n} % 2147483647)",
    # disjoint, for those that must not overlap
    "int4range": "int4range(({n} % 200000000)::int * 10, ({n} % 200000000)::int * 10 + 5)",
    "int8range": "int8range({n} * 10, {n} * 10 + 5)",
    "numrange": "numrange({n} * 10, {n} * 10 + 5)",
    "daterange": "daterange(date '2000-01-01' + ({n} * 4 % 1000000)::int,"
    " date '2000-01-03' + ({n} * 4 % 1000000)::int)",
    **{
        f"{kind}range": f"{kind}range({name} '2000-01-01' + {{n}} * interval '1 hour',"
        f" {name} '2000-01-01 00:30' + {{n}} * interval '1 hour')"
        for kind, name in (("ts", "timestamp"), ("tstz", "timestamptz"))
    },
    **dict.fromkeys(
        ("_text", "_varchar", "_int2", "_int4", "_int8", "_numeric", "_float8"),
        "('{{' || {n} % 30000 || ',' || {n} % 97 || ',' || {n} % 7 || '}}')",
    ),
}  # fmt: skip
"""By base type; ``n`` is the number's expression, ``width`` the average width."""


_LIMITS = {"int2": 32767, "int4": 2147483647}


class Scaled(msgspec.Struct, frozen=True):
    """Bounds as integers: units of the last decimal, days or microseconds since 1970."""

    numbers: tuple[int, ...]
    decimals: int = 0

    @property
    def even(self) -> bool:
        """Whether as many rows lie in each part of the span."""
        low, high, last = self.numbers[0], self.numbers[-1], len(self.numbers) - 1
        return all(
            abs(number - low - (high - low) * place / last) <= _EVEN * (high - low)
            for place, number in enumerate(self.numbers)
        )


def scaled(base_type: str, texts: Sequence[str]) -> Scaled | None:
    """The bounds' integers; None where the type has none, or a bound is infinite.

    >>> scaled("numeric", ["0.5", "12.25"])
    Scaled(numbers=(50, 1225), decimals=2)
    >>> scaled("text", ["a", "b"]) is None
    True
    """
    if base_type in _INTEGERS | _DATED:
        numbers = [parse(base_type, text) for text in texts]
        known = tuple(number for number in numbers if number is not None)
        return Scaled(known) if len(known) == len(texts) else None
    if base_type not in _FRACTIONS - {"money"}:
        return None
    try:
        exact = [Decimal(text) for text in texts]
    except InvalidOperation:
        return None
    if not all(number.is_finite() for number in exact):
        return None
    exponents = [int(number.as_tuple().exponent) for number in exact]
    decimals = min(_MOST_DECIMALS, max(0, *(-exponent for exponent in exponents)))
    return Scaled(tuple(round(number.scaleb(decimals)) for number in exact), decimals)


def evenly(bounds: Scaled, number: str, count: int) -> str:
    """SQL for the integer ``number`` (0 to ``count`` - 1) stands for, ends included."""
    low, high = bounds.numbers[0], bounds.numbers[-1]
    span, steps = high - low, max(1, count - 1)
    if span == steps:
        return plus(number, low)
    if span * count < _BIGINT:
        return f"({low} + {number} * {span} / {steps})"
    return f"({low} + round({number} * {span / steps!r}::float8)::bigint)"


def plus(number: str, constant: int) -> str:
    """A sum; ``(i - 1)`` and 1 are ``i``, which saves two steps a row.

    >>> plus("(i - 1)", 1), plus("(i - 1)", 101), plus("k", 0)
    ('i', '(i + 100)', 'k')
    """
    if number.endswith(" - 1)") and number.count("(") == 1:
        number, constant = number[1 : -len(" - 1)")], constant - 1
    return f"({number} + {constant})" if constant else number


def unevenly(bounds: Scaled, number: str, count: int) -> str:
    """The same over bounds with as many rows between each two."""
    bins = len(bounds.numbers) - 1
    lows = ",".join(map(str, bounds.numbers[:-1]))
    widths = ",".join(
        str(high - low) for low, high in zip(bounds.numbers, bounds.numbers[1:], strict=False)
    )
    steps = max(1, count - 1)
    where = f"least({bins - 1}, {number} * {bins} / {steps})::int + 1"
    into = f"({number} * {bins} / {steps}::float8 - least({bins - 1}, {number} * {bins} / {steps}))"
    return (
        f"(('{{{lows}}}'::bigint[])[{where}]"
        f" + round(('{{{widths}}}'::bigint[])[{where}] * {into})::bigint)"
    )


def rendered(column: Column, integer: str, decimals: int) -> str:
    """SQL for the value of the column's type that an integer of ``Scaled`` means."""
    if column.base_type == "date":
        return f"(date '1970-01-01' + ({integer})::int)::{column.type}"
    if column.base_type in _DATED:
        start = f"{column.base_type} '1970-01-01 00:00:00{'+00' * (column.base_type[-1] == 'z')}'"
        return f"({start} + interval '1 microsecond' * ({integer})::float8)::{column.type}"
    text = integer if not decimals else f"(({integer})::numeric / {10**decimals})"
    return f"({text})::{column.type}"


def made(column: Column, number: str, facts: ColumnStatistics, count: int, salt: str = "") -> str:
    """A value made from a number, equal numbers giving equal values.

    Args:
        column: Whose value.
        number: The number's expression, 1 to ``count``.
        facts: For the width.
        count: The largest number.
        salt: Makes uuids of different columns differ.
    """
    if column.base_type in _TEXTS:
        return _text(column, number, facts, count)
    template = _FROM_NUMBER.get(column.base_type)
    if template is None and column.category == "A":
        template = "'{{}}'"
    if template is None and column.category == "R":
        template = "'empty'"
    if template is None:
        otherwise = f"NULL::{column.type}" if not column.not_null else f"({number}::text)"
        return column.default or f"{otherwise}::{column.type}"
    if (limit := _whole_limit(column)) is not None:
        number = f"({number} % {limit})"
    elif count < _LIMITS.get(column.base_type, 0):
        template = "({n})"
    text = template.format(n=number, width=facts.avg_width, salt=salt.replace("'", ""))
    return f"{text}::{column.type}"


def literal(value: str, column: Column) -> str:
    """A constant of the column's type."""
    escaped = value.replace("'", "''")
    return f"'{escaped}'::{column.type}"


def listed(column: Column, values: Sequence[str], place: str) -> str:
    """The value at a place (from 1) of a list."""
    if len(values) == 1:
        return literal(values[0], column)
    items = ", ".join(literal(value, column) for value in values)
    return f"(ARRAY[{items}])[{place}]"


def is_text(column: Column) -> bool:
    """Whether its values are free text."""
    return column.base_type in _TEXTS


def limited(column: Column, text: str) -> str:
    """Text cut to what the type takes."""
    limit = column.modifier - _MODIFIER_HEADER
    return f"left({text}, {limit})::{column.type}" if limit > 0 else f"({text})::{column.type}"


def _text(column: Column, number: str, facts: ColumnStatistics, count: int) -> str:
    """Text of the average width, in the numbers' order; an address where the name says so.

    All but the number is a constant: ``lpad`` takes two microseconds for eighty characters.
    """
    limit = column.modifier - _MODIFIER_HEADER if column.modifier > _MODIFIER_HEADER else 10**6
    width = min(limit, max(1, facts.avg_width - 1))
    head, tail = "", ""
    if "mail" in column.name and limit >= len(_MAIL) + len(str(count)) + 2:
        head, tail = "u", _MAIL
        width = max(width, len(_MAIL) + len(str(count)) + 2)
    digits = max(len(str(count)), min(width - len(head) - len(tail) - 1, 3)) + 1
    rest = width - len(head) - len(tail) - digits
    if rest < 0:  # as short as it may be without two that are equal
        short = min(limit, max(width, digits - 1))
        number = number if len(str(count)) <= limit else f"({number} % {10**limit})"
        return f"lpad({number}::text, {short}, '0')::{column.type}"
    text = f"'{head}{'0' * rest}' || ({10 ** (digits - 1)} + {number})::text"
    text += f" || '{tail}'" if tail else ""
    return f"({text})::{column.type}" if column.type != "text" else f"({text})"


def _whole_limit(column: Column) -> int | None:
    """What the whole part of a ``numeric(p, s)`` stays below; None where nothing limits it."""
    if column.base_type != "numeric" or column.modifier < _MODIFIER_HEADER:
        return None
    packed = column.modifier - _MODIFIER_HEADER
    precision, scale = packed >> 16 & 0xFFFF, packed & 0x7FF
    if scale >= 1 << 10:  # negative since PostgreSQL 15: eleven bits, two's complement
        scale -= 1 << 11
    return int(10 ** max(0, precision - scale))
