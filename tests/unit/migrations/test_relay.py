"""What a client sends, read message by message."""

from __future__ import annotations

import struct

import pytest

from pytest_planguard.migrations.sources.relay import Client

START = struct.pack("!II", 8, 196608)


def message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


def bind(*values: bytes | None, formats: tuple[int, ...] = ()) -> bytes:
    parts = [struct.pack("!H", len(formats)), *(struct.pack("!H", one) for one in formats)]
    parts.append(struct.pack("!H", len(values)))
    parts += [
        struct.pack("!i", -1 if value is None else len(value)) + (value or b"") for value in values
    ]
    return message(b"B", b"\0s\0" + b"".join(parts) + struct.pack("!H", 0))


@pytest.fixture
def heard():
    return []


@pytest.fixture
def client(heard):
    client = Client(1, lambda number, text: heard.append((number, text)))
    assert client.took(START) == (START, b"")
    return client


def test_encryption_is_declined_and_the_start_handed_on(heard):
    client = Client(1, lambda *said: heard.append(said))
    assert client.took(struct.pack("!II", 8, 80877103)) == (b"", b"N")
    assert client.took(START) == (START, b"")


def test_a_query_is_heard_however_it_is_cut(client, heard):
    data = message(b"Q", b"SELECT 1\0")
    for cut in (data[:3], data[3:9], data[9:]):
        assert client.took(cut) == (cut, b"")
    assert heard == [(1, "SELECT 1")]


def test_a_prepared_statement_is_heard_with_its_values(client, heard):
    text = b"UPDATE t SET a = $1, b = $2 WHERE c = $10"
    client.took(message(b"P", b"s\0" + text + b"\0\0\0"))
    values = [b"it's", None, *[b"x"] * 7, b"ten"]
    client.took(bind(*values))
    assert heard == [(1, "UPDATE t SET a = 'it''s', b = NULL WHERE c = 'ten'")]


def test_binary_values_are_left_out(client, heard):
    client.took(message(b"P", b"s\0SELECT $1\0\0\0"))
    client.took(bind(b"\0\0\0\1", formats=(1,)))
    assert heard == [(1, "SELECT $1")]


def test_values_are_put_in_once_and_never_into_strings(client, heard):
    text = b"UPDATE t SET a = $1, note = 'costs $1', b = $2 WHERE c = $2"
    client.took(message(b"P", b"s\0" + text + b"\0\0\0"))
    client.took(bind(b"$2 or more", b"x$1"))
    assert heard == [
        (1, "UPDATE t SET a = '$2 or more', note = 'costs $1', b = 'x$1' WHERE c = 'x$1'")
    ]
