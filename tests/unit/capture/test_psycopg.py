from __future__ import annotations

import inspect
from collections.abc import Callable

import psycopg
import pytest

from pytest_planguard.capture import psycopg as driver
from pytest_planguard.model.capture import Capture
from pytest_planguard.model.statement import Statement

CaptureOf = Callable[..., Capture]

TABLE = "CREATE TABLE orders (id bigint PRIMARY KEY, note text, at date)"


def only(capture: Capture, containing: str = "") -> Statement:
    found = [item for item in capture.statements if containing in item.text]
    assert len(found) == 1, [item.text for item in capture.statements]
    assert capture.notes == ()
    return found[0]


def sync(body: str) -> str:
    lines = "\n        ".join(body.strip().splitlines())
    return f"""
import psycopg
from psycopg import sql

def main(url):
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("{TABLE}")
        {lines}
"""


def test_execute_gives_text_types_values_and_line(capture_of: CaptureOf) -> None:
    capture = capture_of(
        sync("connection.execute('SELECT %s, %s::text, %s', [5, 'a', None]).fetchall()")
    )
    statement = only(capture)
    assert statement.text == "SELECT $1, $2::text, $3"
    assert statement.parameter_types == (21, 0, 0)
    assert statement.samples[0].values == ("0005", "a", None)
    assert statement.samples[0].binary == (0,)
    (place,) = statement.places
    assert (place.origin.file, place.origin.line, place.origin.function) == ("app.py", 8, "main")
    assert place.test == "test_app.py::test_app"
    assert statement.session.driver == "psycopg"
    assert statement.session.prepares
    assert capture.drivers == ()


def test_each_size_of_integer_is_a_statement_of_its_own(capture_of: CaptureOf) -> None:
    capture = capture_of(
        sync("for n in (5, 100_000, 10**10, 10**20): connection.execute('SELECT %s', [n])")
    )
    assert [item.parameter_types for item in capture.statements] == [(20,), (21,), (23,), (1700,)]


def test_prepared_statements_are_heard_after_they_were_prepared(capture_of: CaptureOf) -> None:
    body = """
for n in range(8):
    connection.execute('SELECT %s', [n])
assert connection._prepared._names
"""
    statement = only(capture_of(sync(body)))
    assert statement.executions == 8
    assert len(statement.samples) == 8


@pytest.mark.parametrize("pipeline", ["", "with connection.pipeline():\n    "])
def test_executemany_counts_once_and_offers_all_values(
    capture_of: CaptureOf, pipeline: str
) -> None:
    body = f"""
cursor = connection.cursor()
rows = [(n, 'x') for n in range(20)]
{pipeline}cursor.executemany('INSERT INTO orders VALUES (%s, %s)', rows)
"""
    statement = only(capture_of(sync(body)), "INSERT")
    assert statement.many
    assert statement.executions == 1
    assert len(statement.samples) == 20


def test_executemany_twice_counts_twice(capture_of: CaptureOf) -> None:
    body = """
cursor = connection.cursor()
for start in (0, 100):
    cursor.executemany('SELECT %s', [(start + n,) for n in range(3)])
"""
    statement = only(capture_of(sync(body)))
    assert statement.executions == 2


def test_stream_is_marked(capture_of: CaptureOf) -> None:
    statement = only(capture_of(sync("list(connection.cursor().stream('SELECT %s', [1]))")))
    assert statement.stream


def test_copy_is_marked_and_keeps_its_text(capture_of: CaptureOf) -> None:
    body = """
with connection.cursor().copy('COPY (SELECT * FROM orders WHERE id < %s) TO STDOUT', [5]) as rows:
    list(rows)
"""
    statement = only(capture_of(sync(body)), "COPY")
    assert statement.stream
    assert statement.text == "COPY (SELECT * FROM orders WHERE id < 5) TO STDOUT"


