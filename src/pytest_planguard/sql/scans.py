"""Every scan of a plan with what stands above it: how often it runs, and how far.

One walk from the top. Costs and rows of a node are per loop and per process; what a node costs
over all loops is bounded by what its parent costs, which is how the planner's own discounts
(Memoize, semi joins that stop at the first match, LIMIT) find their way down.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

import msgspec

from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.plan import PlanNode
from pytest_planguard.sql.printed import qualifiers, with_alias
from pytest_planguard.sql.relations import alias_of

SCANS = frozenset({
    "Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Heap Scan", "Sample Scan", "Tid Scan",
    "Tid Range Scan", "Foreign Scan", "Custom Scan", "Function Scan", "Table Function Scan",
    "Values Scan",
})  # fmt: skip

_APPENDS = frozenset({"Append", "Merge Append"})
_BLOCKING = frozenset({"Sort", "Hash", "SetOp"})
"""They read all of their input before they return a first row."""
_FREE_ORDER = frozenset({
    "Sort", "Hash", "Aggregate", "Group", "Unique", "SetOp", "WindowAgg", "Materialize", "Memoize",
})  # fmt: skip
"""Below them a Sort above is no longer of use (or there is another one)."""

_RECURSIONS = 10
"""Rounds of a recursive query the planner reckons with (costsize.c, cost_recursive_union)."""
_LEADER_LOSS = 0.3
"""Of its time the leader spends on each worker (costsize.c, get_parallel_divisor)."""


class Scan(msgspec.Struct, frozen=True):
    """A scan node in its place."""

    node: PlanNode
    relation: str
    """Schema-qualified, the root of a partition; the function's name where no table is read."""
    alias: str
    """A partition's is the one of its root."""
    group: int
    """Scans of one group are partitions of one reference; 0: by itself."""
    loops: float
    """Per process."""
    fraction: float
    """Of each loop that a LIMIT above lets run."""
    processes: float
    """That share its work, or each do all of it (see ``shared``)."""
    shared: bool
    """Its rows are divided among the processes."""
    cost: float
    """Over all loops."""
    limited: bool
    order: tuple[str, ...] = ()

    @property
    def is_partition(self) -> bool:
        """Whether it stands for one of several partitions."""
        return self.group != 0

    def own(self, text: str) -> str:
        """A condition of the node, with the partition's alias replaced by the root's."""
        alias = self.node.alias
        return text if alias in (None, self.alias) else with_alias(text, alias or "", self.alias)


class _Frame(msgspec.Struct, frozen=True):
    """What is known of a node from above."""

    loops: float
    fraction: float
    processes: float
    ceiling: float
    limited: bool = False
    order: tuple[str, ...] = ()
    append: int = 0
    exclusive: bool = False
    """Below a Parallel Append: one process runs it, unless it is parallel itself."""


class _Step(msgspec.Struct, frozen=True):
    """From a node to one of its children."""

    node: PlanNode
    child: PlanNode
    outer_cost: float
    """Over all loops, of the child's elder beside it."""
    outer_rows: float


def scans(root: PlanNode, catalog: Catalog) -> tuple[Scan, ...]:
    """All scans in the order of the plan."""
    return tuple(
        _scan(node, frame, catalog, max(0.0, cost - _cost_of_subplans(node, frame, cost)))
        for node, frame, cost in _visits(root, _top(root), root.total_cost)
        if node.node_type in SCANS and node.operation is None
    )


class Run(msgspec.Struct, frozen=True):
    """How often a node runs, and what that costs."""

    loops: float
    """Per process."""
    cost: float
    """Over all loops, of the node and all below it."""
    rows: float
    """That it returns over all loops and processes, as far as a LIMIT above lets it run."""


def runs(root: PlanNode) -> dict[int, Run]:
    """Every node's, by ``id``."""
    visits = _visits(root, _top(root), root.total_cost)
    return {id(node): Run(frame.loops, cost, _rows(node, frame)) for node, frame, cost in visits}


def _rows(node: PlanNode, frame: _Frame) -> float:
    """Of each loop one at least: costs are printed with two digits, too few for small fractions."""
    once = max(node.rows * frame.fraction, min(1.0, node.rows))
    return once * frame.loops * frame.processes


