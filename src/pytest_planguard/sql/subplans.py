"""Sub-selects a plan runs through again and again because it could not hash them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from pytest_planguard.model.plan import PlanNode
from pytest_planguard.sql.printed import conjuncts

_REFERENCE = re.compile(r"\((?P<name>SubPlan \d+)\)")
_NEGATED = re.compile(r"\(*(?:NOT \(+(?:ANY |SubPlan )|ALL )")
"""``NOT (SubPlan 1)`` up to PostgreSQL 16; ``NOT (ANY (x = (SubPlan 1).col1))`` and, for
``<> ALL``, ``ALL (x <> (SubPlan 1).col1)`` since 17. ``NOT EXISTS(SubPlan 1)`` is none of it."""


class NotIn(msgspec.Struct, frozen=True):
    """A row of ``node`` is compared with the rows of ``subplan`` one by one."""

    node: PlanNode
    """The scan or join whose filter it is."""
    subplan: PlanNode


def unhashed_not_in(root: PlanNode) -> Iterator[NotIn]:
    """NOT IN over a sub-select that depends on nothing and is kept as a list, not as a hash.

    One that depends on the row (a correlated one) can't be hashed either, but is looked up; and
    NOT EXISTS, which up to PostgreSQL 16 looks the same, always depends on it.
    """
    for node in root.walk():
        plans = {one.subplan_name: one for one in node.children if one.subplan_name}
        for text in (node.filter, node.join_filter):
            for condition in conjuncts(text) if text else ():
                found = _REFERENCE.search(condition)
                below = plans.get(found["name"]) if found is not None else None
                if below is not None and _NEGATED.match(condition) and _is_kept(below):
                    yield NotIn(node, below)


def _is_kept(subplan: PlanNode) -> bool:
    """PostgreSQL materialises what depends on nothing (subselect.c, build_subplan)."""
    return subplan.node_type in ("Materialize", "CTE Scan", "Sort")
