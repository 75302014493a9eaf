"""What an application leaves behind, heard from the libraries themselves.

The application's ``main`` is the test; ``over()`` says that the test and its fixtures are.
"""

from __future__ import annotations

from collections.abc import Callable
from textwrap import dedent

import pytest

from pytest_planguard.model.capture import Capture
from pytest_planguard.model.connections import UNBOUNDED, Hold, Maker, Per

_OVER = """
import gc
from __main__ import recorder
from pytest_planguard.model.statement import Phase

def over(*, passed=True):
    recorder.holdings.look("test_app.py::test_app", passed=passed)
    gc.collect()
    recorder.holdings.settle()
    recorder.enter("test_app.py::test_app", Phase.CALL)
"""


@pytest.fixture
def heard(capture_of: Callable[..., Capture]) -> Callable[..., Capture]:
    """What is heard of an application that has ``over()``."""

    def run(app: str, **library: str) -> Capture:
        source = f"from over import over\n{dedent(app).strip()}\n"
        return capture_of(source, library={"over": _OVER, **library})

    return run


def found(capture: Capture) -> list[tuple[Hold, str, Maker]]:
    assert capture.notes == ()
    return sorted((one.hold, one.origin.function, one.maker) for one in capture.held)


_RAW = {
    "psycopg": """
        import psycopg
        kept = []
        def begin(url):
            connection = psycopg.connect(url)
            connection.execute("SELECT 'begun'")
            kept.append(connection)
        def end():
            connection = kept.pop()
            connection.commit()
            connection.execute("SELECT 1")
            connection.rollback()
            return connection
        def again(connection):
            connection.execute("SELECT 1")
    """,
    "psycopg2": """
        import psycopg2
        kept = []
        def begin(url):
            connection = psycopg2.connect(url)
            connection.cursor().execute("SELECT 'begun'")
            kept.append(connection)
        def end():
            connection = kept.pop()
            connection.commit()
            connection.cursor().execute("SELECT 1")
            connection.rollback()
            return connection
        def again(connection):
            connection.cursor().execute("SELECT 'begun'")
    """,
    "asyncpg": """
        import asyncio, asyncpg
        kept = []
        loop = asyncio.new_event_loop()
        def begin(url):
            kept.append(loop.run_until_complete(began(url)))
        async def began(url):
            connection = await asyncpg.connect(url)
            await connection.execute("BEGIN")
            await connection.fetch("SELECT 'begun'")
            return connection
        def end():
            connection = kept.pop()
            loop.run_until_complete(connection.execute("ROLLBACK"))
            return connection
        def again(connection):
            loop.run_until_complete(connection.execute("BEGIN"))
    """,
}


@pytest.mark.parametrize("driver", _RAW)
def test_a_transaction_on_a_connection_of_the_applications_is_left_open_or_not(
    driver: str, heard: Callable[..., Capture]
) -> None:
    capture = heard(
        dedent(_RAW[driver])
        + dedent("""
            def main(url):
                begin(url)
                over(passed=False)
                assert recorder.take().held == ()
                connection = end()
                over()
                assert recorder.take().held == ()
                again(connection)
                over()
                kept.append(connection)
            from __main__ import recorder
        """)
    )
    (one,) = capture.held
    assert one.hold is Hold.TRANSACTION
    assert one.origin.function == "again"
    assert (one.maker, one.test) == (driver, "test_app.py::test_app")


_MAKE = {
    "psycopg": "psycopg.connect(url)",
    "psycopg2": "psycopg2.connect(url)",
    "asyncpg": "run(asyncpg.connect(url))",
}
_ASK = {
    "psycopg": 'connection.execute("SELECT 1")',
    "psycopg2": 'connection.cursor().execute("SELECT 1")',
    "asyncpg": 'run(connection.execute("BEGIN"))',
}


