"""How far two plans, and the tables they read, are apart: pure, and told as sentences."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.plan import PlanNode
from pytest_planguard.model.statistics import ScaleSource, TableStatistics
from pytest_planguard.model.verification import Comparison
from pytest_planguard.planner.elsewhere import Size
from pytest_planguard.planner.instants import instant
from pytest_planguard.report._numbers import rows
from pytest_planguard.sql.relations import index_names

MOVED = 0.005
"""By which a size must differ to be named: half of what a cost may (model.verification)."""

_SOURCES = {
    ScaleSource.PRODUCTION: "when the statistics were read",
    ScaleSource.AS_IS: "here",
    ScaleSource.DECLARED: "declared",
    ScaleSource.GENERATED: "generated",
    ScaleSource.ASSUMED: "assumed",
}


def table_moved(name: str, facts: TableStatistics, size: Size) -> Iterator[tuple[float, str]]:
    """A table of another size, and by how much; at most one."""
    pages = facts.pages if facts.file_pages is None else facts.file_pages
    count = facts.rows * pages / facts.pages if facts.pages else facts.rows
    by = max(distance(count, size.rows), distance(pages, size.pages))
    if by <= MOVED:
        return
    there = "never analysed" if size.rows < 0 else f"{rows(size.rows)} rows"
    before = f"{rows(count)} in {pages:,} {_SOURCES[facts.source]}"
    yield by, f"{name}: {there} in {size.pages:,} pages there, {before}"


def visibility(
    name: str, facts: TableStatistics, size: Size | None, compared: Comparison
) -> Iterator[str]:
    """Index-only scans are charged for the pages that are not known to be visible to all."""
    roots = [one.root for one in (compared.here, compared.there) if one is not None]
    index_only = {
        node.relation for root in roots for node in root.walk() if "Only" in node.node_type
    }
    if size is None or name not in index_only:
        return
    here = facts.all_visible / facts.pages if facts.pages else 0.0
    if abs(here - size.visible) > MOVED:
        yield f"{name}: {size.visible:.0%} of its pages are all-visible there, {here:.0%} here"


def estimates(mine: PlanNode, theirs: PlanNode) -> str:
    """Two nodes' estimates as a sentence."""
    name = mine.alias or mine.relation_name or mine.index or ""
    where = f"{mine.node_type} {name}".strip()
    estimates = f"{mine.rows:,.0f} rows here, {theirs.rows:,.0f} there"
    return f"the first estimate to differ: {where}, {estimates}"


def distance(one: float, other: float) -> float:
    """The difference as a share of the larger."""
    return abs(one - other) / max(one, other, 1.0)


def relations_of(compared: Comparison) -> set[str]:
    """Tables and partitions either plan reads."""
    roots = [compared.here.root, *([compared.there.root] if compared.there else [])]
    return {node.relation for root in roots for node in root.walk() if node.relation is not None}


def indexes_of(compared: Comparison, here: Catalog, there: Catalog) -> set[str]:
    """Indexes either plan uses, by their names here."""
    names = {
        name
        for node in compared.here.root.walk()
        for name in (node.index, *index_names(node, here))
    }
    if compared.there is not None:
        names |= {
            name
            for node in compared.there.root.walk()
            for name in (node.index, *index_names(node, there))
        }
    return {name for name in names if name is not None}


def conditions_of(root: PlanNode, table: str) -> str:
    """All conditions of scans of a table and of what lies directly below them."""
    parts: list[str] = []
    for node in root.walk():
        if node.relation == table:
            for one in (node, *node.children):
                parts += filter(None, (one.index_cond, one.filter, one.recheck_cond))
    return " ".join(parts)


def first_difference(here: PlanNode, there: PlanNode) -> tuple[PlanNode, PlanNode] | None:
    """The deepest, leftmost pair of nodes whose estimated rows differ; shapes must agree there."""
    if here.node_type != there.node_type or here.relation != there.relation:
        return None
    for mine, theirs in zip(here.children, there.children, strict=False):
        if (found := first_difference(mine, theirs)) is not None:
            return found
    return (here, there) if here.rows != there.rows else None


def later(there: str, here: str) -> bool:
    """Whether it was analysed after the statistics were read, by more than a second."""
    theirs, ours = instant(there), instant(here)
    return theirs is not None and ours is not None and (theirs - ours).total_seconds() > 1
