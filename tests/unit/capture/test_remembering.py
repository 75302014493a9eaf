from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest

from pytest_planguard.capture.literals import Bound, recovered, template_of
from pytest_planguard.capture.psycopg2_extras import _read_batch
from pytest_planguard.capture.remembering import LONGEST, remembered
from pytest_planguard.capture.state import Follower, interned

LONG = b"SELECT '" + b"x" * 200_000 + b"', "


def long_template(number: int) -> None:
    template_of(b"%s%d, %%s" % (LONG, number))


def long_sent(number: int) -> None:
    recovered(b"SELECT %s", b"SELECT '%d%s'" % (number, b"x" * 200_000))


def long_query(number: int) -> None:
    recovered(b"%s%d, %%s" % (LONG, number), b"SELECT 1")


def long_batch(number: int) -> None:
    list(_read_batch(b"VALUES (%s)", [b"VALUES ('%d%s')" % (number, b"x" * 200_000)]))


def long_followed(number: int) -> None:
    Follower(interned(None, None, None, ())).follow(b"%s%d" % (LONG, number))


@pytest.mark.parametrize("read", [long_template, long_sent, long_query, long_batch, long_followed])
def test_long_texts_are_not_held(read: Callable[[int], None]) -> None:
    tracemalloc.start()
    try:
        for number in range(50):
            read(number)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 1_000_000


def test_ten_thousand_texts_that_change_nothing_hold_little() -> None:
    follower = Follower(interned(None, None, None, ()))
    tracemalloc.start()
    try:
        for number in range(10_000):
            follower.follow(b"SELECT %d -- %s" % (number, b"x" * 4_000))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 10_000_000


def test_short_texts_are_read_once() -> None:
    read: list[bytes] = []

    @remembered(10)
    def length(text: bytes) -> int:
        read.append(text)
        return len(text)

    for text in (b"a", b"a", b"b" * LONGEST, b"b" * LONGEST):
        length(text)
    assert len(read) == 2
    for _ in range(2):
        assert length(b"c" * (LONGEST + 1)) == LONGEST + 1
    assert len(read) == 4


def test_a_long_text_is_read_as_a_short_one() -> None:
    long = b"SELECT '%s', %%s" % (b"x" * 5_000)
    assert recovered(long, long % b"5") == Bound(long % b"$1", (23,), (b"5",))
