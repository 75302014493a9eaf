"""From production to a verdict as a user goes: pull its statistics, run the suite, be told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from fix_shop import Project, judged, scratch

SCHEMA = """
CREATE TABLE customers (id bigint PRIMARY KEY, name text NOT NULL);
CREATE TABLE orders (
    id bigint PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES customers,
    state text NOT NULL,
    placed_at timestamptz NOT NULL
);
CREATE INDEX orders_customer_id_idx ON orders (customer_id);
"""

ROWS = """
INSERT INTO customers SELECT n, 'customer ' || n FROM generate_series(1, 2000) n;
INSERT INTO orders
SELECT n, 1 + n % 2000, CASE n % 400 WHEN 0 THEN 'open' ELSE 'done' END,
    timestamptz '2026-01-01' + n * interval '1 minute'
FROM generate_series(1, 60000) n;
"""

APPLICATION = """
def of_customer(connection, customer):
    return connection.execute("SELECT id FROM orders WHERE customer_id = %s", [customer]).fetchall()


def open_orders(connection):
    return connection.execute("SELECT id FROM orders WHERE state = %s", ["open"]).fetchall()
"""

TESTS = """
import os

import psycopg
import pytest

import application


@pytest.fixture
def connection():
    with psycopg.connect(os.environ["TESTS_URL"]) as made:
        made.execute("INSERT INTO customers VALUES (7, 'Ann')")
        made.execute("INSERT INTO orders VALUES (1, 7, 'open', now())")
        yield made
        made.rollback()


def test_of_customer(connection):
    assert application.of_customer(connection, 7) == [(1,)]


def test_open_orders(connection):
    assert application.open_orders(connection) == [(1,)]
"""


@pytest.fixture
def project(server_url: str, database_url: str) -> Iterator[tuple[Project, str]]:
    """A suite with an empty database of its own beside production's; and production's URL."""
    tests_url = server_url.replace("/postgres?", "/suite_of_production_run?")
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE suite_of_production_run")
    for url, text in ((database_url, SCHEMA + ROWS + "ANALYZE;"), (tests_url, SCHEMA)):
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(text)
    with scratch() as folder:
        (folder / "app").mkdir()
        made = Project(folder / "app", folder / "cache")
        made.write(application__py=APPLICATION, test_application__py=TESTS, pyproject__toml="")
        try:
            yield made, tests_url
        finally:
            made.command("db", "down")
            with psycopg.connect(server_url, autocommit=True) as connection:
                connection.execute("DROP DATABASE suite_of_production_run WITH (FORCE)")


def test_a_suite_is_judged_at_the_size_that_was_pulled(
    project: tuple[Project, str], database_url: str
) -> None:
    app, tests_url = project

    pulled = app.command("statistics", "pull", PLANGUARD_STATISTICS_URL=database_url)
    assert pulled.status == 0, pulled.err
    first = judged(app, "--planguard-update", TESTS_URL=tests_url)
    app.replace("application.py", "customer_id = %s", "customer_id + 0 = %s")
    worse = judged(app, TESTS_URL=tests_url)

    facts = first.report["databases"]["default"]
    assert facts["scale"]["source"] == "production"
    assert facts["scale"]["tables"]["public.orders"]["rows"] == 60_000
    assert first.ran.status == 0
    assert _said(first.report) == [("IDX001", "open_orders", False)]
    assert "60,000 rows" in first.ran.out
    assert worse.ran.status == 1
    assert [where for _, where, fails in _said(worse.report) if fails] == ["of_customer"]
    _is_masked(app.root)


def _said(report: dict[str, Any]) -> list[tuple[str, str, bool]]:
    return [
        (one["rule"], origin["function"], one["fails"])
        for one in report["findings"]
        if one["severity"] != "info"
        for origin in one["origins"]
    ]


def _is_masked(root: Path) -> None:
    """No name of production's is in the file that is committed."""
    text = (root / "planguard" / "statistics.json").read_text(encoding="utf-8")
    assert json.loads(text)
    assert "customer 17" not in text
