from __future__ import annotations

from collections.abc import Callable

import pytest

from fix_drivers import WITHOUT_A_HASH
from pytest_planguard.model.capture import Capture

pytest.importorskip("psycopg2")

CaptureOf = Callable[..., Capture]


def app(body: str, before: str = "") -> str:
    lines = "\n    ".join(body.strip().splitlines())
    return f"""
import io
import psycopg2
import psycopg2.extensions as extensions
import psycopg2.extras as extras
from psycopg2 import connect, sql
from pytest_planguard.capture import psycopg2 as driver
{before}
def main(url):
    connection = connect(url)
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE item (id int, name text)")
    {lines}
"""


def heard(capture: Capture) -> dict[str, tuple[tuple[int, ...], int, bool, bool]]:
    assert capture.notes == ()
    return {
        item.text: (item.parameter_types, item.executions, item.many, item.stream)
        for item in capture.statements
    }


def test_types_are_the_ones_the_server_gives_the_literals(capture_of: CaptureOf) -> None:
    body = """
import datetime as dt, decimal, uuid
extras.register_uuid()
cursor.execute(
    "SELECT %s, %s, %s, %s, %s, %s, %s, %s, %s, %s::int",
    [5, 2**40, 1.5, decimal.Decimal("1e3"), "a", None, True, dt.date(2026, 1, 2), uuid.UUID(int=1),
     7])
cursor.execute("SELECT %s, %s, %s", [dt.datetime(2026, 1, 2), dt.timedelta(1), b"a"])
cursor.execute("SELECT %s, %s, 1 IN %s", [[1, None], ["a"], (1, 2)])
"""
    found = {text: facts[0] for text, facts in heard(capture_of(app(body))).items()}
    assert found == {
        "SELECT $1, $2, $3": (1114, 1186, 17),
        "SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10::int": (
            23, 20, 1700, 1700, 0, 0, 16, 1082, 2950, 23,
        ),
        "SELECT $1, $2, 1 IN ($3, $4)": (1007, 1009, 23, 23),
    }  # fmt: skip


def test_a_value_of_an_adapter_of_ones_own_stays_in_the_text(capture_of: CaptureOf) -> None:
    body = "cursor.execute('SELECT %s, %s', [extensions.AsIs('now()'), 5])"
    assert heard(capture_of(app(body))) == {"SELECT now(), 5": ((), 1, False, False)}


def test_named_values_are_one_parameter_each(capture_of: CaptureOf) -> None:
    body = "cursor.execute('SELECT %(a)s, %(b)s, %(a)s, 5 %% 2', {'a': 1, 'b': 'x'})"
    assert heard(capture_of(app(body))) == {"SELECT $1, $2, $1, 5 % 2": ((23, 0), 1, False, False)}


def test_composed_queries_are_heard(capture_of: CaptureOf) -> None:
    body = """
query = sql.SQL("SELECT {} FROM item WHERE id = %s").format(sql.Identifier("name"))
cursor.execute(query, [5])
"""
    assert heard(capture_of(app(body))) == {
        'SELECT "name" FROM item WHERE id = $1': ((23,), 1, False, False)
    }


def test_adapters_of_a_composed_query_run_as_often_as_without_us(capture_of: CaptureOf) -> None:
    before = """
class Price:
    adapted = 0
    def getquoted(self):
        Price.adapted += 1
        return b"1.5"
    def __conform__(self, protocol):
        return self

class Mine(sql.Composable):
    adapted = 0
    def as_string(self, context):
        Mine.adapted += 1
        return "SELECT 'mine', %s"
    def __init__(self):
        super().__init__(None)

def counts():
    found = Price.adapted, Mine.adapted
    Price.adapted = Mine.adapted = 0
    return found
"""
    body = """
query = sql.SQL("SELECT {} + %s").format(sql.Literal(Price()))
insert = sql.SQL("INSERT INTO item VALUES (%s, {})").format(sql.Literal("x"))
def run():
    for _ in range(2):
        cursor.execute(query, [1])
    cursor.execute(sql.SQL("SELECT {}").format(sql.Literal(Price())))
    cursor.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier("no table")))
    cursor.executemany(insert, [(1,), (2,)])
    extras.execute_batch(cursor, query + sql.SQL(", 3"), [(1,), (2,)])
    extras.execute_values(cursor, sql.SQL("INSERT INTO item VALUES %s"), [(1, "x")])
    cursor.execute(Mine(), [1])
    return counts()
heard = run()
from __main__ import recorder
recorder.listening = recorder.following = False
assert heard == run(), heard
"""
    capture = capture_of(app(body, before))
    assert heard(capture) == {
        "INSERT INTO item VALUES ($1, $2)": ((23, 0), 1, True, False),
        "INSERT INTO item VALUES ($1,$2)": ((23, 0), 1, True, False),
        "SELECT $1 + $2": ((1700, 23), 2, False, False),
        "SELECT $1 + $2, 3": ((1700, 23), 1, True, False),
        "SELECT 'mine', 1": ((), 1, False, False),
        "SELECT 1.5": ((), 1, False, False),
    }
    assert [one.text for one in capture.ddl][1:] == ['DROP TABLE IF EXISTS "no table"']


