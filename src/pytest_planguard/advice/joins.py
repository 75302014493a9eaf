"""What stands above a read in its plan: joins with few rows, limits."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from pytest_planguard.model.judgement import Read
from pytest_planguard.model.plan import PlanNode
from pytest_planguard.sql.predicates import Condition, oriented, split_conditions

_SIDES = ("Outer", "Inner")


def join_conditions(path: Sequence[PlanNode], read: Read, small: float) -> list[Condition]:
    """Conditions of joins above the read whose other side has few rows.

    Args:
        path: Nodes from the plan's root to the read's.
        read: The read.
        small: Rows the other side may have at most.
    """
    found: list[Condition] = []
    for join, child in itertools.pairwise(path):
        others = [
            one for one in join.children if one is not child and one.parent_relationship in _SIDES
        ]
        if child.parent_relationship not in _SIDES or not others or others[0].rows > small:
            continue
        for text in (join.hash_cond, join.merge_cond, join.join_filter):
            found += (one for one in split_conditions(text) if oriented(one, read.alias))
    return found


def path_to(root: PlanNode, node: PlanNode) -> tuple[PlanNode, ...]:
    """The nodes from the root down to a node of the same tree."""
    if root is node:
        return (root,)
    for child in root.children:
        below = path_to(child, node)
        if below:
            return (root, *below)
    return ()
