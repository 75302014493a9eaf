"""A bug in any function of ours that a driver's call leads to: the call ends as it would without.

The functions are found by running an application once; then each of them in turn raises when it is
called, whatever it stands in.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fix_drivers import Driven
from pytest_planguard.model.capture import Capture

MORE = {
    "psycopg": """
import psycopg
from psycopg import sql

def more(raw):
    cursor = psycopg.ClientCursor(raw)
    yield lambda: cursor.execute("SELECT %s", ["client"]).fetchall()
    yield lambda: list(raw.execute(sql.SQL("SELECT {}").format(sql.Literal(5))))
    yield lambda: copied(raw)
    yield lambda: named(raw)
    yield lambda: [raw.execute("SELECT %s", [n], prepare=True).fetchall() for n in range(3)]
    yield lambda: in_transaction(raw)

def copied(raw):
    with raw.cursor().copy("COPY (SELECT 1) TO STDOUT") as rows:
        return [bytes(row) for row in rows]

def named(raw):
    with raw.transaction(), raw.cursor(name="big") as cursor:
        return cursor.execute("SELECT %s", [1]).fetchall()

def in_transaction(raw):
    with raw.transaction():
        raw.execute("SET LOCAL work_mem = '4MB'")
        return raw.execute("SHOW work_mem").fetchall()
""",
    "psycopg2": """
import io
import psycopg2
from psycopg2 import extensions, extras, sql

class Mine(extensions.cursor):
    pass

def more(raw):
    cursor = raw.cursor(cursor_factory=Mine)
    query = sql.SQL("SELECT {} + %s").format(sql.Literal(5))
    yield lambda: cursor.execute(query, [1]) or cursor.fetchall()
    yield lambda: cursor.callproc("abs", [-4]) or cursor.fetchall()
    yield lambda: cursor.copy_expert("COPY (SELECT 1) TO STDOUT", io.StringIO())
    yield lambda: extras.execute_values(cursor, "SELECT * FROM (VALUES %s) AS t", [(1,), (2,)])
    yield lambda: extras.execute_batch(cursor, "SELECT %s", [(1,), (2,)], page_size=1)
    yield lambda: raw.cursor(None, lambda *given, **more: Mine(*given, **more)).execute("SELECT 1")
    yield lambda: other(raw)
    yield lambda: raw.reset()

def other(raw):
    made = psycopg2.connect(raw.dsn, connection_factory=lambda *given: Connection(*given))
    cursor = made.cursor()
    cursor.execute("SET work_mem = '4MB'")
    made.rollback()
    cursor.execute("SHOW work_mem")
    made.commit()
    made.close()
    return cursor.query

class Connection(extensions.connection):
    pass
""",
    "asyncpg": """
def more(raw):
    yield lambda: raw.execute("SELECT 1; SELECT 2")
    yield lambda: raw.fetchval("SELECT $1::int", 5)
    yield lambda: copied(raw)
    yield lambda: prepared(raw)

async def copied(raw):
    import io
    target = io.BytesIO()
    await raw.copy_from_query("SELECT $1::int", 5, output=target)
    return target.getvalue()

async def prepared(raw):
    statement = await raw.prepare("SELECT $1::int")
    async with raw.transaction():
        return [tuple(row) async for row in statement.cursor(7)]
""",
}

WORK = """
import functools, gc, inspect, linecache, sys, traceback
from pathlib import Path
from pytest_planguard.capture.files import Files
from pytest_planguard.capture.listening import listen
from pytest_planguard.capture.origin import OriginFinder
from pytest_planguard.capture.recorder import Recorder
from pytest_planguard.model.statement import Phase

async def outcome(action):
    try:
        found = action()
        return repr(await found if asyncio.iscoroutine(found) else found)
    except Exception as error:
        return type(error), str(error)

def basics(other):
    yield lambda: other.ask("SELECT $1::int + 1", 1)
    yield lambda: twice(other)
    yield lambda: other.ask("SELECT nothing")
    yield lambda: other.ask("SELECT set_config('app.tenant', $1::text, false)", "a")
    yield lambda: other.ask("CREATE TEMP TABLE planted (id int)")
    yield lambda: other.many("INSERT INTO planted VALUES ($1)", [(1,), (2,)])
    yield lambda: other.many("INSERT INTO planted VALUES ($1)", 5)
    yield lambda: other.ask("DROP TABLE planted")
    yield lambda: other.stream("SELECT n FROM generate_series(1, $1) AS n", 3)

async def twice(other):
    return [await other.ask("SELECT $1::text", value) for value in "xy"]

def unheard(other):
    yield lambda: other.ask("SET work_mem = '8MB'")
    yield lambda: other.many("SELECT $1::int", [(1,)])
    yield lambda: other.ask("SELECT $1::int", 1)

async def work(url, enable):
    other = await connect(url)
    found = [await outcome(action) for action in (*basics(other), *more(other.raw))]
    enable(on=False)
    found += [await outcome(action) for action in unheard(other)]
    enable(on=True)
    await other.close()
    return found

