"""Whether one plan is worse than another: the numbers and steps of planning.md's table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import msgspec

from pytest_planguard.baseline.entries import plan_entry
from pytest_planguard.baseline.shapes import methods
from pytest_planguard.model.baseline import PlanEntry, World
from pytest_planguard.model.plan import Access, Plan, PlanNode
from pytest_planguard.model.report import ChangeKind
from pytest_planguard.model.spec import Thresholds
from pytest_planguard.sql.executed import executed_cost

STEP_RATIO = 1.5
"""By which the cost must grow for a step down to count (planning.md, *proposal*)."""

COST_RATIO = 3.0
"""By which the cost alone must grow (planning.md, *proposal*)."""

COST_UNITS = 100.0
"""Planner units it must grow by at least: a hundred sequential page reads."""

ORDER = {access.value: rank for rank, access in enumerate(Access) if access is not Access.OTHER}
"""Access classes, best first."""


class _Side(msgspec.Struct, frozen=True):
    """One of the two plans of a pair."""

    entry: PlanEntry
    cost: float
    rows: Mapping[str, float]
    """Of the relations, in its world."""
    root: PlanNode | None = None
    """None for a stored plan."""


def majors_differ(world_before: World | None, world_now: World) -> bool:
    """Whether the plans are of two server majors: their costs are then not shown."""
    return world_before is not None and world_before.server_major != world_now.server_major


class Scales(msgspec.Struct, frozen=True):
    """How large the relations of two plans are, and what is compared."""

    before: Mapping[str, float]
    """Rows by relation, where the old plan was made."""
    now: Mapping[str, float]
    thresholds: Thresholds
    shapes_only: bool = False
    """Between server majors costs are no reason."""

    @classmethod
    def between(
        cls, world_before: World | None, world_now: World, thresholds: Thresholds
    ) -> Scales:
        """Of two worlds; without an old one, today's sizes stand for its own."""
        return cls(
            world_before.rows if world_before is not None else world_now.rows,
            world_now.rows,
            thresholds,
            majors_differ(world_before, world_now),
        )

    def judged(self, old: PlanEntry, new: Plan) -> ChangeKind:
        """What became of the old plan."""
        before = _Side(old, old.cost, self.before)
        after = _Side(plan_entry(new), executed_cost(new.root), self.now, new.root)
        # else another page or list is asked for: nothing got worse; without any, all is read
        alike = old.sizes == new.sizes or not new.sizes
        if alike and self._is_worse(before, after):
            return ChangeKind.WORSE
        if alike and self._is_worse(after, before):
            return ChangeKind.BETTER
        if old.shape != after.entry.shape or old.access != after.entry.access:
            return ChangeKind.CHANGED
        return ChangeKind.SAME

    def _is_worse(self, before: _Side, after: _Side) -> bool:
        return _is_worse(before, after, self.thresholds, shapes_only=self.shapes_only)


def _is_worse(before: _Side, after: _Side, thresholds: Thresholds, *, shapes_only: bool) -> bool:
    """A step down at a higher cost, or a much higher cost; the reverse asks for *better*."""
    if after.cost - before.cost < COST_UNITS:
        return False
    if not shapes_only and after.cost >= COST_RATIO * before.cost:
        return True
    return after.cost >= STEP_RATIO * before.cost and _steps_down(before, after, thresholds)


def _steps_down(before: _Side, after: _Side, thresholds: Thresholds) -> bool:
    old, new = methods(before.entry.shape), methods(after.entry.shape)
    loops_more = Counter(new.looped_scans) - Counter(old.looped_scans)
    return (
        any(_falls(before, after, alias, thresholds) for alias in before.entry.access)
        or (new.hash_joins < old.hash_joins and bool(loops_more))
        or (new.sorts > old.sorts and _sorts_many(after, thresholds))
    )


def _falls(before: _Side, after: _Side, alias: str, thresholds: Thresholds) -> bool:
    """Whether a large relation is read in a worse way than before."""
    relation = before.entry.relations.get(alias, "")
    if after.entry.relations.get(alias) != relation:
        return False
    rows = max(after.rows.get(relation, 0.0), before.rows.get(relation, 0.0))
    old, new = before.entry.access[alias], after.entry.access.get(alias, "")
    if old not in ORDER or new not in ORDER or rows < thresholds.large_table_rows:
        return False
    return ORDER[new] > ORDER[old]


def _sorts_many(side: _Side, thresholds: Thresholds) -> bool:
    """Whether a plan sorts many rows; a stored plan has no counts, its cost then speaks alone."""
    if side.root is None:
        return True
    sorts = [node for node in side.root.walk() if node.node_type == "Sort"]
    return any(node.rows >= thresholds.large_table_rows for node in sorts)