def test_server_cursor_is_its_declare_and_no_fetch(capture_of: CaptureOf) -> None:
    body = """
with connection.transaction(), connection.cursor(name='big') as cursor:
    cursor.execute('SELECT * FROM orders WHERE id > %s', [1])
    cursor.fetchmany(2)
    cursor.fetchall()
"""
    statement = only(capture_of(sync(body)))
    assert statement.text == 'DECLARE "big" CURSOR FOR SELECT * FROM orders WHERE id > $1'
    assert statement.stream


def test_values_of_a_client_cursor_are_told_from_the_text_and_it_never_prepares(
    capture_of: CaptureOf,
) -> None:
    body = """
import datetime as dt, decimal, uuid
from psycopg.types.json import Jsonb
cursor = psycopg.ClientCursor(connection)
day, price = dt.date(2026, 1, 2), decimal.Decimal
for values in (
    ["a\\\\b", -5, day, [1, 2], Jsonb({}), price("1.5"), uuid.UUID(int=1)],
    ["it's", 7, day, [3], Jsonb([]), price("2.5"), uuid.UUID(int=2)],
):
    cursor.execute("SELECT %s, %s, %s, %s, %s, %s, %s, '%%'", values)
cursor.executemany("INSERT INTO orders VALUES (%s, %s)", [(1, "x"), (2, None)])
cursor.execute("SELECT 5")
"""
    capture = capture_of(sync(body))
    statement = only(capture, "'%'")
    assert statement.text == "SELECT $1, $2, $3, $4, $5, $6, $7, '%'"
    assert not statement.session.prepares
    assert statement.parameter_types == (0, 23, 1082, 1005, 3802, 1700, 2950)
    assert (statement.executions, len(statement.samples)) == (2, 2)
    rows = only(capture, "INSERT")
    assert (rows.text, rows.many, rows.executions) == (
        "INSERT INTO orders VALUES ($1, $2)",
        True,
        1,
    )


@pytest.mark.skipif(not hasattr(psycopg, "RawCursor"), reason="psycopg 3.1 has none")
def test_raw_cursor_has_its_own_placeholders(capture_of: CaptureOf) -> None:
    statement = only(capture_of(sync("psycopg.RawCursor(connection).execute('SELECT $1', ['a'])")))
    assert statement.text == "SELECT $1"
    assert statement.samples[0].values == ("a",)


def test_composed_sql_is_heard_as_text(capture_of: CaptureOf) -> None:
    body = """
query = sql.SQL('SELECT {} FROM orders').format(sql.Identifier('note'))
connection.execute(query)
"""
    assert only(capture_of(sync(body))).text == 'SELECT "note" FROM orders'


def test_pipeline_is_heard(capture_of: CaptureOf) -> None:
    body = """
with connection.pipeline():
    connection.execute('SELECT %s', [1])
    connection.execute('SELECT %s', [2])
"""
    assert only(capture_of(sync(body))).executions == 2


def test_async_is_heard_with_the_line_that_awaits(capture_of: CaptureOf) -> None:
    app = """
    import asyncio
    import psycopg

    async def find(connection):
        return await connection.execute("SELECT %s", [1])

    async def run(url):
        async with await psycopg.AsyncConnection.connect(url) as connection:
            await find(connection)
            async for _ in connection.cursor().stream("SELECT 'stream'"):
                pass

    def main(url):
        asyncio.run(run(url))
    """
    capture = capture_of(app)
    (place,) = only(capture, "$1").places
    assert (place.origin.line, place.origin.function) == (6, "find")
    assert only(capture, "stream").stream


