"""Rows that a migration's own INSERT, UPDATE, DELETE and MERGE write, by plans at scale; pure."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.migration import Change
from pytest_planguard.model.plan import Plan, PlanNode

_VERBS = {"Insert": "inserts", "Update": "updates", "Delete": "deletes", "Merge": "merges"}


def changes_of(plan: Plan, catalog: Catalog) -> tuple[Change, ...]:
    """One a table that is written; partitions as their table."""
    found: dict[str, Change] = {}
    for change in _changes(plan.root, catalog):
        found.setdefault(change.relation, change)
    return tuple(found.values())


def _changes(root: PlanNode, catalog: Catalog) -> Iterator[Change]:
    for node in root.walk():
        if node.operation not in _VERBS or node.relation is None:
            continue
        relation = catalog.root_of(node.relation)
        table = catalog.tables.get(relation)
        of = table.rows if table is not None else 0.0
        rows = sum(one.rows for one in node.children if one.parent_relationship == "Outer")
        if of and node.operation != "Insert":
            rows = min(rows, of)
        yield Change(relation, _VERBS[node.operation], rows, of, _reads(node, catalog))


def _reads(node: PlanNode, catalog: Catalog) -> float:
    """Rows of the largest table below it that is scanned as a whole."""
    scanned = (one for one in node.walk() if one.node_type == "Seq Scan" and one.relation)
    tables = (catalog.tables.get(one.relation or "") for one in scanned)
    return max((table.rows for table in tables if table is not None), default=0.0)
