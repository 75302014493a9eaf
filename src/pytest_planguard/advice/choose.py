"""Few indexes for many scans: a greedy cover that counts what each write would cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from math import fsum

import msgspec

from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.ports import HypotheticalIndex
from pytest_planguard.model.spec import Thresholds

NEAR_BEST = 1.10
"""Candidates within 10 % of the best one's cost are as good; among them the narrowest wins."""
NEGLIGIBLE, NEGLIGIBLE_UNITS = 0.001, 100.0
"""Of the cost before, and in planner units: what a difference between candidates is at most once
both save the rest. From 1,000,000 to 30 or to 100 is the same; the narrower one then serves more
queries. In units it is what an index must save at least (spec.Thresholds)."""

PAGE = 8192
_PARTIAL_PENALTY = 2.0
"""A partial index must be less than half as large as a whole one to be preferred: it serves
fewer queries to come."""
_MOST_PENALTY = 0.5
"""Writes weigh less than a second scan that is served."""

Option = frozenset[str]
"""Names of the indexes that help together; mostly one."""
Scans = tuple[str, str]
"""A query's key and a relation."""


class Scan(msgspec.Struct, frozen=True):
    """A suspect read of one query, and what candidates make of the query."""

    key: str
    relation: str
    executions: int
    cost: float
    with_index: Mapping[Option, float]
    """By what helps: the query's worst cost."""

    @property
    def place(self) -> Scans:
        """What it is known by."""
        return self.key, self.relation


def choose(
    scans: Sequence[Scan],
    allowed: Collection[str],
    indexes: Mapping[str, HypotheticalIndex],
    sizes: Mapping[str, int],
    catalog: Catalog,
    writes: Mapping[str, float],
    thresholds: Thresholds,
) -> dict[Scans, Option]:
    """The index, or the few, for each scan; scans nothing helps are left out."""
    near = {
        scan.place: _near_best(_worth_their_width(scan, allowed, indexes, thresholds), scan.cost)
        for scan in scans
    }
    executions = {scan.place: scan.executions for scan in scans}
    costs = {scan.place: scan.with_index for scan in scans}
    open_scans = {place for place, options in near.items() if options}
    chosen: dict[Scans, Option] = {}
    taken: Option = frozenset()

    by_name = _by_name(near)

    def order(option: Option) -> tuple[float, float, int, float, tuple[str, ...]]:
        new, together = option - taken, option | taken
        # Whatever an open scan takes, some of it is new.
        touched = open_scans & set().union(*(by_name[name] for name in new))
        served = [place for place in touched if any(one <= together for one in near[place])]
        asked = sum(executions[place] for place in served)
        penalty = sum(_penalty(indexes[name], sizes, catalog, writes, asked) for name in new)
        size = sum(_weighed(indexes[name], sizes) for name in new)
        columns = sum(_width(indexes[name]) for name in new)
        cost = fsum(_least(costs[place], near[place], together) for place in served)
        gain = penalty - len(served) / max(1, len(new))
        return (gain, size, columns, cost, tuple(sorted(option)))

    while open_scans:
        options = {option for place in open_scans for option in near[place]}
        best: Option = min(options, key=order)
        taken |= best
        for place in sorted(open_scans):
            fitting = [option for option in near[place] if option <= taken]
            if fitting:
                chosen[place] = min(fitting, key=lambda option: (len(option), *sorted(option)))
        open_scans -= chosen.keys()
    return chosen


def _least(costs: Mapping[Option, float], near: frozenset[Option], offered: Option) -> float:
    """What a query costs with the best of what is offered: of equals the cheaper one is taken."""
    return min(costs[option] for option in near if option <= offered)


def _by_name(near: Mapping[Scans, Collection[Option]]) -> Mapping[str, set[Scans]]:
    """Scans that an index may help, alone or with others."""
    found: dict[str, set[Scans]] = defaultdict(set)
    for place, options in near.items():
        for name in frozenset().union(*options):
            found[name].add(place)
    return found


def _worth_their_width(
    scan: Scan,
    allowed: Collection[str],
    indexes: Mapping[str, HypotheticalIndex],
    thresholds: Thresholds,
) -> dict[Option, float]:
    """What helps, without indexes that only include more and gain too little by that.

    Copies of columns make every write dearer and help while pages are all-visible: beyond the best
    index without them they must save as much of the cost before as an index must save.
    """
    costs = {one: cost for one, cost in scan.with_index.items() if one <= frozenset(allowed)}
    wide = {one for one in costs if any(indexes[name].include for name in one)}
    best = min((cost for one, cost in costs.items() if one not in wide), default=scan.cost)
    least = max(thresholds.minimum_gain * scan.cost, thresholds.minimum_gain_units)
    return {one: cost for one, cost in costs.items() if one not in wide or best - cost >= least}


def _near_best(costs: Mapping[Option, float], before: float) -> frozenset[Option]:
    if not costs:
        return frozenset()
    limit = near_best(min(costs.values()), before)
    return frozenset(option for option, cost in costs.items() if cost <= limit)


def near_best(best: float, before: float) -> float:
    """The cost up to which a candidate is as good as the best.

    Args:
        best: The best one's.
        before: The query's without any.
    """
    return max(best * NEAR_BEST, best + min(NEGLIGIBLE * before, NEGLIGIBLE_UNITS))


def _weighed(index: HypotheticalIndex, sizes: Mapping[str, int]) -> float:
    return sizes.get(index.name, 0) * (_PARTIAL_PENALTY if index.predicate else 1.0)


def _width(index: HypotheticalIndex) -> int:
    return len(index.columns) + len(index.include)


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