def test_classes_and_row_factories_of_the_application_are_heard_and_left_alone(
    capture_of: CaptureOf,
) -> None:
    app = """
    import psycopg
    from psycopg import Cursor, connect
    from psycopg.rows import class_row, dict_row, namedtuple_row

    class Found:
        def __init__(self, n):
            self.n = n

    class OwnCursor(Cursor):
        def execute(self, query, params=None, **more):
            return super().execute(query, params, **more)

        def find(self, n):
            return self.execute("SELECT %s::int AS n", [n]).fetchone()

    class OwnServerCursor(psycopg.ServerCursor):
        pass

    class Own(psycopg.Connection):
        def execute(self, query, params=None, **more):
            return super().execute(query, params, **more)

    def main(url):
        with Own.connect(url, cursor_factory=OwnCursor, row_factory=dict_row) as connection:
            assert type(connection) is Own
            connection.server_cursor_factory = OwnServerCursor
            with connection.cursor() as cursor:
                assert type(cursor) is OwnCursor
                assert cursor.find(1) == {"n": 1}
            with connection.cursor(row_factory=class_row(Found)) as cursor:
                assert cursor.find(2).n == 2
            assert connection.execute("SELECT 3 AS n").fetchall() == [{"n": 3}]
            with connection.cursor("named", row_factory=namedtuple_row) as cursor:
                assert type(cursor) is OwnServerCursor
                assert [row.n for row in cursor.execute("SELECT 4 AS n")] == [4]
        with connect(url) as connection:
            assert OwnCursor(connection).find(5) == (5,)
    """
    capture = capture_of(app)
    assert capture.notes == ()
    found = {
        item.text: (item.executions, [place.origin.function for place in item.places])
        for item in capture.statements
    }
    assert found == {
        'DECLARE "named" CURSOR FOR SELECT 4 AS n': (1, ["main"]),
        "SELECT $1::int AS n": (3, ["OwnCursor.execute"]),
        "SELECT 3 AS n": (1, ["OwnCursor.execute"]),
    }


def test_control_statements_are_not_kept_and_ddl_is_apart(capture_of: CaptureOf) -> None:
    body = """
connection.execute("SET TIME ZONE 'UTC'")
connection.execute('BEGIN')
connection.execute('SAVEPOINT a')
connection.execute('/* x */ ROLLBACK')
connection.execute('CREATE INDEX ON orders (note)')
"""
    capture = capture_of(sync(body))
    assert capture.statements == ()
    assert [item.text for item in capture.ddl] == [TABLE, "CREATE INDEX ON orders (note)"]
    assert capture.ddl[1].place.origin.line == 12


def test_search_path_is_the_sessions(capture_of: CaptureOf) -> None:
    body = """
connection.execute('SELECT 1')
connection.execute('SET search_path = tenant_1, public')
connection.execute('SELECT 1')
"""
    capture = capture_of(sync(body))
    assert [item.session.search_path for item in capture.statements] == [None, "tenant_1, public"]


def test_search_path_is_followed_where_the_server_does_not_report_it(
    capture_of: CaptureOf,
) -> None:
    body = """
from pytest_planguard.capture import psycopg as driver
Known = driver.Known
driver.Known = lambda *facts, **more: Known(*facts, **(more | {"reports_path": False}))
with psycopg.connect(url, options='-c search_path=start', autocommit=True) as old:
    old.execute("SELECT 1")
    old.execute("SET LOCAL search_path TO nowhere")  # outside of a transaction
    old.execute("set session search_path to tenant_1,public;")
    old.execute("SELECT 1")
    old.execute("DISCARD ALL")
    old.execute("SELECT 1")
"""
    capture = capture_of(sync(body))
    assert [(item.session.search_path, item.executions) for item in capture.statements] == [
        ("start", 2),
        ("tenant_1, public", 1),
    ]


def test_connections_of_planguard_are_not_heard(capture_of: CaptureOf) -> None:
    body = """
with psycopg.connect(url, application_name='pytest-planguard') as own:
    own.execute('SELECT 1')
"""
    assert capture_of(sync(body)).statements == ()


def test_a_forked_child_records_nothing(capture_of: CaptureOf) -> None:
    app = """
    import os
    import psycopg

    def main(url):
        with psycopg.connect(url) as connection:
            connection.execute("SELECT 'parent'")
            child = os.fork()
            if not child:
                from __main__ import recorder
                session = recorder.session
                with psycopg.connect(url) as other:
                    other.execute("SELECT 'child'")
                os._exit(len(recorder.take().statements) != 1)
            assert os.waitpid(child, 0)[1] == 0
    """
    assert only(capture_of(app)).text == "SELECT 'parent'"