@pytest.mark.parametrize("kind", ["RealDictCursor", "DictCursor", "NamedTupleCursor"])
def test_cursors_of_the_extras_are_what_they_were(capture_of: CaptureOf, kind: str) -> None:
    body = f"""
with connection.cursor(cursor_factory=extras.{kind}) as cursor:
    assert isinstance(cursor, extras.{kind}) and type(cursor).__name__ == "{kind}"
    cursor.execute("SELECT %s AS x", [1])
    row = cursor.fetchone()
    assert (row.x if "{kind}" == "NamedTupleCursor" else row["x"]) == 1
"""
    assert heard(capture_of(app(body))) == {"SELECT $1 AS x": ((23,), 1, False, False)}


def test_factories_of_the_application_are_subclassed(capture_of: CaptureOf) -> None:
    before = """
class MyCursor(extensions.cursor):
    def execute(self, query, vars=None):
        return super().execute(query + " -- mine", vars)

class MyConnection(extensions.connection):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.mine = True
    def cursor(self, *args, **kwargs):
        kwargs.setdefault("cursor_factory", MyCursor)
        return super().cursor(*args, **kwargs)
"""
    body = """
for factory in (MyConnection, lambda dsn, **options: MyConnection(dsn, **options)):
    other = connect(url, connection_factory=factory)
    assert isinstance(other, MyConnection) and other.mine
    own = other.cursor()
    assert isinstance(own, MyCursor) and own.connection is other
    own.execute("SELECT 1")
other = connect(url, cursor_factory=extras.RealDictCursor)
assert other.cursor_factory is extras.RealDictCursor
other.cursor().execute("SELECT 2")
connection.cursor(None, lambda *given, **options: MyCursor(*given, **options)).execute("SELECT 3")
"""
    assert heard(capture_of(app(body, before))) == {
        "SELECT 1 -- mine": ((), 2, False, False),
        "SELECT 2": ((), 1, False, False),
        "SELECT 3 -- mine": ((), 1, False, False),
    }


def test_a_connection_nobody_can_subclass_is_told(capture_of: CaptureOf) -> None:
    body = """
other = connect(url, connection_factory=lambda dsn, **options: extensions.connection(dsn))
other.cursor().execute("SELECT 1")
"""
    capture = capture_of(app(body))
    assert capture.statements == ()
    assert "psycopg2.extensions.connection takes no subclass" in capture.notes[0]


def test_connections_nobody_can_hear_are_told(capture_of: CaptureOf) -> None:
    told = (
        "psycopg2: a connection was made before planguard listened, or without "
        "psycopg2.connect(): what it sends was not captured"
    )
    direct = """
listening.look_back()
assert recorder._notes == {}
made = extensions.connection(url)
made.cursor().execute("SELECT 1")
listening.look_back()
made.close()
cursor.execute("DROP TABLE item")
"""
    before = "from __main__ import listening, recorder"
    assert capture_of(app(direct, before)).notes == (told,)
    early = """
listening.stop()
made = connect(url)
driver.install(recorder)()
made.close()
"""
    assert capture_of(app(early, before)).notes == (told,)


def test_a_class_of_ours_equals_the_one_it_stands_for(capture_of: CaptureOf) -> None:
    before = """
import abc

class Mine(extensions.cursor, metaclass=abc.ABCMeta):
    pass
"""
    body = """
assert type(connection) == extensions.connection and extensions.cursor == type(cursor)
assert {extensions.cursor: 5}[type(cursor)] == 5 and not type(cursor) != extensions.cursor
with connection.cursor(cursor_factory=Mine) as other:
    assert type(other) == Mine and type(other) != extensions.cursor and Mine in {type(other)}
    other.execute("SELECT 1")
with connection.cursor(cursor_factory=type(cursor)) as other:
    assert type(other) is type(cursor)
class Own(type(cursor)):
    pass
assert Own != type(cursor) and Own != extensions.cursor
"""
    assert heard(capture_of(app(body, before))) == {"SELECT 1": ((), 1, False, False)}


