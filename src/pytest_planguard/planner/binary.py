"""PostgreSQL's binary parameter formats as text: drivers send numbers and times that way.

The formats are those of the server's ``*recv`` functions (src/backend/utils/adt).
"""

from __future__ import annotations

import datetime
import ipaddress
import struct
import uuid
from collections.abc import Callable
from decimal import Decimal

_EPOCH = datetime.datetime(2000, 1, 1)  # noqa: DTZ001 - a timestamp without time zone
_NUMERIC_NEGATIVE = 0x4000
_NUMERIC_SPECIAL = 0xC000


def text_of(raw: bytes, oid: int) -> str | None:
    r"""The text form of a binary value; None for a type or value we can't read.

    >>> text_of(bytes.fromhex("000186a0"), 23), text_of(b"\\x01", 16)
    ('100000', 'true')
    """
    read = _READERS.get(oid)
    if read is None:
        return None
    try:
        return read(raw)
    except (struct.error, ValueError, OverflowError):
        return None


def _integer(raw: bytes) -> str:
    return str(int.from_bytes(raw, "big", signed=True))


def _float(raw: bytes) -> str:
    return repr(struct.unpack("!d" if len(raw) == 8 else "!f", raw)[0])


def _date(raw: bytes) -> str:
    return (
        _EPOCH.date() + datetime.timedelta(days=int.from_bytes(raw, "big", signed=True))
    ).isoformat()


def _timestamp(raw: bytes) -> str:
    microseconds = int.from_bytes(raw, "big", signed=True)
    return (_EPOCH + datetime.timedelta(microseconds=microseconds)).isoformat(sep=" ")


def _timestamptz(raw: bytes) -> str:
    return _timestamp(raw) + "+00"


def _time(raw: bytes) -> str:
    microseconds = int.from_bytes(raw, "big", signed=True)
    return (_EPOCH + datetime.timedelta(microseconds=microseconds)).time().isoformat()


def _interval(raw: bytes) -> str:
    microseconds, days, months = struct.unpack("!qii", raw)
    return f"{months} months {days} days {microseconds} microseconds"


def _uuid(raw: bytes) -> str:
    return str(uuid.UUID(bytes=raw))


def _numeric(raw: bytes) -> str:
    count, weight, sign, scale = struct.unpack_from("!HhHH", raw)
    if sign >= _NUMERIC_SPECIAL:
        return {0xC000: "NaN", 0xD000: "Infinity", 0xF000: "-Infinity"}[sign]
    digits = struct.unpack_from(f"!{count}H", raw, 8)
    value = sum(
        (
            Decimal(digit) * Decimal(10) ** (4 * (weight - place))
            for place, digit in enumerate(digits)
        ),
        start=Decimal(0),
    )
    value = value.quantize(Decimal(1).scaleb(-scale)) if scale else value
    return f"{-value if sign == _NUMERIC_NEGATIVE else value:f}"


def _inet(raw: bytes) -> str:
    bits, address = raw[1], raw[4:]
    return f"{ipaddress.ip_address(address)}/{bits}"


_READERS: dict[int, Callable[[bytes], str]] = {
    16: lambda raw: "true" if raw[0] else "false",
    17: lambda raw: "\\x" + raw.hex(),
    20: _integer,
    21: _integer,
    23: _integer,
    25: lambda raw: raw.decode(),
    26: _integer,
    114: lambda raw: raw.decode(),
    700: _float,
    701: _float,
    869: _inet,
    650: _inet,
    1042: lambda raw: raw.decode(),
    1043: lambda raw: raw.decode(),
    1082: _date,
    1083: _time,
    1114: _timestamp,
    1184: _timestamptz,
    1186: _interval,
    1700: _numeric,
    2950: _uuid,
    3802: lambda raw: raw[1:].decode(),
}
