from __future__ import annotations

from fix_suite import Suite
from pytest_planguard.model.capture import name_in

CREATED_EACH_TIME = """
import os
import psycopg
import pytest

@pytest.fixture
def connection():
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    name = f"shop_{worker}"
    with psycopg.connect(os.environ["URL"], autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        try:
            with psycopg.connect(os.environ["URL"], dbname=name, autocommit=True) as connection:
                connection.execute("CREATE TYPE mood AS ENUM ('sad', 'glad')")
                connection.execute("CREATE TABLE orders (id int, mood mood)")
                yield connection
                connection.execute("DROP TABLE orders")
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
"""

ROLLED_BACK = """
import os
import psycopg
import pytest

@pytest.fixture
def connection():
    with psycopg.connect(os.environ["URL"]) as connection:
        connection.execute("CREATE TABLE orders (id int)")
        yield connection
        connection.rollback()
"""

TESTS = """
import enum
import pytest

@pytest.mark.parametrize("n", range(6))
def test_orders(connection, n):
    from psycopg.types.enum import EnumInfo, register_enum
    connection.execute("SELECT id FROM orders WHERE id = %s", [n])
"""

TYPED = """
import enum

class Mood(enum.Enum):
    sad = "sad"

def test_mood(connection):
    from psycopg.types.enum import EnumInfo, register_enum
    register_enum(EnumInfo.fetch(connection, "mood"), connection, Mood)
    connection.execute("SELECT id FROM orders WHERE mood = %s", [Mood.sad])
"""


def test_the_schema_is_taken_while_the_database_lives(suite: Suite) -> None:
    suite.write(conftest=CREATED_EACH_TIME, test_app=TESTS)
    suite.run("--planguard").assert_outcomes(passed=6)
    shops = [item for name, item in suite.captured.databases.items() if name.startswith("shop_")]
    assert shops
    for database in shops:
        assert database.schema is not None
        assert [item.name for item in database.schema.objects] == ["orders"]
        assert database.why_no_schema == ""


def test_the_same_statements_make_no_schema_dirty_again(suite: Suite) -> None:
    suite.write(conftest=CREATED_EACH_TIME, test_app=TESTS)
    suite.run("--planguard")
    # By process: the first look, one after the DROP was heard, one at the last test.
    assert len(suite.snapshots) <= (3 if suite.mode == "alone" else 6)


def test_types_of_parameters_are_named(suite: Suite) -> None:
    suite.write(conftest=CREATED_EACH_TIME, test_app=TYPED)
    suite.run("--planguard").assert_outcomes(passed=1)
    (oid,) = [
        oid
        for statement in suite.captured.statements
        if "mood =" in statement.text
        for oid in statement.parameter_types
    ]
    (database,) = [
        item for name, item in suite.captured.databases.items() if name.startswith("shop_")
    ]
    assert database.types[oid] == "public.mood"


def test_tables_nobody_else_can_see_are_explained(suite: Suite) -> None:
    suite.write(conftest=ROLLED_BACK, test_app=TESTS)
    suite.run("--planguard").assert_outcomes(passed=6)
    (database,) = suite.captured.databases.values()
    assert database.schema is None
    assert "inside a transaction that is never committed" in database.why_no_schema


def test_a_dropped_database_is_read_before_it_goes(suite: Suite) -> None:
    suite.write(
        conftest="",
        test_app="""
        import os
        import psycopg

        def test_all_in_one():
            with psycopg.connect(os.environ["URL"], autocommit=True) as admin:
                admin.execute("CREATE DATABASE brief")
                with psycopg.connect(os.environ["URL"], dbname="brief", autocommit=True) as c:
                    c.execute("CREATE TABLE items (id int)")
                    c.execute("SELECT id FROM items")
                admin.execute("DROP DATABASE brief")
        """,
    )
    suite.run("--planguard").assert_outcomes(passed=1)
    schemas = {name_in(name): one.schema for name, one in suite.captured.databases.items()}
    schema = schemas["brief"]
    assert schema is not None
    assert [item.name for item in schema.objects] == ["items"]


def test_a_configured_schema_is_not_taken(suite: Suite) -> None:
    (suite.pytester.path / "schema.sql").write_text("")
    suite.configure('[tool.pytest-planguard.database]\nschema = "schema.sql"\n')
    suite.write(conftest=CREATED_EACH_TIME, test_app=TESTS)
    suite.run("--planguard").assert_outcomes(passed=6)
    assert suite.snapshots == []


def test_a_schema_that_cannot_be_read_breaks_no_test(suite: Suite) -> None:
    suite.write(
        conftest=CREATED_EACH_TIME,
        test_app=TESTS.replace("import enum", "import fake_pipeline, sys")
        + "\nclone = sys.modules['pytest_planguard.fixturedb.schema.clone']"
        "\nclone.read_schema = lambda run: 1 / 0\n",
    )
    suite.run("--planguard").assert_outcomes(passed=6)
    assert any(
        "division by zero" in item.why_no_schema for item in suite.captured.databases.values()
    )
