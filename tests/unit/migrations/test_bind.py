"""Binary values of parameters, as text that a server reads the same."""

from __future__ import annotations

import datetime as dt
import decimal
import struct
import uuid

import psycopg
import pytest
from psycopg.adapt import Transformer
from psycopg.types.json import Jsonb

from pytest_planguard.migrations.sources.bind import with_values


def message(value: bytes | None, code: int = 1) -> bytes:
    length = -1 if value is None else len(value)
    return struct.pack("!HHHi", 1, code, 1, length) + (value or b"")


def dumped(value: object) -> tuple[bytes, int]:
    """As psycopg sends it, with its type."""
    dumper = Transformer().get_dumper(value, psycopg.adapt.PyFormat.BINARY)
    return bytes(dumper.dump(value)), dumper.oid


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        (70_000, "70000"),
        (2**40, str(2**40)),
        (1.5, "1.5"),
        (True, "true"),
        (decimal.Decimal("12.30"), "12.30"),
        (uuid.UUID(int=1), "'00000000000000000000000000000001'::uuid"),
        (dt.date(2026, 10, 1), "'2026-10-01'::date"),
        (b"\x00\xff", "'\\x00ff'::bytea"),
        (Jsonb({"a": "it's"}), """'{"a": "it''s"}'"""),
        ([1, 2], "'{1,2}'::int2[]"),
    ],
)
def test_a_value_in_binary_form_is_written_as_a_literal(value, literal):
    data, oid = dumped(value)
    assert with_values("SELECT $1", message(data), [oid]) == f"SELECT {literal}"


def test_an_enum_or_citext_sends_its_text_and_what_is_none_stays_a_parameter():
    assert with_values("SELECT $1", message(b"d'accord"), [16_500]) == "SELECT 'd''accord'"
    assert with_values("SELECT $1", message(b"\0\0\1\xff"), [16_501]) == "SELECT $1"
    assert with_values("SELECT $1", message(b"\0\0\0\1"), [16_502]) == "SELECT $1"


@pytest.mark.parametrize("types", [[], [0], [6_000], [23]])
def test_what_cannot_be_read_stays_a_parameter(types):
    assert with_values("SELECT $1", message(b"\x80"), types) == "SELECT $1"


def test_null_has_no_form():
    assert with_values("SELECT $1", message(None), [23]) == "SELECT NULL"


def test_without_codes_every_value_is_text():
    bound = struct.pack("!HHi", 0, 1, 1) + b"7"
    assert with_values("SELECT $1", bound, [23]) == "SELECT '7'"