def test_nothing_can_be_added_to_an_object_that_could_not_before(capture_of: CaptureOf) -> None:
    body = """
for thing in (connection, cursor):
    try:
        thing.anything = 1
    except AttributeError:
        pass
    else:
        raise AssertionError(thing)
"""
    assert capture_of(app(body)).statements == ()


def test_types_and_adapters_go_on_being_registered(capture_of: CaptureOf) -> None:
    body = """
text = extensions.new_type((25,), "LOUD", lambda value, cursor: value and value.upper())
extensions.register_type(text, connection)
extensions.register_type(text, cursor)
cursor.execute("SELECT 'a'::text")
assert cursor.fetchone() == ("A",)
extras.register_default_jsonb(connection, loads=lambda text: "json")
cursor.execute("SELECT '{}'::jsonb")
assert cursor.fetchone() == ("json",)
assert extensions.quote_ident("a b", connection) == extensions.quote_ident("a b", cursor)
assert sql.Identifier("a").as_string(connection) == '"a"'
"""
    assert len(capture_of(app(body)).statements) == 2


def test_execute_values_is_one_statement_with_its_rows(capture_of: CaptureOf) -> None:
    body = """
rows = [(n, None if n % 2 else "x") for n in range(250)]
extras.execute_values(cursor, "INSERT INTO item VALUES %s RETURNING 5 %% 2", rows, page_size=100)
extras.execute_values(cursor, "INSERT INTO item (id) VALUES %s", [{"id": 1}],
                      template="(%(id)s + 1)")
with connection.cursor(cursor_factory=extras.RealDictCursor) as other:
    found = extras.execute_values(other, "INSERT INTO item VALUES %s RETURNING id", rows[:3],
                                  fetch=True)
    assert [row["id"] for row in found] == [0, 1, 2]
"""
    assert heard(capture_of(app(body))) == {
        "INSERT INTO item (id) VALUES ($1 + 1)": ((23,), 1, True, False),
        "INSERT INTO item VALUES ($1,$2) RETURNING 5 % 2": ((23, 0), 1, True, False),
        "INSERT INTO item VALUES ($1,$2) RETURNING id": ((23, 0), 1, True, False),
    }


def test_execute_batch_is_one_statement_with_its_rows(capture_of: CaptureOf) -> None:
    body = """
rows = [("x", n) for n in range(250)]
for _ in range(2):
    extras.execute_batch(cursor, "UPDATE item SET name = %s WHERE id = %s", rows)
"""
    capture = capture_of(app(body))
    assert heard(capture) == {"UPDATE item SET name = $1 WHERE id = $2": ((0, 23), 2, True, False)}
    assert len(capture.statements[0].samples) == 64


def test_pages_of_one_batch_are_told_from_batches_whatever_their_rows_are(
    capture_of: CaptureOf,
) -> None:
    body = """
same = ("x", 1)
extras.execute_batch(cursor, "UPDATE item SET name = %s WHERE id = %s", [same] * 250)
for _ in range(3):
    rows = (("x", n) for n in range(150))
    extras.execute_batch(cursor, "DELETE FROM item WHERE name = %s AND id = %s", rows)
def rows():
    yield ("x", 1)
    raise LookupError
try:
    extras.execute_batch(cursor, "DELETE FROM item WHERE name = %s AND id = %s", rows())
except LookupError as error:
    at = error.__traceback__
    while at is not None:
        assert "pytest_planguard" not in at.tb_frame.f_code.co_filename
        at = at.tb_next
"""
    assert heard(capture_of(app(body))) == {
        "UPDATE item SET name = $1 WHERE id = $2": ((0, 23), 1, True, False),
        "DELETE FROM item WHERE name = $1 AND id = $2": ((0, 23), 3, True, False),
    }


