import datetime as dt
import ipaddress
import uuid
from decimal import Decimal

import pytest
from psycopg.adapt import PyFormat, Transformer

from pytest_planguard.planner.binary import text_of


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5, "5"),
        (-100_000, "-100000"),
        (10**12, "1000000000000"),
        (10**20, "100000000000000000000"),
        (1.5, "1.5"),
        (True, "true"),
        (b"ab", "\\x6162"),
        (dt.date(2026, 11, 21), "2026-11-21"),
        (dt.datetime(1999, 12, 31, 23, 59, 59, 5), "1999-12-31 23:59:59.000005"),
        (dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "2026-01-01 00:00:00+00"),
        (dt.timedelta(days=2, seconds=3), "0 months 2 days 3000000 microseconds"),
        (uuid.UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        (ipaddress.ip_address("10.0.0.1"), "10.0.0.1/32"),
    ],
)
def test_what_psycopg_sends_in_binary_is_read(value, text):
    transformer = Transformer()
    (raw,) = transformer.dump_sequence([value], [PyFormat.BINARY])
    assert transformer.types is not None
    assert text_of(bytes(raw), transformer.types[0]) == text


@pytest.mark.parametrize("value", ["0", "-1.5", "12345.6789", "1e10", "0.000001", "NaN"])
def test_numerics_are_read(value):
    transformer = Transformer()
    (raw,) = transformer.dump_sequence([Decimal(value)], [PyFormat.BINARY])
    text = text_of(bytes(raw), 1700)
    assert text is not None
    assert Decimal(text) == Decimal(value) or value == text == "NaN"


def test_what_cannot_be_read_is_none():
    assert text_of(b"\x00", 603) is None
    assert text_of(b"\x00", 701) is None
