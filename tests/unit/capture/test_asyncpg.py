from __future__ import annotations

from collections.abc import Callable

import pytest

from fix_drivers import WITHOUT_A_HASH
from pytest_planguard.capture.asyncpg import _Connection
from pytest_planguard.capture.connection import ConnectionParameters
from pytest_planguard.model.capture import Capture

asyncpg = pytest.importorskip("asyncpg")

CaptureOf = Callable[..., Capture]


def app(body: str, before: str = "") -> str:
    lines = "\n    ".join(body.strip().splitlines())
    return f"""
import asyncio
import asyncpg
from asyncpg import connect, create_pool
{before}
async def run(url):
    connection = await connect(url)
    await connection.execute("CREATE TABLE item (id int PRIMARY KEY, name text)")
    {lines}
    await connection.close()

def main(url):
    asyncio.run(run(url))
"""


def heard(capture: Capture) -> dict[str, tuple[tuple[int, ...], int, bool, bool]]:
    assert capture.notes == ()
    return {
        item.text: (item.parameter_types, item.executions, item.many, item.stream)
        for item in capture.statements
    }


def test_every_way_of_asking_is_heard(capture_of: CaptureOf) -> None:
    body = """
await connection.execute("INSERT INTO item VALUES ($1, $2)", 1, "x")
for number in range(7):
    await connection.fetchrow("SELECT name FROM item WHERE id = $1", number)
await connection.fetchval("SELECT 1")
await connection.execute("SELECT 2")
statement = await connection.prepare("SELECT id FROM item WHERE name = $1")
assert await statement.fetchval("x") == 1
await statement.fetch("y")
"""
    assert heard(capture_of(app(body))) == {
        "INSERT INTO item VALUES ($1, $2)": ((23, 25), 1, False, False),
        "SELECT 1": ((), 1, False, False),
        "SELECT 2": ((), 1, False, False),
        "SELECT id FROM item WHERE name = $1": ((25,), 2, False, False),
        "SELECT name FROM item WHERE id = $1": ((23,), 7, False, False),
    }


def test_cursors_and_copies_are_streams(capture_of: CaptureOf) -> None:
    body = """
async with connection.transaction():
    async for _ in connection.cursor("SELECT * FROM item WHERE id > $1", 0):
        pass
    cursor = await connection.cursor("SELECT id FROM item")
    await cursor.fetch(5)
async def sink(_):
    pass
await connection.copy_from_query("SELECT * FROM item WHERE id < $1", 3, output=sink)
await connection.copy_records_to_table("item", records=[(5, "x")])
"""
    found = heard(capture_of(app(body)))
    assert all(facts[3] for facts in found.values())
    assert len(found) == 4


def test_what_the_library_asks_for_itself_is_not_heard(capture_of: CaptureOf) -> None:
    body = """
await connection.execute("CREATE TYPE mood AS ENUM ('glad', 'sad')")
async with create_pool(url, min_size=1, max_size=2) as pool:
    async with pool.acquire() as other:
        await other.fetch("SELECT $1::mood", "glad")
    await pool.fetch("SELECT 'pool'")
"""
    capture = capture_of(app(body))
    assert [item.text for item in capture.statements] == ["SELECT $1::mood", "SELECT 'pool'"]
    assert capture.statements[0].parameter_types[0] >= 16384


def test_subclasses_and_their_lines_are_heard(capture_of: CaptureOf) -> None:
    before = """
class Mine(asyncpg.Connection):
    async def fetch(self, *args, **options):
        return await super().fetch(*args, **options)
"""
    body = """
other = await connect(url, connection_class=Mine)
await other.fetch("SELECT 'mine'")
await other.close()
"""
    (statement,) = capture_of(app(body, before)).statements
    assert statement.places[0].origin.function == "Mine.fetch"


def test_a_search_path_asked_for_at_the_start_is_the_sessions(capture_of: CaptureOf) -> None:
    body = """
other = await connect(url, server_settings={"search_path": "tenant_1", "role": "postgres"})
await other.fetch("SELECT 1")
await other.close()
"""
    (statement,) = capture_of(app(body)).statements
    assert (statement.session.search_path, statement.session.role) == ("tenant_1", "postgres")
    assert statement.session.prepares


def test_values_without_a_known_text_are_left_out(capture_of: CaptureOf) -> None:
    body = """
import json
await connection.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads,
                                schema="pg_catalog")
assert await connection.fetchval("SELECT $1::jsonb", {"a": 1}) == {"a": 1}
"""
    (statement,) = capture_of(app(body)).statements
    assert (statement.parameter_types, statement.samples) == ((3802,), ())


def test_a_connection_made_before_is_told(capture_of: CaptureOf) -> None:
    body = """
from __main__ import listening, recorder
from pytest_planguard.capture.listening import listen
listening.stop()
early = await connect(url)
again = listen(recorder)
await early.fetch("SELECT 1")
await early.close()
again.stop()
"""
    capture = capture_of(app(body))
    assert capture.statements == ()
    assert capture.notes == (
        "asyncpg: a connection was made before planguard listened: it was not captured",
    )


