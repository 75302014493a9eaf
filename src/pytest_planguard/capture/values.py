"""Python values as PostgreSQL's text, for a driver that encodes them where nobody can look.

Only types whose text is known are written, by the functions of those types themselves: no
``repr`` or ``str`` of the application's own is called, which may raise, block or have effects.
Classes are asked for with ``type``: ``isinstance`` asks the value for its ``__class__``.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import uuid
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from pytest_planguard.capture.alarms import let_pass
from pytest_planguard.capture.literals import array_item
from pytest_planguard.capture.samples import plain

_DEEPEST = 6
"""Dimensions of an array (PostgreSQL's ``MAXDIM``); a list may hold itself."""

_BINARY = (bytes, bytearray, memoryview)

_ZONES = frozenset(("datetime", "zoneinfo", "dateutil", "pytz", "pendulum"))
"""Packages whose time zones may be asked for their offset; others are the application's code."""


class Unwritable(Exception):  # noqa: N818 -- never leaves this module: it is an answer
    """A value whose text is not known."""


def written(values: Sequence[Any]) -> tuple[list[bytes | None], list[int]] | None:
    r"""Values as they would be sent, and the format of each (1 is binary).

    Returns:
        None where one of them has no text that is known.

    >>> written([5, "a", None, True, b"\x00", [1, None]])
    ([b'5', b'a', None, b't', b'\x00', b'{1,NULL}'], [0, 0, 0, 0, 1, 0])
    """
    writers = _WRITERS
    try:
        return [writers[type(value)](value) for value in values], [0] * len(values)
    except KeyError:
        pass  # a NULL, or a type that is not among them
    except Exception as error:  # noqa: BLE001 -- an int of 5,000 digits raises: the driver will say so
        let_pass(error)
        return None
    texts: list[bytes | None] = []
    formats = [0] * len(values)
    try:
        for value in values:
            writer = writers.get(type(value))
            if writer is not None:
                texts.append(writer(value))
            elif value is None:
                texts.append(None)
            elif issubclass(type(value), _BINARY):
                formats[len(texts)] = 1
                texts.append(plain(value))
            else:
                texts.append(_writer(value)(value))
    except Exception as error:  # noqa: BLE001 -- an int of 5,000 digits raises: the driver will say so
        let_pass(error)
        return None
    return texts, formats


def written_alike(rows: Sequence[Sequence[Any]]) -> list[tuple[bytes, ...]] | None:
    """Values of many rows of one length, where all of them have a text; none is NULL or binary.

    >>> written_alike([(5, "a"), (6, "b")]), written_alike([(), ()]), written_alike([(None,)])
    ([(b'5', b'a'), (b'6', b'b')], [(), ()], None)
    """
    writers = _WRITERS
    if not rows or not rows[0]:
        return [()] * len(rows)
    try:
        texts = iter([writers[type(value)](value) for row in rows for value in row])
    except KeyError:
        return None
    except Exception as error:  # noqa: BLE001 -- as above: each is looked at by itself
        let_pass(error)
        return None
    return list(zip(*[texts] * len(rows[0]), strict=True))


def _writer(value: Any) -> Callable[[Any], bytes]:
    """The writer of the type a value's class is made from: an IntEnum is an int."""
    for kind in type(value).__mro__:
        found = _WRITERS.get(kind)
        if found is not None and kind in _INHERITED:
            return found
    if type(value).__module__ == "asyncpg.types" and hasattr(value, "upper_inc"):
        return _range
    raise Unwritable


def _item(value: Any, depth: int = 1) -> bytes:
    if value is None:
        return b"NULL"
    if issubclass(type(value), list | tuple):
        return _array(value, depth + 1)
    if issubclass(type(value), _BINARY):
        return b'"\\\\x%s"' % plain(value).hex().encode()
    return array_item((_WRITERS.get(type(value)) or _writer(value))(value))


def _array(values: Sequence[Any], depth: int = 1) -> bytes:
    if depth > _DEEPEST:
        raise Unwritable
    kind: Any = list if issubclass(type(values), list) else tuple
    return b"{%s}" % b",".join([_item(value, depth) for value in kind.__iter__(values)])


def _moment(value: dt.datetime | dt.time) -> bytes:
    kind: Any = dt.datetime if issubclass(type(value), dt.datetime) else dt.time
    zone = kind.tzinfo.__get__(value)
    if zone is not None and type(zone).__module__.partition(".")[0] not in _ZONES:
        raise Unwritable
    text: str = kind.isoformat(value)
    return text.encode()


def _range(value: Any) -> bytes:
    if value.isempty:
        return b"empty"
    lower, upper = (b"" if end is None else _item(end) for end in (value.lower, value.upper))
    return b"%s%s,%s%s" % (
        b"[" if value.lower_inc else b"(", lower, upper, b"]" if value.upper_inc else b")",
    )  # fmt: skip


def _interval(value: dt.timedelta) -> bytes:
    return b"%d days %d.%06d seconds" % (value.days, value.seconds, value.microseconds)


def _utf8(value: str) -> bytes:
    return str.encode(value, errors="replace")


_WRITERS: dict[type, Callable[[Any], bytes]] = {
    str: _utf8,
    int: b"%d".__mod__,  # one call of C code, which asks int itself
    bool: lambda value: b"t" if value else b"f",
    float: lambda value: float.__repr__(value).encode(),
    Decimal: lambda value: Decimal.__str__(value).encode(),
    uuid.UUID: lambda value: uuid.UUID.__str__(value).encode(),
    dt.datetime: _moment,
    dt.date: lambda value: dt.date.isoformat(value).encode(),
    dt.time: _moment,
    dt.timedelta: _interval,
    list: _array,
    **{
        kind: lambda value: value.__str__().encode()
        for kind in (
            ipaddress.IPv4Address,
            ipaddress.IPv6Address,
            ipaddress.IPv4Network,
            ipaddress.IPv6Network,
            ipaddress.IPv4Interface,
            ipaddress.IPv6Interface,
        )
    },
}
_INHERITED = frozenset((str, int, float, Decimal, uuid.UUID, dt.datetime, dt.date, list))
"""Types whose subclasses are written as they are; bool has none."""