@pytest.mark.parametrize("driver", _RAW)
def test_a_transaction_on_a_fixtures_connection_is_the_fixtures(
    driver: str, heard: Callable[..., Capture]
) -> None:
    """Though it is the application's statement that begins it, and its helper that connects."""
    capture = heard(
        f"""
        import asyncio, {driver}
        from pytest_planguard.model.statement import Phase
        from __main__ import recorder
        run = asyncio.new_event_loop().run_until_complete
        kept = []
        def connect(url):
            return {_MAKE[driver]}
        def ask(connection):
            {_ASK[driver]}
        def main(url):
            recorder.enter("test_app.py::test_app", Phase.SETUP)
            kept.append(connect(url))
            recorder.enter("test_app.py::test_app", Phase.CALL)
            ask(kept[0])
            over()
            assert recorder.holdings.watch(kept[0]).is_in_transaction
        """
    )
    assert found(capture) == []


def test_connections_of_psycopgs_pools_are_given_back_or_not(heard: Callable[..., Capture]) -> None:
    capture = heard(
        """
        import asyncio
        from psycopg_pool import AsyncConnectionPool, ConnectionPool, NullConnectionPool
        kept = []
        def make(url):
            return ConnectionPool(url, min_size=1, max_size=3, open=True, reset=lambda _: None)
        def good(pool):
            with pool.connection() as connection:
                connection.execute("SELECT 1")
            pool.putconn(pool.getconn())
        def bad(pool):
            pool.getconn().execute("SELECT 1")
        async def bad_too(url):
            pool = AsyncConnectionPool(url, min_size=1, max_size=2, open=False)
            await pool.open()
            async with pool.connection() as connection:
                await connection.execute("SELECT 1")
            kept.append(await pool.getconn())
            await pool.close()
        def main(url):
            NullConnectionPool(url, open=False)
            pool = make(url)
            good(pool)
            over()
            bad(pool)
            asyncio.run(bad_too(url))
            over()
            pool.close()
            asyncio.run(kept.pop().close())
        """
    )
    assert found(capture) == [
        (Hold.CONNECTION, "bad", Maker.PSYCOPG_POOL),
        (Hold.CONNECTION, "bad_too", Maker.PSYCOPG_POOL),
    ]
    pools = {(one.kind, one.most, one.origin.function) for one in capture.pools}
    assert pools == {
        ("ConnectionPool", 3, "make"),
        ("AsyncConnectionPool", 2, "bad_too"),
        ("NullConnectionPool", UNBOUNDED, "main"),
    }
    assert len({one.database for one in capture.pools}) == 1
    assert {one.origin.function for one in capture.opened} == {"make", "bad_too"}


def test_connections_of_asyncpgs_pools_are_given_back_or_not(heard: Callable[..., Capture]) -> None:
    capture = heard(
        """
        import asyncio, asyncpg
        kept = []
        async def good(pool):
            async with pool.acquire() as connection, connection.transaction():
                await connection.fetch("SELECT 1")
            await pool.fetch("SELECT 2")
        async def bad(pool):
            connection = await pool.acquire()
            await connection.fetch("SELECT 1")
            kept.append(connection)
        async def run(url, work):
            pool = await asyncpg.create_pool(
                url, min_size=1, max_size=3, command_timeout=5,
                server_settings={"idle_in_transaction_session_timeout": "60s"},
            )
            kept.append(pool)
            await work(pool)
            await asyncio.wait_for(pool.close(), 5) if work is good else None
        def main(url):
            asyncio.run(run(url, good))
            over()
            asyncio.run(run(url, bad))
            over()
        """
    )
    assert found(capture) == [(Hold.CONNECTION, "bad", Maker.ASYNCPG_POOL)]
    assert [(one.most, one.maker) for one in capture.pools] == [(3, Maker.ASYNCPG_POOL)]
    (opened,) = capture.opened
    assert opened.timeouts == ("idle_in_transaction_session_timeout", "statement_timeout")
    assert opened.database == capture.pools[0].database


