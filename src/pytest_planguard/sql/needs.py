"""Which columns of a relation a plan asks about, and which it cannot do without.

EXPLAIN (VERBOSE) qualifies every column by its alias, but for the output of a query over a single
table. What a plain scan prints as its output is often all of the row, since the planner saves
itself the projection (createplan.c, ``use_physical_tlist``); what the nodes above it mention is
what is really wanted.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping

import msgspec

from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.plan import PlanNode
from pytest_planguard.sql.printed import named_columns
from pytest_planguard.sql.relations import alias_of

WHOLE_ROW = "*"
"""Stands for all columns where the row itself is wanted."""

_ROOTS = frozenset({"InitPlan", "SubPlan", "Subquery"})
"""What such a child puts out is what the query wrote."""
_COMPUTES = frozenset({"Aggregate", "WindowAgg", "Group"})
_NAME = re.compile(r'"(?:[^"]|"")+"|[a-z_][\w$]*')
_SYSTEM = frozenset({"ctid", "tableoid", "xmin", "xmax", "cmin", "cmax"})
_ROW = re.compile(r'((?:"(?:[^"]|"")+"|[a-z_][\w$]*))\.\*')


class Needs(msgspec.Struct, frozen=True):
    """What a plan wants of one reference to a relation; columns by their plain names."""

    alias: str
    """As the query knows it."""
    relation: str
    """Schema-qualified; a partition counts as its root."""
    asked: frozenset[str]
    """In conditions, sort and group keys, and under aggregates."""
    columns: frozenset[str]
    """All that is read; ``WHOLE_ROW`` is among them where it is the row itself."""


def needs(root: PlanNode, catalog: Catalog) -> tuple[Needs, ...]:
    """What the plan wants of each relation, one entry an alias."""
    relations = dict(_relations(root, catalog))
    asked: dict[str, set[str]] = defaultdict(set)
    read: dict[str, set[str]] = defaultdict(set)
    for node, parent in _with_parent(root, None):
        for text in _conditions(node):
            _note(asked, text, relations)
        for text in node.output if _tells(node, parent) else ():
            found = asked if node.node_type in _COMPUTES else read
            _note(found, text, relations)
            if len(relations) == 1:
                _note_bare(found, text, relations, catalog)
    return tuple(
        Needs(alias, relation, frozenset(asked[alias]), frozenset(asked[alias] | read[alias]))
        for alias, relation in dict.fromkeys(relations.values())
    )


def _relations(root: PlanNode, catalog: Catalog) -> Iterator[tuple[str, tuple[str, str]]]:
    """By the alias as printed: the alias as the query knows it, and the relation."""
    for node, parent in _with_parent(root, None):
        if node.relation is None:
            continue
        below = parent is not None and parent.node_type in ("Append", "Merge Append")
        printed = node.alias or node.relation_name or ""
        yield printed, (alias_of(node, catalog, below), catalog.root_of(node.relation))


def _with_parent(
    node: PlanNode, parent: PlanNode | None
) -> Iterator[tuple[PlanNode, PlanNode | None]]:
    yield node, parent
    for child in node.children:
        yield from _with_parent(child, node)


def _tells(node: PlanNode, parent: PlanNode | None) -> bool:
    """Whether a node's output is what is wanted, and not all there is."""
    if node.relation is None or parent is None or node.parent_relationship in _ROOTS:
        return True
    return parent.node_type == "ModifyTable" or parent.operation is not None


def _conditions(node: PlanNode) -> Iterator[str]:
    texts = (node.filter, node.index_cond, node.recheck_cond, node.join_filter, node.hash_cond,
             node.merge_cond, node.order_by, node.one_time_filter, node.tid_cond,
             node.cache_key)  # fmt: skip
    yield from (text for text in texts if text)
    yield from node.sort_key
    yield from node.group_key


def _note(
    found: Mapping[str, set[str]], text: str, relations: Mapping[str, tuple[str, str]]
) -> None:
    for printed, column in named_columns(text):
        if printed in relations:
            found[relations[printed][0]].add(column)
    if ".*" in text:
        for match in _ROW.finditer(text):
            if (printed := match[1].strip('"')) in relations:
                found[relations[printed][0]].add(WHOLE_ROW)


def _note_bare(
    found: Mapping[str, set[str]],
    text: str,
    relations: Mapping[str, tuple[str, str]],
    catalog: Catalog,
) -> None:
    """Columns of the only table, which stand there without its alias."""
    ((alias, relation),) = relations.values()
    table = catalog.tables.get(relation)
    known = _SYSTEM | {column.name for column in table.columns} if table is not None else _SYSTEM
    found[alias].update({name.strip('"') for name in _NAME.findall(text)} & known)
