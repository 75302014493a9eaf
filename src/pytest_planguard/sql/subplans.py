"""Sub-selects a plan runs through again and again because it could not hash them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from pytest_planguard.model.plan import PlanNode
from pytest_planguard.sql.printed import conjuncts

_REFERENCE = re.compile(r"\((?P<name>SubPlan \d+)\)")
_BARE = re.compile(r"\(*SubPlan \d+\)*")
_ALL = re.compile(r"<>\s*ALL\s*\(\s*(?:SELECT|WITH)\b", re.IGNORECASE)
_NEGATED = re.compile(r"\(*(?:NOT \(+(?:ANY |SubPlan )|ALL )")
"""``NOT (SubPlan 1)`` up to PostgreSQL 16, ``NOT (ANY (x = (SubPlan 1).col1))`` since. ``<> ALL``:
a bare ``(SubPlan 1)``, ``ALL (x <> (SubPlan 1).col1)`` since. ``NOT EXISTS(…)`` is neither."""


class NotIn(msgspec.Struct, frozen=True):
    """A row of ``node`` is compared with the rows of ``subplan`` one by one."""

    node: PlanNode
    """The scan or join whose filter it is."""
    subplan: PlanNode


def unhashed_not_in(root: PlanNode, sql: str = "") -> Iterator[NotIn]:
    """NOT IN over a sub-select that depends on nothing and is kept as a list, not as a hash.

    One that depends on the row (a correlated one) can't be hashed either, but is looked up; and
    NOT EXISTS, which up to PostgreSQL 16 looks the same, always depends on it.

    Args:
        root: The plan.
        sql: Its statement: up to PostgreSQL 16 only that tells ``<> ALL`` from other sub-selects.
    """
    patterns = (_NEGATED, _BARE) if _ALL.search(sql) else (_NEGATED,)
    for node in root.walk():
        for condition in _conditions(node):
            found = _REFERENCE.search(condition)
            below = _plan_of(node, found["name"]) if found is not None else None
            is_one = any(pattern.match(condition) for pattern in patterns)
            if below is not None and is_one and _is_kept(below):
                yield NotIn(node, below)


def _conditions(node: PlanNode) -> Iterator[str]:
    for text in (node.filter, node.join_filter):
        if text and "(SubPlan " in text:
            yield from conjuncts(text)


def _plan_of(node: PlanNode, name: str) -> PlanNode | None:
    return next((one for one in node.children if one.subplan_name == name), None)


def _is_kept(subplan: PlanNode) -> bool:
    """PostgreSQL materialises what depends on nothing (subselect.c, build_subplan)."""
    return subplan.node_type in ("Materialize", "CTE Scan", "Sort")
