"""What stands for a value that must not be known: of its type, and of nothing else of it.

A stand-in tells that there was a value, its type or the form of its text (a date, a UUID, a list
of so many), and which values of one statement were equal. Of a pattern it keeps the wildcards,
which decide about its plan.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable

TEXT = "redacted"

_NUMBER = 30_011
"""Fits into an int2, and is next to nowhere among a column's most common values."""
_INT2_MAX = 2**15 - 1
_DAY = dt.date(2000, 1, 1)
_LONGEST_RUN = 8
"""Letters kept of a pattern: what makes patterns of like shape from its values reads no more."""

_RUN = re.compile(r"[^%_]+")
_ITEM = re.compile(r'"(?:[^"\\]|\\.)*"|[^,{}]+')

Maker = Callable[[str, int], str]
"""Makes the n-th stand-in for a value."""


def stand_in(value: str, family: str, number: int, *, is_pattern: bool = False) -> str:
    """The stand-in for a value.

    Args:
        value: Its text form; a binary one's may be empty.
        family: Of its type, as ``sql.types.family`` says; a type of its own, or text, goes by the
            form of the value.
        number: Which of the statement's distinct values it is, from 0 on.
        is_pattern: It is compared by LIKE.

    >>> stand_in("ada@example.org", "text", 0), stand_in("1815-12-10", "text", 1)
    ('redacted', '2000-01-02')
    >>> stand_in("%lovelace%", "text", 0, is_pattern=True)
    '%xxxxxxxx%'
    """
    if is_pattern:
        return _RUN.sub(lambda run: "x" * min(len(run[0]), _LONGEST_RUN), value)
    if family.endswith("[]"):
        return _array(value, number, family.removesuffix("[]"))
    return _BY_FAMILY.get(family, _by_form)(value, number)


def _text(_: str, number: int) -> str:
    return TEXT if number == 0 else f"{TEXT}-{number + 1}"


def _integer(_: str, number: int) -> str:
    return str(_NUMBER + number % (_INT2_MAX - _NUMBER))


def _fraction(_: str, number: int) -> str:
    return f"{_integer('', number)}.5"


def _date(_: str, number: int) -> str:
    return (_DAY + dt.timedelta(days=number)).isoformat()


def _timestamp(_: str, number: int) -> str:
    return f"{_date('', number)} 00:00:00"


def _timestamptz(_: str, number: int) -> str:
    return f"{_date('', number)} 00:00:00+00"


def _time(_: str, number: int) -> str:
    return f"{number // 60 % 24:02}:{number % 60:02}:00"


def _interval(_: str, number: int) -> str:
    return f"{number + 1} days"


def _uuid(_: str, number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


def _address(_: str, number: int) -> str:
    """Of the network that is kept for documentation (RFC 5737)."""
    return f"192.0.2.{number % 254 + 1}"


def _json(value: str, _: int) -> str:
    return "[]" if value.lstrip()[:1] == "[" else "{}"


def _bytea(_: str, number: int) -> str:
    return f"\\x{number:08x}"


def _boolean(_: str, number: int) -> str:  # noqa: ARG001 -- there is but one
    return "true"


def _range(value: str, number: int) -> str:
    """Its brackets and which of its ends are open, with ends in their order."""
    lower, _, upper = value[1:-1].partition(",")
    ends = (
        _by_form(end.strip('"'), number + n) if end else "" for n, end in enumerate((lower, upper))
    )
    return value[0] + ",".join(ends) + value[-1]


def _array(value: str, number: int, family: str = "text") -> str:
    """As many items; of several dimensions one: its plan counts them all."""
    items = _ITEM.findall(value)
    made = (
        item if item == "NULL" else stand_in(item.strip('"'), family, number + n)
        for n, item in enumerate(items)
    )
    return "{" + ",".join(f'"{one}"' if re.search(r"[\s,{}\\]", one) else one for one in made) + "}"


_BY_FAMILY: dict[str, Maker] = {
    "boolean": _boolean,
    "integer": _integer,
    "oid": _integer,
    "float": _fraction,
    "numeric": _fraction,
    "bytea": _bytea,
    "date": _date,
    "time": _time,
    "timestamp": _timestamp,
    "timestamptz": _timestamptz,
    "interval": _interval,
    "uuid": _uuid,
    "json": _json,
    "inet": _address,
}

_DATE_FORM = r"\d{4,}-\d\d-\d\d"
_CLOCK_FORM = r"\d\d:\d\d(?::\d\d(?:\.\d+)?)?"
_UNITS = "microsecond|millisecond|second|min|minute|hour|day|week|mon|month|year"
_FORMS: tuple[tuple[re.Pattern[str], Maker], ...] = tuple(
    (re.compile(form, re.IGNORECASE | re.DOTALL), maker)
    for form, maker in (
        (r"[-+]?\d+", _integer),
        (r"[-+]?\d*\.\d+(?:e[-+]?\d+)?|[-+]?\d+e[-+]?\d+", _fraction),
        (_DATE_FORM, _date),
        (rf"{_DATE_FORM}[T ]{_CLOCK_FORM}(?:Z|[-+]\d\d(?::?\d\d)*)", _timestamptz),
        (rf"{_DATE_FORM}[T ]{_CLOCK_FORM}", _timestamp),
        (_CLOCK_FORM, _time),
        (r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", _uuid),
        (r"\d{1,3}(?:\.\d{1,3}){3}(?:/\d+)?", _address),
        (rf"[-+]?\d+ (?:{_UNITS})s?\b.*", _interval),
        (r"\\x(?:[0-9a-f]{2})*", _bytea),
        (r"true|false", _boolean),
        (r'\{\s*(?:"(?:[^"\\]|\\.)*"\s*:.*)?\}|\[\s*(?:[{\["].*)?\]', _json),
        (r"\{.*\}", _array),
        (r"[\[(][^,]*,[^,]*[\])]", _range),
    )
)  # fmt: skip
"""Forms of texts that a type other than text may be read from."""


def _by_form(value: str, number: int) -> str:
    for form, maker in _FORMS:
        if form.fullmatch(value):
            return maker(value, number)
    return _text(value, number)
