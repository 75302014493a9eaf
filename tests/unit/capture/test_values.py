from __future__ import annotations

import datetime as dt
import enum
import ipaddress
import uuid
import zoneinfo
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


class OddZone(dt.tzinfo):
    def utcoffset(self, moment: dt.datetime | None) -> dt.timedelta:
        raise AssertionError


def test_values_that_raise_while_they_are_written_leave_all_out() -> None:
    looped: list[object] = []
    looped.append(looped)
    late = dt.datetime(2026, 1, 2, tzinfo=OddZone())
    for value in (10**5000, [10**5000], looped, late, late.timetz()):
        assert written([1, value]) is None


def test_an_array_has_as_many_dimensions_as_the_server_takes() -> None:
    assert written([[[[[[[1]]]]]]]) == ([b"{{{{{{1}}}}}}"], [0])
    assert written([[[[[[[[1]]]]]]]]) is None


def test_time_zones_of_known_packages_are_asked() -> None:
    late = dt.datetime(2026, 7, 2, 3, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"))
    assert written([late, late.timetz().replace(tzinfo=dt.UTC)]) == (
        [b"2026-07-02T03:00:00+02:00", b"03:00:00+00:00"],
        [0, 0],
    )
