"""How a plan reads its tables: rows and bytes looked at, rows kept, and the share of the cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from pytest_planguard.model.catalog import Catalog, Index, Table
from pytest_planguard.model.judgement import Read
from pytest_planguard.model.plan import Access, AccessPath, PlanNode
from pytest_planguard.model.spec import Thresholds
from pytest_planguard.sql.boundary import entries_walked
from pytest_planguard.sql.printed import conjuncts
from pytest_planguard.sql.relations import index_names
from pytest_planguard.sql.scans import Scan, scans
from pytest_planguard.sql.shape import shape

__all__ = ["access_of", "access_paths", "full_index_walk", "reads", "shape"]

PAGE = 8192
"""Bytes; PostgreSQL is hardly ever built with another BLCKSZ."""

HEAVY_FILTER_KEPT = 0.10
"""A filter that keeps less than this throws most rows away (PLN004)."""
HEAVY_FILTER_ROWS = 1_000.0
"""Read through an index below this, no filter is heavy: a few dozen pages."""

SMALL_PARTITION_ROWS = 10_000.0
"""As ``Thresholds.large_table_rows``; a class must not depend on what is configured."""

_INDEX_SCANS = frozenset({"Index Scan", "Index Only Scan"})

Probes = Mapping[int, float]
"""By ``id(node)``: rows a loop's index condition selects before the filter."""


def reads(
    root: PlanNode, catalog: Catalog, thresholds: Thresholds, probes: Probes | None = None
) -> tuple[Read, ...]:
    """Scans of large or critical relations.

    Args:
        root: The plan.
        catalog: Sizes come from here.
        thresholds: What is large, which tables are critical.
        probes: Rows the index condition alone selects, where a filter follows it; of one that
            does not bound all it walks through, rows its bounding part selects. Without one an
            index scan counts as reading what it keeps.

    Returns:
        Costliest first; partitions of one reference as one read of their root.
    """
    total = max(root.total_cost, 0.01)
    measured = [_measure(group, catalog, total, probes or {}) for group in _grouped(root, catalog)]
    large = [
        item.read
        for item in measured
        if item.rows >= thresholds.large_table_rows
        or item.read.relation in thresholds.critical_tables
    ]
    return tuple(sorted(large, key=lambda read: (-read.cost, read.alias)))


def access_paths(
    root: PlanNode, catalog: Catalog, probes: Probes | None = None
) -> dict[str, AccessPath]:
    """How each relation is read, by alias; partitions as their root, the worst one.

    Small partitions beside large ones (a DEFAULT partition, the month that has just begun) don't
    count: scanning one is right, and says nothing of how the table is read.

    An alias that occurs twice (a sub-select planned in two places) gets ``#2``.
    """
    total = max(root.total_cost, 0.01)
    paths: dict[str, AccessPath] = {}
    for group in _grouped(root, catalog):
        classes = [_access(scan, catalog, total, probes or {}) for scan in _telling(group, catalog)]
        names = [name for scan in group for name in index_names(scan.node, catalog)]
        alias, number = group[0].alias, 2
        while alias in paths:
            alias, number = f"{group[0].alias}#{number}", number + 1
        paths[alias] = AccessPath(
            relation=group[0].relation,
            access=max(classes, key=list(Access).index),
            indexes=tuple(sorted(set(names))),
        )
    return paths


def _telling(group: Sequence[Scan], catalog: Catalog) -> Sequence[Scan]:
    """The scans of a reference that tell how it is read."""
    if len(group) == 1:
        return group
    tables = [catalog.tables.get(scan.node.relation or "") for scan in group]
    large = [
        scan
        for scan, table in zip(group, tables, strict=True)
        if table is None or table.rows >= SMALL_PARTITION_ROWS
    ]
    return large or group


def _access(scan: Scan, catalog: Catalog, total: float, probes: Probes) -> Access:
    if scan.node.filter is None or scan.node.node_type == "Seq Scan":
        return access_of(scan.node)
    return access_of(scan.node, _measure([scan], catalog, total, probes).read)


def access_of(node: PlanNode, read: Read | None = None) -> Access:
    """The access class of a scan node; ``read`` tells whether its filter is heavy."""
    access = _ACCESS.get(node.node_type, Access.OTHER)
    if access in (Access.INDEX, Access.INDEX_ONLY, Access.BITMAP) and read is not None:
        thrown_away = read.rows_read - read.rows_kept
        if thrown_away >= HEAVY_FILTER_ROWS and read.kept_fraction <= HEAVY_FILTER_KEPT:
            return Access.INDEX_FILTER
    return access


_ACCESS = {
    "Seq Scan": Access.SEQ,
    "Index Scan": Access.INDEX,
    "Index Only Scan": Access.INDEX_ONLY,
    "Bitmap Heap Scan": Access.BITMAP,
    "Tid Scan": Access.INDEX,
    "Tid Range Scan": Access.INDEX,
}


