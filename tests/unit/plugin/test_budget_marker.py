from __future__ import annotations

from typing import Any

import pytest

from pytest_planguard.model.budget import WAYS
from pytest_planguard.model.capture import Budget
from pytest_planguard.plugin.budget_marker import budget_mistakes, budget_of


@pytest.mark.parametrize(
    ("given", "mistake"),
    [
        ({"max_cost": "low"}, "max_cost: found 'low', wanted a number of at least 0"),
        ({"max_cost": True}, "max_cost: found True, wanted a number of at least 0"),
        ({"max_rows": -1}, "max_rows: found -1, wanted a number of at least 0"),
        ({"max_rows": float("nan")}, "max_rows: found nan, wanted a number of at least 0"),
        (
            {"access": "index"},
            "access: found 'index', wanted a dictionary such as {'orders': 'index'}",
        ),
        ({"access": {3: "index"}}, "access: found 3, wanted the name of a table"),
        (
            {"access": {"orders": "fast"}},
            f"access['orders']: found 'fast', wanted one of {', '.join(WAYS)}",
        ),
        ({"access": {"orders": ["index"]}}, "access['orders']: found ['index'], wanted one of"),
    ],
)
def test_a_bad_argument_is_one_sentence(given: dict[str, Any], mistake: str) -> None:
    (found,) = budget_mistakes(given)

    assert found.startswith(mistake)


@pytest.mark.parametrize(
    "given", [{}, {"max_cost": 0}, {"max_rows": 2.5}, {"access": {"orders": "seq"}}]
)
def test_good_arguments_are_no_mistake(given: dict[str, Any]) -> None:
    assert list(budget_mistakes(given)) == []


def test_a_budget_is_what_the_marker_says_and_none_where_it_says_nothing() -> None:
    assert budget_of("t", {"capture": True}) is None
    assert budget_of("t", {"max_rows": 5}) == Budget("t", max_rows=5)
