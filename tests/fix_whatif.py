"""A what-if that answers from a function instead of a server."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import msgspec

from pytest_planguard.model.plan import Access, AccessPath, Plan, Planned, Unexplained
from pytest_planguard.model.ports import HypotheticalIndex
from pytest_planguard.model.query import Query

Cost = Callable[[str, int, HypotheticalIndex], float | None]
"""(query's key, position of the plan, the visible index) → cost; None: the index is not used."""


class FakeWhatIf:
    """Obeys ``model.ports.WhatIf``; of several visible indexes the cheapest is taken.

    ``together`` tells the cost where exactly these indexes are visible and all of them are used.

    ``asked`` holds each request as (key, visible names); an index's size is 1 MB a column, half
    of a percent of that for a partial one.
    """

    def __init__(
        self,
        cost: Cost,
        refused: dict[str, str] | None = None,
        together: Callable[[str, frozenset[str]], float | None] = lambda key, names: None,
    ) -> None:
        self.cost = cost
        self.together = together
        self.refusals = refused or {}
        self.indexes: dict[str, HypotheticalIndex] = {}
        self.asked: list[tuple[str, frozenset[str]]] = []
        self.trials = 0
        self.announced: Sequence[Planned] | None = None

    @contextmanager
    def trial(
        self, indexes: Sequence[HypotheticalIndex], plans: Sequence[Planned] | None = None
    ) -> Iterator[FakeTrial]:
        self.trials += 1
        self.announced = plans
        self.indexes = {index.name: index for index in indexes}
        yield FakeTrial(self)


class FakeTrial:
    """Obeys ``model.ports.WhatIfTrial``."""

    def __init__(self, whatif: FakeWhatIf) -> None:
        self._whatif = whatif
        self.refused = {
            name: message
            for name in whatif.indexes
            for column, message in whatif.refusals.items()
            if column in whatif.indexes[name].columns
        }
        self.sizes = {
            name: int(1e6 * len(index.columns) * (0.005 if index.predicate else 1))
            for name, index in whatif.indexes.items()
        }

    def plan(
        self, requests: Sequence[tuple[Query, Planned, frozenset[str]]]
    ) -> list[Planned | Unexplained]:
        announced = self._whatif.announced
        assert announced is None or all(planned in announced for _, planned, _ in requests)
        self._whatif.asked += [(query.key, visible) for query, _, visible in requests]
        return [self._planned(query, planned, visible) for query, planned, visible in requests]

    def _planned(self, query: Query, planned: Planned, visible: frozenset[str]) -> Planned:
        return Planned(
            tuple(self._best(query.key, n, plan, visible) for n, plan in enumerate(planned.plans))
        )

    def _best(self, key: str, position: int, plan: Plan, visible: frozenset[str]) -> Plan:
        """As a planner does: the cheapest of what it sees; a harmful index is taken, too."""
        found = [
            (cost, index)
            for name in sorted(visible)
            if (cost := self._whatif.cost(key, position, index := self._whatif.indexes[name]))
            is not None
        ]
        together = self._whatif.together(key, visible)
        if together is not None:
            return _with_all(
                plan, [self._whatif.indexes[name] for name in sorted(visible)], together
            )
        if not found:
            return plan
        cost, index = min(found, key=lambda pair: (pair[0], len(pair[1].columns), pair[1].name))
        return _with(plan, index, cost)


def _with(plan: Plan, index: HypotheticalIndex, cost: float) -> Plan:
    return _with_all(plan, [index], cost)


def _with_all(plan: Plan, indexes: Sequence[HypotheticalIndex], cost: float) -> Plan:
    root = msgspec.structs.replace(plan.root, total_cost=cost)
    path = AccessPath(indexes[0].table, Access.INDEX, tuple(index.name for index in indexes))
    return msgspec.structs.replace(plan, root=root, access={"it": path})
