from __future__ import annotations

from pathlib import Path

import pytest

from pytest_planguard.config import load
from pytest_planguard.errors import ConfigurationError
from pytest_planguard.model.budget import WAYS, Demand


def test_a_budget_has_demands_and_selectors(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        "[[tool.pytest-planguard.budget]]\n"
        'origin = "app/feed.py::*"\nmax-cost = 1_000\nmax-rows = 50\n'
        'access = { orders = "index", "audit.log" = "index-only" }\n'
    )

    (budget,) = load(tmp_path, environ={}).budgets

    assert budget.origin == "app/feed.py::*"
    access = {"orders": "index", "audit.log": "index-only"}
    assert budget.demand == Demand("budget[0]", 1000.0, 50.0, access)


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ('table = "orders"', "budget[0].max-cost: missing, a budget needs max-cost, max-rows or"),
        ('max-cost = "low"', 'budget[0].max-cost: found "low", wanted a number of at least 0'),
        ("max-rows = -1", "budget[0].max-rows: found -1, wanted a number of at least 0"),
        (
            'access = { orders = "indexed" }',
            f'found "indexed", wanted one of {", ".join(WAYS)}; did you mean "index"?',
        ),
        ("access = { orders = 3 }", "budget[0].access.orders: found 3, wanted one of none,"),
        ("max_cost = 3", 'budget[0].max_cost: unknown key; did you mean "max-cost"?'),
    ],
)
def test_mistakes_are_named_by_their_place(tmp_path: Path, text: str, mistake: str) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[[tool.pytest-planguard.budget]]\n{text}\n")

    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, environ={})

    assert mistake in caught.value.message
