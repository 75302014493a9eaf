"""Few indexes for many scans: a greedy cover that counts what each write would cost."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec

from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.ports import HypotheticalIndex

NEAR_BEST = 1.10
"""Candidates within 10 % of the best one's cost are as good; among them the narrowest wins."""
NEGLIGIBLE = 0.001
"""Of the cost before: what is left of a difference between candidates once both save the rest.
From 1,000,000 to 30 or to 100 is the same; the narrower one then serves more queries."""

PAGE = 8192
_PARTIAL_PENALTY = 2.0
"""A partial index must be less than half as large as a whole one to be preferred: it serves
fewer queries to come."""
_MOST_PENALTY = 0.5
"""Writes weigh less than a second scan that is served."""


class Scan(msgspec.Struct, frozen=True):
    """A suspect read of one query, and what candidates make of the query."""

    key: str
    relation: str
    executions: int
    cost: float
    with_index: Mapping[str, float]
    """By candidate that helps: the query's worst cost."""


def choose(
    scans: Sequence[Scan],
    allowed: Collection[str],
    indexes: Mapping[str, HypotheticalIndex],
    sizes: Mapping[str, int],
    catalog: Catalog,
    writes: Mapping[str, float],
) -> dict[tuple[str, str], str]:
    """The index for each scan, by key and relation; scans nothing helps are left out."""
    near = {(scan.key, scan.relation): _near_best(scan, allowed) for scan in scans}
    executions = {(scan.key, scan.relation): scan.executions for scan in scans}
    open_scans = {place for place, names in near.items() if names}
    chosen: dict[tuple[str, str], str] = {}

    def order(name: str) -> tuple[float, float, int, str]:
        served = [place for place in open_scans if name in near[place]]
        asked = sum(executions[place] for place in served)
        penalty = _penalty(indexes[name], sizes, catalog, writes, asked)
        index = indexes[name]
        size = sizes.get(name, 0) * (_PARTIAL_PENALTY if index.predicate else 1.0)
        return (penalty - len(served), size, len(index.columns), name)

    while open_scans:
        names = {name for place in open_scans for name in near[place]}
        best = min(names, key=order)
        served = {place for place in open_scans if best in near[place]}
        chosen |= dict.fromkeys(served, best)
        open_scans -= served
    return chosen


def _near_best(scan: Scan, allowed: Collection[str]) -> frozenset[str]:
    costs = {name: cost for name, cost in scan.with_index.items() if name in allowed}
    if not costs:
        return frozenset()
    best = min(costs.values())
    limit = max(best * NEAR_BEST, best + NEGLIGIBLE * scan.cost)
    return frozenset(name for name, cost in costs.items() if cost <= limit)


def _penalty(
    index: HypotheticalIndex,
    sizes: Mapping[str, int],
    catalog: Catalog,
    writes: Mapping[str, float],
    asked: int,
) -> float:
    """Bytes written beside each row's own, weighted by writes for each time it is asked.

    Never as much as a scan that is served.
    """
    table = catalog.tables.get(index.table)
    if table is None or not table.pages:
        return 0.0
    share = sizes.get(index.name, 0) / (table.pages * PAGE)
    return min(_MOST_PENALTY, share * writes.get(index.table, 0.0) / max(1, asked))