_ASIDE = """
from collections import Counter
from __main__ import recorder

async def ask(connection, values, query="SELECT $1::int AS aside"):
    for value in values:
        await connection.fetch(query, value)

def counted(capture):
    return sum(item.executions for item in capture.statements if "aside" in item.text)
"""


def test_what_was_put_aside_is_counted_with_the_phase_that_sent_it(capture_of: CaptureOf) -> None:
    body = """
from pytest_planguard.model.statement import Phase
for number in range(1, 4):
    recorder.enter(f"tests/test_a.py::test_{number}", Phase.CALL)
    await ask(connection, range(50 + number))
"""
    (statement,) = capture_of(app(body, _ASIDE)).statements
    assert [place.executions for place in statement.places] == [51, 52, 53]
    assert len(statement.samples) == 53


def test_nothing_put_aside_is_left_behind_when_a_capture_is_taken(capture_of: CaptureOf) -> None:
    body = """
await ask(connection, range(701))
assert counted(recorder.take()) == 701
await ask(connection, range(33))
assert counted(recorder.take()) == 33
with recorder.watched_by(recorder.new_tally()):
    await ask(connection, range(5))
await ask(connection, [*range(7), None])
assert counted(recorder.take()) == 13
"""
    assert heard(capture_of(app(body, _ASIDE))) == {}


def test_a_value_that_changes_is_heard_as_it_was_sent(capture_of: CaptureOf) -> None:
    body = """
value = [0]
for number in range(60):
    value[0] = number
    await ask(connection, [value], "SELECT $1::int[] AS aside")
"""
    (statement,) = capture_of(app(body, _ASIDE)).statements
    assert {sample.values for sample in statement.samples} == {
        (f"{{{number}}}",) for number in range(60)
    }


def test_long_values_are_not_held(capture_of: CaptureOf) -> None:
    body = """
import gc
from pytest_planguard.capture import asyncpg as driver
texts = [str(number) * 2_000 for number in range(60)]
await ask(connection, ["short"] * 60 + texts, "SELECT $1::text AS aside")
(again,) = [item for item in gc.get_objects() if type(item) is driver.Again]
assert {values for _, values in again.aside} == {("short",)}
"""
    (statement,) = capture_of(app(body, _ASIDE)).statements
    assert statement.executions == 120
    assert len(statement.samples) == 61


def test_two_lines_that_send_one_statement_in_turn_lose_nothing(capture_of: CaptureOf) -> None:
    before = """
async def other(connection, value):
    await connection.fetch("SELECT $1::int AS aside", value)
"""
    body = """
await ask(connection, range(60))
for number in range(100):
    await other(connection, number)
    await ask(connection, [number])
"""
    (statement,) = capture_of(app(body, _ASIDE + before)).statements
    assert sorted(
        (place.origin.function, place.executions) for place in statement.places
    ) == [("ask", 160), ("other", 100)]  # fmt: skip


def test_many_small_values_are_not_held(capture_of: CaptureOf) -> None:
    body = """
import gc
from pytest_planguard.capture import asyncpg as driver
many = ", ".join(f"${n}::int" for n in range(1, 81))
async def ask_all(first):
    await connection.fetch(f"SELECT 'aside' WHERE 5 IN ({many})", *range(first, first + 80))
for number in range(120):
    await ask_all(number)
(again,) = [item for item in gc.get_objects() if type(item) is driver.Again]
assert again.aside == []
"""
    (statement,) = capture_of(app(body, _ASIDE)).statements
    assert (statement.executions, len(statement.samples)) == (120, 64)


def test_a_class_without_a_hash_is_sent_where_others_were_before(capture_of: CaptureOf) -> None:
    before = """
class Price(metaclass=Compared):
    def __str__(self):
        return "5"
"""
    body = """
await connection.set_type_codec("int4", schema="pg_catalog", encoder=str, decoder=int)
await ask(connection, [*range(70), Price()])
"""
    assert heard(capture_of(app(body, _ASIDE + WITHOUT_A_HASH + before))) == {
        "SELECT $1::int AS aside": ((23,), 71, False, False)
    }


def test_a_statement_whose_types_the_library_does_not_tell_is_heard() -> None:
    """Its own suite has one: types are told through codecs, which it may not have (any more)."""

    class Forgetful:
        name, query = "__asyncpg_stmt_1__", "SELECT $1"

        def _get_parameters(self) -> object:
            raise asyncpg.InternalClientError("missing codec information for OID 1")

    connection = Forgetful()
    parameters = ConnectionParameters({"dbname": "shop"}, "asyncpg")
    known = _Connection(connection, str, parameters=parameters, reports_path=False)
    text, types, _ = known.statement(connection, 1)
    assert (text, types, known.statements) == (b"SELECT $1", (0,), {})
