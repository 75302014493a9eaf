"""What a statement's session was like, over every driver."""

from __future__ import annotations

from collections.abc import Callable

from fix_drivers import Driven
from pytest_planguard.model.capture import Capture
from pytest_planguard.model.statement import Session


def sessions(capture: Capture) -> dict[str, Session]:
    """By the number each statement selects."""
    return {
        item.text.removeprefix("SELECT ").removesuffix(" AS here"): item.session
        for item in capture.statements
        if item.text.endswith(" AS here")
    }


def test_settings_role_path_and_isolation_are_followed(driven: Driven) -> None:
    capture = driven.run("""
        ask = connection.ask
        await ask("CREATE ROLE planguard_reader")
        await ask("SELECT 1 AS here")
        await ask("SET work_mem = '64MB'")
        await ask("SELECT 2 AS here")
        await ask("BEGIN ISOLATION LEVEL REPEATABLE READ")
        await ask("SELECT set_config('app.tenant_id', $1::text, true)", "42")
        await ask("SET LOCAL search_path TO tenant_a, public")
        await ask("SET LOCAL ROLE planguard_reader")
        await ask("SELECT 3 AS here")
        await ask("ROLLBACK")
        await ask("SELECT 4 AS here")
        await ask("RESET ALL")
        await ask("DROP ROLE planguard_reader")
        await ask("SELECT 5 AS here")
        """)
    found = sessions(capture)
    assert found["1"].settings == {}
    assert found["2"].settings == {"work_mem": "64MB"}
    inside = found["3"]
    assert inside.settings == {"app.tenant_id": "42", "work_mem": "64MB"}
    assert inside.search_path == "tenant_a, public"
    assert (inside.role, inside.isolation) == ("planguard_reader", "repeatable read")
    assert found["4"] == found["2"]
    assert found["5"] == found["1"]
    assert capture.notes == ()


def test_a_path_that_a_function_has_set_is_seen_where_the_server_reports_it(driven: Driven) -> None:
    capture = driven.run('''
        ask = connection.ask
        await ask("""CREATE FUNCTION enter_tenant() RETURNS void LANGUAGE plpgsql AS $$
            BEGIN SET search_path = tenant_a, public; END $$""")
        async def look():
            for number in range(100):
                await ask("SELECT $1::int AS looked", number)
        await look()
        await ask("BEGIN")
        await ask("SELECT enter_tenant()")
        await look()
        await ask("ROLLBACK")
        await look()
        ''')
    found = {
        item.session.search_path: item.executions
        for item in capture.statements
        if item.text.endswith(" AS looked")
    }
    assert found == {None: 200, "tenant_a, public": 100}
    assert capture.notes == ()


OWN_TRANSACTIONS = {
    "psycopg": """
import psycopg

def main(url):
    with psycopg.connect(url, options="-c work_mem=8MB") as connection:
        connection.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
        connection.execute("SET LOCAL app.tenant_id = 'a'")
        connection.execute("SELECT 1 AS here")
        connection.commit()
        connection.execute("SELECT 2 AS here")
        connection.execute("SET work_mem = '64MB'")
        connection.execute("SELECT 3 AS here")
        connection.rollback()
        connection.execute("SELECT 4 AS here")
        with connection.transaction():
            connection.execute("SET work_mem = '64MB'")
        connection.commit()
        connection.execute("SELECT 5 AS here")
""",
    "psycopg2": """
import psycopg2

def main(url):
    connection = psycopg2.connect(url, options="-c work_mem=8MB")
    connection.isolation_level = "SERIALIZABLE"
    cursor = connection.cursor()
    with connection:
        cursor.execute("SET LOCAL app.tenant_id = 'a'")
        cursor.execute("SELECT 1 AS here")
    cursor.execute("SELECT 2 AS here")
    cursor.execute("SET work_mem = '64MB'")
    cursor.execute("SELECT 3 AS here")
    connection.rollback()
    cursor.execute("SELECT 4 AS here")
    cursor.execute("SET work_mem = '64MB'")
    connection.commit()
    cursor.execute("SELECT 5 AS here")
    connection.close()
""",
    "asyncpg": """
import asyncio
import asyncpg

async def run(url):
    settings = {"work_mem": "8MB"}
    pool = await asyncpg.create_pool(url, min_size=1, max_size=1, server_settings=settings)
    async with pool.acquire() as connection:
        async with connection.transaction(isolation="serializable"):
            await connection.execute("SET LOCAL app.tenant_id = 'a'")
            await connection.fetch("SELECT 1 AS here")
        try:
            async with connection.transaction(isolation="serializable"):
                await connection.fetch("SELECT 2 AS here")
                await connection.execute("SET work_mem = '64MB'")
                await connection.fetch("SELECT 3 AS here")
                raise KeyError
        except KeyError:
            pass
        async with connection.transaction(isolation="serializable"):
            await connection.fetch("SELECT 4 AS here")
        await connection.execute("SET work_mem = '64MB'")
        async with connection.transaction(isolation="serializable"):
            await connection.fetch("SELECT 5 AS here")
    async with pool.acquire() as connection:
        await connection.fetch("SELECT 6 AS here")
    await pool.close()

def main(url):
    asyncio.run(run(url))
""",
}


def test_transactions_a_driver_makes_itself_end_what_is_local(
    capture_of: Callable[..., Capture],
) -> None:
    for driver, app in OWN_TRANSACTIONS.items():
        found = sessions(capture_of(app))
        local = {"app.tenant_id": "a", "work_mem": "8MB"}
        assert found["1"].settings == local, driver
        settings = [found[number].settings["work_mem"] for number in "2345"]
        assert settings == ["8MB", "64MB", "8MB", "64MB"], driver
        assert {found[number].isolation for number in "12345"} == {"serializable"}, driver
        assert not any("app.tenant_id" in found[number].settings for number in "2345"), driver
        if "6" in found:  # a pool's connection forgets
            assert found["6"].settings == {"work_mem": "8MB"}


def test_custom_settings_of_ever_new_values_come_to_an_end(
    capture_of: Callable[..., Capture],
) -> None:
    capture = capture_of("""
import psycopg

def main(url):
    with psycopg.connect(url) as connection:
        for number in range(2000):
            connection.execute("SELECT set_config('app.tenant', %s, false)", [str(number)])
            connection.execute("SELECT 1 AS here")
""")
    kept = [item for item in capture.statements if item.text.endswith("AS here")]
    assert [item.session.settings["app.tenant"] for item in kept] == ["0", "1", "10"]
    assert sum(item.executions for item in kept) == 2000
    assert capture.notes == ()
