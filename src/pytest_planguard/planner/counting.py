"""Which plans count: a generic one only where the server would use it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from pytest_planguard.model.plan import PlanNode, SampleKind
from pytest_planguard.model.query import Query

_OPERATOR_COST = 0.0025
"""``cpu_operator_cost``, where no other is set."""


class Candidate(msgspec.Struct, frozen=True):
    """A plan, as far as it decides whether others count."""

    variant: int
    sample: SampleKind
    root: PlanNode
    settings: Mapping[str, str] = {}
    """Of the planner, those that are not PostgreSQL's own."""


def counting(query: Query, plans: Sequence[Candidate]) -> list[int]:
    """Positions of the plans that count.

    A server goes generic only for statements the driver prepares, and only where that costs less
    than the average plan with values and the planning of it
    (src/backend/utils/cache/plancache.c, choose_custom_plan and cached_plan_cost). The average is
    that of the captured values: they are what the application sends.
    """
    return [
        position
        for position, plan in enumerate(plans)
        if plan.sample is not SampleKind.GENERIC or _is_used(query, plan, plans)
    ]


def _is_used(query: Query, generic: Candidate, plans: Sequence[Candidate]) -> bool:
    others = [one for one in plans if one.variant == generic.variant and one is not generic]
    custom = [one for one in others if one.sample is SampleKind.CAPTURED] or others
    if not custom:
        return True
    if not query.variants[generic.variant].session.prepares:
        return False
    costs = [one.root.total_cost + _planning(one) for one in custom]
    return generic.root.total_cost < sum(costs) / len(costs)


def _planning(plan: Candidate) -> float:
    """What the server reckons planning costs: a thousand operators a relation, and one more.

    It counts range table entries, of which a plan shows those that are scanned.
    """
    scanned = sum(node.alias is not None for node in plan.root.walk())
    operator = float(plan.settings.get("cpu_operator_cost", _OPERATOR_COST))
    return 1000.0 * operator * (scanned + 1)
