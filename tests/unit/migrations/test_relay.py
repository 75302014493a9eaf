"""What a client sends, read message by message."""

from __future__ import annotations

import struct

import pytest

from pytest_planguard.migrations.sources.relay import Client
from pytest_planguard.migrations.sources.spoken import Spoken, one_after_the_other

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
    client = Client(1, lambda one: heard.append((one.connection, one.text)))
    assert client.took(START) == (START, b"")
    return client


def test_encryption_is_declined_and_the_start_handed_on(heard):
    client = Client(1, heard.append)
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


def test_binary_values_of_unknown_types_are_left_out(client, heard):
    client.took(message(b"P", b"s\0SELECT $1\0\0\0"))
    client.took(bind(b"\0\0\0\1", formats=(1,)))
    assert heard == [(1, "SELECT $1")]


def test_binary_values_are_read_by_the_types_the_client_names(client, heard):
    types = struct.pack("!HII", 2, 23, 25)
    client.took(message(b"P", b"s\0SELECT $1, $2\0" + types))
    client.took(bind(b"\0\0\0\x07", b"it's", formats=(1, 0)))
    assert heard == [(1, "SELECT 7, 'it''s'")]


def test_binary_values_are_read_by_the_types_the_server_tells(client, heard):
    client.took(message(b"P", b"s\0SELECT $1\0\0\0") + message(b"D", b"Ss\0"))
    client.answered(message(b"t", struct.pack("!HI", 1, 20)))
    client.took(bind(b"\0" * 7 + b"\x07", formats=(1,)))
    assert heard == [(1, "SELECT 7")]


def test_types_asked_for_in_vain_are_no_other_statements(client, heard):
    client.took(message(b"P", b"bad\0SELEC\0\0\0") + message(b"D", b"Sbad\0"))
    client.answered(message(b"E", b"SERROR\0\0"))
    client.took(message(b"P", b"s\0SELECT $1\0\0\0") + message(b"D", b"Ss\0"))
    client.answered(message(b"t", struct.pack("!HI", 1, 21)))
    client.took(bind(b"\0\x07", formats=(1,)))
    assert heard == [(1, "SELECT 7")]


def test_values_are_put_in_once_and_never_into_strings(client, heard):
    text = b"UPDATE t SET a = $1, note = 'costs $1', b = $2 WHERE c = $2"
    client.took(message(b"P", b"s\0" + text + b"\0\0\0"))
    client.took(bind(b"$2 or more", b"x$1"))
    assert heard == [
        (1, "UPDATE t SET a = '$2 or more', note = 'costs $1', b = 'x$1' WHERE c = 'x$1'")
    ]


READY, ERROR = message(b"Z", b"I"), message(b"E", b"SERROR\0\0")


def done(tag: bytes) -> bytes:
    return message(b"C", tag + b"\0")


@pytest.fixture
def spoken():
    return []


@pytest.fixture
def talk(spoken):
    client = Client(1, spoken.append)
    client.took(START)
    client.answered(READY)
    return client


def test_what_the_server_refuses_is_known(talk, spoken):
    for text, answer in (
        (b"CREATE TABLE t ()", done(b"CREATE TABLE")),
        (b"CREATE TABLE t ()", ERROR),
        (b"DROP TABLE t", done(b"DROP TABLE")),
    ):
        talk.took(message(b"Q", text + b"\0"))
        for half in (answer[:3], answer[3:] + READY):
            talk.answered(half)
    assert [one.refused for one in spoken] == [False, True, False]
    assert spoken[2].tag == "DROP TABLE"


def test_behind_an_error_nothing_is_carried_out_until_the_next_sync(talk, spoken):
    sync = message(b"S", b"")
    talk.took(message(b"P", b"s\0SELECT 1\0\0\0"))
    talk.took(bind() + bind() + bind() + sync + bind() + sync)
    talk.answered(done(b"SELECT 1") + ERROR + READY + done(b"SELECT 1") + READY)
    assert [one.refused for one in spoken] == [False, True, True, False]


def said(*texts: tuple[int, str]) -> list[str]:
    return one_after_the_other(Spoken(number, text) for number, text in texts)


def test_transactions_of_two_connections_stand_one_after_the_other():
    assert said(
        (1, "BEGIN"), (1, "ALTER TABLE a ADD b int"), (2, "BEGIN; CREATE TABLE c ()"),
        (2, "COMMIT"), (1, "COMMIT"), (2, "CREATE INDEX CONCURRENTLY i ON a (b)"),
    ) == [
        "BEGIN", "CREATE TABLE c ()", "COMMIT",
        "BEGIN", "ALTER TABLE a ADD b int", "COMMIT",
        "CREATE INDEX CONCURRENTLY i ON a (b)",
    ]  # fmt: skip


def test_settings_are_a_connections_own():
    assert said(
        (1, "SET lock_timeout = '1s'"), (2, "DROP TABLE a"), (1, "DROP TABLE b")
    ) == [
        "SET lock_timeout = '1s'", "RESET lock_timeout", "DROP TABLE a",
        "SET lock_timeout = '1s'", "DROP TABLE b",
    ]  # fmt: skip


def test_what_was_refused_is_left_out_and_a_commit_that_rolled_back_is_one():
    spoken = [
        Spoken(1, "BEGIN"), Spoken(1, "CREATE TABLE t ()", refused=True),
        Spoken(1, "COMMIT", tag="ROLLBACK"), Spoken(1, "CREATE TABLE u ()"),
    ]  # fmt: skip
    assert one_after_the_other(spoken) == ["BEGIN", "ROLLBACK", "CREATE TABLE u ()"]


def test_transactions_that_never_ended_come_last():
    assert said((1, "BEGIN"), (2, "BEGIN"), (3, "DROP TABLE a")) == [
        "DROP TABLE a", "BEGIN", "ROLLBACK", "BEGIN",
    ]  # fmt: skip
