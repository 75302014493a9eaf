"""The chosen indexes beside each other: what they do to every query, and which of them can go.

Only queries an index can matter to are planned again: the planner looks at an index for the
columns a query asks about, and for those it reads at all (indxpath.c: index clauses, useful
orders, index-only scans).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from pytest_planguard.advice.gains import gains, loses, used
from pytest_planguard.advice.measure import Made
from pytest_planguard.advice.naming import names_of, plain_key
from pytest_planguard.advice.suspects import Item
from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.plan import Plan, Planned
from pytest_planguard.model.ports import HypotheticalIndex, WhatIfTrial
from pytest_planguard.model.spec import Thresholds
from pytest_planguard.sql.needs import Needs, needs

_Columns = tuple[frozenset[str], frozenset[str]]
"""Names in an index's keys and predicate, and all it holds."""


class After(msgspec.Struct, frozen=True):
    """A query with all that was chosen."""

    item: Item
    plans: tuple[Plan, ...]

    @property
    def used(self) -> frozenset[str]:
        """Names of the indexes its plans use, old and new."""
        return used(self.plans)

    @property
    def cost(self) -> float:
        """Of its worst plan."""
        return max(plan.cost for plan in self.plans)

    @property
    def before(self) -> float:
        """Of its worst plan without them."""
        return _worst(self.item)


