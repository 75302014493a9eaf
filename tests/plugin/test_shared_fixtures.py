"""What a fixture of several tests sends belongs to it, not to the test that asks first."""

from __future__ import annotations

import pytest

from fix_suite import Suite
from pytest_planguard.model.statement import Phase

CONFTEST = """
import os
import psycopg
import pytest

@pytest.fixture(scope="session")
def whole():
    with psycopg.connect(os.environ["URL"], autocommit=True) as connection:
        connection.execute("SELECT 'made'")
        yield connection
        connection.execute("SELECT 'undone'")

@pytest.fixture(scope="module")
def module(whole):
    whole.execute("SELECT 'module'")
    yield whole
    whole.execute("SELECT 'module undone'")

@pytest.fixture
def connection(module):
    module.execute("SELECT 'own'")
    yield module
    module.execute("SELECT 'own undone'")
"""

TESTS = """
import pytest

def test_one(connection):
    connection.execute("SELECT 'call'")

@pytest.mark.planguard(capture=False)
def test_silent(connection):
    connection.execute("SELECT 'silent'")

class TestMore:
    @classmethod
    def setup_class(cls):
        assert cls is not None

    def test_two(self, connection):
        connection.execute("SELECT 'call'")
"""

FAILS = """
import pytest

@pytest.fixture(scope="module")
def broken(whole):
    whole.execute("SELECT 'broken'")
    raise RuntimeError

def test_broken(broken): pass

def test_after(whole):
    whole.execute("SELECT 'after'")
"""


def test_shared_fixtures_stand_apart(suite: Suite) -> None:
    suite.write(conftest=CONFTEST, test_app=TESTS, test_broken=FAILS)
    result = suite.run("--planguard", "--planguard-capture-only", "-p", "no:randomly")
    result.assert_outcomes(passed=4, errors=1)
    found = {
        (one.text.removeprefix("SELECT "), place.phase, place.scope, place.test.rpartition("::")[2])
        for one in suite.captured.statements
        for place in one.places
    }
    shared = Phase.SHARED
    app, broken = "test_app.py", "test_broken.py"
    assert found == {
        ("'made'", shared, "", ""),
        ("'undone'", shared, "", ""),
        ("'module'", shared, app, ""),
        ("'module undone'", shared, app, ""),
        ("'broken'", shared, broken, ""),
        *(("'own'", Phase.SETUP, "", test) for test in ("test_one", "test_two")),
        *(("'own undone'", Phase.TEARDOWN, "", test) for test in ("test_one", "test_two")),
        *(("'call'", Phase.CALL, "", test) for test in ("test_one", "test_two")),
        ("'after'", Phase.CALL, "", "test_after"),
    }


@pytest.mark.parametrize("suite", ["alone"], indirect=True)
def test_a_fixture_that_a_silent_test_asks_for_first_is_captured(suite: Suite) -> None:
    suite.write(conftest=CONFTEST, test_app=TESTS)
    suite.run("--planguard", "--planguard-capture-only", "-k", "silent")
    assert [one.text for one in suite.captured.statements] == [
        "SELECT 'made'",
        "SELECT 'module undone'",
        "SELECT 'module'",
        "SELECT 'undone'",
    ]
