"""Which reads are worth looking for an index for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import msgspec

from pytest_planguard.advice.extremes import extreme_column
from pytest_planguard.advice.joins import join_conditions, path_to
from pytest_planguard.advice.keys import sort_keys
from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.judgement import Read
from pytest_planguard.model.plan import Plan, Planned, SampleKind
from pytest_planguard.model.query import Query
from pytest_planguard.model.spec import Thresholds
from pytest_planguard.sql.obstacles import ObstacleKind, obstacles, usable_index

SEVERAL = 2.0
"""Rows by which a value is told from one that no row has: that is planned as one row."""

MOST_KEPT = 0.20
"""Of the rows read: above ``kept_fraction`` and up to here an index may still help a lot, where it
holds all that is asked for, or where rows lie in its order."""
CLEAR_GAIN = 0.75
"""Of the cost, that such an index must save. Rows fetched here and there cost four times as much as
in sequence (``random_page_cost``), so that one that fetches them so saves no such share."""


class Item(msgspec.Struct, frozen=True):
    """A query with its plans and what they read."""

    query: Query
    planned: Planned
    reads: Mapping[int, tuple[Read, ...]]
    """By position of the plan: scans of large relations."""


def suspect_reads(
    item: Item, catalog: Catalog, thresholds: Thresholds
) -> dict[str, list[tuple[int, Read]]]:
    """Suspect reads with the position of their plan, by relation."""
    return _found(item, lambda plan, read: is_suspect(plan, read, catalog, thresholds))


def wide_reads(
    item: Item, catalog: Catalog, thresholds: Thresholds
) -> dict[str, list[tuple[int, Read]]]:
    """Likewise, reads that keep somewhat more: only an index that saves ``CLEAR_GAIN`` is worth it.

    Of relations that have a suspect read none counts as wide.
    """
    suspect = suspect_reads(item, catalog, thresholds)
    found = _found(item, lambda _, read: is_wide(read, catalog, thresholds))
    return {relation: reads for relation, reads in found.items() if relation not in suspect}


def _found(item: Item, wanted: Callable[[Plan, Read], bool]) -> dict[str, list[tuple[int, Read]]]:
    found: dict[str, list[tuple[int, Read]]] = defaultdict(list)
    for position, plan in enumerate(item.planned.plans):
        for read in item.reads.get(position, ()):
            if wanted(plan, read):
                found[read.relation].append((position, read))
    return {
        relation: reads
        for relation, reads in found.items()
        if not _captured_alone(item.planned, reads)
    }


def _captured_alone(planned: Planned, reads: Sequence[tuple[int, Read]]) -> bool:
    """Whether only values from tests make the query suspect, and others don't.

    A value that production does not have plans as one row: no ground for an index; one of several
    rows is a value it has, as of a state that few rows are in. The most common one proves nothing
    of it: most rows have it, and whoever asks for many rows wants no index.
    """
    kinds = {planned.plans[position].sample for position, _ in reads}
    if any(read.rows_kept >= SEVERAL for _, read in reads):
        return False
    return kinds == {SampleKind.CAPTURED} and any(
        plan.sample is not SampleKind.CAPTURED and not (plan.drawn and plan.drawn.extreme)
        for plan in planned.plans
    )


def is_suspect(plan: Plan, read: Read, catalog: Catalog, thresholds: Thresholds) -> bool:
    """Whether a read looks at far more rows than are wanted of it.

    It does where its conditions keep few, where a LIMIT above a sort does, where only the least
    or greatest value is wanted, or where it is joined with few rows. A column that a cast keeps
    from its own index is none: there the rewrite is the remedy, and an index on a cast never.
    """
    critical = read.relation in thresholds.critical_tables
    if not _is_large(read, catalog, thresholds, critical=critical):
        return False
    few = thresholds.kept_fraction * read.rows_read
    if read.conditions and (critical or read.rows_kept <= few):
        return True
    path = path_to(plan.root, read.node)
    if extreme_column(path, read) is not None:
        return True
    limited = any(node.node_type == "Limit" and node.rows <= few for node in path)
    return (limited and bool(sort_keys(read, catalog))) or bool(join_conditions(path, read, few))


def is_wide(read: Read, catalog: Catalog, thresholds: Thresholds) -> bool:
    """Whether a large table's conditions keep too much for a suspect read, and not most of it."""
    return (
        bool(read.conditions)
        and read.rows_kept <= MOST_KEPT * read.rows_read
        and _is_large(read, catalog, thresholds, critical=False)
    )


def _is_large(read: Read, catalog: Catalog, thresholds: Thresholds, *, critical: bool) -> bool:
    """Whether a read is what makes a query slow, and an index may serve it."""
    table = catalog.tables.get(read.relation)
    if table is None or table.rows < thresholds.large_table_rows or _is_cast_away(read, catalog):
        return False
    return critical or (
        read.rows_read >= thresholds.large_table_rows and read.share >= thresholds.cost_share
    )


def _is_cast_away(read: Read, catalog: Catalog) -> bool:
    return any(
        obstacle.kind is ObstacleKind.CAST
        and any(usable_index(read, name, catalog) is not None for name in obstacle.columns)
        for obstacle in obstacles(read, catalog)
    )
