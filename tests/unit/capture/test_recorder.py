from __future__ import annotations

import os
import signal
import sys
import threading
import tracemalloc
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from typing import Any

import pytest

from pytest_planguard.capture import recorder as module
from pytest_planguard.capture.connection import ConnectionParameters
from pytest_planguard.capture.files import Files
from pytest_planguard.capture.origin import OriginFinder, Site
from pytest_planguard.capture.places import Moment
from pytest_planguard.capture.recorder import Annotation, Recorder
from pytest_planguard.capture.tally import Tally
from pytest_planguard.model.statement import Layer, Origin, Phase, Session

SHOP = ConnectionParameters({"dbname": "shop", "user": "me", "password": "secret"})


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    return Recorder(OriginFinder(Files(tmp_path)))


def send(recorder: Recorder, text: str, value: str | None = None, **facts: bool) -> None:
    session = recorder.session("psycopg", SHOP)
    types = (25,) if value else ()
    params = [value.encode()] if value else None
    recorder.record(text.encode(), types, params, [0] if value else None, session, **facts)


def test_a_statement_counts_for_the_test_and_phase_it_was_sent_in(recorder: Recorder) -> None:
    send(recorder, "SELECT 1")
    recorder.enter("t::a", Phase.SETUP)
    send(recorder, "SELECT 1")
    recorder.enter("t::a", Phase.CALL)
    send(recorder, "SELECT 1")
    recorder.enter("t::a", Phase.CALL)
    send(recorder, "SELECT 1")
    (statement,) = recorder.take().statements
    assert [(place.test, place.phase, place.executions) for place in statement.places] == [
        ("", Phase.OUTSIDE, 1),
        ("t::a", Phase.CALL, 2),
        ("t::a", Phase.SETUP, 1),
    ]


def test_taking_starts_to_count_again(recorder: Recorder) -> None:
    send(recorder, "SELECT 1")
    assert len(recorder.take().statements) == 1
    assert recorder.take().statements == ()
    send(recorder, "SELECT 1")
    assert recorder.take().statements[0].executions == 1


def test_kinds_of_sending_stay_apart(recorder: Recorder) -> None:
    send(recorder, "SELECT 1")
    send(recorder, "SELECT 1", many=True)
    send(recorder, "SELECT 1", stream=True)
    assert [(item.many, item.stream) for item in recorder.take().statements] == [
        (False, False),
        (False, True),
        (True, False),
    ]


def test_sessions_are_one_object_by_value(recorder: Recorder) -> None:
    one = recorder.session("psycopg", SHOP, search_path="a")
    assert recorder.session("psycopg", SHOP, search_path="a") is one
    assert recorder.session("psycopg", SHOP, search_path="b") is not one


def test_threads_lose_no_count(recorder: Recorder) -> None:
    def work() -> None:
        for number in range(500):
            send(recorder, "SELECT $1", str(number))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (statement,) = recorder.take().statements
    assert statement.executions == 2000


def test_what_is_sent_again_is_counted_by_its_line_and_phase(tmp_path: Path) -> None:
    app = tmp_path / "app.py"
    app.write_text("def ask(send):\n    send()\ndef other(send):\n    send()\n")
    names: dict[str, Any] = {"__name__": "app"}
    exec(compile(app.read_text(), str(app), "exec"), names)
    recorder = Recorder(OriginFinder(Files(tmp_path)))
    recorder.origins.passed.add(__file__)  # the driver of this test
    session = recorder.session("psycopg", SHOP)
    key, answers = (b"SELECT 1", (), id(session), False, False), []

    def send() -> None:
        answers.append(recorder.record_again(key, None, None, sys._getframe()))
        if not answers[-1]:
            recorder.record(b"SELECT 1", (), None, None, session)

    for name in ("ask", "ask", "other", "ask"):
        names[name](send)
    recorder.enter("t::a", Phase.CALL)
    names["ask"](send)
    (statement,) = recorder.take().statements
    names["ask"](send)
    assert [(place.test, place.origin.line, place.executions) for place in statement.places] == [
        ("", 2, 3),
        ("t::a", 2, 1),
        ("", 4, 1),
    ]
    assert answers == [False, True, False, True, True, False]


