"""What is sent again is heard the short way: told by which of the recorder's methods counts it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fix_drivers import WAYS, Driven
from pytest_planguard.model.capture import Capture


def executions(capture: Capture, containing: str) -> int:
    return sum(item.executions for item in capture.statements if containing in item.text)


def test_a_line_that_asks_again_takes_the_shortest_way(driven: Driven) -> None:
    capture = driven.run("""
        from ways import read, ways
        counts = ways(recorder)
        for number in range(200):
            await connection.ask("SELECT 'again', $1::int", number)
        read(recorder)
        found = dict(counts)
        assert sum(found.values()) == 200, found
        assert found["record"] <= 2, found  # with the first one the library is met
        shortest = found.get("count_known", 0) + found.get("count_later", 0)
        assert shortest > 140, found  # the first 50 of a test are looked at closely
    """)
    assert executions(capture, "again") == 200


def test_rows_of_many_take_a_short_way(driven: Driven) -> None:
    capture = driven.run("""
        from ways import ways
        await connection.ask("CREATE TABLE item (id int, name text)")
        counts = ways(recorder)
        rows = [(number, "x") for number in range(1_000, 1_200)]
        for _ in range(2):
            await connection.many("INSERT INTO item VALUES ($1, $2)", rows)
        found = dict(counts)
        assert sum(found.values()) == 400, found
        assert found["record_row"] > 340, found
    """)
    assert executions(capture, "INSERT") == 2


_ASYNC = """
import asyncio
from __main__ import recorder
from sqlalchemy import column, make_url, select, table, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from ways import read, ways

item = table("item", column("id"))

async def by_core(connection, number):
    return (await connection.execute(text("SELECT 'core', :n"), {"n": str(number)})).all()

async def by_session(session, number):
    return await session.scalar(select(item.c.id).where(item.c.id == number))

async def again(ask, asked):
    counts = ways(recorder)
    for number in range(200):
        await ask(asked, number)
    read(recorder)
    found = dict(counts)
    assert found["record"] <= 2, found  # psycopg prepares after some, asyncpg at once
    assert sum(found.values()) - found["record"] >= 198, found
    for name in found:
        delattr(recorder, name)

async def run(url):
    engine = create_async_engine(make_url(url).set(drivername="postgresql+DRIVER"))
    async with engine.connect() as connection:
        await connection.execute(text("CREATE TEMPORARY TABLE item (id int)"))
        await again(by_core, connection)
        async with AsyncSession(connection) as session:
            await again(by_session, session)
    await engine.dispose()

def main(url):
    asyncio.run(run(url))
"""


@pytest.mark.parametrize("driver", ["psycopg", "asyncpg"])
def test_what_asynchronous_sqlalchemy_sends_again_takes_a_short_way(
    capture_of: Callable[..., Capture], driver: str
) -> None:
    capture = capture_of(_ASYNC.replace("DRIVER", driver), library={"ways": WAYS})
    assert (executions(capture, "core"), executions(capture, "FROM item")) == (200, 200)