def test_the_exception_of_a_failing_query_is_psycopgs_own(capture_of: CaptureOf) -> None:
    body = """
import traceback
try:
    connection.execute('SELECT nothing')
except psycopg.errors.UndefinedColumn as error:
    assert error.__cause__ is None and error.__context__ is None
    files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    assert not any('pytest_planguard' in file for file in files)
else:
    raise AssertionError
"""
    assert only(capture_of(sync(body))).text == "SELECT nothing"


def test_a_bug_in_the_hook_never_reaches_the_statement(capture_of: CaptureOf) -> None:
    body = """
from __main__ import recorder
recorder.origins.find = lambda stacks: 1 / 0
assert connection.execute('SELECT 1').fetchone() == (1,)
assert connection.execute('SELECT 2').fetchone() == (2,)
"""
    capture = capture_of(sync(body))
    assert capture.statements == ()
    assert capture.notes == (
        "capture was switched off: psycopg: ZeroDivisionError: division by zero",
    )


@pytest.mark.parametrize("imported", ["", "import psycopg"])
def test_psycopg_is_restored_exactly(capture_of: CaptureOf, imported: str) -> None:
    app = """
    from pytest_planguard.capture.listening import listen
    from __main__ import listening, recorder
    import psycopg

    def main(url):
        ClientCursorMixin, BaseCursor = (
            cls for cls in psycopg.ClientCursor.__mro__ if "_execute_send" in vars(cls)
        )
        patched = BaseCursor._execute_send
        listening.stop()
        assert BaseCursor._execute_send is not patched
        before = dict(vars(BaseCursor)), dict(vars(ClientCursorMixin))
        again = listen(recorder)
        assert dict(vars(BaseCursor)) != before[0]
        again.stop()
        assert (dict(vars(BaseCursor)), dict(vars(ClientCursorMixin))) == before
        assert "exec_module" not in vars(psycopg.__spec__.loader)
        with psycopg.connect(url) as connection:
            connection.execute("SELECT 1")
    """
    assert capture_of(app).statements == ()


def test_the_internals_of_this_version_are_the_ones_that_are_listened_to() -> None:
    owners = driver._owners()
    assert owners is not None
    assert {name for _, name in owners} == set(driver._KNOWN_ARGUMENTS)
    for owner, name in owners:
        arguments = tuple(inspect.signature(vars(owner)[name]).parameters)
        assert arguments == driver._KNOWN_ARGUMENTS[name], (psycopg.__version__, owner)
    assert driver._public_methods().codes


def test_a_plain_query_is_heard_while_the_server_works_and_others_before(
    capture_of: CaptureOf,
) -> None:
    body = """
from __main__ import recorder
from psycopg import pq
heard = []
again = recorder.record_again
def record_again(key, *rest):
    heard.append(connection.info.transaction_status.name)
    return again(key, *rest)
recorder.record_again = record_again
for _ in range(8):
    connection.execute("SELECT %s::int", [1])
    connection.execute("SELECT set_config('app.a', %s, false)", ["b"])
assert heard[0] == "IDLE" and set(heard[2::2]) == {"ACTIVE"} and set(heard[1::2]) == {"IDLE"}, heard
"""
    capture = capture_of(sync(body))
    assert {item.executions for item in capture.statements} == {1, 7, 8}


def test_a_query_psycopg_refuses_is_refused_as_before(capture_of: CaptureOf) -> None:
    body = """
from __main__ import listening
def refused(query):
    try:
        connection.execute(query)
    except Exception as error:
        return type(error), str(error)
queries = [bytearray(b"SELECT 1"), memoryview(b"SELECT 1"), 5, None]
found = [refused(query) for query in queries]
listening.stop()
assert found == [refused(query) for query in queries], found
"""
    assert capture_of(sync(body)).notes == ()


MOVED = """
    import asyncio
    import psycopg
    from __main__ import listening, recorder
    from pytest_planguard.capture import psycopg as driver

    def moved(url):
        listening.stop()
        driver._owners = lambda: None
        return driver.install(recorder), psycopg.connect(url)
"""


