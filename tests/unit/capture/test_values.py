from __future__ import annotations

import datetime as dt
import enum
import ipaddress
import uuid
from decimal import Decimal

from pytest_planguard.capture.values import written


class Colour(enum.IntEnum):
    RED = 7


class Loud(str):
    __slots__ = ()

    def __str__(self) -> str:
        raise AssertionError


class Odd:
    def __repr__(self) -> str:
        raise AssertionError

    __str__ = __repr__


def test_values_are_written_as_the_server_reads_them() -> None:
    found = written(
        [
            dt.datetime(2026, 1, 2, 3, tzinfo=dt.UTC),
            dt.timedelta(days=1, seconds=2),
            Decimal("1.50"),
            uuid.UUID(int=1),
            ipaddress.ip_address("::1"),
            ["a b", ["x"], None, b"\1"],
            1.5,
        ]
    )
    assert found is not None
    assert found[0] == [
        b"2026-01-02T03:00:00+00:00",
        b"1 days 2.000000 seconds",
        b"1.50",
        b"00000000-0000-0000-0000-000000000001",
        b"::1",
        b'{"a b",{x},NULL,"\\\\x01"}',
        b"1.5",
    ]


def test_subclasses_are_written_by_what_they_are_made_from() -> None:
    assert written([Colour.RED, Loud("x"), True]) == ([b"7", b"x", b"t"], [0, 0, 0])


def test_one_value_without_a_known_text_leaves_all_out() -> None:
    assert written([1, Odd()]) is None
    assert written([[Odd()]]) is None
    assert written([{"a": 1}]) is None