async def watched(url, tracer):
    recorder = Recorder(OriginFinder(Files(Path.cwd())))
    recorder.enter("test_app.py::test_app", Phase.CALL)
    listening = listen(recorder)
    sys.settrace(tracer)
    try:
        return await work(url, recorder.enable), recorder
    finally:
        sys.settrace(None)
        listening.stop()

async def functions(url):
    # code of ours that runs in the application's calls
    met = {}
    def tracer(frame, event, argument):
        code = frame.f_code
        if "pytest_planguard" in code.co_filename and code.co_qualname not in OUTSIDE:
            met[code] = None
    await watched(url, tracer)
    return list(met)

def planted(code):
    # where the function begins; in one that is a single try, inside of that
    guards = is_guard(code)

    def inside(frame, event, argument):
        line = linecache.getline(code.co_filename, frame.f_lineno).strip()
        if event == "line" and line != "try:":
            raise ZeroDivisionError("planted")
        return inside

    def tracer(frame, event, argument):
        if frame.f_code is not code:
            return None
        if guards:
            return inside
        raise ZeroDivisionError("planted")

    return tracer

def is_guard(code):
    lines = inspect.getsource(code).splitlines()
    words = [line.strip() for line in lines if not line.strip().startswith(("#", "nonlocal "))]
    end = next((n for n, line in enumerate(words) if line.endswith(":")), 0) + 1
    if words[end:] and words[end].startswith('\"\"\"'):
        while not words[end].endswith('\"\"\"'):
            end += 1
        end += 1
    return words[end : end + 1] == ["try:"]
"""

OUTSIDE = {
    "psycopg": {
        "Listener._execute_send.<locals>.execute_send",
        "Listener._send_query_prepared.<locals>.send_query_prepared",
        "Listener.wrap_command.<locals>.exec_command",
        "Listener.wrap_making.<locals>.made",
    },
    "psycopg2": {
        "Classes.wrap.<locals>.connect",
        "Classes.connection",
        "Classes.cursor",
        "Classes.adopt_cursor",
        "Classes._adopt",
        "_connection_class.<locals>.connection.cursor",
        "_cursor_class",
        "_execute.<locals>.execute",
        "_executemany.<locals>.executemany",
        "_heard_afterwards.<locals>.method",
        "_said.<locals>.method",
        "leave_no_trace",
        "_Rows._next",
        "marked.<locals>.paginate",
        "_Page.__init__",
        "Listener.listening",
    },
    "asyncpg": {
        "Listener.wrap.<locals>.send",
        "Listener.wrap_meeting.<locals>.set_connection",
        "Listener._bind_execute.<locals>.bind_execute",
        "Listener._prepared.<locals>.send",
    },
}
"""What stands between the application's call and the driver's, and does no more than call both."""

NOT_IN_A_CALL = {
    "Recorder.enable",
    "Recorder._decide",
    "_takes_turns",
    "ByIdentity.__setitem__.<locals>.forget",
    "Connections.add.<locals>.forget",
}
"""The first two are the plugin's to call; errors of weak references' callbacks reach nobody."""


ANSWERS = {
    "likeness_of",
    "stand_in",
    "Classes._subclass.<locals>.<lambda>",
    "Listener.after_execute",
    "sent_last",
    "text_of",
    "text_of.<locals>.<listcomp>",
    "<lambda>",
    "_utf8",
    "_writer",
    "written.<locals>.<listcomp>",
}
"""Their errors say that a class takes no subclass or has its own idea of what it sent, or that a
value's text is not known."""


@pytest.mark.parametrize("name", ["psycopg", "psycopg2", "asyncpg"])
def test_every_function_of_ours_may_fail(name: str, capture_of: Callable[..., Capture]) -> None:
    outside = OUTSIDE[name] | NOT_IN_A_CALL
    Driven(name, capture_of).run(
        """
        listening.stop()
        plain = await work(url, lambda on: None)
        caches = [one for one in gc.get_objects() if type(one) is functools._lru_cache_wrapper
                  and one.__module__.startswith("pytest_planguard.capture")]
        found = await functions(url)
        assert len(found) > 80, len(found)
        bad = []
        for code in found:
            for cache in caches:
                cache.cache_clear()
            ends, recorder = await watched(url, planted(code))
            differing = [pair for pair in zip(ends, plain) if pair[0] != pair[1]]
            note = f"capture was switched off: {driver.NAME}: ZeroDivisionError: planted"
            off = not recorder.listening and note in recorder.take().notes
            if differing or not (off or code.co_qualname in ANSWERS):
                bad.append((code.co_qualname, differing[:1], recorder.failure))
            if recorder.failure is not None:  # what it left half done is not closed in the next run
                traceback.clear_frames(recorder.failure.__traceback__)
        assert not bad, bad
        """,
        before=f"OUTSIDE, ANSWERS = {outside}, {ANSWERS}\n{MORE[name]}\n{WORK}",
    )
