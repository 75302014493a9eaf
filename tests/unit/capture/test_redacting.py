"""What must not be kept is gone before anything is kept, however a run is split."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import pytest

from pytest_planguard.capture import file, redacting
from pytest_planguard.capture.connection import ConnectionParameters
from pytest_planguard.capture.files import Files
from pytest_planguard.capture.merge import merge
from pytest_planguard.capture.origin import OriginFinder
from pytest_planguard.capture.recorder import Recorder
from pytest_planguard.capture.redacting import Redactor
from pytest_planguard.model.capture import Capture
from pytest_planguard.model.redaction import Redaction
from pytest_planguard.model.statement import Phase, Statement

SHOP = ConnectionParameters({"dbname": "shop"})
FIND = b"SELECT id FROM users WHERE email = $1 AND age > $2 AND name LIKE $3"
WHO = Redaction(("users.email",))


class Sender:
    """Sends as a driver does.

    Args:
        root: Of the project.
        redaction: As configured.
    """

    def __init__(self, root: Path, redaction: Redaction = WHO) -> None:
        self.recorder = Recorder(OriginFinder(Files(root)), Redactor(redaction))
        self.recorder.enter("t::a", Phase.CALL)

    def send(
        self,
        text: bytes,
        *values: bytes | None,
        types: tuple[int, ...] | None = None,
        binary: tuple[int, ...] = (),
        settings: tuple[tuple[str, str], ...] = (),
    ) -> None:
        session = self.recorder.session("psycopg", SHOP, settings=settings)
        formats = [int(n in binary) for n in range(len(values))]
        types = (0,) * len(values) if types is None else types
        self.recorder.record(text, types, values or None, formats, session)

    def only(self) -> Statement:
        (statement,) = merge([self.recorder.take()]).statements
        return statement


@pytest.fixture
def sender(tmp_path: Path) -> Sender:
    return Sender(tmp_path)


def test_values_of_a_column_become_stand_ins_and_are_marked(sender: Sender) -> None:
    sender.send(FIND, b"ada@x.org", b"36", b"Ada%")
    statement = sender.only()
    assert statement.text == FIND.decode()
    assert [one.values for one in statement.samples] == [("redacted", "36", "Ada%")]
    assert statement.redacted == (1,)


def test_nothing_else_is_touched(sender: Sender) -> None:
    sender.send(b"SELECT 'ada@x.org' FROM orders WHERE id = $1", b"5")
    statement = sender.only()
    assert (statement.text, statement.redacted) == (
        "SELECT 'ada@x.org' FROM orders WHERE id = $1",
        (),
    )
    assert statement.samples[0].values == ("5",)


def test_a_binary_value_becomes_a_text(sender: Sender) -> None:
    text = b"UPDATE users SET email = $1 WHERE id = $2"
    sender.send(text, b"\0\0\0\7", b"\0\0\0\7", types=(23, 23), binary=(0, 1))
    (sample,) = sender.only().samples
    assert (sample.values, sample.binary) == (("30011", "00000007"), (1,))


def test_null_stays_null(sender: Sender) -> None:
    sender.send(FIND, None, b"36", None)
    assert sender.only().samples[0].values == (None, "36", None)


def test_the_same_long_value_elsewhere_is_hidden_too(sender: Sender) -> None:
    text = b"UPDATE users SET email = $1, note = $2, age = $3, size = $4 WHERE id = 1"
    sender.send(text, b"ada@x.org", b"ada@x.org", b"36", b"36")
    assert sender.only().samples[0].values == ("redacted", "redacted", "36", "36")


def test_texts_that_differ_in_hidden_values_only_are_one_statement(sender: Sender) -> None:
    for name in ("ada", "bob", "eve"):
        sender.send(f"SELECT id FROM users WHERE email = '{name}@x.org'".encode())
    statement = sender.only()
    assert statement.text == "SELECT id FROM users WHERE email = 'redacted'"
    assert statement.executions == 3


def test_values_a_client_wrote_into_the_text_are_hidden_in_both_alike(sender: Sender) -> None:
    text = b"SELECT id FROM users WHERE email = 'ada@x.org' AND born = '1815-12-10'::date"
    sender.send(text, b"'ada@x.org'", b"'1815-12-10'::date", types=())
    statement = sender.only()
    assert statement.text.endswith("email = 'redacted' AND born = '1815-12-10'::date")
    assert statement.samples[0].values == ("'redacted'", "'1815-12-10'::date")


def test_a_text_nobody_can_read_keeps_neither_values_nor_literals(sender: Sender) -> None:
    sender.send(b"SELEC $1, 'ada', $$eve$$, 4711, \"x\" -- bob", b"ada", b"5")
    statement = sender.only()
    assert statement.text.split() == [
        "SELEC",
        "$1,",
        "'redacted',",
        "'redacted',",
        "0,",
        "'redacted'",
    ]
    assert statement.samples[0].values == ("redacted", "30012")
    assert statement.redacted == (1, 2)


def test_what_an_expression_finds_is_hidden_wherever_it_stands(tmp_path: Path) -> None:
    sender = Sender(tmp_path, Redaction((), (r"@x\.org",)))
    sender.send(b"SELECT login($1, $2)", b"ada@x.org", b"5")
    assert sender.only().samples[0].values == ("redacted", "5")


def test_custom_settings_are_columns_too(tmp_path: Path) -> None:
    sender = Sender(tmp_path, Redaction(("app.user",), ("^tok_",)))
    settings = (
        ("app.key", "tok_1"),
        ("app.user", "42"),
        ("app.zone", "north"),
        ("work_mem", "4MB"),
    )
    sender.send(b"SELECT id FROM orders", settings=settings)
    assert sender.only().session.settings == {
        "app.key": "redacted",
        "app.user": "30011",
        "app.zone": "north",
        "work_mem": "4MB",
    }


def test_scripts_that_make_tables_lose_their_rows_values(sender: Sender) -> None:
    sender.send(b"CREATE TABLE users (email text); INSERT INTO users (email) VALUES ('ada@x.org')")
    (ddl,) = sender.recorder.take().ddl
    assert ddl.text.endswith("VALUES ('redacted')")


def test_passwords_of_roles_are_never_kept(tmp_path: Path) -> None:
    recorder = Recorder(OriginFinder(Files(tmp_path)))
    session = recorder.session("psycopg", SHOP)
    for text in (
        b"CREATE ROLE \"a'b\" LOGIN PASSWORD 'hunter2' /* hunter2 */",
        b"ALTER  USER me WITH PASSWORD $$hunter2$$",
        b"CREATE USER MAPPING FOR me SERVER s OPTIONS (user 'x', password 'hunter2')",
        b"CREATE SUBSCRIPTION s CONNECTION 'host=a password=hunter2' PUBLICATION p",
        b"CREATE TABLE t (a text DEFAULT 'kept')",
    ):
        recorder.record(text, (), None, None, session)
    kept = [one.text for one in recorder.take().ddl]
    assert len(kept) == 5
    assert not [text for text in kept if "hunter2" in text]
    assert kept[0].startswith("CREATE ROLE \"a'b\" LOGIN PASSWORD ''")
    assert kept[-1].endswith("'kept')")


def test_the_choice_of_values_does_not_depend_on_how_a_run_was_split(tmp_path: Path) -> None:
    rows = [(f"{n}@x.org".encode(), str(n % 500).encode(), b"a%") for n in range(3_000)]

    def captured(*parts: list[tuple[bytes, ...]]) -> bytes:
        captures: list[Capture] = []
        for part in parts:
            sender = Sender(tmp_path)
            for row in part:
                sender.send(FIND, *row)
            captures.append(sender.recorder.take())
        return msgspec.json.encode(merge(captures).statements)

    shuffled = random.Random(3).sample(rows, len(rows))
    whole = captured(rows)
    assert captured(shuffled[:1_000], shuffled[1_000:]) == whole
    assert whole.count(b'["redacted"') == 64


def test_a_test_that_watches_does_not_hold_it_either(sender: Sender) -> None:
    tally = sender.recorder.new_tally()
    with sender.recorder.watched_by(tally):
        sender.send(FIND, b"ada@x.org", b"36", b"Ada%")
    assert [one.values for one in tally.statements()[0].samples] == [("redacted", "36", "Ada%")]


def test_texts_are_not_held_twice(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redacting, "_HELD", 1_000)
    redactor = Redactor(WHO)
    for number in range(100):
        assert redactor.text(b"SELECT %d" % number) == f"SELECT {number}"
    assert sum(map(len, redactor._known)) <= 1_000


def test_no_file_holds_what_is_hidden(sender: Sender) -> None:
    sender.send(FIND, b"canary@x.org", b"36", b"Ada%")
    sender.send(b"SELECT 1 FROM users WHERE email = 'canary@x.org'")
    sender.send(b"SELECT 'canary@x.org")
    capture = merge([sender.recorder.take()])
    assert b"canary" not in msgspec.json.encode(capture)
    assert file.decode(file.encode(capture), "x") == capture
