"""The budget in ``@pytest.mark.planguard(max_cost=…, max_rows=…, access={…})``."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from pytest_planguard.model.budget import WAYS
from pytest_planguard.model.capture import Budget

NAMES = ("max_cost", "max_rows", "access")


def budget_mistakes(given: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the arguments of one marker, a sentence each."""
    for name in ("max_cost", "max_rows"):
        if name in given and not _is_number(given[name]):
            yield f"{name}: found {given[name]!r}, wanted a number of at least 0"
    access = given.get("access", {})
    if not isinstance(access, dict):
        yield f"access: found {access!r}, wanted a dictionary such as {{'orders': 'index'}}"
        return
    for table, way in access.items():
        if not isinstance(table, str) or not table:
            yield f"access: found {table!r}, wanted the name of a table"
        elif way not in WAYS:
            yield f"access[{table!r}]: found {way!r}, wanted one of {', '.join(WAYS)}"


def budget_of(test: str, given: Mapping[str, Any]) -> Budget | None:
    """The budget a marker without mistakes sets; None where it sets none."""
    if not any(name in given for name in NAMES):
        return None
    return Budget(
        test=test,
        max_cost=given.get("max_cost"),
        max_rows=given.get("max_rows"),
        access=dict(given.get("access", {})),
    )


def _is_number(value: object) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and value >= 0
    )
