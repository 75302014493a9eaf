"""Sorts below a LIMIT: how many rows are put in order, or in groups, to return a few of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from pytest_planguard.model.plan import PlanNode
from pytest_planguard.sql.printed import named_columns, unwrapped, without_alias
from pytest_planguard.sql.relations import sort_column
from pytest_planguard.sql.scans import SCANS, processes_below

_PASSING = frozenset({
    "Gather", "Gather Merge", "Unique", "Group", "WindowAgg", "Result", "Subquery Scan",
    "LockRows", "ProjectSet", "Materialize", "Nested Loop",
})  # fmt: skip
"""Nodes that return rows as they come, so that a LIMIT above them stops what is below."""
_APPENDS = frozenset({"Append", "Merge Append"})
_SORTS = frozenset({"Sort", "Incremental Sort"})
_FEEDING = _SORTS | {"Hash Join", "Merge Join", "Hash"}
"""Nodes below a sort through which rows, or groups, come up."""
_SIDES = ("Outer", "Subquery", "Member")


class LimitedSort(msgspec.Struct, frozen=True):
    """A Sort, or a hashed grouping, of which a LIMIT above takes only the first rows."""

    node: PlanNode
    keys: tuple[str, ...]
    """What it sorts or groups by, as EXPLAIN prints it."""
    rows: float
    """That it puts in order, or groups that it makes, over all processes and partitions."""
    returned: float
    """Rows the LIMIT lets through."""
    cost: float
    """Up to its first row, with all that is below."""
    own_cost: float
    """Without what is below."""
    hashed: bool = False
    """Groups are collected in a hash table, without an order."""
    is_of_groups: bool = False
    """It orders groups by something they are not grouped by: no order of rows would spare it."""

    @property
    def leading(self) -> tuple[tuple[str, str], ...]:
        """Alias and column of the leading keys that are plain columns of one relation."""
        found: list[tuple[str, str]] = []
        for key in self.keys:
            expression = unwrapped(sort_column(key)[0])
            columns = named_columns(expression)
            if len(columns) != 1 or not _is_plain(expression, *columns[0]):
                break
            if found and columns[0][0] != found[0][0]:
                break
            found.append(columns[0])
        return tuple(found)


def limited_sorts(root: PlanNode) -> Iterator[LimitedSort]:
    """Every sort whose rows a LIMIT cuts off, from the top; a top-N heapsort is one of them.

    EXPLAIN does not tell a heapsort, which keeps the first rows only, from a full sort: either
    reads all of its input before it returns a row.
    """
    for node in root.walk():
        if node.node_type == "Limit":
            for child in node.children:
                if _feeds(child):
                    found = list(_below(child, node.rows, 1.0))
                    if found:
                        yield _together(found)


def _below(node: PlanNode, returned: float, processes: float) -> Iterator[LimitedSort]:
    if node.node_type in _SORTS or _is_hashed(node):
        yield _sort(node, returned, processes)
    elif node.node_type in _PASSING | _APPENDS or _is_streaming(node):
        processes *= processes_below(node)
        for child in node.children:
            if _feeds(child):
                yield from _below(child, returned, processes)


def _is_of_groups(node: PlanNode, keys: Sequence[str]) -> bool:
    """Whether what feeds a node are groups, by other keys than those wanted."""
    for child in node.children:
        if not _feeds(child) or child.node_type in SCANS:
            continue
        if child.group_key:
            wanted = [sort_column(key)[0] for key in keys]
            return list(child.group_key[: len(wanted)]) != wanted
        if child.node_type in _FEEDING | _PASSING | _APPENDS and _is_of_groups(child, keys):
            return True
    return False


def _is_hashed(node: PlanNode) -> bool:
    return node.node_type == "Aggregate" and node.strategy == "Hashed" and bool(node.group_key)


def _is_streaming(node: PlanNode) -> bool:
    """A grouping of sorted rows, which returns a group as soon as the next one begins."""
    return node.node_type == "Aggregate" and node.strategy == "Sorted"


def _sort(node: PlanNode, returned: float, processes: float) -> LimitedSort:
    """An incremental sort returns rows after the first batch that is alike in its leading keys.

    How many batches the planner reckons with is not printed; the share of its cost that comes
    before the first row is a batch's.
    """
    below = sum(child.total_cost for child in node.children if _feeds(child))
    part = 1.0
    if node.node_type == "Incremental Sort":
        part = node.startup_cost / max(node.total_cost, 0.01)
    return LimitedSort(
        node=node,
        keys=node.sort_key or node.group_key,
        rows=node.rows * processes * part,
        returned=returned,
        cost=node.startup_cost,
        own_cost=max(0.0, node.startup_cost - below * part),
        hashed=node.node_type not in _SORTS,
        is_of_groups=node.node_type in _SORTS and _is_of_groups(node, node.sort_key),
    )


def _feeds(child: PlanNode) -> bool:
    return child.parent_relationship in _SIDES


def _together(found: list[LimitedSort]) -> LimitedSort:
    """The sorts of several partitions, or the one there is."""
    first = found[0]
    return msgspec.structs.replace(
        first,
        rows=sum(one.rows for one in found),
        cost=sum(one.cost for one in found),
        own_cost=sum(one.own_cost for one in found),
    )


def _is_plain(expression: str, alias: str, column: str) -> bool:
    """Whether the expression is a column and nothing else."""
    bare = without_alias(expression, alias)
    return bare in (column, '"' + column.replace('"', '""') + '"')
