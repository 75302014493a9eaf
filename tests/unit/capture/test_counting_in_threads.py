"""Counting without the lock: whatever other threads do meanwhile, each execution counts once."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from pytest_planguard.capture import file, recorder, variety
from pytest_planguard.capture.connection import ConnectionParameters
from pytest_planguard.capture.files import Files
from pytest_planguard.capture.origin import OriginFinder
from pytest_planguard.capture.recorder import Recorder
from pytest_planguard.capture.redacting import Redactor
from pytest_planguard.model.capture import Capture
from pytest_planguard.model.redaction import Redaction
from pytest_planguard.model.statement import Phase

SHOP = ConnectionParameters({"dbname": "shop"})


class App:
    """An application of one line that sends, and a driver that listens as the real ones do."""

    def __init__(self, folder: Path, redactor: Redactor | None = None) -> None:
        self.recorder = Recorder(OriginFinder(Files(folder)), redactor)
        self.recorder.origins.passed.add(__file__)  # the driver
        self.recorder.enter("t::first", Phase.CALL)
        self.session = self.recorder.session("psycopg", SHOP)
        self.ways: Counter[str] = Counter()
        path = folder / "app.py"
        path.write_text("def ask(send, *given):\n    return send(*given)\n")
        names: dict[str, Any] = {"__name__": "app"}
        exec(compile(path.read_text(), str(path), "exec"), names)
        self._ask: Callable[..., str] = names["ask"]

    def ask(self, text: bytes, value: bytes | None = None) -> str:
        """Sends, and gives the way it was heard."""
        return self._ask(self._send, text, value)

    def warm(self, text: bytes) -> int:
        """Sends until counting is quick; how often that was."""
        for number in range(1, 1_000):
            if self.ask(text) == "quick":
                return number
        raise AssertionError("it is never quick")

    def _send(self, text: bytes, value: bytes | None) -> str:
        types = () if value is None else (25,)
        params = None if value is None else [value]
        recorder, frame = self.recorder, sys._getframe()
        line = recorder.recent.get((text, types))
        quick = recorder.hastens and line is not None and line.session is self.session
        if quick and recorder.is_again(line, 0) and recorder.count_known(line, params, None):
            return "quick"
        key = text, types, id(self.session), False, False
        if recorder.record_again(key, params, None, frame):
            return "again"
        recorder.record(text, types, params, None, self.session)
        return "new"


@pytest.fixture
def app(tmp_path: Path) -> App:
    return App(tmp_path)


@pytest.fixture
def often_in_turns() -> Iterator[None]:
    """Threads take turns as often as CPython can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def executions(captures: Sequence[Capture]) -> Counter[str]:
    """By text, as whoever reads the files counts them."""
    counts: Counter[str] = Counter()
    for capture in captures:
        read = file.decode(file.encode(capture), "a.json.gz")
        assert read == capture
        for statement in read.statements:
            counts[statement.text] += statement.executions
    return counts


def test_threads_lose_no_count_while_tests_begin_and_captures_are_taken(
    app: App, often_in_turns: None
) -> None:
    threads, turns, texts = 6, 4_000, (b"SELECT 1", b"SELECT 2", b"SELECT $1::text")
    captures: list[Capture] = []
    ways: list[Counter[str]] = [Counter() for _ in range(threads)]

    def work(number: int) -> None:
        for turn in range(turns):
            text = texts[turn % 3]
            value = b"%d %d" % (number, turn) if b"$" in text else None
            ways[number][app.ask(text, value)] += 1
            if number == 0 and turn % 400 == 0:
                app.recorder.enter(f"t::test_{turn}", Phase.CALL)
            if number == 1 and turn % 1_000 == 0:
                captures.append(app.recorder.take())

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    captures.append(app.recorder.take())
    assert executions(captures) == {
        text.decode(): threads * len(range(first, turns, 3)) for first, text in enumerate(texts)
    }
    if app.recorder.hastens:
        assert sum(ways, Counter())["quick"] > threads * turns / 4


