"""What holds for every driver: it hears what it should, and nobody can tell that it does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fix_drivers import DRIVERS, Driven
from pytest_planguard.model.capture import Capture
from pytest_planguard.model.statement import Layer, Statement
from pytest_planguard.sql.normalise import queries

TESTS = Path(__file__).parents[1]


def only(capture: Capture, containing: str = "") -> Statement:
    found = [item for item in capture.statements if containing in item.text]
    assert len(found) == 1, [item.text for item in capture.statements]
    assert capture.notes == ()
    return found[0]


# It hears what it should


def test_text_types_values_line_and_test_are_heard(driven: Driven) -> None:
    capture = driven.run(
        "await find(connection)",
        before="""
        async def find(connection):
            return await connection.ask("SELECT $1::text, $2::int, $3::text", "a'b", 7, None)
        """,
    )
    statement = only(capture)
    assert statement.text == "SELECT $1::text, $2::int, $3::text"
    assert len(statement.parameter_types) == 3
    (sample,) = statement.samples
    assert (sample.values[0], sample.values[2]) == ("a'b", None)
    assert int(sample.values[1] or "", 16 if 1 in sample.binary else 10) == 7
    (place,) = statement.places
    assert (place.origin.file, place.origin.function) == ("app.py", "find")
    assert (place.origin.line, place.origin.layer) == (5, Layer.APPLICATION)
    assert place.test == "test_app.py::test_app"
    assert statement.session.driver == driven.module
    assert statement.session.search_path is None


def test_a_query_has_the_same_key_with_every_driver(capture_of: Callable[..., Capture]) -> None:
    keys = {
        name: {
            query.sql: query.key
            for query in queries(
                Driven(name, capture_of).run(
                    """
                    await connection.ask("CREATE TABLE IF NOT EXISTS item "
                        "(id int, price numeric, name text, at date, seen timestamptz)")
                    ask = connection.ask
                    await ask("SELECT * FROM item WHERE id = $1 AND price < $2", 7, Decimal("1.5"))
                    await ask("SELECT * FROM item WHERE name LIKE $1 AND at = $2", "5%", TODAY)
                    await ask("SELECT * FROM item WHERE seen > $1 LIMIT $2", NOW, 10)
                    await ask("SELECT * FROM item WHERE id = ANY($1)", [1, 2, 3])
                    await ask("SELECT * FROM item WHERE id = ANY($1)", [])
                    await ask("SELECT * FROM unnest($1::float8[], $2::bool[], $3::date[])",
                        [1.5, None], [True, False], [TODAY])
                    await ask("UPDATE item SET name = $1 WHERE id = $2", None, 3)
                    await connection.many("INSERT INTO item (id, name) VALUES ($1, $2)",
                        [(1, "x"), (100_000, None)])
                    """,
                    before="""
                    import datetime as dt
                    from decimal import Decimal
                    TODAY, NOW = dt.date(2026, 1, 2), dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
                    """,
                )
            )
        }
        for name in DRIVERS
    }
    assert len(keys["psycopg"]) == 7
    for name in DRIVERS:
        assert keys[name] == keys["psycopg"], name


def test_rows_of_many_count_once(driven: Driven) -> None:
    capture = driven.run("""
        await connection.ask("CREATE TABLE item (id int, name text)")
        for start in (0, 100):
            await connection.many(
                "INSERT INTO item VALUES ($1, $2)", ((start + n, "x") for n in range(20))
            )
        assert await connection.ask("SELECT count(*) FROM item") == [(40,)]
    """)
    statement = only(capture, "INSERT")
    assert (statement.many, statement.executions, len(statement.samples)) == (True, 2, 40)


def test_rows_nobody_holds_are_a_stream(driven: Driven) -> None:
    capture = driven.run("""
        found = await connection.stream("SELECT n FROM generate_series(1, $1) AS n", 100)
        assert len(found) == 100
    """)
    assert only(capture, "generate_series").stream


def test_a_statement_heard_often_is_one(driven: Driven) -> None:
    capture = driven.run("""
        for number in range(300):
            await connection.ask("SELECT $1::int", number)
    """)
    statement = only(capture)
    assert (statement.executions, len(statement.samples), len(statement.places)) == (300, 64, 1)


def test_threads_lose_no_count_and_keep_their_lines(driven: Driven) -> None:
    capture = driven.run(
        """
        import threading
        threads = [threading.Thread(target=work, args=(url,)) for _ in range(4)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        """,
        before="""
        async def ask(url):
            other = await connect(url)
            for number in range(50):
                await other.ask("SELECT 'threads', $1::int", number)
            await other.close()

        def work(url):
            asyncio.run(ask(url))
        """,
    )
    statement = only(capture, "threads")
    assert statement.executions == 200
    assert [place.origin.function for place in statement.places] == ["ask"]


def test_tasks_of_a_group_are_heard_each_by_its_line(driven: Driven) -> None:
    capture = driven.run(
        """
        async with asyncio.TaskGroup() as group:
            group.create_task(one(url))
            group.create_task(other(url))
        """,
        before="""
        async def one(url):
            connection = await connect(url)
            await connection.ask("SELECT 'one'")
            await connection.close()

        async def other(url):
            connection = await connect(url)
            await connection.ask("SELECT 'other'")
            await connection.close()
        """,
    )
    places = {item.text: item.places[0].origin.function for item in capture.statements}
    assert places == {"SELECT 'one'": "one", "SELECT 'other'": "other"}


def test_a_forked_child_records_nothing_and_disturbs_nothing(driven: Driven) -> None:
    capture = driven.run(
        """
        await connection.ask("SELECT 'parent'")
        context = multiprocessing.get_context("fork")
        child = context.Process(target=work, args=(url,))
        child.start()
        child.join()
        assert child.exitcode == 0
        await connection.ask("SELECT 'parent'")
        """,
        before="""
        import multiprocessing

        async def ask(url):
            other = await connect(url)
            await other.ask("SELECT 'child'")
            await other.close()

        def work(url):
            asyncio.events._set_running_loop(None)
            asyncio.run(ask(url))
            raise SystemExit(len(recorder.take().statements) != 1)
        """,
    )
    assert only(capture).executions == 2


def test_connections_of_planguard_are_not_heard(driven: Driven) -> None:
    capture = driven.run("""
        own = await connect(url, application_name="pytest-planguard")
        await own.ask("SELECT 1")
        await own.close()
    """)
    assert capture.statements == ()


def test_what_planguard_asks_itself_is_not_heard_and_other_threads_are(driven: Driven) -> None:
    capture = driven.run(
        """
        with recorder.paused():
            await connection.ask("SELECT 'ours'")
            await connection.many("SELECT $1::text", [("ours",)])
            thread = threading.Thread(target=lambda: asyncio.run(ask(url)))
            thread.start()
            thread.join()
        """,
        before="""
        import threading

        async def ask(url):
            other = await connect(url)
            await other.ask("SELECT 'theirs'")
            await other.ask("SELECT 'theirs'")
            await other.close()
        """,
    )
    assert only(capture).executions == 2


def test_control_statements_are_not_kept_and_ddl_is_apart(driven: Driven) -> None:
    capture = driven.run("""
        await connection.ask("SET TIME ZONE 'UTC'")
        await connection.ask("BEGIN")
        await connection.ask("CREATE TABLE item (id int)")
        await connection.ask("COMMIT")
    """)
    assert capture.statements == ()
    assert [item.text for item in capture.ddl] == ["CREATE TABLE item (id int)"]


def test_what_takes_tables_away_is_told_before_it_is_sent(driven: Driven) -> None:
    driven.run("""
        told = []
        observer = await connect(url, application_name="pytest-planguard")
        await connection.ask("CREATE TABLE item (id int)")
        found = []
        def before_drop(database):
            found.append(database)
        recorder.before_drop = before_drop
        try:
            await connection.ask("DROP TABLE item, missing")
        except Exception:
            pass
        assert len(found) == 1, found
        await connection.ask("DROP TABLE item")
        assert len(found) == 2, found
        await observer.close()
    """)


def test_the_search_path_is_the_sessions(driven: Driven) -> None:
    capture = driven.run("""
        await connection.ask("SELECT 'x'")
        await connection.ask("SET search_path = tenant_1, public")
        await connection.ask("SELECT 'x'")
    """)
    assert [item.session.search_path for item in capture.statements] == [None, "tenant_1, public"]


# Nobody can tell


def test_an_error_is_the_drivers_own_with_its_own_traceback(driven: Driven) -> None:
    driven.run(
        """
        heard = [await end(url, action) for action in actions]
        assert len(heard) == len(actions) and all(files for files, *_ in heard), heard
        listening.stop()
        assert heard == [await end(url, action) for action in actions]
        """,
        before="""
        import traceback

        def seen(error):
            files = [(frame.filename, frame.name, frame.lineno)
                     for frame in traceback.extract_tb(error.__traceback__)]
            context = type(error.__cause__), type(error.__context__)
            return files[1:], type(error), str(error), error.args, context

        async def end(url, action):
            connection = await connect(url)
            try:
                await action(connection)
            except Exception as error:
                return seen(error)
            finally:
                await connection.close()

        async def failing(connection):
            await connection.ask("SELECT nothing WHERE 1 = $1", 1)

        async def failing_rows(connection):
            await connection.many("SELECT nothing WHERE 1 = $1", [(1,)])

        async def failing_stream(connection):
            await connection.stream("SELECT nothing WHERE 1 = $1", 1)

        async def too_many_values(connection):
            await connection.ask("SELECT $1::int", 1, 2)

        async def no_rows(connection):
            await connection.many("SELECT $1::int", 5)

        async def closed(connection):
            await connection.close()
            await connection.ask("SELECT $1::int", 1)

        async def busy(connection):
            if driver.NAME == "psycopg":
                connection.raw.pgconn.send_query(b"SELECT 1")
            elif driver.NAME == "asyncpg":
                asyncio.ensure_future(connection.raw.fetch("SELECT pg_sleep(0.1)"))
                await asyncio.sleep(0.01)
            else:
                connection.raw.autocommit = False
                await connection.ask("SELECT 1")
                connection.raw.set_session(readonly=True)
            await connection.ask("SELECT $1::int", 1)

        actions = [failing, failing_rows, failing_stream, too_many_values, no_rows, closed, busy]
        """,
    )


def test_an_error_of_the_applications_rows_keeps_its_traceback(driven: Driven) -> None:
    driven.run(
        """
        heard = await trace(connection)
        listening.stop()
        other = await connect(url)
        assert heard == await trace(other)
        assert heard[1] is mine and heard[0], heard
        await other.close()
        """,
        before="""
        import traceback
        mine = ValueError("mine")

        def rows():
            yield (1,)
            raise mine

        async def trace(connection):
            mine.__traceback__ = None
            try:
                await connection.many("SELECT $1::int", rows())
            except ValueError as error:
                return [(frame.filename, frame.name, frame.lineno)
                        for frame in traceback.extract_tb(error.__traceback__)][1:], error
        """,
    )


def test_a_connection_that_is_closed_or_lost_is_left_to_the_library(driven: Driven) -> None:
    capture = driven.run(
        """
        ways = [(prepare, action) for prepare in (closed, used, lost) for action in ACTIONS]
        heard = [await end(url, *way) for way in ways]
        listening.stop()
        again = [await end(url, *way) for way in ways]
        assert heard == again, [(a, b) for a, b in zip(heard, again) if a != b]
        assert any(kind is not None for kind, _ in heard)
        """,
        before="""
        import inspect

        async def closed(url, other):
            await other.close()

        async def used(url, other):
            await other.ask("SELECT 'used'")
            await other.close()

        async def lost(url, other):
            ((pid,),) = await other.ask("SELECT pg_backend_pid()")
            killer = await connect(url)
            await killer.ask("SELECT pg_terminate_backend($1::int, 5000)", pid)
            await killer.close()
            if driver.NAME == "asyncpg":
                await asyncio.sleep(0.05)  # it is told of the end

        async def end(url, prepare, action):
            other = await connect(url)
            await prepare(url, other)
            try:
                done = action(other)
                if inspect.isawaitable(done):
                    await done
            except Exception as error:
                return type(error), str(error)
            finally:
                await other.close()
            return None, ""

        ACTIONS = [
            lambda other: other.raw.commit(),
            lambda other: other.raw.rollback(),
            lambda other: other.raw.reset(),
            lambda other: other.ask("SELECT 1"),
            lambda other: other.ask("DROP TABLE item"),
            lambda other: other.ask("SET ROLE someone"),
            lambda other: other.many("INSERT INTO item VALUES ($1)", [(1,)]),
        ]
        """,
    )
    assert capture.notes == ()


def test_a_bug_of_ours_never_reaches_the_statement(driven: Driven) -> None:
    capture = driven.run("""
        def odd(*_):
            return 1 / 0
        recorder.origins.find_near = recorder.record_again = odd
        assert await connection.ask("SELECT $1::int", 1) == [(1,)]
        assert await connection.ask("SELECT 2") == [(2,)]
        await connection.many("SELECT $1::int", [(1,), (2,)])
    """)
    assert capture.statements == ()
    assert capture.notes == (
        f"capture was switched off: {driven.module}: ZeroDivisionError: division by zero",
    )


def test_what_a_timeouts_handler_raises_in_our_code_is_the_applications(driven: Driven) -> None:
    driven.run(
        """
        again, recorder.record_again = recorder.record_again, lambda *_: time.sleep(30)
        signal.signal(signal.SIGALRM, late)
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        try:
            await connection.ask("SELECT 'slow'")
        except TooLong as error:
            assert str(error) == "too long"
            assert traceback.extract_tb(error.__traceback__)[-1].name == "late"
        else:
            raise AssertionError
        recorder.record_again = again
        assert recorder.failure is None
        assert recorder.listening
        """,
        before='''
        import signal, time, traceback

        class TooLong(Exception):
            """No OSError, as TimeoutError is one: psycopg 3.2.0 makes another error of those."""

        def late(*_):
            raise TooLong("too long")
        ''',
    )


def test_the_library_is_restored_exactly(driven: Driven) -> None:
    driven.run(
        """
        listening.stop()
        before = state()
        again = listen(recorder)
        assert state() != before
        assert any(where.startswith(driver.NAME) for where in residue(LIBRARIES))
        again.stop()
        assert state() == before
        assert residue(LIBRARIES) == []
        recorder.take()
        await connection.ask("SELECT 'after'")
        assert recorder.take().statements == ()
        """,
        before=f"""
        import sys
        import asgiref.sync, django.db.backends.signals, psycopg_pool, sqlalchemy.engine
        import sqlalchemy.dialects.postgresql.base
        sys.path.append({str(TESTS)!r})
        from fix_residue import residue
        from pytest_planguard.capture.listening import listen

        LIBRARIES = ["psycopg", "psycopg_pool", "psycopg2", "asyncpg", "sqlalchemy", "django",
            "asgiref"]

        def state():
            found = {{}}
            for name, module in sorted(sys.modules.items()):
                if name.partition(".")[0] in ("psycopg", "psycopg2", "asyncpg"):
                    found[name] = dict(vars(module))
                    for kind in vars(module).values():
                        if isinstance(kind, type):
                            found[name, kind] = dict(vars(kind))
            return found
        """,
    )


def test_two_recorders_hear_the_same_and_the_inner_leaves_the_outer(driven: Driven) -> None:
    capture = driven.run("""
        from pathlib import Path
        from pytest_planguard.capture.files import Files
        from pytest_planguard.capture.listening import listen
        from pytest_planguard.capture.origin import OriginFinder
        from pytest_planguard.capture.recorder import Recorder
        inner = Recorder(OriginFinder(Files(Path.cwd())))
        inner_listening = listen(inner)
        other = await connect(url)
        await other.ask("SELECT 'nested'")
        inner_listening.stop()
        await other.ask("SELECT 'nested'")
        await other.close()
        (heard,) = [item for item in inner.take().statements]
        assert (heard.text, heard.executions) == ("SELECT 'nested'", 1)
        assert heard.places[0].origin.file == "app.py", heard
    """)
    assert only(capture).executions == 2


def test_a_statement_that_is_cancelled_leaves_the_connection_as_it_was(driven: Driven) -> None:
    capture = driven.run("""
        await connection.ask("SET statement_timeout = 50")
        try:
            await connection.ask("SELECT pg_sleep(10)")
        except driver.QueryCanceled:
            pass
        else:
            raise AssertionError
        assert await connection.ask("SELECT 'usable'") == [("usable",)]
    """)
    assert {item.text for item in capture.statements} == {"SELECT pg_sleep(10)", "SELECT 'usable'"}


def test_what_is_cancelled_while_it_runs_ends_as_without_us(driven: Driven) -> None:
    capture = driven.run(
        """
        heard = await cancelled(url)
        assert heard[0] in (driver.QueryCanceled, TimeoutError), heard
        listening.stop()
        assert heard == await cancelled(url)
        """,
        before="""
        import threading

        async def cancelled(url):
            connection = await connect(url)
            over = threading.Event()
            canceller = threading.Thread(target=again_and_again, args=(connection.raw, over))
            asked = connection.ask("SELECT pg_sleep(10)")
            try:
                if hasattr(connection.raw, "cancel") and not is_async(connection.raw):
                    canceller.start()
                    await asked
                else:
                    async with asyncio.timeout(0.1):
                        await asked
            except Exception as error:
                end = type(error), error.args, type(error.__cause__)
            over.set()
            if canceller.ident is not None:  # psycopg 3.2.0's own thread for it never ends
                canceller.join()
            try:
                return *end, await connection.ask("SELECT 'usable'")
            except Exception as error:  # psycopg 3.1.4 leaves the statement running
                return *end, type(error), str(error)
            finally:
                await connection.close()

        def is_async(raw):
            return asyncio.iscoroutinefunction(raw.close)

        def again_and_again(raw, over):
            # whoever cancels does not know when the statement has arrived
            while not over.wait(0.05):
                raw.cancel()
        """,
    )
    assert only(capture, "pg_sleep").executions == 1


def test_notices_and_notifications_arrive(driven: Driven) -> None:
    driven.run("""
        heard, raw = [], connection.raw
        if driver.NAME == "asyncpg":
            await raw.add_listener("channel", lambda *given: heard.append(given[-1]))
            raw.add_log_listener(lambda _, message: heard.append(message.message))
        elif driver.NAME == "psycopg":
            raw.add_notify_handler(lambda notify: heard.append(notify.payload))
            raw.add_notice_handler(lambda notice: heard.append(notice.message_primary))
        if driver.NAME != "asyncpg":
            await connection.ask("LISTEN channel")
        await connection.ask("DO $$BEGIN RAISE NOTICE 'noticed'; END$$")
        await connection.ask("NOTIFY channel, 'notified'")
        await connection.ask("SELECT 1")
        await asyncio.sleep(0.05)
        if driver.NAME == "psycopg2":
            raw.poll()
            heard = [notify.payload for notify in raw.notifies]
            heard += [text.split(":", 1)[1].strip() for text in raw.notices]
        assert sorted(heard) == ["noticed", "notified"], heard
    """)


def test_two_phase_commit_works(driven: Driven) -> None:
    capture = driven.run("""
        await connection.ask("CREATE TABLE item (id int)")
        raw = connection.raw
        if hasattr(raw, "tpc_begin"):
            if driver.NAME == "psycopg2":
                raw.autocommit = False
            async def call(name, *given):
                done = getattr(raw, name)(*given)
                return await done if asyncio.iscoroutine(done) else done
            if driver.NAME == "psycopg" and asyncio.iscoroutinefunction(raw.commit):
                await raw.set_autocommit(False)
            elif driver.NAME == "psycopg":
                raw.autocommit = False
            await call("tpc_begin", raw.xid(1, "planguard", "test"))
            await connection.ask("INSERT INTO item VALUES (1)")
            await call("tpc_prepare")
            await call("tpc_commit")
        else:
            await connection.ask("BEGIN")
            await connection.ask("INSERT INTO item VALUES (1)")
            await connection.ask("PREPARE TRANSACTION 'planguard'")
            await connection.ask("COMMIT PREPARED 'planguard'")
        assert await connection.ask("SELECT id FROM item") == [(1,)]
    """)
    assert {item.text for item in capture.statements} == {
        "INSERT INTO item VALUES (1)",
        "SELECT id FROM item",
    }


# Bad input


def test_odd_texts_are_heard_or_left_alone(driven: Driven) -> None:
    capture = driven.run(
        """
        for query in ("SELECT '" + "x" * 10_000_000 + "'", "SELECT 'ä\ud7ff'", "-- nothing", ""):
            try:
                await connection.ask(query)
            except Exception as error:  # some drivers refuse what gives no result
                assert "planguard" not in str(error)
        assert await connection.ask("SELECT 'usable'") == [("usable",)]
        """
    )
    assert capture.notes == ()
    found = sorted(item.text[:11] for item in capture.statements)
    assert found == ["SELECT 'usa", "SELECT 'xxx", "SELECT 'ä\ud7ff'"]


def test_what_is_no_query_is_refused_as_without_us(driven: Driven) -> None:
    driven.run(
        """
        for query in ("SELECT 1\\0", b"SELECT \\xff", "SELECT \\ud800", 5, None, b"SELECT 1"):
            heard = await outcome(url, query)
            recorder.listening = False
            assert heard == await outcome(url, query), (query, heard)
            recorder.listening = True
            assert recorder.failure is None, (query, recorder.failure)
        """,
        before="""
        async def outcome(url, query):
            connection = await connect(url)  # a refusal may break one
            try:
                return await connection.ask(query)
            except Exception as error:
                return type(error), str(error)
            finally:
                await connection.close()
        """,
    )


def test_values_nobody_can_send_are_refused_as_without_us(driven: Driven) -> None:
    driven.run(
        """
        looped = []
        looped.append(looped)
        late = dt.datetime(2026, 1, 2, tzinfo=OddZone())
        for value in (
            Odd(), OddText("x"), b"\\0", "a\\0b", object, [object()], 10**50, ...,
            10**5000, looped, late, late.timetz(),
        ):
            heard = await outcome(connection, value)
            recorder.listening = False
            assert heard == await outcome(connection, value), (value, heard)
            recorder.listening = True
        assert recorder.failure is None
        """,
        before="""
        import datetime as dt

        class OddZone(dt.tzinfo):
            def utcoffset(self, moment):
                raise RuntimeError("utcoffset was called")

        class Odd:
            def __repr__(self):
                raise RuntimeError("repr was called")
            __str__ = __bool__ = __len__ = __eq__ = __repr__
            __hash__ = None

        class OddText(str):
            def __repr__(self):
                raise RuntimeError("repr was called")

        async def outcome(connection, value):
            try:
                return await connection.ask("SELECT $1::text", value)
            except Exception as error:
                return type(error)
        """,
    )


def test_no_method_of_a_values_class_is_called_for_us(driven: Driven) -> None:
    """One that raises, blocks or has effects would be called by the driver only."""
    driven.run(
        """
        values = Text("x"), Data(b"x"), Number(5), Items([1, 2]), Moment(2026, 1, 2)
        heard = [await calls_of(connection, value) for value in values]
        assert recorder.failure is None
        listening.stop()
        other = await connect(url)
        unheard = [await calls_of(other, value) for value in values]
        assert heard == unheard, [(h, u) for h, u in zip(heard, unheard) if h != u]
        await other.close()
        """,
        before="""
        import datetime as dt
        calls = []
        NAMES = ("repr str bytes hash eq ne lt bool len iter getitem format index int float "
            "contains reduce_ex getattribute").split()

        def watched(name, kind):
            names = {f"__{one}__" for one in NAMES if hasattr(kind, f"__{one}__")} - {"__class__"}
            def wrap(one):
                original = getattr(kind, one)
                def method(self, *args):
                    calls.append(one)
                    return original(self, *args)
                return method
            return type(name, (kind,), {
                "__hash__": kind.__hash__, **{one: wrap(one) for one in names if
                one != "__hash__" or kind.__hash__ is not None}})

        Text, Data, Number = watched("Text", str), watched("Data", bytes), watched("Number", int)
        Items, Moment = watched("Items", list), watched("Moment", dt.datetime)

        async def calls_of(connection, value):
            for _ in range(3):
                calls.clear()
                try:
                    await connection.ask("SELECT $1::text", value)
                except Exception:
                    pass
            return sorted(calls)
        """,
    )


def test_a_connection_that_is_dropped_is_closed_in_the_same_phase(driven: Driven) -> None:
    driven.run(
        """
        import gc, warnings, weakref
        warnings.simplefilter("ignore")  # drivers say that nobody closed it
        await connection.ask("SELECT 'warm'")
        other = await connect(url)
        for _ in range(3):
            await other.ask("SELECT 'dropped', $1::int", 5)
        living = weakref.ref(other.raw)
        [(backend,)] = await other.ask("SELECT pg_backend_pid()")
        del other
        gc.collect()
        assert living() is None
        for _ in range(200):
            gone = await connection.ask(
                "SELECT 1 FROM pg_stat_activity WHERE pid = $1", backend
            ) == []
            if gone:
                break
            await asyncio.sleep(0.05)
        assert gone
        """
    )


def test_a_hundred_thousand_parameters_are_the_drivers_business(driven: Driven) -> None:
    driven.run(
        """
        heard = await outcome(connection)
        recorder.listening = False
        assert heard == await outcome(connection)
        recorder.listening = True
        assert recorder.failure is None
        assert await connection.ask("SELECT 'usable'") == [("usable",)]
        """,
        before="""
        QUERY = "SELECT 1 WHERE 1 IN (" + ", ".join(f"${n + 1}" for n in range(100_000)) + ")"

        async def outcome(connection):
            try:
                return await connection.ask(QUERY, *range(100_000))
            except Exception as error:
                return type(error)
        """,
    )


def test_settings_are_followed_where_nobody_listens(driven: Driven) -> None:
    capture = driven.run(
        """
        recorder.enable(on=False)
        await connection.ask("SET app.tenant = 'acme'")
        await connection.ask("SELECT set_config('app.region', $1::text, false)", "north")
        await connection.ask("SELECT 1")
        recorder.enable(on=True)
        await connection.ask("SELECT 2")
        """,
        before="from __main__ import recorder",
    )
    statement = only(capture)
    assert statement.text == "SELECT 2"
    assert statement.session.settings == {"app.region": "north", "app.tenant": "acme"}
