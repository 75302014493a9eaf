from __future__ import annotations

import pytest

from pytest_planguard.capture.literals import bound, recovered, template_of


@pytest.mark.parametrize(
    ("query", "sent", "text", "types", "values"),
    [
        (b"a = %s", b"a = 'it''s'", b"a = $1", (0,), (b"it's",)),
        (b"a = %s", rb"a = E'a\\b''c'", b"a = $1", (0,), (rb"a\b'c",)),
        (b"a = %s - %s", b"a = 5 -  -7", b"a = $1 - $2", (23, 23), (b"5", b"-7")),
        (b"a = %s", b"a = 99999999999999999999", b"a = $1", (1700,), (b"99999999999999999999",)),
        (b"a = %s", b"a = '{}'::hstore", b"a = $1::hstore", (0,), (b"{}",)),
        (b"a = %s::date", b"a = '2026-01-02'::date", b"a = $1::date", (0,), (b"2026-01-02",)),
        (b"%s::date", b"'2026-01-02'::date::date", b"$1::date", (1082,), (b"2026-01-02",)),
        (b"a = %(x)s OR b = %(x)s", b"a = 5 OR b = 5", b"a = $1 OR b = $1", (23,), (b"5",)),
        (
            b"(a, b) IN %s",
            b"(a, b) IN ((1, 'x'), (2, NULL))",
            b"(a, b) IN (($1, $2), ($3, $4))",
            (23, 0, 23, 0),
            (b"1", b"x", b"2", None),
        ),
        (b"%s", b"ARRAY['a,b', NULL]", b"$1", (1009,), (b'{"a,b",NULL}',)),
        (b"%s", b"ARRAY[ARRAY[1], ARRAY[9876543210]]", b"$1", (1016,), (b"{{1},{9876543210}}",)),
        (b"%s", b"ARRAY[NULL, 'x'::date]", b"$1", (1182,), (b"{NULL,x}",)),
        (b"%s", b"ARRAY['{}'::jsonb]", b"$1", (3807,), (b'{"{}"}',)),
        (b"%s", b"'{1}'::jsonb[]", b"$1", (3807,), (b"{1}",)),
        (b"%s", b"ARRAY['x'::mood, NULL]", b"$1::mood[]", (0,), (b"{x,NULL}",)),
        (b"(%s)::text[]", b"(ARRAY[NULL,NULL])::text[]", b"($1)::text[]", (0,), (b"{NULL,NULL}",)),
        (
            b"SELECT %s",
            b'DECLARE "a ""b" CURSOR WITHOUT HOLD FOR SELECT 5',
            b'DECLARE "a ""b" CURSOR WITHOUT HOLD FOR SELECT $1',
            (23,),
            (b"5",),
        ),
    ],
)  # fmt: skip
def test_values_become_parameters(
    query: bytes, sent: bytes, text: bytes, types: tuple[int, ...], values: tuple[bytes, ...]
) -> None:
    assert recovered(query, sent) == (text, types, values)
    template = template_of(query)
    assert template is not None
    assert bound(template, sent) == (text, types, values)


@pytest.mark.parametrize(
    ("cast", "numbers", "oid"),
    [
        (b"::float8[]", b"1.5", 1022),
        (b")::double precision[]", b"1, 2.5", 1022),
        (b")::numeric(8, 2)[]", b"1", 1231),
        (b"::DECIMAL[]", b"1", 1231),
        (b"::bigint[]", b"1", 1007),
        (b"::INTEGER[]", b"1, 9876543210", 1016),
        (b"::int[]", b"1.5", 1231),  # as an array of int it could not be read
        (b"::text[]", b"1", 1007),
        (b"::numeric", b"1", 1007),
        (b"", b"1.5", 1231),
    ],
)
def test_numbers_of_an_array_are_of_the_type_it_is_cast_to(
    cast: bytes, numbers: bytes, oid: int
) -> None:
    opening = b"(" if cast.startswith(b")") else b""
    found = recovered(opening + b"%s" + cast, opening + b"ARRAY[" + numbers + b"]" + cast)
    assert found is not None
    assert (found.text, found.types) == (opening + b"$1" + cast, (oid,))


@pytest.mark.parametrize(
    ("query", "sent"),
    [
        (b"a = %s", b"a = now()"),
        (b"a = %s", b"a = 5 + 1"),
        (b"a = %s AND b", b"a = 5 AND c"),
        (b"a = %s", b"a = ARRAY[1, 'x']"),
        (b"a = %s", b"a = ARRAY['x'::mood, 'y'::taste]"),
        (b"a = %s", b"a = ARRAY['{x}'::mood[]]"),
        (b"a = %s", b"a = (1, now())"),
        (b"a = %d", b"a = 5"),
        (b"other = %s", b"a = 5"),
    ],
)
def test_what_is_no_literal_of_the_library_stays_as_it_was_sent(query: bytes, sent: bytes) -> None:
    assert recovered(query, sent) is None


def test_a_thousand_placeholders_are_read_and_more_are_not() -> None:
    assert template_of(b"%s" * 1_000) is not None
    assert template_of(b"%s" * 1_001) is None


@pytest.mark.parametrize(
    ("query", "sent", "text", "values"),
    [
        (b"interval '%s days' > %s", b"interval '3 days' > 4", b"interval '3 days' > $1", (b"4",)),
        (b"FROM events_%s", b"FROM events_7", b"FROM events_7", ()),
        (b"'%s'::text", b"'7'::text", b"'7'::text", ()),
        (b"%(a)s, '%(a)s', %(a)s", b"7, '7', 7", b"$1, '7', $1", (b"7",)),
        (b"a = %s -- %s", b"a = 7 -- 8", b"a = $1 -- 8", (b"7",)),
        (b"/* %s /* %s */ %s */ %s", b"/* 1 /* 2 */ 3 */ 4", b"/* 1 /* 2 */ 3 */ $1", (b"4",)),
        (b'"a%s" = %s', b'"a7" = 8', b'"a7" = $1', (b"8",)),
        (b"$x$ %s $x$ || %s", b"$x$ 7 $x$ || 8", b"$x$ 7 $x$ || $1", (b"8",)),
        (rb"E'\'%s' || %s", rb"E'\'7' || 8", rb"E'\'7' || $1", (b"8",)),
        (b"a LIKE%s", b"a LIKE'x'", b"a LIKE'x'", ()),
        (b"%s%s", b"12", b"12", ()),
        (b"a IN (%s,%s)", b"a IN (1,2)", b"a IN ($1,$2)", (b"1", b"2")),
    ],
)  # fmt: skip
def test_what_is_written_into_a_string_a_name_or_a_comment_stays(
    query: bytes, sent: bytes, text: bytes, values: tuple[bytes, ...]
) -> None:
    found = recovered(query, sent)
    assert (found or (sent, (), ()))[0::2] == (text, values)