def _top(root: PlanNode) -> _Frame:
    return _Frame(loops=1.0, fraction=1.0, processes=1.0, ceiling=root.total_cost)


def _visits(
    node: PlanNode, frame: _Frame, total: float
) -> Iterator[tuple[PlanNode, _Frame, float]]:
    """Every node with its frame and its cost over all loops, parents first."""
    cost = _cost(node, frame)
    yield node, frame, cost
    outer: float = 0.0
    outer_rows: float = 0.0
    for child in node.children:
        below = _below(_Step(node, child, outer, outer_rows), frame, cost, total)
        if child.parent_relationship == "Outer":
            outer, outer_rows = _cost(child, below), child.rows
        yield from _visits(child, below, total)


def _cost(node: PlanNode, frame: _Frame) -> float:
    once = node.startup_cost + frame.fraction * (node.total_cost - node.startup_cost)
    return min(frame.loops * once, frame.ceiling)


def _scan(node: PlanNode, frame: _Frame, catalog: Catalog, cost: float) -> Scan:
    alias = alias_of(node, catalog, frame.append != 0)
    relation = node.relation or node.function_name or node.node_type.lower()
    is_partition = frame.append != 0 and catalog.root_of(relation) != relation
    return Scan(
        node=node,
        relation=catalog.root_of(relation),
        alias=alias,
        group=frame.append if is_partition else 0,
        loops=frame.loops,
        fraction=frame.fraction,
        processes=1.0 if frame.exclusive and not node.parallel_aware else frame.processes,
        shared=node.parallel_aware,
        cost=cost,
        limited=frame.limited,
        order=_leading(frame.order, {alias, node.alias or alias}, alias),
    )


def _leading(keys: tuple[str, ...], names: set[str], alias: str) -> tuple[str, ...]:
    """The leading sort keys that are this relation's alone."""
    own: list[str] = []
    for key in keys:
        used = qualifiers(key)
        if not used or not used <= names:
            break
        other = next((name for name in used if name != alias), None)
        own.append(key if other is None else with_alias(key, other, alias))
    return tuple(own)


def _below(step: _Step, frame: _Frame, cost: float, total: float) -> _Frame:
    """What a child gets to know."""
    node, relationship = step.node, step.child.parent_relationship
    if relationship == "InitPlan":
        share = _initplan_share(node, step.child)
        return _Frame(loops=1.0, fraction=share, processes=1.0, ceiling=total, limited=share < 1.0)
    if relationship == "SubPlan":
        calls = _calls(node, step.child, frame, cost)
        return _Frame(loops=calls, fraction=1.0, processes=frame.processes, ceiling=cost)
    is_append = node.node_type in _APPENDS
    passed = msgspec.structs.replace(
        frame,
        ceiling=cost,
        append=id(node) if is_append else frame.append,
        exclusive=node.parallel_aware if is_append else frame.exclusive,
        order=_order_below(node, frame) if relationship != "Inner" else (),
    )
    special = _SPECIAL.get(node.node_type)
    if special is not None:
        return special(step, passed)
    return _whole(passed) if _is_blocking(node) else passed


def _is_blocking(node: PlanNode) -> bool:
    return node.node_type in _BLOCKING or (
        node.node_type == "Aggregate" and node.strategy in ("Plain", "Hashed", "Mixed")
    )


def _whole(frame: _Frame) -> _Frame:
    """Nothing above stops it early."""
    return msgspec.structs.replace(frame, fraction=1.0, limited=False)


def _order_below(node: PlanNode, frame: _Frame) -> tuple[str, ...]:
    if node.node_type in ("Sort", "Incremental Sort"):
        return node.sort_key
    return () if node.node_type in _FREE_ORDER else frame.order


