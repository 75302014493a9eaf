"""From which size on a table is read as it is at an assumed one."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pytest_planguard.model.plan import SEARCHED, Plan
from pytest_planguard.planner.bisect import Span, narrowed
from pytest_planguard.planner.growth import Ask, Followed

MOST_SIZES = 5
"""Sizes looked at below the assumed one, besides the smallest; each costs a database."""


class Searched(msgspec.Struct, frozen=True):
    """A query that searches a table whose size nobody knows."""

    followed: Followed
    relation: str


def is_searched(plan: Plan, relation: str) -> bool:
    """Whether a plan looks for rows of a relation instead of finding them."""
    return plan.access_of(relation) in SEARCHED


def smallest(asked: Sequence[Searched], ask: Ask, least: float) -> list[float]:
    """The smallest size, in times of the assumed one, at which each table is searched already.

    Args:
        asked: Queries whose plan at the assumed size searches the table.
        ask: Plans them at other sizes.
        least: Below this size nothing matters; what is searched there is not looked at further.
    """

    def turned(factor: float, numbers: Sequence[int]) -> dict[int, bool]:
        seen = ask(factor, [asked[n].followed for n in numbers])
        return {
            number: is_searched(one.plan, asked[number].relation)
            for number, one in zip(numbers, seen, strict=True)
            if one is not None
        }

    already = turned(least, range(len(asked)))
    spans = {number: Span(least, 1.0) for number, there in already.items() if not there}
    found = narrowed(spans, turned, MOST_SIZES)
    return [found[n].high if n in found else least for n in range(len(asked))]
