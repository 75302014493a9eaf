"""Rows that a migration's own INSERT, UPDATE, DELETE and MERGE write, by plans at scale; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.migration import Change
from pytest_planguard.model.plan import Plan, PlanNode
from pytest_planguard.sql.blocks import Loop

_VERBS = {"Insert": "inserts", "Update": "updates", "Delete": "deletes", "Merge": "merges"}


def changes_of(plan: Plan, catalog: Catalog) -> tuple[Change, ...]:
    """One a table that is written; partitions as their table."""
    found: dict[str, Change] = {}
    for change in _changes(plan.root, catalog):
        found.setdefault(change.relation, change)
    return tuple(found.values())


def rounds(loops: Sequence[Loop], rows_of: Callable[[str], float | None]) -> float | None:
    """How often a statement runs within one transaction; None: nobody knows.

    Args:
        loops: Around it, outermost first.
        rows_of: How many rows a query has.

    >>> rounds([Loop(rounds=10.0), Loop(rounds=5.0, commits=True), Loop(rounds=2.0)], len)
    2.0
    """
    often = 1.0
    for loop in reversed(loops):
        if loop.commits:
            break
        own = rows_of(loop.query) if loop.query else loop.rounds
        if own is None:
            return None
        often *= max(own, 1.0)
    return often


def repeated(change: Change, often: float | None) -> Change:
    """A change that is made several times; None: at least once."""
    rows = change.rows * (often or 1.0)
    return msgspec.structs.replace(
        change, rows=_bounded(rows, change), at_least=change.at_least or often is None
    )


def together(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Changes of one transaction, one for each table and verb."""
    found: dict[tuple[str, str], Change] = {}
    for change in changes:
        known = found.setdefault((change.relation, change.verb), change)
        if known is not change:
            found[change.relation, change.verb] = msgspec.structs.replace(
                change,
                rows=_bounded(known.rows + change.rows, change),
                reads=max(known.reads, change.reads),
                at_least=known.at_least or change.at_least,
            )
    return tuple(found.values())


def _bounded(rows: float, change: Change) -> float:
    """No more rows than the table has, unless they are new."""
    return min(rows, change.of) if change.of and change.verb != _VERBS["Insert"] else rows


def _changes(root: PlanNode, catalog: Catalog) -> Iterator[Change]:
    for node in root.walk():
        if node.operation not in _VERBS or node.relation is None:
            continue
        relation = catalog.root_of(node.relation)
        table = catalog.tables.get(relation)
        of = table.rows if table is not None else 0.0
        rows = sum(one.rows for one in node.children if one.parent_relationship == "Outer")
        change = Change(relation, _VERBS[node.operation], rows, of, _reads(node, catalog))
        yield msgspec.structs.replace(change, rows=_bounded(rows, change))


def _reads(node: PlanNode, catalog: Catalog) -> float:
    """Rows of the largest table below it that is scanned as a whole."""
    scanned = (one for one in node.walk() if one.node_type == "Seq Scan" and one.relation)
    tables = (catalog.tables.get(one.relation or "") for one in scanned)
    return max((table.rows for table in tables if table is not None), default=0.0)