def test_copies_and_named_cursors_are_streams_and_calls_are_heard(capture_of: CaptureOf) -> None:
    body = """
cursor.copy_expert("COPY (SELECT * FROM item) TO STDOUT", io.StringIO())
cursor.copy_from(io.StringIO("1\\tx\\n"), "item")
cursor.copy_to(io.StringIO(), "item")
cursor.callproc("abs", [-4])
assert cursor.fetchone() == (4,)
connection.autocommit = False
with connection.cursor("big") as named:
    named.execute("SELECT * FROM item WHERE id > %s", [0])
    assert named.fetchall() == [(1, "x")]
"""
    found = heard(capture_of(app(body)))
    streams = [text for text, facts in found.items() if facts[3]]
    assert [text.split()[0] for text in streams] == ["COPY", "COPY", "COPY", "DECLARE"]
    assert streams[-1].endswith("FOR SELECT * FROM item WHERE id > $1")
    assert found["SELECT * FROM abs($1)"] == ((23,), 1, False, False)
    assert len(found) == 5


def test_a_wait_callback_that_switches_greenlets_works_as_before(capture_of: CaptureOf) -> None:
    """As gevent and eventlet have it: a statement waits while another one runs."""
    before = """
import select
import greenlet

def wait(connection):
    while (state := connection.poll()) != extensions.POLL_OK:
        ready = (connection,), () if state == extensions.POLL_READ else (), (connection,)
        while not any(select.select(*ready[:2], (), 0)):
            greenlet.getcurrent().parent.switch()

def ask(connection, label):
    cursor = connection.cursor()
    cursor.execute("SELECT %s::text, pg_sleep(0.05)", [label])
    order.append(cursor.fetchone()[0])
    with connection.cursor() as other:
        try:
            other.execute("SELECT nothing")
        except psycopg2.errors.UndefinedColumn as error:
            order.append(type(error))

order = []
"""
    body = """
def found():
    made = [connect(url) for _ in "ab"]
    works = [greenlet.greenlet(ask) for _ in "ab"]
    extensions.set_wait_callback(wait)
    try:
        for work, *given in zip(works, made, "ab"):
            work.switch(*given)
        while not all(work.dead for work in works):
            for work in works:
                work.dead or work.switch()
    finally:
        extensions.set_wait_callback(None)
    for one in made:
        one.close()
    seen = sorted(map(str, order))
    order.clear()
    return seen
with_us = found()
from __main__ import listening
listening.stop()
assert with_us == found() and len(with_us) == 4, with_us
"""
    capture = capture_of(app(body, before))
    (statement,) = [one for one in capture.statements if "pg_sleep" in one.text]
    assert statement.executions == 2
    assert [place.origin.function for place in statement.places] == ["ask"]


def test_a_statement_that_was_not_sent_is_not_heard_again(capture_of: CaptureOf) -> None:
    body = """
cursor.execute("SELECT 1")
for query, values in (("SELECT %s", [1, 2]), ("SELECT %s", [object()]), (5, None)):
    try:
        cursor.execute(query, values)
    except (TypeError, psycopg2.ProgrammingError):
        pass
"""
    assert heard(capture_of(app(body))) == {"SELECT 1": ((), 1, False, False)}


AWKWARD = """
class Registered(extensions.connection):
    def __init_subclass__(cls, **kwargs):
        raise LookupError("registered twice")

class Refusing(type):
    def __new__(kind, name, bases, names, final=False):
        if not final:
            raise RuntimeError("final")
        return super().__new__(kind, name, bases, names)
    def __init__(kind, name, bases, names, final=False):
        super().__init__(name, bases, names)

class Final(extensions.cursor, metaclass=Refusing, final=True):
    pass

class Fixed(extensions.cursor):
    def __setattr__(self, name, value):
        raise RuntimeError("fixed")

class OwnNames(extensions.cursor):
    @property
    def query(self):
        raise RuntimeError("not that")
"""


def test_classes_that_refuse_subclasses_by_any_error_are_told_and_work(
    capture_of: CaptureOf,
) -> None:
    body = """
made = psycopg2.connect(url, connection_factory=Registered)
assert type(made) is Registered
made.cursor().execute("SELECT 'unheard'")
for factory, kind in ((Final, Final), (lambda *args, **kwargs: Fixed(*args, **kwargs), Fixed)):
    with connection.cursor(cursor_factory=factory) as other:
        assert type(other) is kind
        other.execute("SELECT 'unheard'")
        assert other.fetchall() == [("unheard",)]
with connection.cursor(cursor_factory=OwnNames) as other:
    other.execute("SELECT 'own'")
    assert other.fetchall() == [("own",)]
    other.executemany("INSERT INTO item VALUES (%s)", [(1,)])
cursor.execute("SELECT 'heard'")
made.close()
from __main__ import recorder
assert recorder.failure is None
"""
    capture = capture_of(app(body, AWKWARD))
    assert [item.text for item in capture.statements] == [
        "INSERT INTO item VALUES ($1)", "SELECT 'heard'", "SELECT 'own'",
    ]  # fmt: skip
    assert capture.notes == tuple(
        f"psycopg2: app.{name} takes no subclass: what it sends was not captured"
        for name in ("Registered", "Final", "Fixed")
    )


