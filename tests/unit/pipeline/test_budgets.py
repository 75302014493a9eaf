from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

import fix_plans
from pytest_planguard.config import Config, load
from pytest_planguard.errors import ConfigurationError
from pytest_planguard.model.budget import Demand
from pytest_planguard.model.capture import Budget
from pytest_planguard.model.query import Query
from pytest_planguard.model.statement import Layer, Origin, Phase, Place
from pytest_planguard.pipeline.budgets import demands_of, refuse_unknown_tables

MARKED = Budget("tests/t.py::test", max_cost=100.0)
DEMAND = Demand("tests/t.py::test", max_cost=100.0)


def configured(folder: Path, *budgets: str) -> Config:
    text = "".join(f"[[tool.pytest-planguard.budget]]\n{one}\n" for one in budgets)
    (folder / "pyproject.toml").write_text(text)
    return load(folder, environ={})


def demands(config: Config, *marked: Budget, query: Query | None = None) -> list[Demand]:
    context = fix_plans.context("seq_equality")
    return list(demands_of(query or context.query, context.planned, config, marked))


def sent(*places: Place) -> Query:
    return msgspec.structs.replace(fix_plans.query("SELECT"), places=places)


def place(**facts: Any) -> Place:
    origin = Origin("app/orders.py", 41, "list_orders", facts.pop("layer", Layer.APPLICATION))
    return Place(origin, **{"test": "tests/t.py::test", "phase": Phase.CALL} | facts)


def test_a_marker_holds_what_its_test_has_the_application_send(tmp_path: Path) -> None:
    config = configured(tmp_path)

    assert demands(config, MARKED) == [DEMAND]
    assert demands(config, msgspec.structs.replace(MARKED, test="tests/t.py::other")) == []


@pytest.mark.parametrize(
    "elsewhere", [{"phase": Phase.SETUP}, {"layer": Layer.TEST}, {"test": "tests/t.py::other"}]
)
def test_what_prepares_a_test_is_not_held_to_its_budget(
    tmp_path: Path, elsewhere: dict[str, Any]
) -> None:
    assert demands(configured(tmp_path), MARKED, query=sent(place(**elsewhere))) == []


def test_one_budget_of_two_places_is_one(tmp_path: Path) -> None:
    twice = sent(place(), place(executions=3))

    assert demands(configured(tmp_path), MARKED, MARKED, query=twice) == [DEMAND]


@pytest.mark.parametrize(
    ("selector", "is_held"),
    [
        ("", True),
        ('origin = "app/*"', True),
        ('origin = "app/orders.py::list_*"', True),
        ('origin = "app/billing.py::*"', False),
        ('query = "abc"', True),
        ('query = "abd"', False),
        ('table = "orders"', True),
        ('table = "public.ord*"', True),
        ('table = "customers"', False),
        ('table = "orders"\norigin = "other/*"', False),
    ],
)
def test_a_configured_budget_holds_whom_its_selectors_name(
    tmp_path: Path, selector: str, is_held: bool
) -> None:
    config = configured(tmp_path, f"max-cost = 5\n{selector}")

    assert demands(config) == ([Demand("budget[0]", max_cost=5.0)] if is_held else [])


def refused(config: Config, *marked: Budget, is_known: bool = True) -> str:
    context = fix_plans.context("self_join")
    catalogs = [context.catalog] if is_known else []
    outcomes = [(context.query, context.planned)] if is_known else []
    try:
        refuse_unknown_tables(config, marked, catalogs, outcomes)
    except ConfigurationError as error:
        return error.message
    return ""


def test_a_table_that_does_not_exist_is_a_mistake_wherever_it_stands(tmp_path: Path) -> None:
    config = configured(tmp_path, 'access = { ordres = "index" }')
    marked = Budget("tests/t.py::test", access={"custmers": "index"})

    assert refused(config, marked) == (
        'tests/t.py::test: marker planguard: access: no table "custmers"; did you mean '
        '"customers"?\n  budget[0]: access: no table "ordres"; did you mean "orders"?'
    )


@pytest.mark.parametrize("name", ["orders", "public.orders", "b"])
def test_tables_and_aliases_of_queries_are_known(tmp_path: Path, name: str) -> None:
    assert refused(configured(tmp_path), Budget("t", access={name: "index"})) == ""


def test_a_table_of_a_database_that_nothing_was_sent_to_is_not_missed(tmp_path: Path) -> None:
    marked = Budget("tests/t.py::test", access={"custmers": "index"})
    config = configured(tmp_path)

    assert refused(config, marked) != ""
    assert refused(config, marked, is_known=False) == ""