class Together:
    """Plans the suite's queries with sets of candidates.

    Args:
        items: All queries whose plans read a table of the candidates.
        made: Candidates.
        trial: Where they are.
        catalog: The fixture database's.
        thresholds: What counts as a gain and as a loss.
    """

    def __init__(
        self,
        items: Sequence[Item],
        made: Made,
        trial: WhatIfTrial,
        catalog: Catalog,
        thresholds: Thresholds,
    ) -> None:
        self._items = items
        self._made = made
        self._trial = trial
        self._catalog = catalog
        self._thresholds = thresholds
        self._needs: dict[str, tuple[Needs, ...]] = {}
        self._columns: dict[str, _Columns] = {
            name: (
                names_of(index.columns, index.predicate),
                names_of((*index.columns, *index.include)),
            )
            for name, index in made.items()
        }

    def with_all(self, names: Collection[str]) -> dict[str, After]:
        """By key: each query that one of the indexes can matter to, with all of them."""
        by_table = self._by_table(names)
        tables = frozenset(by_table)
        touched = [
            one
            for one in self._items
            if not tables.isdisjoint(one.planned.relations) and self._matter(by_table, one)
        ]
        return self._planned(touched, frozenset(names))

    def harmful(self, after: Mapping[str, After]) -> frozenset[str]:
        """Of the indexes that were planned with, those that make a query dearer.

        Each that a dearer plan uses is tried by itself; where none is to blame alone, all are.
        """
        found: frozenset[str] = frozenset()
        for one in after.values():
            worse = one.used & frozenset(self._made) if self._is_worse(one) else frozenset()
            alone = {name for name in worse if self._harms(name, one.item)}
            found |= alone or worse
        return found

    def without_idle(
        self, after: Mapping[str, After], names: Collection[str], wanted: Collection[str]
    ) -> dict[str, After]:
        """The same queries without the indexes they hardly miss beside the others.

        An index goes where, beside the others, it saves none of its users what an index must save
        at least; one that only begins another goes already where they still gain enough.

        Args:
            after: Queries with all indexes.
            names: These.
            wanted: Keys of the queries the indexes were chosen for; what none of them uses goes.
        """
        kept = frozenset(names) & _used_by(after, wanted)
        for name in sorted(kept, key=lambda name: (-len(self._made[name].columns), name)):
            users = [one for key, one in after.items() if key in wanted and name in one.used]
            rest = kept - {name}
            if not all(self._has_other(one, name, rest) for one in users):
                continue
            spared = self._planned([one.item for one in users], rest)
            longer = any(_begins(self._made[name], self._made[other]) for other in rest)
            if all(self._spares(one, spared.get(key), longer) for key, one in _by_key(users)):
                kept = rest
                after = {**after, **spared}
        return dict(after)

    def helped(self, name: str, after: Mapping[str, After]) -> tuple[str, ...]:
        """Keys of the queries that use an index and cost much less."""
        return tuple(
            sorted(
                key
                for key, one in after.items()
                if name in one.used and gains(_worst(one.item), one.cost, self._thresholds)
            )
        )

    def costs(self, requests: Sequence[tuple[Item, frozenset[str]]]) -> list[float | None]:
        """What each query costs if it sees just these indexes; None: it could not be planned."""
        asked = [(one.query, one.planned, self._seen_by(one, names)) for one, names in requests]
        return [
            max(plan.cost for plan in outcome.plans) if isinstance(outcome, Planned) else None
            for outcome in self._trial.plan(asked)
        ]

    def _planned(self, items: Sequence[Item], names: frozenset[str]) -> dict[str, After]:
        requests = [(one.query, one.planned, self._seen_by(one, names)) for one in items]
        return {
            item.query.key: After(item, outcome.plans)
            for item, outcome in zip(items, self._trial.plan(requests), strict=True)
            if isinstance(outcome, Planned)
        }

    def _seen_by(self, item: Item, names: frozenset[str]) -> frozenset[str]:
        tables = {one.relation for one in self._needs_of(item)}
        return frozenset(name for name in names if self._made[name].table in tables)

    def _by_table(self, names: Collection[str]) -> dict[str, list[_Columns]]:
        found: dict[str, list[_Columns]] = defaultdict(list)
        for name in names:
            found[self._made[name].table].append(self._columns[name])
        return found

    def _matter(self, by_table: Mapping[str, Sequence[_Columns]], item: Item) -> bool:
        """Whether one of the indexes has what a query asks about, or all it reads."""
        return any(
            not one.asked.isdisjoint(keys) or one.columns <= held
            for one in self._needs_of(item)
            for keys, held in by_table.get(one.relation, ())
        )

    def _needs_of(self, item: Item) -> tuple[Needs, ...]:
        found = self._needs.get(item.query.key)
        if found is None:
            found = self._needs[item.query.key] = needs(item.planned.worst.root, self._catalog)
        return found

    def _is_worse(self, one: After) -> bool:
        pairs = zip(one.item.planned.plans, one.plans, strict=True)
        return any(loses(before.cost, now.cost, self._thresholds) for before, now in pairs)

    def _harms(self, name: str, item: Item) -> bool:
        alone = self._planned([item], frozenset({name}))
        return any(self._is_worse(one) for one in alone.values())

    def _has_other(self, one: After, name: str, rest: frozenset[str]) -> bool:
        """Whether another of the indexes could do for the query what this one does."""
        return self._matter(self._by_table(rest - {name}), one.item)

    def _spares(self, with_it: After, without: After | None, longer: bool) -> bool:
        if without is None:
            return False
        plans = zip(with_it.item.planned.plans, with_it.plans, without.plans, strict=True)
        return all(
            not gains(then.cost, now.cost, self._thresholds)
            or (longer and gains(before.cost, then.cost, self._thresholds))
            for before, now, then in plans
        )


def _by_key(users: Iterable[After]) -> list[tuple[str, After]]:
    return [(one.item.query.key, one) for one in users]


def _used_by(after: Mapping[str, After], keys: Collection[str]) -> frozenset[str]:
    return frozenset().union(*(one.used for key, one in after.items() if key in keys))


def _worst(item: Item) -> float:
    return max(plan.cost for plan in item.planned.plans)


def _begins(index: HypotheticalIndex, other: HypotheticalIndex) -> bool:
    """Whether all keys of one are the first of the other's, over the same rows."""
    if index.include or (index.table, index.method, index.predicate) != (
        other.table,
        other.method,
        other.predicate,
    ):
        return False
    keys = [plain_key(column) for column in index.columns]
    return [plain_key(column) for column in other.columns][: len(keys)] == keys
