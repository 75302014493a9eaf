"""Places of generated rows, as the expressions give them in SQL."""

from __future__ import annotations

import re

import pytest

from pytest_planguard.fixturedb.scale.ranks import rank

_CASE = re.compile(r"CASE WHEN (.*?) THEN (.*) ELSE (.*?) END")


def places(count: int, correlation: float) -> list[int]:
    """What SQL makes of the expression, whose integers divide as Python's ``//``."""
    sql = rank("i", count, correlation, 4, 17)
    text = _CASE.sub(r"(\2) if (\1) else (\3)", sql).replace("/", "//")
    code = compile(text, "rank", "eval")
    return [eval(code, {"i": i}) for i in range(1, count + 1)]


def correlated(found: list[int]) -> float:
    middle = (len(found) - 1) / 2
    both = sum((i - middle) * (place - middle) for i, place in enumerate(found))
    return both / sum((i - middle) ** 2 for i in range(len(found)))


@pytest.mark.parametrize("correlation", [0.995, 0.99, 0.95, 0.7, 0.5, 0.05, 0.0, -0.3, -0.9, -1.0])
@pytest.mark.parametrize("count", [1, 2, 3, 7, 50, 999, 20_000])
def test_each_place_is_taken_once_and_rows_stand_as_much_in_order_as_wanted(count, correlation):
    found = places(count, correlation)
    assert sorted(found) == list(range(count))
    if count == 20_000:
        assert correlated(found) == pytest.approx(correlation, abs=0.01)


@pytest.mark.parametrize("correlation", [0.99, 0.9, -0.9])
def test_rows_that_moved_are_everywhere_not_among_the_oldest_only(correlation):
    in_order = places(20_000, 1.0 if correlation > 0 else -1.0)
    found = places(20_000, correlation)
    moved = [i for i, (one, other) in enumerate(zip(found, in_order, strict=True)) if one != other]
    wanted = 2_000 * (1 - abs(correlation))
    tenths = [sum(i // 2_000 == tenth for i in moved) for tenth in range(10)]
    assert all(count == pytest.approx(wanted, abs=2) for count in tenths)
