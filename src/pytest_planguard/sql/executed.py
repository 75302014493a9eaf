"""What of a plan's cost is spent: partitions that are left out when it starts cost nothing.

A condition on a partition key whose value is known only then (``now()``, a parameter of a generic
plan) prunes before the first row is read. EXPLAIN leaves these partitions out and says how many
(``Subplans Removed``), but the costs it prints were summed up before, all of them counted
(PostgreSQL's documentation, Partition Pruning; ``create_append_path``). A plan that sorts what 24
quarters hold looks 24 times as expensive as what is run; one that stops at the first row of a
merge does not. So where two plans are compared, what is left out is left out of the cost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from pytest_planguard.model.plan import PlanNode

_ALL = 1.0
_APPENDING = 0.5 * 0.01
"""Of a row: ``APPEND_CPU_COST_MULTIPLIER`` of ``cpu_tuple_cost`` (costsize.c), at its default."""


class _Figures(msgspec.Struct, frozen=True):
    """A node's, of one loop, as EXPLAIN means them."""

    startup: float
    total: float
    rows: float

    @property
    def run(self) -> float:
        """From the first row to the last."""
        return self.total - self.startup


def executed_cost(root: PlanNode) -> float:
    """The planner's total cost without partitions that are pruned when the plan starts.

    Without any it is the total cost itself. A Parallel Append's is not the sum of its children's,
    and is kept as it is.
    """
    if not any(node.subplans_removed for node in root.walk()):
        return root.total_cost
    return round(_executed(root).total, 2)  # as EXPLAIN prints it


def _executed(node: PlanNode) -> _Figures:
    """The figures a node would have if what is pruned had never been there."""
    inputs_first = sorted(node.children, key=lambda child: child.subplan_name is not None)
    children = [(child, _executed(child)) for child in inputs_first]
    stated = _stated(node)
    if node.subplans_removed and not node.parallel_aware:
        inputs = [left for child, left in children if child.subplan_name is None]
        return _of_those_left(inputs, stated, node.node_type)
    if all(left == _stated(child) for child, left in children):
        return stated
    return _RULES.get(node.node_type, _of_sum)(stated, children)


def _stated(node: PlanNode) -> _Figures:
    return _Figures(node.startup_cost, node.total_cost, node.rows)


def _of_those_left(left: Sequence[_Figures], stated: _Figures, kind: str) -> _Figures:
    """An Append begins with its first child; a Merge Append needs a row of each."""
    startups = [one.startup for one in left]
    startup = sum(startups) if kind == "Merge Append" else min(startups, default=0.0)
    rows = sum(one.rows for one in left)
    total = sum(one.total for one in left) + rows * _APPENDING
    return _Figures(startup, min(total, stated.total), rows)


_Children = Sequence[tuple[PlanNode, _Figures]]


def _of_limit(stated: _Figures, children: _Children) -> _Figures:
    """It stops after as many rows as before, which may be more of those that are left."""
    child, left = children[0]
    run = child.total_cost - child.startup_cost
    share = (stated.total - child.startup_cost) / run if run > 0 else _ALL
    wanted = min(_ALL, share * child.rows / max(left.rows, 1.0))
    return _Figures(left.startup, left.startup + wanted * left.run, min(stated.rows, left.rows))


def _of_loop(stated: _Figures, children: _Children) -> _Figures:
    """The inner side is run for each row of the outer one, or as often as its cost is in there."""
    (outer, outer_left), (inner, inner_left), *more = children
    most = (stated.total - outer.total_cost) / inner.total_cost if inner.total_cost > 0 else 0.0
    loops = max(0.0, min(max(outer_left.rows, 1.0), most))
    less = outer.total_cost - outer_left.total + loops * (inner.total_cost - inner_left.total)
    rest = [(child, left) for child, left in more]
    return _less(stated, less + _saved(rest), outer.startup_cost - outer_left.startup)


def _of_sum(stated: _Figures, children: _Children) -> _Figures:
    """A node reads its children once; it starts when they end, or when they start.

    One that costs less than its children stops before their ends, as a Merge Join does: its cost
    goes down as theirs does.
    """
    below = sum(child.total_cost for child, _ in children)
    if stated.total < below:
        share = sum(left.total for _, left in children) / below
        return _Figures(stated.startup * share, stated.total * share, stated.rows)
    late = sum(
        child.total_cost - left.total
        for child, left in children
        if stated.startup >= child.total_cost
    )
    early = sum(
        child.startup_cost - left.startup
        for child, left in children
        if stated.startup < child.total_cost
    )
    found = _less(stated, _saved(children), late + early)
    if len(children) != 1 or not children[0][0].rows:
        return found
    (child, left) = children[0]
    return msgspec.structs.replace(found, rows=found.rows * min(_ALL, left.rows / child.rows))


def _saved(children: _Children) -> float:
    return sum(child.total_cost - left.total for child, left in children)


def _less(stated: _Figures, total: float, startup: float) -> _Figures:
    return _Figures(max(0.0, stated.startup - startup), max(0.0, stated.total - total), stated.rows)


_RULES: dict[str, Callable[[_Figures, _Children], _Figures]] = {
    "Limit": _of_limit,
    "Nested Loop": _of_loop,
}
