"""A project with one table, whose configuration and schema can be spoilt."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fix_shop import Project, Ran, scratch

SCHEMA = """\
CREATE TABLE orders (
    id bigint PRIMARY KEY,
    number text NOT NULL,
    customer_id bigint NOT NULL
);
CREATE INDEX orders_customer_id_idx ON orders (customer_id);
"""

CONFIGURATION = """\
[tool.pytest.ini_options]
filterwarnings = ["error"]
pythonpath = ["."]

[tool.pytest-planguard.database]
schema = "schema.sql"

[tool.pytest-planguard.tables.orders]
rows = 47_000_000
columns.number.distinct = 47_000_000
columns.customer_id.distinct = 6_000_000
"""

APP = """\
import psycopg


def by_customer(connection, customer):
    return connection.execute("SELECT * FROM orders WHERE customer_id = %s", [customer]).fetchall()


def by_number(connection, number):
    return connection.execute("SELECT * FROM orders WHERE number = %s", [number]).fetchall()


def mistyped(connection):
    try:
        connection.execute("SELEC * FROM orders")
    except psycopg.errors.SyntaxError:
        connection.rollback()


def two_at_once(connection):
    connection.execute("UPDATE orders SET number = 'none' WHERE id = 1; DELETE FROM orders")
"""

CONFTEST = """\
import os
import signal
from pathlib import Path

import psycopg
import pytest
from pytest_planguard.plugin.terminal import Progress

TABLES = "CREATE TABLE orders (id bigint PRIMARY KEY, number text, customer_id bigint)"
SAID = Progress.__call__


@pytest.fixture
def connection(request):
    url = os.environ.get("SUITE_URL") or request.getfixturevalue("planguard_database_url")
    with psycopg.connect(url) as connection:
        connection.execute(TABLES)
        yield connection
        connection.rollback()


def postmaster():
    (file,) = Path(os.environ["PLANGUARD_CACHE_DIR"]).rglob("postmaster.pid")
    return int(file.read_text().splitlines()[0])


def say(self, text):
    when, _, what = os.environ.get("ACCIDENT", "").partition(":")
    SAID(self, text)
    if when and text.startswith(when):
        os.environ.pop("ACCIDENT")
        if what == "server killed":
            os.kill(postmaster(), signal.SIGKILL)
        else:
            os.kill(os.getpid(), signal.SIGINT)


Progress.__call__ = say
"""

TESTS = """\
import app


def test_customer(connection):
    assert app.by_customer(connection, 1) == []


def test_number(connection):
    assert app.by_number(connection, "A1") == []
"""


class Small(Project):
    """A project with one table, whose configuration and schema can be spoilt."""

    def __init__(self, root: Path, cache: Path) -> None:
        super().__init__(root, cache)
        self.write(
            schema__sql=SCHEMA,
            pyproject__toml=CONFIGURATION,
            app__py=APP,
            conftest__py=CONFTEST,
            test_app__py=TESTS,
        )

    def configure(self, old: str, new: str) -> None:
        """Changes the configuration."""
        self.replace("pyproject.toml", old, new)

    def report(self) -> dict[str, Any]:
        """The JSON report of the last run."""
        return dict(json.loads((self.root / ".planguard" / "report.json").read_bytes()))


@pytest.fixture(scope="module")
def small_folder() -> Iterator[Path]:
    with scratch() as folder:
        yield folder
        root = folder / "last"
        root.mkdir()
        Small(root, folder / "cache").command("db", "down")


@pytest.fixture
def project(small_folder: Path, request: pytest.FixtureRequest) -> Small:
    """A project of the test's own, on servers all tests share."""
    root = small_folder / f"project-{re.sub(r'[^a-z]+', '-', request.node.name)}"
    root.mkdir()
    return Small(root, small_folder / "cache")


def refused(ran: Ran, status: int, *sentences: str) -> None:
    """One error that says all of it, and no traceback."""
    said = ran.out + ran.err
    assert ran.status == status, said
    for sentence in sentences:
        assert said.count(sentence) == 1, f"{sentence}\n---\n{said}"
    assert "Traceback" not in said
    assert "internal error" not in said
