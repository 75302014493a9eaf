"""What counts as a gain and as a loss, and which indexes a plan uses."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_planguard.model.plan import Plan
from pytest_planguard.model.spec import Thresholds
from pytest_planguard.sql.reads import full_index_walk


def gains(before: float, after: float, thresholds: Thresholds) -> bool:
    """Whether a cost falls by as much as an index must save."""
    gain = before - after
    return gain >= thresholds.minimum_gain_units and gain >= thresholds.minimum_gain * before


def loses(before: float, after: float, thresholds: Thresholds) -> bool:
    """Dearer by more than is allowed, and by more than rounding (costs have two decimals)."""
    return after > before * (1 + thresholds.maximum_loss) and after - before > 1.0


def used(plans: Sequence[Plan]) -> frozenset[str]:
    """Names of the indexes that plans use; partitions' by those of their root."""
    return frozenset(
        name for plan in plans for path in plan.access.values() for name in path.indexes
    )


def only_reads_less(before: Plan, after: Plan) -> bool:
    """Whether a new index is walked as a whole and filtered: narrower rows, and as many of them."""
    known = {node.index for node in before.root.walk()}
    nodes = list(after.root.walk())
    return not any(node.node_type == "Limit" for node in nodes) and any(
        node.index not in known and node.filter is not None and full_index_walk(node)
        for node in nodes
        if node.index is not None
    )
