"""Of ever new kinds of session a few are kept, whatever the order they came in."""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from pytest_planguard.capture.connection import ConnectionParameters
from pytest_planguard.capture.files import Files
from pytest_planguard.capture.merge import merge
from pytest_planguard.capture.origin import OriginFinder
from pytest_planguard.capture.recorder import Recorder
from pytest_planguard.capture.variety import MANY_KINDS, MOST_KINDS, MOST_VALUES, kept
from pytest_planguard.model.capture import Capture
from pytest_planguard.model.statement import Phase, Session
from pytest_planguard.sql.normalise import queries

SHOP = ConnectionParameters({"dbname": "shop"})
ROOT = Path("/nowhere")

Way = tuple[str | None, str | None]
"""A search_path, and the value of app.tenant."""


def capture_of(sent: Sequence[Way], *, test: str = "t::a") -> Capture:
    """What is captured of one statement sent in these sessions, each with a value of its own."""
    recorder = Recorder(OriginFinder(Files(ROOT)))
    recorder.enter(test, Phase.CALL)
    for path, tenant in sent:
        settings = (("app.tenant", tenant),) if tenant is not None else ()
        session = recorder.session("psycopg", SHOP, search_path=path, settings=settings)
        value = f"{path} {tenant}".encode()
        recorder.record(b"SELECT * FROM item WHERE a = $1", (25,), [value], [0], session)
    return recorder.take()


def ways(capture: Capture) -> list[tuple[Way, int]]:
    return [
        ((item.session.search_path, item.session.settings.get("app.tenant")), item.executions)
        for item in capture.statements
    ]


PATHS: list[Way] = [(f"tenant_{n:03}", None) for n in range(200)]
TENANTS: list[Way] = [(None, f"{n:03}") for n in range(200)]


@pytest.mark.parametrize(
    ("sent", "most", "notes"),
    [(PATHS, MOST_KINDS, (MANY_KINDS,)), (TENANTS, MOST_VALUES, ())],
)
def test_the_first_by_name_are_kept_and_the_rest_counts_with_the_first_of_them(
    sent: list[Way], most: int, notes: tuple[str, ...]
) -> None:
    for seed in range(5):
        shuffled = random.Random(seed).sample(sent * 3, len(sent) * 3)
        capture = capture_of(shuffled)
        assert ways(capture) == [
            (way, 3 if number else 3 + 3 * (len(sent) - most))
            for number, way in enumerate(sent[:most])
        ]
        assert [len(item.samples) for item in capture.statements] == [1] * most
        assert capture.notes == notes


def test_few_kinds_are_all_kept_and_nothing_is_said() -> None:
    sent = [("a", None), ("b", None), ("a", "1"), ("a", "2"), (None, None)]
    capture = capture_of(sent * 2)
    assert len(capture.statements) == 5
    assert {count for _, count in ways(capture)} == {2}
    assert capture.notes == ()


def test_planner_settings_are_never_given_up() -> None:
    sessions = [
        Session("shop", "psycopg", f"tenant_{n}", settings={"work_mem": f"{n}MB"})
        for n in range(50)
    ]
    recorder = Recorder(OriginFinder(Files(ROOT)))
    for session in sessions:
        made = recorder.session(
            "psycopg", SHOP, search_path=session.search_path,
            settings=tuple(session.settings.items()),
        )  # fmt: skip
        recorder.record(b"SELECT 1", (), None, None, made)
    assert len(recorder.take().statements) == 50


def test_values_do_not_crowd_out_another_choice_of_settings() -> None:
    session = Session("shop", "psycopg")
    many = [msgspec.structs.replace(session, settings={"app.a": str(n)}) for n in range(50)]
    other = msgspec.structs.replace(session, settings={"app.b": "x"})
    assert kept([*many, other, session]) == [session, *many[:2], many[10], other]


def test_shards_keep_what_one_run_keeps() -> None:
    sent = random.Random(3).sample([*PATHS, *TENANTS], 400)
    whole = capture_of(sent)
    parts = [capture_of(sent[:90]), capture_of(sent[90:100]), capture_of(sent[100:])]
    merged = merge(parts)
    assert merge(parts[::-1]) == merged
    assert [way for way, _ in ways(merged)] == [way for way, _ in ways(whole)]
    assert merged.notes == whole.notes == (MANY_KINDS,)
    assert queries(merged) == queries(whole)


def test_what_was_given_up_still_counts_on_its_line(tmp_path: Path) -> None:
    """The quick way holds counters of statements that are given up meanwhile."""
    app = tmp_path / "app.py"
    app.write_text("def ask(send, *way):\n    send(*way)\n")
    names: dict[str, object] = {"__name__": "app"}
    exec(compile(app.read_text(), str(app), "exec"), names)
    recorder = Recorder(OriginFinder(Files(tmp_path)))
    recorder.origins.passed.add(__file__)  # the driver of this test
    quick = 0

    def send(path: str) -> None:
        nonlocal quick
        session = recorder.session("psycopg", SHOP, search_path=path)
        key = (b"SELECT 1", (), id(session), False, False)
        if recorder.record_again(key, None, None, sys._getframe()):
            quick += 1
        else:
            recorder.record(b"SELECT 1", (), None, None, session)

    for _ in range(3):
        for number in range(100):
            names["ask"](send, f"tenant_{number}")  # type: ignore[operator]
    capture = recorder.take()
    assert sum(item.executions for item in capture.statements) == 300
    assert len(capture.statements) == MOST_KINDS
    assert quick > 0


def test_memory_does_not_grow_with_values_of_settings() -> None:
    recorder = Recorder(OriginFinder(Files(ROOT)))
    for number in range(12_000):
        session = recorder.session("psycopg", SHOP, settings=(("app.request", str(number)),))
        recorder.record(b"SELECT 1", (), None, None, session)
    assert len(recorder._sessions) <= 5_001
    assert len(recorder._tally.entries) <= 10_100
    (first, *_) = statements = recorder.take().statements
    assert len(statements) == MOST_VALUES
    assert first.session.settings == {"app.request": "0"}
    assert sum(item.executions for item in statements) == 12_000
