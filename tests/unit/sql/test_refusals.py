from __future__ import annotations

import pytest

from pytest_planguard.sql.refusals import text_without_values, without_values
from pytest_planguard.sql.statement_text import analyse


@pytest.mark.parametrize(
    ("message", "sqlstate", "told"),
    [
        ('invalid input syntax for type integer: "a "secret" b"', "22P02", 'integer: "…"'),
        ('date/time field value out of range: "2026-99-99"', "22008", 'range: "…"'),
        ('invalid input value for enum mood: "secret"', "22P02", 'mood: "…"'),
        ('invalid byte sequence for encoding "UTF8": 0xe4 0x27', "22021", "0x…"),
        ("syntax error at or near \"'secret'\"", "42601", 'near "…"'),
        ('syntax error at or near "FORM"', "42601", 'near "FORM"'),
        ('unterminated quoted string at or near "\'secret\nmore"', "42601", 'near "…"'),
        ('relation "orders" does not exist', "42P01", 'relation "orders"'),
        ("no customer secret", "P0001", "a function raised an exception"),
    ],
)
def test_a_refusal_is_told_without_values(message: str, sqlstate: str, told: str) -> None:
    found = without_values(message, sqlstate)
    assert found.endswith(told) or told in found
    assert "secret" not in found
    assert "2026" not in found
    assert "e4" not in found


@pytest.mark.parametrize(
    "text",
    [
        "SELEC 'canary'",
        "SELECT 'canary",
        "SELECT $$canary",
        "SELECT 1 /* canary",
        "SELECT (4711 'canary' /* canary */ -- canary",
        "DO $$BEGIN PERFORM find('canary', 4711); END$$",
        "DO 'BEGIN PERFORM 4711; -- canary'",
        "CALL p('canary', 4711)",
        "EXECUTE p('canary')",
        "SELECT 'can' \n 'ary' \n 'canary'",
        "SELECT U&'canary' UESCAPE '!', E'canary', N'canary' LIMIT 4711",
        "COPY t TO '/tmp/canary' WITH (DELIMITER 'c')",
        "CREATE TABLE a AS SELECT 'canary' FROM t",
        "EXPLAIN SELECT 'canary'",
    ],
)
def test_no_statement_is_shown_with_a_value(text: str) -> None:
    for one in analyse(text):
        shown = f"{one.sql} {one.reason}"
        assert "canary" not in shown
        assert "4711" not in shown


def test_a_block_is_shown_with_its_words() -> None:
    (one,) = analyse("DO $x$BEGIN PERFORM lower('a'); END$x$")
    assert one.sql == "DO $x$BEGIN PERFORM lower(?); END$x$"
    assert text_without_values("a  b") == "a b"
