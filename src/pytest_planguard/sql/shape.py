"""The shape of a plan: what it does, without values, costs and row counts; read in diffs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.plan import PlanNode
from pytest_planguard.sql.printed import normalise_condition, with_alias
from pytest_planguard.sql.relations import alias_of, root_index
from pytest_planguard.sql.scans import SCANS

_APPENDS = frozenset({"Append", "Merge Append"})
_AGGREGATES = {"Sorted": "GroupAggregate", "Hashed": "HashAggregate", "Mixed": "MixedAggregate"}
_RETURNS = re.compile(r" \(returns .*\)$")
"""PostgreSQL 16 and older: ``InitPlan 1 (returns $0)``."""


class Said(msgspec.Struct, frozen=True):
    """What a line of a shape says."""

    depth: int
    text: str
    relation: str = ""
    """Where a table is read: what the line ends with before its conditions."""
    conditions: tuple[str, ...] = ()
    is_partition: bool = False

    @property
    def name(self) -> str:
        """``Seq Scan on orders o (4 partitions)``."""
        return self.text + self.relation


class Line(msgspec.Struct, frozen=True):
    """A line of a shape, and the nodes it stands for."""

    said: Said
    nodes: tuple[PlanNode, ...]
    """Several where partitions are read alike."""


def shape(root: PlanNode, catalog: Catalog) -> tuple[str, ...]:
    """One line a node, indented by two spaces a level; partitions that are read alike as one."""
    return tuple(_text(line.said) for line in outline(root, catalog))


def outline(root: PlanNode, catalog: Catalog) -> tuple[Line, ...]:
    """The lines of the shape with their nodes, in the same order."""
    return tuple(_lines(root, 0, catalog, in_append=False))


def _lines(node: PlanNode, depth: int, catalog: Catalog, *, in_append: bool) -> Iterator[Line]:
    yield Line(_said(node, depth, catalog, in_append), (node,))
    in_append = in_append or node.node_type in _APPENDS
    # What is joined comes first, plans of sub-selects after it, as they are read.
    ordered = sorted(node.children, key=_is_subplan)
    below = [tuple(_lines(child, depth + 1, catalog, in_append=in_append)) for child in ordered]
    if node.node_type in _APPENDS:
        below = _collapsed(below)
    for lines in below:
        yield from lines


def _is_subplan(child: PlanNode) -> bool:
    return child.parent_relationship in ("InitPlan", "SubPlan")


def _collapsed(parts: Sequence[tuple[Line, ...]]) -> list[tuple[Line, ...]]:
    """Equal parts once, with their number where partitions are read."""
    groups: dict[tuple[Said, ...], list[tuple[Line, ...]]] = {}
    for lines in parts:
        groups.setdefault(tuple(line.said for line in lines), []).append(lines)
    result: list[tuple[Line, ...]] = []
    for said, group in groups.items():
        if len(group) == 1 or not any(one.is_partition for one in said):
            result += group
        else:
            result.append(tuple(map(_together, zip(*group, strict=True))))
    return result


def _together(alike: Sequence[Line]) -> Line:
    said = alike[0].said
    if said.is_partition:
        relation = f"{said.relation} ({len(alike)} partitions)"
        said = msgspec.structs.replace(said, relation=relation, is_partition=False)
    return Line(said, tuple(node for line in alike for node in line.nodes))


def _text(said: Said) -> str:
    conditions = f" [{'; '.join(said.conditions)}]" if said.conditions else ""
    return "  " * said.depth + said.name + conditions


def _said(node: PlanNode, depth: int, catalog: Catalog, in_append: bool) -> Said:
    prefix = f"{_RETURNS.sub('', node.subplan_name)}: " if node.subplan_name else ""
    relation, alias, is_partition = _relation(node, catalog, in_append)
    details = _details(node)
    if alias and node.alias and alias != node.alias:
        details = [with_alias(text, node.alias, alias) for text in details]
    return Said(depth, prefix + _name(node, catalog), relation, tuple(details), is_partition)


def _relation(node: PlanNode, catalog: Catalog, in_append: bool) -> tuple[str, str, bool]:
    """`` on orders o``, the alias as the query knows it, and whether it is a partition."""
    if node.relation is None:
        name = node.cte_name or node.function_name or ""
        alias = node.alias or ""
        return (f" on {_named(name or alias, alias)}" if name or alias else ""), alias, False
    root = catalog.root_of(node.relation)
    alias = alias_of(node, catalog, in_append) if node.node_type in SCANS else node.alias or ""
    name = root.removeprefix("public.")
    return f" on {_named(name, alias)}", alias, in_append and root != node.relation


def _named(name: str, alias: str) -> str:
    return name if alias in ("", name.rpartition(".")[2]) else f"{name} {alias}"


def _name(node: PlanNode, catalog: Catalog) -> str:
    """The node's type as EXPLAIN's text format would write it."""
    name = node.node_type
    if name == "Aggregate":
        name = _AGGREGATES.get(node.strategy or "", name)
    if node.partial_mode in ("Partial", "Finalize"):
        name = f"{node.partial_mode} {name}"
    if name == "ModifyTable":
        name = node.operation or name
    if node.join_type and node.join_type != "Inner":
        name = f"{name.removesuffix(' Join')} {node.join_type} Join"
    if node.parallel_aware:
        name = f"Parallel {name}"
    if node.index is not None:
        backward = " Backward" if node.scan_direction == "Backward" else ""
        word = "on" if name == "Bitmap Index Scan" else "using"
        name = f"{name}{backward} {word} {root_index(node.index, node.schema, catalog)}"
    return name


def _details(node: PlanNode) -> list[str]:
    """Conditions and keys without values."""
    conditions = (
        ("cond", node.index_cond or node.tid_cond),
        ("recheck", None if node.index_cond else node.recheck_cond),
        ("on", node.hash_cond or node.merge_cond),
        ("join filter", node.join_filter),
        ("filter", node.filter),
        ("once", node.one_time_filter),
        ("order by", node.order_by),
    )
    found = [f"{label} {normalise_condition(text)}" for label, text in conditions if text]
    keys = (("by", node.sort_key), ("group by", node.group_key))
    found += [f"{label} {', '.join(map(normalise_condition, key))}" for label, key in keys if key]
    return found