def test_what_the_suite_sends_again_is_counted_by_all_its_frames(tmp_path: Path) -> None:
    """A helper of the suite stands innermost, but the application may have called it."""
    sources = {
        "app.py": "def ask(helper, send):\n    helper(send)\n",
        "test_a.py": (
            "def helper(send):\n    send()\n"
            "def test_one(app, helper, send):\n    helper(send)\n"
            "def test_other(app, helper, send):\n    app(helper, send)\n"
        ),
    }
    names: dict[str, Any] = {}
    for file, source in sources.items():
        (tmp_path / file).write_text(source)
        exec(compile(source, str(tmp_path / file), "exec"), names)
    recorder = Recorder(OriginFinder(Files(tmp_path)))
    recorder.origins.passed.add(__file__)  # the driver of this test
    session = recorder.session("psycopg", SHOP)
    key, answers = (b"SELECT 1", (), id(session), False, False), []

    def send() -> None:
        answers.append(recorder.record_again(key, None, None, sys._getframe()))
        if not answers[-1]:
            recorder.record(b"SELECT 1", (), None, None, session)

    for name in ("test_one", "test_other", "test_one", "test_other"):
        names[name](names["ask"], names["helper"], send)
    (statement,) = recorder.take().statements
    assert [
        (place.origin.file, place.origin.function, place.executions, place.origin.layer)
        for place in statement.places
    ] == [
        ("app.py", "ask", 2, Layer.APPLICATION),
        ("test_a.py", "helper", 2, Layer.TEST),
    ]
    assert answers == [False, False, True, True]


def test_phases_that_are_over_take_little() -> None:
    tally, site = Tally(), Site(Origin("db.py", 2, "run"))
    session = Session(database="shop", driver="psycopg")
    key = (b"SELECT 1", (), id(session), False, False)
    moments = [Moment("t::a", Phase.CALL) for _ in range(20_000)]
    tracemalloc.start()
    try:
        for moment in moments:
            tally.count(key, session, site, moment, None, None, repeated=False)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 20_000 * 40
    (statement,) = tally.statements()
    assert [place.executions for place in statement.places] == [20_000]


def test_a_disabled_recorder_listens_only_for_watchers(recorder: Recorder) -> None:
    assert recorder.listening
    recorder.enable(on=False)
    assert not recorder.listening
    with recorder.watched_by(Tally()):
        assert recorder.listening
    assert not recorder.listening


def test_what_planguard_asks_itself_is_not_counted_and_other_threads_are(
    recorder: Recorder,
) -> None:
    told: list[str] = []
    recorder.before_drop = told.append
    send(recorder, "SELECT 'met before'")
    with ThreadPoolExecutor(1) as thread, recorder.paused():
        with recorder.paused():
            send(recorder, "SELECT 'ours'")
        send(recorder, "DROP TABLE ours")
        send(recorder, "SELECT 'met before'")
        thread.submit(copy_context().run, send, recorder, "SELECT 'ours, elsewhere'").result()
        for text in ("SELECT 'theirs'", "SELECT 'met before'", "DROP TABLE theirs"):
            thread.submit(send, recorder, text).result()
    send(recorder, "SELECT 'met before'")
    taken = recorder.take()
    assert {one.text: one.executions for one in taken.statements} == {
        "SELECT 'met before'": 3,
        "SELECT 'theirs'": 1,
    }
    assert [one.text for one in taken.ddl] == ["DROP TABLE theirs"]
    assert told == ["shop"]


def test_a_line_that_sends_again_in_another_thread_is_counted_meanwhile(
    recorder: Recorder,
) -> None:
    session = recorder.session("psycopg", SHOP)
    key = (b"SELECT 1", (), id(session), False, False)

    def again() -> None:
        if not recorder.record_again(key, None, None, sys._getframe()):
            recorder.record(b"SELECT 1", (), None, None, session)

    again()
    with ThreadPoolExecutor(1) as thread, recorder.paused():
        again()
        thread.submit(again).result()
    (statement,) = recorder.take().statements
    assert statement.executions == 2


def test_a_failed_recorder_never_listens_again(recorder: Recorder) -> None:
    recorder.fail("driver", ValueError("odd"))
    recorder.enable(on=True)
    with recorder.paused():
        pass
    assert not recorder.listening
    taken = recorder.take()
    assert taken.notes == ("capture was switched off: driver: ValueError",)  # "odd" may be a value
    assert taken.interrupted == "capture was switched off"


def test_a_watcher_hears_what_is_not_captured(recorder: Recorder) -> None:
    recorder.enable(on=False)
    tally = Tally()
    with recorder.watched_by(tally):
        send(recorder, "SELECT 1")
        send(recorder, "SELECT 1")
    assert tally.statements()[0].executions == 2
    assert recorder.take().statements == ()


def test_schema_changes_are_remembered_once_by_text(recorder: Recorder) -> None:
    send(recorder, "CREATE TABLE a ()")
    state = recorder.schemas["shop"]
    assert state.grown
    state.grown = False
    send(recorder, "CREATE TABLE a ()")
    assert not state.grown
    assert [item.text for item in recorder.take().ddl] == ["CREATE TABLE a ()"]


def test_dropping_is_told_before_it_happens(recorder: Recorder) -> None:
    told: list[str] = []
    recorder.before_drop = told.append
    send(recorder, "CREATE TABLE a ()")
    send(recorder, "DROP TABLE a")
    send(recorder, "DROP DATABASE other")
    assert told == ["shop", "other"]
    assert recorder.schemas["shop"].shrunk


