"""Ties: two plans of which the planner takes now one, now the other."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

import msgspec

from pytest_planguard.baseline.compare import Pair
from pytest_planguard.model.plan import Plan
from pytest_planguard.model.report import ChangeKind


class Nearby(msgspec.Struct, frozen=True):
    """A query's plan where production is a little different."""

    words: str
    """``random_page_cost is 10 % lower``."""
    plan: Plan


def may_tie(pair: Pair, there: AbstractSet[str]) -> bool:
    """Whether it is worth looking: the plan is another, and the old one is still to be had.

    Args:
        pair: The plans.
        there: Names of today's indexes, without schema, as EXPLAIN gives them.
    """
    wanted = {name for names in pair.before.indexes.values() for name in names}
    moved = pair.moved and pair.kind in (ChangeKind.WORSE, ChangeKind.CHANGED)
    return moved and wanted <= there


def tied(pair: Pair, nearby: Iterable[Nearby]) -> Pair:
    """The pair; as the same where its old plan is still taken nearby."""
    found = next((one for one in nearby if one.plan.shape == pair.before.shape), None)
    if found is None:
        return pair
    note = f"a tie: where {found.words}, the plan is the baseline's"
    return msgspec.structs.replace(pair, kind=ChangeKind.SAME, note=note)