def test_server_cursors_are_streams_where_the_internals_moved(capture_of: CaptureOf) -> None:
    app = f"""{MOVED}
    async def ask(url):
        async with await psycopg.AsyncConnection.connect(url) as connection:
            async with connection.cursor("other") as cursor:
                await cursor.execute("SELECT 'async', %s", [7])

    def main(url):
        again, connection = moved(url)
        with connection, connection.cursor("big") as cursor:
            cursor.execute("SELECT 'server', %s", [5])
            assert cursor.fetchall() == [("server", 5)]
        asyncio.run(ask(url))
        again()
        assert not hasattr(psycopg.ServerCursor.execute, "__wrapped__")
    """
    capture = capture_of(app)
    assert [(item.text, item.stream) for item in capture.statements] == [
        ("SELECT 'async', $1", True),
        ("SELECT 'server', $1", True),
    ]


def test_texts_of_raw_cursors_stay_as_they_are_where_the_internals_moved(
    capture_of: CaptureOf,
) -> None:
    if not hasattr(psycopg, "RawCursor"):
        pytest.skip("psycopg before 3.2 has no raw cursors")
    app = f"""{MOVED}
    def main(url):
        again, connection = moved(url)
        with connection:
            for cursor in (psycopg.RawCursor(connection), psycopg.RawServerCursor(connection, "x")):
                cursor.execute("SELECT '100%%', $1::int4 % 2", [5])
                assert cursor.fetchall() == [("100%%", 1)]
            psycopg.RawCursor(connection).executemany("SELECT '%s', $1::int4", iter([(1,)]))
        again()
    """
    capture = capture_of(app)
    assert [(item.text, item.parameter_types, item.stream) for item in capture.statements] == [
        ("SELECT '%s', $1::int4", (0,), False),
        ("SELECT '100%%', $1::int4 % 2", (21,), False),
        ("SELECT '100%%', $1::int4 % 2", (21,), True),
    ]


def test_a_bug_in_a_conversion_never_reaches_the_statement_where_the_internals_moved(
    capture_of: CaptureOf,
) -> None:
    app = f"""{MOVED}
    from pytest_planguard.capture import psycopg_public

    class Rows(list):
        def __len__(self):
            raise LookupError("len")

    def main(url):
        psycopg_public.numbered = lambda text: 1 / 0
        again, connection = moved(url)
        with connection:
            assert connection.execute("SELECT %s::int", [5]).fetchone() == (5,)
            connection.cursor().executemany("SELECT %s::int", Rows([(1,)]))
        again()
    """
    assert capture_of(app).notes[1:] == (
        "capture was switched off: psycopg: ZeroDivisionError: division by zero",
    )


def test_public_methods_are_heard_where_the_internals_moved(capture_of: CaptureOf) -> None:
    app = """
    import asyncio
    import psycopg
    from __main__ import listening, recorder
    from pytest_planguard.capture import psycopg as driver

    async def ask(url):
        async with await psycopg.AsyncConnection.connect(url) as connection:
            await connection.execute("SELECT 'async', %s", [7])

    def main(url):
        listening.stop()
        driver._owners = lambda: None
        again = driver.install(recorder)
        with psycopg.connect(url) as connection:
            connection.execute("SELECT %(a)s, '%%'", {"a": 5})
            connection.execute("SELECT 'plain %'")
            connection.cursor().executemany("SELECT 'many', %s", [(1,), (2,)])
            list(connection.cursor().stream("SELECT 'stream'"))
        asyncio.run(ask(url))
        again()
        assert not hasattr(psycopg.Cursor.execute, "__wrapped__")
    """
    capture = capture_of(app)
    assert [(item.text, item.parameter_types) for item in capture.statements] == [
        ("SELECT $1, '%'", (21,)),
        ("SELECT 'async', $1", (21,)),
        ("SELECT 'many', $1", (21,)),
        ("SELECT 'plain %'", ()),
        ("SELECT 'stream'", ()),
    ]
    assert capture.statements[2].many
    assert capture.statements[4].stream
    assert "psycopg's internals moved" in capture.notes[0]