def test_types_of_the_users_own_are_collected(recorder: Recorder) -> None:
    session = recorder.session("psycopg", SHOP)
    recorder.record(b"SELECT $1, $2", (23, 16_500), [b"1", b"x"], [0, 0], session)
    assert recorder.oids == {"shop": {16_500}}


def test_memory_has_a_limit_that_is_noted(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_TEXT_BYTES", 20)
    for number in range(9):
        send(recorder, f"SELECT {number}")
    capture = recorder.take()
    assert len(capture.statements) == 2
    assert "were not captured" in capture.notes[0]


def test_the_password_stays_in_memory(recorder: Recorder) -> None:
    send(recorder, "SELECT 1")
    assert recorder.take().databases["shop"].url == "postgresql://me@/shop"
    assert "secret" not in repr(recorder.databases)


def test_queries_of_one_line_are_told_apart_when_values_are_compared() -> None:
    tally, site, moment = Tally(), Site(Origin("db.py", 2, "run")), Moment("t::a", Phase.CALL)
    session = Session(database="shop", driver="psycopg")

    def count(text: str, value: bytes | None = None) -> None:
        key = (text.encode(), (), id(session), False, False)
        params = None if value is None else [value]
        tally.count(key, session, site, moment, params, None, repeated=False)

    for number in range(5):
        count("SELECT now()")
        count("SELECT * FROM item WHERE id = $1", b"%d" % number)
        count(f"SELECT * FROM sale WHERE id IN ({number}, 'x')")
    counts = {
        statement.text.split("WHERE")[0]: (place.executions, place.distinct)
        for statement in tally.statements()
        for place in statement.places
    }
    assert counts == {
        "SELECT now()": (5, 1),
        "SELECT * FROM item ": (5, 5),
        "SELECT * FROM sale ": (1, 5),  # the values stand in the text
    }


def test_a_phase_does_not_begin_while_a_statement_is_counted(recorder: Recorder) -> None:
    begun = threading.Event()

    def enter() -> None:
        recorder.enter("t::a", Phase.CALL)
        begun.set()

    with recorder._lock:
        thread = threading.Thread(target=enter)
        thread.start()
        assert not begun.wait(0.1)
    thread.join()
    assert begun.is_set()


def test_a_cursor_that_is_compared_by_value_is_annotated(recorder: Recorder) -> None:
    class Cursor:  # noqa: PLW1641 -- Python takes the hash away: that is the point
        def __eq__(self, other: object) -> bool:
            return True

    site = Site(Origin("app.py", 3, "ask"))
    one, other = Cursor(), Cursor()
    recorder.said[id(one)] = Annotation(site)
    session = recorder.session("psycopg", SHOP)
    for cursor in (one, other):
        recorder.record(b"SELECT 1", (), None, None, session, cursor=cursor)
    recorder.said.clear()
    (statement,) = recorder.take().statements
    assert [place.origin.file == "app.py" for place in statement.places].count(True) == 1
    assert statement.executions == 2


def guarded(recorder: Recorder, action: Callable[[], None]) -> None:
    """As all of our code runs in the application's calls."""
    try:
        action()
    except Exception as error:  # noqa: BLE001 -- as there
        recorder.fail("test", error)


def test_what_a_signals_handler_raises_in_our_code_reaches_the_application(
    recorder: Recorder,
) -> None:
    """As by ``signal.setitimer``: it is no bug of ours, and the capture goes on."""

    def handler(*_: object) -> None:
        raise TimeoutError("too long")

    def busy() -> None:
        while True:
            pass

    before = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        with pytest.raises(TimeoutError, match="too long") as caught:
            guarded(recorder, busy)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    trace = caught.value.__traceback__
    while trace.tb_next is not None:
        trace = trace.tb_next
    assert trace.tb_frame.f_code is handler.__code__
    assert recorder.failure is None
    assert recorder.listening


def test_an_error_of_ours_is_no_handlers_whatever_handlers_there_are(recorder: Recorder) -> None:
    recorder.fail("test", TimeoutError("ours"))
    assert isinstance(recorder.failure, TimeoutError)


def test_a_forked_child_waits_for_no_lock_of_a_thread_it_has_not(recorder: Recorder) -> None:
    held, over = threading.Event(), threading.Event()

    def hold() -> None:
        with recorder._lock:
            held.set()
            over.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(30)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python 3.12 and later warn where there are threads
        child = os.fork()
    if not child:
        signal.alarm(10)  # it would wait for ever
        recorder.enter("t::a", Phase.CALL)
        recorder.take()
        os._exit(0)
    over.set()
    thread.join()
    _, status = os.waitpid(child, 0)
    assert status == 0