def test_what_is_sent_while_a_line_changes_its_counter_is_counted(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As another thread would between any two steps."""
    sent = app.warm(b"SELECT 1")
    (line,) = app.recorder.recent.values()
    tally = app.recorder._tally
    counter, heard = tally.counter, []

    def meanwhile(*given: Any) -> Any:
        heard.append(app.recorder.count_known(line, None, None))
        made = counter(*given)
        heard.append(app.recorder.count_known(line, None, None))
        return made

    def ask() -> None:
        nonlocal frame
        frame = sys._getframe()
        app.recorder.record_again(line.key, None, None, frame)

    frame: Any = None
    monkeypatch.setattr(tally, "counter", meanwhile)
    app.recorder.enter("t::second", Phase.CALL)
    app._ask(ask)
    assert heard == [False, False]  # the line's own way would count it now
    (statement,) = app.recorder.take().statements
    assert [(place.test, place.executions) for place in statement.places] == [
        ("t::first", sent),
        ("t::second", 1),
    ]


def test_a_line_that_was_looked_up_before_a_capture_is_taken_counts_in_the_next(app: App) -> None:
    sent = app.warm(b"SELECT 1")
    (line,) = app.recorder.recent.values()
    (statement,) = app.recorder.take().statements

    def late() -> bool:
        return app.recorder.count_known(line, None, None)

    assert app._ask(late) is False
    assert (statement.executions, app.ask(b"SELECT 1")) == (sent, "new")


def test_without_a_lock_of_the_interpreter_counting_takes_ours(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: False, raising=False)
    app.recorder.enable(on=True)
    assert {app.ask(b"SELECT 1") for _ in range(200)} == {"new", "again"}
    assert Recorder(app.recorder.origins).hastens is False
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: True)
    app.recorder.enable(on=True)
    assert app.ask(b"SELECT 1") == "quick"


def test_what_is_sent_while_rows_put_aside_are_added_is_counted(app: App) -> None:
    """As another thread would where it gets its turn, which is at a call."""
    sent = app.warm(b"SELECT 1")
    (line,) = app.recorder.recent.values()

    class Rows(list[Any]):
        def __len__(self) -> int:
            assert app.recorder.count_known(line, None, None)
            return super().__len__()

    app.recorder.count_later(line, b"SELECT 1", (), Rows([(), ()]))
    assert executions([app.recorder.take()]) == {"SELECT 1": sent + 3}


def test_what_is_sent_while_kinds_of_session_are_given_up_is_counted(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As above: counters are closed then, and nobody would look at them again."""
    sent = app.warm(b"SELECT 1")
    (line,) = app.recorder.recent.values()
    close, heard = app.recorder._tally._close, []

    def meanwhile() -> None:
        close()
        heard.append(app.recorder.count_known(line, None, None))

    def other_tenant(number: int) -> None:
        settings = (("app.tenant", str(number)),)
        session = app.recorder.session("psycopg", SHOP, settings=settings)
        app.recorder.record(b"SELECT 2", (), None, None, session)

    app._ask(other_tenant, 0)
    monkeypatch.setattr(app.recorder._tally, "_close", meanwhile)
    for number in range(1, variety.MOST_WAYS + 1):
        app._ask(other_tenant, number)
    assert heard
    assert not any(heard)
    monkeypatch.undo()
    assert executions([app.recorder.take()])["SELECT 1"] == sent


def test_no_value_goes_past_a_redactor_before_the_first_test_either(tmp_path: Path) -> None:
    app = App(tmp_path, Redactor(Redaction(("users.email",))))
    text = b"SELECT 1 FROM users WHERE email = $1::text"
    assert {app.ask(text, b"%d@b.example" % number) for number in range(200)} == {"new", "again"}
    (statement,) = app.recorder.take().statements
    assert statement.executions == 200
    assert "example" not in str(statement.samples)


def test_texts_that_were_put_aside_are_bounded_as_others_are(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = app.warm(b"SELECT 1")
    (line,) = app.recorder.recent.values()
    monkeypatch.setattr(recorder, "MAX_TEXT_BYTES", len(b"SELECT 1"))
    for number in range(100):
        app.recorder.count_later(line, b"SELECT now(), %d" % number, (), [()])
    capture = app.recorder.take()
    assert executions([capture]) == {"SELECT 1": sent}
    assert capture.notes
