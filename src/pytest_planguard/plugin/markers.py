"""``@pytest.mark.planguard(…)``: what a test says about its own queries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from pytest_planguard.config import wrong_code
from pytest_planguard.model.capture import Budget, Suppression
from pytest_planguard.plugin import budget_marker

_KNOWN = frozenset(("capture", "ignore", "reason", *budget_marker.NAMES))
_NAME = "planguard"


def wants_capture(item: pytest.Item) -> bool:
    """Whether a test's queries are captured: the nearest marker that says so decides."""
    for marker in item.iter_markers(_NAME):
        if "capture" in marker.kwargs:
            return bool(marker.kwargs["capture"])
    return True


def read_markers(
    items: Iterable[pytest.Item],
) -> tuple[tuple[Suppression, ...], tuple[Budget, ...]]:
    """Suppressions and budgets of tests.

    Raises:
        pytest.UsageError: With all mistakes at once.
    """
    suppressions: list[Suppression] = []
    budgets: list[Budget] = []
    mistakes: list[str] = []
    for item in items:
        for marker in item.iter_markers(_NAME):
            wrong = _mistakes(marker)
            mistakes.extend(f"{item.nodeid}: marker planguard: {sentence}" for sentence in wrong)
            if wrong:
                continue
            suppressions.extend(_suppression(item.nodeid, marker.kwargs))
            if (budget := budget_marker.budget_of(item.nodeid, marker.kwargs)) is not None:
                budgets.append(budget)
    if mistakes:
        raise pytest.UsageError("\n".join(mistakes))
    return tuple(suppressions), tuple(budgets)


def _mistakes(marker: pytest.Mark) -> list[str]:
    given = marker.kwargs
    wrong = [f"unknown argument {name!r}" for name in sorted(set(given) - _KNOWN)]
    if marker.args:
        wrong.append(f"takes named arguments only, found {marker.args[0]!r}")
    if "ignore" in given and not given.get("reason"):
        wrong.append("ignore needs a reason")
    wrong.extend(f"ignore: {said}" for code in _codes(given) if (said := wrong_code(code)))
    return wrong + list(budget_marker.budget_mistakes(given))


def _codes(given: Mapping[str, Any]) -> tuple[str, ...]:
    codes = given.get("ignore") or ()
    return (codes,) if isinstance(codes, str) else tuple(map(str, codes))


def _suppression(test: str, given: Mapping[str, Any]) -> list[Suppression]:
    codes = _codes(given)
    return [Suppression(test=test, codes=codes, reason=str(given["reason"]))] if codes else []
