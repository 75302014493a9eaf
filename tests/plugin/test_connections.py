"""What tests leave behind travels with the capture, alone and from workers."""

from __future__ import annotations

from fix_suite import Suite
from pytest_planguard.model.connections import UNBOUNDED, Hold

APP = """
from contextlib import asynccontextmanager, contextmanager
import psycopg
from psycopg_pool import ConnectionPool
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import Session

kept = {}

def record(url):
    if "raw" not in kept:
        kept["raw"] = psycopg.connect(url, options="-c statement_timeout=5s")
    kept["raw"].execute("SELECT 1")

def pool_of(url):
    return ConnectionPool(url, min_size=1, max_size=8, open=True)

def taken(pool):
    return pool.getconn()

@contextmanager
def lent(pool):
    with pool.connection() as connection:
        yield connection

def inner(pool):
    with pool.connection() as connection:
        connection.execute("SELECT 1")

def outer(pool):
    with pool.connection():
        inner(pool)

def mapped(engine):
    with Session(engine) as session:
        session.execute(text("SELECT 1"))
        ask(engine)

def engine_of(url):
    return create_engine(make_url(url).set(drivername="postgresql+psycopg"), max_overflow=-1)

def ask(engine):
    with engine.begin() as connection:
        return connection.execute(text("SELECT 1")).scalar_one()

async def inner_task(engine):
    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))

async def outer_task(engine):
    async with engine.connect():
        await inner_task(engine)

@asynccontextmanager
async def lent_to_task(engine):
    async with engine.connect() as connection:
        yield connection

def in_greenlet(connection):
    with connection.engine.connect() as other:
        other.execute(text("SELECT 1"))

def keep(engine):
    kept["connection"] = engine.connect()

def drop(engine):
    cycle = [engine.connect()]
    cycle.append(cycle)
"""

TESTS = """
import asyncio, os
import app, psycopg, pytest
URL = os.environ["URL"]

@pytest.fixture(scope="module")
def pool():
    with app.pool_of(URL) as pool:
        lent = app.taken(pool)
        yield pool
        pool.putconn(lent)

@pytest.fixture
def given_back():
    taken = []
    yield taken
    for pool, connection in taken:
        pool.putconn(connection)

@pytest.fixture(scope="module")
def engine():
    engine = app.engine_of(URL)
    yield engine
    engine.dispose()

def test_a_read_begins_a_transaction():
    app.record(URL)

def test_one_is_not_given_back(pool):
    app.taken(pool)

def test_the_fixture_gives_it_back(pool, given_back):
    given_back.append((pool, app.taken(pool)))

@pytest.mark.xfail
def test_that_fails_is_cut_short(pool):
    app.taken(pool)
    raise RuntimeError

def test_two_are_taken_in_one_call(pool):
    app.outer(pool)

def test_two_are_taken_in_two_calls(pool):
    with app.lent(pool):
        app.inner(pool)
    app.inner(pool)

def test_two_are_taken_in_a_loop_of_the_suites(pool, given_back):
    for _ in range(2):
        given_back.append((pool, app.taken(pool)))

def test_a_session_and_another_one(bounded):
    app.mapped(bounded)

@pytest.fixture
def bounded():
    engine = app.create_engine(app.make_url(URL).set(drivername="postgresql+psycopg"))
    yield engine
    engine.dispose()

def asynchronously(work):
    async def run():
        engine = app.create_async_engine(app.make_url(URL).set(drivername="postgresql+psycopg"))
        await work(engine)
        await engine.dispose()
    asyncio.run(run())

def test_two_are_taken_in_one_call_of_a_task():
    asynchronously(app.outer_task)

def test_two_are_taken_in_two_calls_of_a_task():
    async def work(engine):
        async with app.lent_to_task(engine) as connection:
            await connection.run_sync(app.in_greenlet)
            await app.inner_task(engine)
    asynchronously(work)

def test_the_suite_takes_one(engine):
    engine.connect()
    assert app.ask(engine) == 1

def test_one_is_kept(engine):
    app.keep(engine)

def test_one_is_dropped(engine):
    app.drop(engine)
"""


def test_what_passing_tests_leave_behind_is_captured_with_its_line(suite: Suite) -> None:
    suite.write(app=APP, test_app=TESTS)
    suite.run("--planguard").assert_outcomes(passed=12, xfailed=1)
    capture = suite.judged
    assert capture.notes == ()
    assert [(one.hold, one.origin.function, one.test) for one in capture.held] == [
        (Hold.CONNECTION, "taken", "test_app.py::test_one_is_not_given_back"),
        (Hold.CONNECTION, "keep", "test_app.py::test_one_is_kept"),
        (Hold.NESTED, "inner", "test_app.py::test_two_are_taken_in_one_call"),
        (Hold.NESTED, "ask", "test_app.py::test_a_session_and_another_one"),
        (Hold.NESTED, "inner_task", "test_app.py::test_two_are_taken_in_one_call_of_a_task"),
        (Hold.TRANSACTION, "record", "test_app.py::test_a_read_begins_a_transaction"),
    ]
    assert [(one.origin.function, one.most) for one in capture.pools] == [
        ("pool_of", 8),
        ("engine_of", UNBOUNDED),
    ]
    opened = [(one.origin.function, one.timeouts) for one in capture.opened]
    assert [one for one in opened if "task" not in one[0] and "greenlet" not in one[0]] == [
        ("record", ("statement_timeout",)),
        ("pool_of", ()),
        ("engine_of", ()),
    ]