TEMPLATES = """
import sys
from psycopg import sql
from psycopg._compat import Interpolation, Template

if sys.version_info < (3, 14):  # nobody else's class of that name may be subclassed
    class Template(Template):
        strings = interpolations = ()

        def __new__(cls, *items):
            made = object.__new__(cls)
            made.items = items
            return made

        def __iter__(self):
            return iter(self.items)

def part(value, form=""):
    return Interpolation(value, "value", None, form)

def ask(connection):
    inner = Template("n = ", part(7))
    query = Template(
        "SELECT ", part("n", "i"), " AS ", part(sql.Identifier("x"), "i"),
        " FROM (SELECT ", part(7), "::int AS n, ", part("it's", "l"), " AS s) AS t WHERE ",
        part(inner, "q"), part(sql.SQL(" AND true"), "q"), " LIMIT ", part(20, "t"),
    )
    assert connection.execute(query).fetchall() == [(7,)]
    for wrong in (part(5, "i"), part(5, "q"), Interpolation(5, "five", "r", "")):
        try:
            connection.execute(Template("SELECT ", wrong))
        except (TypeError, psycopg.ProgrammingError):
            connection.rollback()
        else:
            raise AssertionError(wrong)
"""


@pytest.mark.parametrize("internals", ["known", "moved"])
def test_template_strings_are_heard_as_they_are_sent(capture_of: CaptureOf, internals: str) -> None:
    if not hasattr(psycopg.sql, "as_string"):
        pytest.skip("psycopg before 3.3 takes no template strings")
    stop = "listening.stop(); driver._owners = lambda: None; driver.install(recorder)"
    app = f"""
import psycopg
from __main__ import listening, recorder
from pytest_planguard.capture import psycopg as driver
{TEMPLATES}
def main(url):
    {stop if internals == "moved" else "pass"}
    with psycopg.connect(url) as connection:
        ask(connection)
"""
    capture = capture_of(app)
    text = (
        "SELECT \"n\" AS \"x\" FROM (SELECT $1::int AS n, 'it''s' AS s) AS t "
        "WHERE n = $2 AND true LIMIT $3"
    )
    heard = [(one.text, one.parameter_types) for one in capture.statements]
    assert heard == [(text, (21, 21, 21))]
    assert [note for note in capture.notes if "switched off" in note] == []


def test_settings_are_followed_where_nobody_listens_and_the_internals_moved(
    capture_of: CaptureOf,
) -> None:
    app = f"""{MOVED}
    def main(url):
        again, connection = moved(url)
        connection.autocommit = True
        with connection:
            recorder.enable(on=False)
            connection.execute("SELECT set_config('app.region', %s, false)", ["north"])
            with connection.transaction():
                connection.execute("SET LOCAL app.tenant = 'acme'")
            recorder.enable(on=True)
            connection.execute("SELECT set_config('app.team', %s, false)", ["a"])
            connection.execute("SELECT 'here'")
        again()
    """
    (statement,) = [one for one in capture_of(app).statements if "here" in one.text]
    assert statement.session.settings == {"app.region": "north", "app.team": "a"}


def test_connections_of_pools_are_heard_with_the_applications_lines(capture_of: CaptureOf) -> None:
    pytest.importorskip("psycopg_pool")
    app = """
    import asyncio
    from psycopg_pool import AsyncConnectionPool, ConnectionPool

    async def asynchronous(url):
        async with AsyncConnectionPool(url, min_size=1, open=False) as pool:
            async with pool.connection() as connection:
                await connection.execute("SELECT 'async', %s", [1])

    def main(url):
        with ConnectionPool(url, min_size=1, open=True) as pool:
            for n in range(2):
                with pool.connection() as connection:
                    connection.execute("SELECT 'sync', %s", [n])
        asyncio.run(asynchronous(url))
    """
    capture = capture_of(app)
    assert only(capture, "'sync'").executions == 2
    assert only(capture, "'async'").places[0].origin.function == "asynchronous"
    assert len(capture.statements) == 2
