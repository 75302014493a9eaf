"""What must not leave the process is in no file, from the first statement to the last."""

from __future__ import annotations

import gzip
import zlib
from base64 import b64decode

import pytest

from fix_suite import Suite

CONFIGURATION = """
[tool.pytest-planguard]
redact = ["users.email"]
redact-values = ["^canary-"]
"""

CONFTEST = """
import os
import psycopg
import pytest

@pytest.fixture(scope="session")
def database():
    with psycopg.connect(os.environ["URL"], autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(1)")
        connection.execute("CREATE TABLE IF NOT EXISTS users (id int, email text, name text)")
        connection.execute("SELECT pg_advisory_unlock(1)")

@pytest.fixture
def connection(database):
    with psycopg.connect(os.environ["URL"], autocommit=True) as connection:
        yield connection

def pytest_runtest_logreport(report):  # on a worker: what is about to be sent
    payload = vars(report).get("planguard")
    if payload:
        with open("payloads.txt", "a") as file:
            file.write(payload + "\\n")
"""

TESTS = """
import psycopg
import pytest

def test_one(connection):
    connection.execute("INSERT INTO users VALUES (%s, %s, %s)", [1, "secret@x.org", "Ada"])
    connection.execute("SELECT id FROM users WHERE email = 'secret@x.org'")
    psycopg.ClientCursor(connection).execute(
        "SELECT id FROM users WHERE lower(email) = %s", ["secret@x.org"])

def test_two(connection):
    connection.execute("SELECT %s::text", ["canary-1"])
    with pytest.raises(psycopg.Error):
        connection.execute("SELEC 'secret'")
    with pytest.raises(psycopg.Error):
        connection.execute("SELECT id FROM users WHERE email = %s::int::text", ["secret"])
    connection.execute("SELECT set_config('users.email', 'secret', false)")
    connection.execute("SELECT id FROM users WHERE name = %s", ["Ada"])
"""


def test_neither_captures_nor_payloads_nor_the_terminal_hold_it(suite: Suite) -> None:
    suite.configure(CONFIGURATION)
    suite.write(conftest=CONFTEST, test_app=TESTS)
    result = suite.run("--planguard", "-v")
    result.assert_outcomes(passed=2)
    root = suite.pytester.path
    said = [result.stdout.str().encode(), (root / "seen.json").read_bytes()]
    said.append(gzip.decompress((root / ".planguard" / "capture.json.gz").read_bytes()))
    if suite.mode == "workers":
        payloads = (root / "payloads.txt").read_text().split()
        said += [zlib.decompress(b64decode(payload)) for payload in payloads]
        assert len(payloads) == 2
    for text in said:
        assert b"secret" not in text
        assert b"canary" not in text
    assert b"redacted" in said[1]
    assert b'"Ada"' in said[1]


@pytest.mark.parametrize("suite", ["alone"], indirect=True)
def test_an_option_adds_to_what_the_file_protects(suite: Suite) -> None:
    suite.configure(CONFIGURATION)
    suite.write(conftest=CONFTEST, test_app=TESTS)
    suite.run("--planguard", "--planguard-capture-only", "--planguard-redact=users.name")
    content = gzip.decompress((suite.pytester.path / ".planguard" / "capture.json.gz").read_bytes())
    assert b"secret" not in content
    assert b"Ada" not in content
