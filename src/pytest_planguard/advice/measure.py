"""What each candidate makes of each suspect query, planned at scale.

First each query is planned with all of its candidates at once: the planner takes what it likes
best. Where even that is not enough of a gain, none of them is; elsewhere each is tried by itself,
and what was taken together counts where it is several.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from pytest_planguard.advice.choose import Option, Scan, Scans
from pytest_planguard.advice.gains import gains, only_reads_less, used
from pytest_planguard.advice.suspects import Item
from pytest_planguard.model.judgement import Read
from pytest_planguard.model.plan import Planned, Unexplained
from pytest_planguard.model.ports import HypotheticalIndex, WhatIfTrial
from pytest_planguard.model.spec import Thresholds

MOST_TOGETHER = 4
"""Indexes that are advised on together for one query."""

Made = Mapping[str, HypotheticalIndex]
"""Candidates the server made, by name."""


class Suspect(msgspec.Struct, frozen=True):
    """A relation one query reads far too much of, in some of its plans."""

    item: Item
    relation: str
    plans: tuple[int, ...]
    """Positions of the plans that do."""
    candidates: tuple[HypotheticalIndex, ...]
    least_gain: float = 0.0
    """Of the cost, that they must save where it is more than ``minimum_gain``."""

    @property
    def place(self) -> Scans:
        """What it is known by."""
        return self.item.query.key, self.relation

    @property
    def reads(self) -> tuple[Read, ...]:
        """Of the relation, in these plans."""
        return tuple(
            read
            for n in self.plans
            for read in self.item.reads.get(n, ())
            if read.relation == self.relation
        )

    def gains(self, before: float, after: float, thresholds: Thresholds) -> bool:
        """Whether a cost falls by as much as one of its indexes must save."""
        least = max(self.least_gain, thresholds.minimum_gain)
        return gains(before, after, msgspec.structs.replace(thresholds, minimum_gain=least))

    @property
    def cost(self) -> float:
        """The worst of these plans'."""
        return max(self.item.planned.plans[n].cost for n in self.plans)


def measured(
    suspects: Sequence[Suspect], made: Made, trial: WhatIfTrial, thresholds: Thresholds
) -> list[Scan]:
    """Every suspect with what helps it, and the cost with that."""
    together = _together(suspects, made, trial)
    hopeful = [
        one
        for one in suspects
        if (outcome := together.get(one.item.query.key)) and _helps(one, outcome, thresholds)
    ]
    alone = _alone(hopeful, made, trial, thresholds)
    return [
        Scan(
            key=suspect.item.query.key,
            relation=suspect.relation,
            executions=suspect.item.query.executions,
            cost=suspect.cost,
            with_index={
                **_several(suspect, together[suspect.item.query.key], made),
                **alone.get(number, {}),
            },
        )
        for number, suspect in enumerate(hopeful)
    ]


def _together(suspects: Sequence[Suspect], made: Made, trial: WhatIfTrial) -> dict[str, Planned]:
    """By key of the query: its plans with all of its candidates at once."""
    items = {suspect.item.query.key: suspect.item for suspect in suspects}
    offered: dict[str, set[str]] = defaultdict(set)
    for suspect in suspects:
        names = {index.name for index in suspect.candidates}
        offered[suspect.item.query.key] |= names & made.keys()
    requests = [(item.query, item.planned, frozenset(offered[key])) for key, item in items.items()]
    outcomes = zip(items, trial.plan(requests), strict=True)
    return {key: outcome for key, outcome in outcomes if isinstance(outcome, Planned)}


def _helps(suspect: Suspect, outcome: Planned, thresholds: Thresholds) -> bool:
    """Whether each plan that reads too much of the table gains enough."""
    pairs = [(suspect.item.planned.plans[n], outcome.plans[n]) for n in suspect.plans]
    return all(
        suspect.gains(before.cost, after.cost, thresholds) and not only_reads_less(before, after)
        for before, after in pairs
    )


def _several(suspect: Suspect, outcome: Planned, made: Made) -> dict[Option, float]:
    """What was taken together, where it is several and some of it is on the suspect's table."""
    plans = [outcome.plans[n] for n in suspect.plans]
    taken = used(plans) & frozenset(made)
    tables = {made[name].table for name in taken}
    if not 1 < len(taken) <= MOST_TOGETHER or suspect.relation not in tables:
        return {}
    return {taken: max(plan.cost for plan in plans)}


def _alone(
    suspects: Sequence[Suspect], made: Made, trial: WhatIfTrial, thresholds: Thresholds
) -> dict[int, dict[Option, float]]:
    """By number of the suspect: each index that helps by itself."""
    by_table: dict[str, list[str]] = defaultdict(list)
    for name, index in made.items():
        by_table[index.table].append(name)
    # Candidates of other queries on the same table are tried too: one index may serve several.
    pairs = [
        (number, name)
        for number, suspect in enumerate(suspects)
        for name in _worth_trying(suspect, by_table[suspect.relation], made)
    ]
    requests = [
        (suspects[n].item.query, suspects[n].item.planned, frozenset({name})) for n, name in pairs
    ]
    costs: dict[int, dict[Option, float]] = defaultdict(dict)
    for (number, name), outcome in zip(pairs, trial.plan(requests), strict=True):
        cost = _cost_with(suspects[number], name, outcome, thresholds)
        if cost is not None:
            costs[number][frozenset({name})] = cost
    return costs


def _worth_trying(suspect: Suspect, names: Iterable[str], made: Made) -> list[str]:
    """The suspect's own candidates, and others' that begin with a column of one of them.

    Another query's partial index holds that query's constant, which may be this one's parameter.
    """
    own = {index.name for index in suspect.candidates}
    leading = {index.columns[0] for index in suspect.candidates}
    return [
        name
        for name in names
        if name in own or (made[name].columns[0] in leading and not made[name].predicate)
    ]


def _cost_with(
    suspect: Suspect, name: str, outcome: Planned | Unexplained, thresholds: Thresholds
) -> float | None:
    """The worst cost with the index; None where it is not used or not enough of a gain."""
    if isinstance(outcome, Unexplained) or not _helps(suspect, outcome, thresholds):
        return None
    plans = [outcome.plans[n] for n in suspect.plans]
    if any(name not in used([plan]) for plan in plans):
        return None
    return max(plan.cost for plan in plans)
