"""Joins of a plan that pair every row of one side with every row of the other."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pytest_planguard.model.plan import PlanNode
from pytest_planguard.sql.printed import qualifiers

_WHOLE = frozenset({"Inner", "Left", "Right", "Full"})
"""A semi or an anti join stops at the first row that is there."""


class Crossing(msgspec.Struct, frozen=True):
    """A nested loop that nothing but its position in the plan holds together."""

    node: PlanNode
    outer: PlanNode
    inner: PlanNode

    @property
    def pairs(self) -> float:
        """Rows of one side times rows of the other."""
        return self.outer.rows * self.inner.rows


def crossings(root: PlanNode) -> Iterator[Crossing]:
    """Nested loops without a join condition whose inner side does not depend on the outer."""
    for node in root.walk():
        if node.node_type != "Nested Loop" or node.join_filter or node.join_type not in _WHOLE:
            continue
        sides = {one.parent_relationship: one for one in node.children}
        outer, inner = sides.get("Outer"), sides.get("Inner")
        if outer is not None and inner is not None and not _depends(inner, outer):
            yield Crossing(node, outer, inner)


def _depends(inner: PlanNode, outer: PlanNode) -> bool:
    """Whether something on the inner side is computed from the outer row."""
    names = {node.alias for node in outer.walk() if node.alias is not None}
    return any(names & qualifiers(text) for node in inner.walk() for text in _texts(node))


def _texts(node: PlanNode) -> Iterator[str]:
    """All a node computes with."""
    for text in (
        node.index_cond, node.recheck_cond, node.filter, node.join_filter, node.hash_cond,
        node.merge_cond, node.tid_cond, node.cache_key, node.order_by, node.one_time_filter,
    ):  # fmt: skip
        if text:
            yield text
    yield from node.output