def test_what_a_class_makes_of_the_name_query_is_left_to_it(capture_of: CaptureOf) -> None:
    before = """
class Text(extensions.cursor):
    @property
    def query(self):
        return (super().query or b"").decode()

class Nothing(extensions.cursor):
    query = None

class Sometimes(extensions.cursor):
    asked = 0
    @property
    def query(self):
        self.asked += 1
        if self.asked % 2:
            raise RuntimeError("not that")

def ask(cursor, value):
    cursor.execute("SELECT %s", (value,))
"""
    body = """
for factory in (extensions.cursor, Text, Nothing, Sometimes):
    with connection.cursor(cursor_factory=factory) as other:
        for number in range(70):
            ask(other, number)
        try:
            other.execute("SELECT %s", (object(),))
        except psycopg2.ProgrammingError:
            pass
"""
    assert heard(capture_of(app(body, before))) == {"SELECT $1": ((23,), 280, False, False)}


@pytest.mark.parametrize(
    "planted",
    [
        "classes.Classes._subclass = broken",
        "classes.Classes._change_class = broken",
        "classes._Rows.__init__ = broken",
        "classes._Rows.arguments = broken",
        "classes._Rows._hear = broken",
        "classes._call_of = broken; again.uninstall()",
    ],
)
def test_a_bug_in_a_class_never_reaches_the_application(
    capture_of: CaptureOf, planted: str
) -> None:
    before = """
from pytest_planguard.capture import psycopg2_classes as classes

def broken(*args):
    return 1 / 0

class Mine(extensions.connection):
    pass

class MyCursor(extensions.cursor):
    pass

class again:
    @staticmethod
    def uninstall():
        # Functions are wrapped when they are made: once more, with the bug in them.
        from __main__ import listening, recorder
        listening.stop()
        driver.install(recorder)
"""
    body = f"""
{planted.replace("; ", chr(10))}
for factory in (Mine, lambda *args, **kwargs: Mine(*args, **kwargs)):
    made = psycopg2.connect(url, connection_factory=factory)
    made.autocommit = True
    for kind in (MyCursor, lambda *args, **kwargs: MyCursor(*args, **kwargs)):
        with made.cursor(cursor_factory=kind) as other:
            other.execute("SELECT 1")
            other.executemany("INSERT INTO item VALUES (%s)", [(1,), (2,)])
            other.callproc("abs", [-4])
            assert other.fetchall() == [(4,)]
    made.close()
cursor.execute("SELECT count(*) FROM item")
assert cursor.fetchone() == (8,)
"""
    assert capture_of(app(body, before)).notes == (
        "capture was switched off: psycopg2: ZeroDivisionError: division by zero",
    )


_ASIDE = """
from __main__ import recorder
from pytest_planguard.model.statement import Phase

def ask(values):
    for value in values:
        cursor.execute("SELECT %s AS aside", (value,))

def executions(capture):
    return sum(item.executions for item in capture.statements if "aside" in item.text)
"""


def test_what_was_put_aside_belongs_to_the_test_that_sent_it(capture_of: CaptureOf) -> None:
    body = """
globals()['cursor'] = connection.cursor()
ask(range(100))
recorder.enter("tests/test_b.py::test_b", Phase.CALL)
ask(range(130))
recorder.enter("", Phase.OUTSIDE)
"""
    capture = capture_of(app(body, _ASIDE))
    (statement,) = [item for item in capture.statements if "aside" in item.text]
    counted = sorted(place.executions for place in statement.places)
    assert counted == [100, 130]
    assert {place.test for place in statement.places} >= {"tests/test_b.py::test_b"}
    assert len(statement.samples) == 64


def test_values_of_other_types_put_aside_are_statements_of_their_own(
    capture_of: CaptureOf,
) -> None:
    body = """
globals()['cursor'] = connection.cursor()
ask(range(100))
ask([1, 2**40, None, "a", 1.5] * 20)
"""
    capture = capture_of(app(body, _ASIDE))
    counted = {item.parameter_types: item.executions for item in capture.statements}
    assert counted[23,] == 120
    assert counted[20,] == counted[1700,] == 20
    assert counted[0,] == 40  # NULL and text