def test_a_task_that_goes_on_may_give_its_connection_back(heard: Callable[..., Capture]) -> None:
    capture = heard(
        """
        import asyncio, asyncpg, threading
        from psycopg_pool import ConnectionPool
        from __main__ import recorder
        async def listens(pool, ready):
            connection = await pool.acquire()
            ready.set()
            await asyncio.sleep(60)
        async def run(url):
            pool, ready = await asyncpg.create_pool(url, min_size=1, max_size=1), asyncio.Event()
            task = asyncio.create_task(listens(pool, ready))
            await ready.wait()
            over()
            task.cancel()
            pool.terminate()
        def works(pool, taken, end):
            connection = pool.getconn()
            taken.set()
            end.wait(30)
            pool.putconn(connection)
        def main(url):
            asyncio.run(run(url))
            pool = ConnectionPool(url, min_size=1, max_size=1, open=True)
            taken, end = threading.Event(), threading.Event()
            thread = threading.Thread(target=works, args=(pool, taken, end))
            thread.start()
            taken.wait(30)
            over()
            end.set()
            thread.join()
            pool.close()
        """
    )
    assert found(capture) == []


def test_connections_of_engines_are_given_back_collected_or_kept(
    heard: Callable[..., Capture],
) -> None:
    capture = heard(
        """
        import asyncio
        from sqlalchemy import create_engine, event, make_url, text
        from sqlalchemy.ext.asyncio import create_async_engine
        from sqlalchemy.orm import Session
        from sqlalchemy.pool import NullPool, StaticPool
        kept = []
        def make(url, **more):
            engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"), **more)
            @event.listens_for(engine, "connect")
            def limit(connection, _):
                connection.execute("SET statement_timeout = '5s'")
            return engine
        def good(engine):
            with engine.begin() as connection:
                connection.execute(text("SELECT 1"))
        def dropped(engine):
            engine.connect().execute(text("SELECT 1"))
        def bad(engine):
            kept.append(engine.connect())
            kept[-1].execute(text("SELECT 1"))
        def mapped(engine):
            kept.append(Session(engine))
            kept[-1].execute(text("SELECT 1"))
        async def bad_too(url):
            engine = create_async_engine(make_url(url).set(drivername="postgresql+asyncpg"),
                pool_size=2, max_overflow=-1)
            async with engine.connect() as connection:
                await connection.execute(text("SELECT 1"))
            await engine.dispose()
            kept.append(await engine.connect())
        def main(url):
            make(url, poolclass=NullPool), make(url, poolclass=StaticPool)
            engine = make(url, pool_size=3, max_overflow=1)
            for work in (good, dropped, mapped):
                work(engine)
                over()
            engine.dispose()
            bad(engine)
            asyncio.run(bad_too(url))
            over()
        """
    )
    assert found(capture) == [
        (Hold.CONNECTION, "bad", Maker.SQLALCHEMY),
        (Hold.CONNECTION, "bad_too", Maker.SQLALCHEMY),
    ]
    pools = {(one.kind, one.most, one.origin.function) for one in capture.pools}
    assert pools == {
        ("QueuePool", 4, "make"),
        ("NullPool", UNBOUNDED, "make"),
        ("StaticPool", 1, "make"),
        ("AsyncAdaptedQueuePool", UNBOUNDED, "bad_too"),
    }
    opened = {(one.origin.function, one.timeouts) for one in capture.opened}
    assert opened == {("make", ("statement_timeout",)), ("bad_too", ())}


def test_a_transaction_that_a_fixture_began_above_the_driver_is_the_fixtures(
    heard: Callable[..., Capture],
) -> None:
    """The driver itself begins it with the application's first statement."""
    capture = heard(
        """
        from sqlalchemy import create_engine, make_url, text
        from pytest_planguard.model.statement import Phase
        from __main__ import recorder
        kept = []
        def connected(url):
            return create_engine(make_url(url).set(drivername="postgresql+psycopg")).connect()
        def main(url):
            recorder.enter("test_app.py::test_app", Phase.SETUP)
            connection = connected(url)
            kept.append(connection.begin())
            recorder.enter("test_app.py::test_app", Phase.CALL)
            connection.execute(text("SELECT 1"))
            over()
        """
    )
    assert found(capture) == []


