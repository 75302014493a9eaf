"""Which calls of the suite's led to a statement, where its stack does not say."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio.from_thread
import anyio.to_thread
import greenlet
import pytest

from pytest_planguard.capture.files import Files
from pytest_planguard.capture.origin import OriginFinder
from pytest_planguard.capture.suite_calls import SuiteCall, SuiteCalls

APP = """
async def find(seen, *_):
    seen()

async def find_all(seen, *_):
    for _ in range(3):
        await find(seen)

def find_now(seen, *_):
    seen()

def find_all_now(seen, *_):
    for _ in range(3):
        find_now(seen)
"""

TESTS = """
async def test_lines(app, seen):
    await app.find(seen)
    await app.find(seen)

async def test_loop(app, seen):
    for _ in range(2):
        await app.find(seen)

def test_once(call):
    call()
    call()

def test_loop_of_calls(call):
    for _ in range(2):
        call()
"""

LIBRARY = """
async def serve(handle, seen):
    for _ in range(2):
        await handle(seen)

async def respond(handle, seen):
    await handle(seen)

def serve_now(handle, seen):
    for _ in range(2):
        handle(seen)
"""


class Suite(SimpleNamespace):
    """Modules of a project, and the calls that were seen."""

    app: Any
    tests: Any
    library: Any
    calls: SuiteCalls
    seen: list[SuiteCall | None]
    see: Callable[[], None]


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    calls = OriginFinder(Files(tmp_path)).suite_calls
    seen: list[SuiteCall | None] = []

    def load(path: str, source: str) -> SimpleNamespace:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source)
        names: dict[str, Any] = {"__name__": file.stem}
        exec(compile(source, str(file), "exec"), names)
        return SimpleNamespace(**names)

    return Suite(
        app=load("app.py", APP),
        tests=load("test_app.py", TESTS),
        library=load("lib/site-packages/library.py", LIBRARY),
        calls=calls,
        seen=seen,
        see=lambda: seen.append(calls.of(sys._getframe(1))),
    )


def run(*made: Awaitable[Any]) -> None:
    async def all_of_them() -> None:
        await asyncio.gather(*made)

    asyncio.run(all_of_them())


def test_each_task_is_a_call_of_its_own(suite: Suite) -> None:
    run(*(suite.app.find(suite.see) for _ in range(5)))
    assert None not in suite.seen
    assert len(set(suite.seen)) == len(suite.seen) == 5


def test_what_one_task_repeats_is_one_call(suite: Suite) -> None:
    run(suite.app.find_all(suite.see), suite.library.respond(suite.app.find_all, suite.see))
    assert None not in suite.seen
    assert [suite.seen.count(call) for call in dict.fromkeys(suite.seen)] == [3, 3]


def test_a_task_that_serves_one_request_after_another_is_not_known(suite: Suite) -> None:
    run(suite.library.serve(suite.app.find, suite.see))
    assert suite.seen == [None, None]


def test_an_asynchronous_test_is_told_by_its_lines(suite: Suite) -> None:
    run(suite.tests.test_lines(suite.app, suite.see))
    assert None not in suite.seen
    assert len(set(suite.seen)) == 2
    run(suite.tests.test_loop(suite.app, suite.see))
    assert suite.seen[2:] == [None, None]


def test_nobody_knows_which_calls_led_to_a_thread(suite: Suite) -> None:
    thread = threading.Thread(target=suite.app.find_now, args=(suite.see,))
    thread.start()
    thread.join()
    assert suite.seen == [None]


def test_each_piece_of_work_of_a_pool_is_a_call_of_its_own(suite: Suite) -> None:
    with ThreadPoolExecutor(1) as pool:
        list(pool.map(suite.app.find_all_now, [suite.see] * 3))
        pool.submit(suite.library.serve_now, suite.app.find_now, suite.see).result()
    assert [suite.seen.count(call) for call in dict.fromkeys(suite.seen)] == [3, 3, 3, 2]
    assert suite.seen[-2:] == [None, None]
    assert None not in suite.seen[:-2]


def test_each_call_of_a_synchronous_endpoint_is_one(suite: Suite) -> None:
    """As FastAPI and Starlette run them, with a client that has its loop in another thread."""

    async def request() -> None:
        await anyio.to_thread.run_sync(suite.app.find_all_now, suite.see)

    with anyio.from_thread.start_blocking_portal() as portal:
        for _ in range(2):
            portal.call(request)
    assert [suite.seen.count(call) for call in dict.fromkeys(suite.seen)] == [3, 3]
    assert None not in suite.seen


def test_what_was_handed_to_a_thread_decides_there(suite: Suite) -> None:
    """A test that loops is not told from one that does not by the work alone."""
    suite.calls._handed = lambda: SimpleNamespace(call=None)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(suite.app.find_now, suite.see).result()
    assert suite.seen == [None]


def test_the_calls_of_a_greenlet_are_its_parents(suite: Suite) -> None:
    def call() -> None:
        greenlet.greenlet(suite.app.find_now).switch(suite.see)

    suite.tests.test_once(call)
    suite.tests.test_loop_of_calls(call)
    assert None not in suite.seen[:2]
    assert len(set(suite.seen[:2])) == 2
    assert suite.seen[2:] == [None, None]
