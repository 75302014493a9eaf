"""A pattern for all values of a query reads what is read literal by literal."""

from __future__ import annotations

import random

import pytest

from pytest_planguard.capture import shapes
from pytest_planguard.capture.literals import recovered
from pytest_planguard.capture.shapes import Asked

LITERALS = [
    b"5", b" -5", b"0", b"1234567890", b"2147483648", b"12345678901", b" -123456789012345678",
    b"99999999999999999999", b"1.50", b" -0.5", b"1e300", b"5.", b"NULL", b"true", b"false",
    b"''", b"'a b'", b"'it''s'", rb"E'a\\b'", b"'a\nb'", b"'NULL'", "'é'".encode(),
    b"'2026-01-02'::date", b"'2026-01-02T03:04:05'::timestamp", b"'{\"a\": 1}'::json",
    b"'00000000-0000-0000-0000-000000000001'::uuid", b"'NaN'::float", rb"'\x61'::bytea",
    b"'{}'::hstore", b"'{1,2}'::int4[]", b"'1.5'::float4", b"ARRAY[1,2]",
    b"(1, 2)", b"now()", b"'1 days 0.000000 seconds'::interval",
]  # fmt: skip

QUERIES = [
    b"SELECT * FROM item WHERE id = %s",
    b"UPDATE item SET a = %s, b = %s WHERE id = %s AND c LIKE '5%%'",
    b"INSERT INTO item VALUES (%s,%s,%s,%s)",
    b"SELECT %(a)s FROM item WHERE b = %(b)s::text",
    b"SELECT %(a)s FROM item WHERE b = %(b)s AND c = %(a)s",
    b"SELECT %s.5, %s::date",
    b"SELECT interval '%s days', %s",
    b"SELECT 1",
]


def sent_for(query: bytes, chance: random.Random) -> bytes:
    """The query with literals in place of its placeholders; a name is the same one twice."""
    named = {b"a": chance.choice(LITERALS), b"b": chance.choice(LITERALS)}
    for name, literal in named.items():
        query = query.replace(b"%%(%s)s" % name, literal)
    while b"%s" in query:
        query = query.replace(b"%s", chance.choice(LITERALS), 1)
    return query.replace(b"%%", b"%")


@pytest.mark.parametrize("query", QUERIES)
def test_the_outcome_is_the_same_whatever_was_learnt(
    query: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shapes, "_MOST_TRIES", 1_000)
    monkeypatch.setattr(shapes, "_WORTH", 1)
    chance = random.Random(1)
    asked = Asked(query)
    for _ in range(2_000):
        sent = sent_for(query, chance)
        assert asked.bound(sent) == (recovered(query, sent) or (sent, (), ()))


def test_values_of_the_same_kinds_are_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[bytes] = []

    def counted(query: bytes, sent: bytes) -> object:
        read.append(sent)
        return recovered(query, sent)

    monkeypatch.setattr(shapes, "recovered", counted)
    asked = Asked(b"a = %s AND b = %s AND c = %s")
    for number in range(20):
        sent = b"a = %d AND b = 'x%d' AND c = NULL" % (number, number)
        assert asked.bound(sent) == (
            b"a = $1 AND b = $2 AND c = $3",
            (23, 0, 0),
            (b"%d" % number, b"x%d" % number, None),
        )
    assert len(read) == 3


def test_a_query_of_ever_new_kinds_of_values_is_not_learnt_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tries: list[object] = []
    monkeypatch.setattr(Asked, "_learn", lambda *_: tries.append(None))
    asked = Asked(b"a = %s")
    for number in range(100):
        asked.bound(b"a = %d" % number)
    assert len(tries) == 4