def test_djangos_connections_are_the_settings(heard: Callable[..., Capture], tmp_path) -> None:
    capture = heard(
        """
        import os, sys
        from pathlib import Path
        SETTINGS = '''
        import os
        DATABASES = {"default": {
            "ENGINE": "django.db.backends.postgresql", "NAME": os.environ["NAME"],
            "USER": os.environ["USER_"], "HOST": os.environ["HOST"], "PORT": os.environ["PORT_"],
            "OPTIONS": {"options": "-c statement_timeout=5s"},
        }}
        USE_TZ = True  # without it Django 4.2 warns
        '''
        def close_month(transaction, connection):
            transaction.set_autocommit(False)
            connection.cursor().execute("SELECT 1")
        def in_block(transaction, connection):
            block = transaction.atomic()
            block.__enter__()
            connection.cursor().execute("SELECT 1")
            return block
        def main(url):
            import psycopg, textwrap
            Path("project_settings.py").write_text(textwrap.dedent(SETTINGS))
            known = psycopg.conninfo.conninfo_to_dict(url)
            os.environ.update(NAME=known["dbname"], USER_=known.get("user", ""),
                HOST=known.get("host", ""), PORT_=str(known.get("port", "")),
                DJANGO_SETTINGS_MODULE="project_settings")
            import django
            django.setup()
            from django.db import connection, transaction
            block = in_block(transaction, connection)
            over()
            block.__exit__(None, None, None)
            close_month(transaction, connection)
            over()
            transaction.rollback()
            connection.close()
        """
    )
    assert found(capture) == [(Hold.TRANSACTION, "close_month", Maker.DJANGO)]
    (pool,) = capture.pools
    assert (pool.per, pool.origin.file, pool.origin.line) == (Per.THREAD, "project_settings.py", 3)
    assert [(one.origin, one.timeouts) for one in capture.opened] == [
        (pool.origin, ("statement_timeout",))
    ]


def test_a_bug_in_what_hears_pools_never_reaches_the_application(
    heard: Callable[..., Capture],
) -> None:
    heard(
        """
        import asyncio, asyncpg
        from pathlib import Path
        from psycopg_pool import AsyncConnectionPool, ConnectionPool
        from sqlalchemy import create_engine, make_url, text
        from pytest_planguard.capture.files import Files
        from pytest_planguard.capture.listening import listen
        from pytest_planguard.capture.origin import OriginFinder
        from pytest_planguard.capture.recorder import Recorder
        from pytest_planguard.model.statement import Phase
        from __main__ import listening

        def odd(*_, **__):
            return 1 / 0

        def pooled(url):
            with ConnectionPool(url, min_size=1, max_size=1, open=True) as pool:
                with pool.connection() as connection:
                    return connection.execute("SELECT 1").fetchall()

        async def awaited(url):
            pool = AsyncConnectionPool(url, min_size=1, max_size=1, open=False)
            async with pool, pool.connection() as connection:
                return await (await connection.execute("SELECT 1")).fetchall()

        async def acquired(url):
            async with asyncpg.create_pool(url, min_size=1, max_size=1) as pool:
                async with pool.acquire() as connection, connection.transaction():
                    return [tuple(row) for row in await connection.fetch("SELECT 1")]

        def mapped(url):
            engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
            with engine.begin() as connection:
                found = connection.execute(text("SELECT 1")).all()
            engine.dispose()
            return [tuple(row) for row in found]

        WAYS = pooled, lambda url: asyncio.run(awaited(url)), (
            lambda url: asyncio.run(acquired(url))), mapped
        HEARD = {
            "built": WAYS, "lent": WAYS, "returned": WAYS[:3], "made": WAYS, "mark": WAYS,
        }

        def main(url):
            listening.stop()
            for name, ways in HEARD.items():
                for way in ways:
                    recorder = Recorder(OriginFinder(Files(Path.cwd())))
                    recorder.enter("t::a", Phase.CALL)
                    again = listen(recorder)
                    setattr(recorder.holdings, name, odd)
                    assert way(url) == [(1,)], (name, way)
                    again.stop()
                    assert type(recorder.failure) is ZeroDivisionError, (name, way)
        """
    )
