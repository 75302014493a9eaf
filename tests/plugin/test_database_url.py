from __future__ import annotations

import psycopg
import pytest

from fix_suite import Suite

TESTS = """
import psycopg
import pytest

@pytest.fixture(scope="session")
def connection(planguard_database_url):
    with psycopg.connect(planguard_database_url, autocommit=True) as connection:
        assert not connection.execute("SELECT 1 FROM pg_class WHERE oid > 16384").fetchall()
        connection.execute("CREATE TABLE orders (id int)")
        yield connection

@pytest.mark.parametrize("n", range(4))
def test_orders(connection, planguard_database_url, n):
    assert planguard_database_url.startswith("postgresql://postgres@/planguard_tests_")
    assert "?host=%2F" in planguard_database_url
    connection.execute("SELECT id FROM orders WHERE id = %s", [n])
"""


@pytest.mark.parametrize("arguments", [(), ("--planguard",)])
def test_each_worker_has_an_empty_database(
    suite: Suite, server_url: str, arguments: tuple[str, ...]
) -> None:
    suite.write(conftest="", test_app=TESTS)
    suite.run(*arguments).assert_outcomes(passed=4)
    log = (suite.pytester.path / "servers.txt").read_text().split()
    assert log.count("open") == log.count("closed") == (1 if suite.mode == "alone" else 2)
    with psycopg.connect(server_url) as connection:
        # other tests keep templates on this server
        left = connection.execute(
            "SELECT datname FROM pg_database WHERE datname LIKE 'planguard_tests_%'"
        )
        assert left.fetchall() == []


def test_what_is_sent_there_is_captured_but_not_its_making(suite: Suite) -> None:
    suite.write(conftest="", test_app=TESTS)
    suite.run("--planguard").assert_outcomes(passed=4)
    captured = suite.captured
    own = [item for item in captured.statements if "FROM orders" in item.text]
    assert sum(item.executions for item in own) == 4
    assert {item.text for item in captured.ddl} == {"CREATE TABLE orders (id int)"}
    for database in captured.databases.values():
        assert database.schema is not None
        assert [item.name for item in database.schema.objects] == ["orders"]


def test_without_a_server_the_tests_say_why(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPELINE", "no server")
    suite.write(conftest="", test_app=TESTS)
    result = suite.run()
    result.assert_outcomes(errors=4)
    result.stdout.fnmatch_lines(["*planguard_database_url: no PostgreSQL to be had*"])
