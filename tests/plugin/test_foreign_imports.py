"""The application imports its own libraries only, and planguard reads through them."""

from __future__ import annotations

import pytest

from fix_suite import Suite

APPS = {
    "psycopg2": """
import psycopg2

def work(url):
    connection = psycopg2.connect(url)
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("CREATE TYPE mood AS ENUM ('sad')")
    cursor.execute("CREATE TABLE orders (id int, mood mood)")
    cursor.execute("SELECT id FROM orders WHERE mood = %s", ["sad"])
    connection.close()
""",
    "asyncpg": """
import asyncio
import asyncpg

async def ask(url):
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TYPE mood AS ENUM ('sad')")
    await connection.execute("CREATE TABLE orders (id int, mood mood)")
    await connection.fetch("SELECT id FROM orders WHERE mood = $1", "sad")
    await connection.close()

def work(url):
    asyncio.run(ask(url))
""",
}

CONFTEST = """
import sys

def pytest_unconfigure():
    drivers = {"asyncpg", "psycopg", "psycopg2", "sqlalchemy", "django"} & set(sys.modules)
    print("imported:", *sorted(drivers))
"""

TESTS = """
import os
import app

def test_work():
    app.work(os.environ["URL"])
"""


@pytest.mark.parametrize("driver", list(APPS))
@pytest.mark.parametrize("suite", ["alone"], indirect=True)
def test_schema_and_types_are_read_and_no_other_driver_is_imported(
    suite: Suite, driver: str
) -> None:
    suite.write(app=APPS[driver], conftest=CONFTEST, test_app=TESTS)
    result = suite.run("--planguard", "--planguard-capture-only")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"imported: {driver}"])
    capture = suite.captured
    assert capture.notes == ()
    (database,) = capture.databases.values()
    assert database.schema is not None
    assert [item.name for item in database.schema.objects] == ["orders"]
    types = [oid for one in capture.statements for oid in one.parameter_types if oid >= 16384]
    assert [database.types[oid] for oid in types] == ["public.mood"] * len(types)