def full_index_walk(node: PlanNode) -> bool:
    """Whether an index is read from one end to the other, for its order or its columns."""
    return node.node_type in _INDEX_SCANS and not node.index_cond and not node.order_by


class _Measured(msgspec.Struct, frozen=True):
    read: Read
    rows: float
    """In the tables read, all partitions that were not pruned together."""


def _grouped(root: PlanNode, catalog: Catalog) -> list[list[Scan]]:
    """Scans, those of partitions of one reference together."""
    groups: dict[tuple[str, int, int], list[Scan]] = {}
    for number, scan in enumerate(scans(root, catalog)):
        key = (scan.alias, scan.group, 0) if scan.is_partition else (scan.alias, 0, number + 1)
        groups.setdefault(key, []).append(scan)
    return list(groups.values())


def _measure(group: Sequence[Scan], catalog: Catalog, total: float, probes: Probes) -> _Measured:
    parts = [_measure_one(scan, catalog, total, probes) for scan in group]
    if len(parts) == 1:
        return parts[0]
    worst = max(parts, key=lambda part: part.read.cost).read
    each = [part.read for part in parts]
    merged = msgspec.structs.replace(
        worst,
        rows_read=sum(read.rows_read for read in each),
        rows_kept=sum(read.rows_kept for read in each),
        bytes_read=sum(read.bytes_read for read in each),
        cost=sum(read.cost for read in each),
        share=min(1.0, sum(read.share for read in each)),
        partitions=len(each),
    )
    return _Measured(merged, sum(part.rows for part in parts))


def _measure_one(scan: Scan, catalog: Catalog, total: float, probes: Probes) -> _Measured:
    node = scan.node
    table = catalog.tables.get(node.relation or "")
    rows = table.rows if table is not None else node.rows
    # A shared scan's rows are per process, and the whole of them is read once. How many processes
    # share it only its size says (compute_parallel_worker in allpaths.c): a small partition's are
    # fewer than those of the Gather above.
    kept = node.rows * scan.loops * scan.fraction * scan.processes
    if scan.shared and node.node_type == "Seq Scan":
        kept = min(kept, max(rows, node.rows) * scan.loops * scan.fraction)
    read, size = _read(scan, table, catalog, probes)
    below = tuple(scan.own(part) for part in conjuncts(node.filter or ""))
    above = (part for text in _index_conditions(node) for part in conjuncts(text))
    return _Measured(
        Read(
            node=node,
            relation=scan.relation,
            alias=scan.alias,
            rows_read=max(read, kept),
            rows_kept=kept,
            bytes_read=size,
            cost=scan.cost,
            share=min(1.0, scan.cost / total),
            loops=scan.loops,
            limited=scan.limited,
            conditions=(*(scan.own(part) for part in above), *below),
            filter=below,
            order=scan.order,
        ),
        rows,
    )


def _index_conditions(node: PlanNode) -> tuple[str, ...]:
    found = node.index_cond or node.recheck_cond or node.tid_cond
    return (found,) if found else ()


def _read(scan: Scan, table: Table | None, catalog: Catalog, probes: Probes) -> tuple[float, float]:
    """Rows and bytes looked at over all loops and processes."""
    node, part = scan.node, scan.fraction
    times = scan.loops * (1.0 if scan.shared else scan.processes)
    rows = table.rows if table is not None else node.rows
    width = table.pages * PAGE / table.rows if table is not None and table.rows else node.width
    if node.node_type in ("Seq Scan", "Sample Scan"):
        return rows * part * times, width * rows * part * times
    if full_index_walk(node):
        index = _index(node, catalog)
        rows = index.tuples if index is not None and index.tuples else rows
        if node.node_type == "Index Only Scan" and index is not None and index.pages:
            return rows * part * times, index.pages * PAGE * part * times
        return rows * part * times, rows * width * part * times
    entries = entries_walked(node, catalog, probes.get(id(node)))
    if entries is not None and (index := _index(node, catalog)) is not None and index.tuples:
        size = entries * index.pages * PAGE / index.tuples + node.rows * width
        return max(node.rows, entries) * part * times, size * part * times
    selected = _selected(node, probes) * part * times
    return selected, selected * width


def _selected(node: PlanNode, probes: Probes) -> float:
    """Rows of one loop the index condition lets through."""
    bitmap = next((child for child in node.children if child.node_type.startswith("Bitmap")), None)
    if bitmap is not None:
        return max(node.rows, bitmap.rows)
    return max(node.rows, probes.get(id(node), node.rows))


def _index(node: PlanNode, catalog: Catalog) -> Index | None:
    return catalog.indexes.get(f"{node.schema}.{node.index}")
