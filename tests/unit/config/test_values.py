from __future__ import annotations

import datetime as dt

import pytest

import fix_reports
from pytest_planguard.config import Ignore, load, thresholds_for
from pytest_planguard.errors import ConfigurationError

_, FINDING = fix_reports.missing_index()  # IDX001 on public.events, app/feed.py latest


@pytest.mark.parametrize(
    "ignore",
    [
        Ignore("IDX001", "why"),
        Ignore("IDX", "why"),
        Ignore("IDX001", "why", table="events"),
        Ignore("IDX001", "why", table="public.ev*"),
        Ignore("IDX001", "why", query="feed00000001"),
        Ignore("IDX001", "why", origin="app/feed.py::*"),
    ],
)
def test_an_ignore_covers_what_it_names(ignore):
    assert ignore.covers(FINDING)


@pytest.mark.parametrize(
    "ignore",
    [
        Ignore("PLN001", "why"),
        Ignore("IDX001", "why", table="orders"),
        Ignore("IDX001", "why", table="audit.events"),
        Ignore("IDX001", "why", query="other"),
        Ignore("IDX001", "why", origin="app/orders.py::*"),
        Ignore("IDX001", "why", table="events", origin="app/orders.py::*"),
    ],
)
def test_an_ignore_leaves_everything_else_alone(ignore):
    assert not ignore.covers(FINDING)


def test_an_ignore_holds_on_its_last_day_and_not_on_the_next():
    ignore = Ignore("PLN001", "why", expires=dt.date(2027, 6, 30))
    assert not ignore.expired(dt.date(2027, 6, 30))
    assert ignore.expired(dt.date(2027, 7, 1))
    assert not Ignore("PLN001", "why").expired(dt.date(2999, 1, 1))


def test_critical_tables_are_named_as_the_catalog_names_them(tmp_path):
    (tmp_path / "pyproject.toml").write_text(
        '[tool.pytest-planguard]\ncritical-tables = ["log", "orders"]\n'
    )
    config = load(tmp_path, environ={})
    tables = ["audit.log", "audit.orders", "public.orders"]
    assert thresholds_for(config, tables).critical_tables == {"audit.log", "public.orders"}


def test_a_critical_table_that_does_not_exist_is_a_mistake_with_a_guess(tmp_path):
    (tmp_path / "pyproject.toml").write_text(
        '[tool.pytest-planguard]\ncritical-tables = ["ordrs", "nope"]\n'
    )
    with pytest.raises(ConfigurationError) as caught:
        thresholds_for(load(tmp_path, environ={}), ["public.orders"])
    assert 'no table "ordrs"; did you mean "orders"?' in caught.value.message
    assert 'no table "nope"' in caught.value.message


DATABASES = """
[tool.pytest-planguard.databases.default]
match = ["clinic"]
[tool.pytest-planguard.databases.replica]
replica-of = "default"
match = ["clinic_ro*"]
[tool.pytest-planguard.databases.archive]
"""


@pytest.mark.parametrize(
    ("name", "aliases", "database"),
    [
        ("clinic", (), "default"),
        ("test_clinic_gw3", (), "default"),
        ("clinic_ro_2", (), "default"),
        ("test_x", ("replica",), "default"),
        ("test_x", ("default", "replica"), "default"),
        ("test_clinic", ("archive",), "archive"),
        ("test_x", ("other",), None),
        ("archive_gw0", (), "archive"),
    ],
)
def test_a_database_is_found_by_its_aliases_then_by_its_name(tmp_path, name, aliases, database):
    (tmp_path / "pyproject.toml").write_text(DATABASES)
    assert load(tmp_path, environ={}).database_of(name, aliases) == database