def test_nothing_put_aside_is_left_behind_when_a_capture_is_taken(capture_of: CaptureOf) -> None:
    body = """
globals()['cursor'] = connection.cursor()
ask(range(701))
assert executions(recorder.take()) == 701
ask(range(33))
assert executions(recorder.take()) == 33
with recorder.watched_by(recorder.new_tally()):
    ask(range(5))
ask(range(7))
assert executions(recorder.take()) == 12
"""
    assert heard(capture_of(app(body, _ASIDE))) == {}


def test_threads_that_put_aside_lose_nothing(capture_of: CaptureOf) -> None:
    body = """
import threading
def work():
    own = connect(url)
    own.autocommit = True
    mine = own.cursor()
    for number in range(600):
        mine.execute("SELECT %s AS aside", (number,))
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads:
    thread.start()
while any(thread.is_alive() for thread in threads):
    recorder.enter("tests/test_b.py::test_b", Phase.CALL)
for thread in threads:
    thread.join()
"""
    capture = capture_of(app(body, _ASIDE))
    assert sum(item.executions for item in capture.statements if "aside" in item.text) == 2400
    assert capture.notes == ()


def test_sql_given_as_a_value_is_followed_also_where_its_line_sent_queries_before(
    capture_of: CaptureOf,
) -> None:
    body = """
for written in ["SELECT 1 AS before"] * 100 + ["SET search_path = tenant_a", "SELECT 2 AS behind"]:
    cursor.execute("%s", (extensions.AsIs(written),))
for written in [5] * 100 + [extensions.AsIs("set_config('work_mem', '64MB', false)"), 6]:
    cursor.execute("SELECT %s AS held", (written,))
"""
    statements = capture_of(app(body)).statements
    found = {item.text: item for item in statements}
    assert found["SELECT 1 AS before"].executions == 100
    assert found["SELECT 2 AS behind"].session.search_path == "tenant_a"
    held = [item for item in statements if item.text == "SELECT $1 AS held"]
    counted = [(item.executions, dict(item.session.settings)) for item in held]
    assert sorted(counted, key=str) == [(1, {"work_mem": "64MB"}), (100, {})]


def test_sql_of_an_adapter_of_ones_own_for_a_type_of_pythons_is_followed_too(
    capture_of: CaptureOf,
) -> None:
    before = """
from decimal import Decimal
def adapted(value):
    sets = "set_config('work_mem', '64MB', false)"
    return extensions.AsIs(sets if value == 7 else str(value))
extensions.register_adapter(Decimal, adapted)
"""
    body = """
for value in [Decimal(5)] * 100 + [Decimal(7), Decimal(6)]:
    cursor.execute("SELECT %s AS held", (value,))
"""
    statements = capture_of(app(body, before)).statements
    behind = [item.text for item in statements if item.session.settings == {"work_mem": "64MB"}]
    assert "SELECT $1 AS held" in behind


def test_a_class_without_a_hash_is_sent_where_others_were_before(capture_of: CaptureOf) -> None:
    before = """
class Price(metaclass=Compared):
    def __conform__(self, protocol):
        return self
    def getquoted(self):
        return b"5"

def ask(value):
    cursor.execute("SELECT %s", (value,))
"""
    body = """
globals()["cursor"] = cursor
for value in [*range(70), Price()]:
    ask(value)
"""
    assert heard(capture_of(app(body, WITHOUT_A_HASH + before))) == {
        "SELECT $1": ((23,), 71, False, False)
    }


def test_drivers_hold_nothing_of_a_capture_that_was_taken(capture_of: CaptureOf) -> None:
    before = """
import gc
from __main__ import recorder
from pytest_planguard.capture.tally import Sent

def ask(cursor, value):
    cursor.execute("SELECT %s", (value,))

def sent():
    return sum(type(one) is Sent for one in gc.get_objects())
"""
    body = """
for number in range(70):
    ask(cursor, number)
assert sent() == 1
assert recorder.take().statements[0].executions == 70
assert sent() == 0
ask(cursor, 70)
"""
    assert heard(capture_of(app(body, before))) == {"SELECT $1": ((23,), 1, False, False)}


def test_a_connection_that_was_never_set_up_leaves_capture_on(capture_of: CaptureOf) -> None:
    before = """
class Broken(extensions.connection):
    def __init__(self, *args, **kwargs):
        pass
"""
    body = """
broken = connect(url, connection_factory=Broken)
broken.commit()
cursor.execute("SELECT 1")
"""
    assert heard(capture_of(app(body, before))) == {"SELECT 1": ((), 1, False, False)}
