from __future__ import annotations

import pytest

from pytest_planguard.sql.stand_ins import stand_in


@pytest.mark.parametrize(
    ("value", "family", "expected"),
    [
        ("secret", "text", "redacted"),
        ("", "text", "redacted"),
        ("4711", "integer", "30011"),
        ("4711", "text", "30011"),
        ("-12.5", "text", "30011.5"),
        ("1e5", "float", "30011.5"),
        ("t", "boolean", "true"),
        ("1815-12-10", "text", "2000-01-01"),
        ("1815-12-10 10:11:12.5", "text", "2000-01-01 00:00:00"),
        ("1815-12-10T10:11:12+02:00", "text", "2000-01-01 00:00:00+00"),
        ("10:11", "text", "00:00:00"),
        ("3 days 02:00:00", "text", "1 days"),
        ("0b8f1c1e-58cb-4d2c-9d3c-9d9c5f6b7a10", "text", "00000000-0000-4000-8000-000000000000"),
        ("10.1.2.3/24", "text", "192.0.2.1"),
        ('{"a": 1}', "text", "{}"),
        ('[{"a": 1}]', "text", "[]"),
        ("[1]", "json", "[]"),
        ("\\xdeadbeef", "text", "\\x00000000"),
        ("{4711,NULL,5}", "text", "{30011,NULL,30013}"),
        ('{"a b",c}', "text[]", "{redacted,redacted-2}"),
        ("{4711,5}", "integer[]", "{30011,30012}"),
        ("[4711,)", "text", "[30011,)"),
        ("(1815-12-10,1852-11-27]", "text", "(2000-01-01,2000-01-02]"),
        ("a, b", "text", "redacted"),
        ("anything", "public.mood", "redacted"),
        ("", "bytea", "\\x00000000"),
    ],
)
def test_a_stand_in_is_of_the_values_type_and_form(value: str, family: str, expected: str) -> None:
    assert stand_in(value, family, 0) == expected


@pytest.mark.parametrize("family", ["text", "integer", "date", "uuid", "numeric", "inet", "time"])
def test_different_values_have_different_stand_ins(family: str) -> None:
    assert len({stand_in("", family, number) for number in range(200)}) == 200