def _calls(node: PlanNode, child: PlanNode, frame: _Frame, cost: float) -> float:
    """How often a SubPlan runs: hashed once, in the output once a row.

    In a filter as often as the node's cost says: the planner charges it for every row looked at.
    """
    conditions = [text for text in (node.filter, node.join_filter) if text]
    if any(f"hashed {child.subplan_name}" in text for text in (*conditions, *node.output)):
        return 1.0
    in_filter = any(f"{child.subplan_name}" in text for text in conditions)
    most = math.inf if in_filter else max(1.0, node.rows * frame.fraction * frame.loops)
    return max(1.0, min(most, cost // max(child.total_cost, 0.01)))


def _initplan_share(node: PlanNode, child: PlanNode) -> float:
    """How far an InitPlan is run: EXISTS stops at its first row.

    Its own cost is that of all its rows; what its node is charged with is what is run
    (src/backend/optimizer/plan/subselect.c, cost_subplan).
    """
    return min(1.0, node.total_cost / child.total_cost) if child.total_cost > 0 else 1.0


def _cost_of_subplans(node: PlanNode, frame: _Frame, cost: float) -> float:
    """What of a node's cost belongs to the InitPlans and SubPlans that hang on it."""
    below = 0.0
    for child in node.children:
        if child.parent_relationship == "InitPlan":
            below += child.total_cost * _initplan_share(node, child)
        elif child.parent_relationship == "SubPlan":
            below += _calls(node, child, frame, cost) * child.total_cost
    return below


def _below_limit(step: _Step, frame: _Frame) -> _Frame:
    fraction = frame.fraction * _share_run(step)
    return msgspec.structs.replace(frame, fraction=fraction, limited=True)


def _below_merge_join(step: _Step, frame: _Frame) -> _Frame:
    """It ends with the shorter side: what of the other is read, its own cost pays for."""
    return msgspec.structs.replace(frame, fraction=frame.fraction * _share_run(step))


def _share_run(step: _Step) -> float:
    """How much of a child is run, as far as its parent's cost covers it."""
    run = step.child.total_cost - step.child.startup_cost
    share = (step.node.total_cost - step.child.startup_cost) / run if run > 0 else 1.0
    return min(1.0, max(share, 0.0))


def _below_incremental_sort(step: _Step, frame: _Frame) -> _Frame:
    """All rows that are alike in the keys they come in by are read before a first one is returned.

    What that takes is its startup cost (costsize.c, cost_incremental_sort).
    """
    run = step.child.total_cost - step.child.startup_cost
    share = (step.node.startup_cost - step.child.startup_cost) / run if run > 0 else 1.0
    batch = min(1.0, max(share, 0.0))
    return msgspec.structs.replace(frame, fraction=max(frame.fraction, batch))


def _below_nested_loop(step: _Step, frame: _Frame) -> _Frame:
    if step.child.parent_relationship != "Inner":
        return frame
    return msgspec.structs.replace(
        _whole(frame),
        loops=frame.loops * max(1.0, frame.fraction * step.outer_rows),
        ceiling=max(0.0, frame.ceiling - step.outer_cost),
    )


def _below_memoize(step: _Step, frame: _Frame) -> _Frame:
    """Only misses reach the child; how many, the cost over all loops tells."""
    misses = frame.ceiling / max(step.child.total_cost, 0.01)
    return msgspec.structs.replace(frame, loops=max(1.0, min(frame.loops, misses)))


def _below_materialize(_: _Step, frame: _Frame) -> _Frame:
    return msgspec.structs.replace(_whole(frame), loops=1.0)


def _below_hash_join(step: _Step, frame: _Frame) -> _Frame:
    return frame if step.child.parent_relationship != "Inner" else _whole(frame)


def _below_gather(step: _Step, frame: _Frame) -> _Frame:
    return msgspec.structs.replace(frame, processes=processes_below(step.node))


def processes_below(node: PlanNode) -> float:
    """How many processes share the work below a Gather, as the planner counts; else 1."""
    if node.node_type not in ("Gather", "Gather Merge"):
        return 1.0
    workers = node.workers_planned or 0
    return workers + max(0.0, 1 - _LEADER_LOSS * workers)


def _below_recursion(step: _Step, frame: _Frame) -> _Frame:
    rounds = _RECURSIONS if step.child.parent_relationship == "Inner" else 1
    return msgspec.structs.replace(_whole(frame), loops=frame.loops * rounds)


_SPECIAL: Mapping[str, Callable[[_Step, _Frame], _Frame]] = {
    "Limit": _below_limit,
    "Incremental Sort": _below_incremental_sort,
    "Nested Loop": _below_nested_loop,
    "Memoize": _below_memoize,
    "Materialize": _below_materialize,
    "Hash Join": _below_hash_join,
    "Merge Join": _below_merge_join,
    "Gather": _below_gather,
    "Gather Merge": _below_gather,
    "Recursive Union": _below_recursion,
}
