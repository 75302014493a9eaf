"""Plans at other sizes than today's: how a query grows, and where its plan turns.

Of each query only the worst plan is followed, with its very values. A size is a database of its
own, made from the template for the tables that are asked about and dropped again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import msgspec

from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.growth import FACTORS, Growth, Stage, Turn
from pytest_planguard.model.plan import FOUND, SEARCHED, Plan, Planned
from pytest_planguard.model.ports import FixtureDatabase
from pytest_planguard.model.query import Query
from pytest_planguard.planner.bisect import Span, narrowed
from pytest_planguard.planner.explain import Explainer
from pytest_planguard.planner.wire import Wire

MOST_BETWEEN = 6
"""Sizes looked at between the fixed ones to find where plans turn; each costs a database."""


class Followed(msgspec.Struct, frozen=True):
    """A query and the plan of it that is followed."""

    query: Query
    plan: Plan


class Seen(msgspec.Struct, frozen=True):
    """A plan at another size."""

    plan: Plan
    rows: Mapping[str, float]
    """Of the relations it reads, there."""


Ask = Callable[[float, Sequence[Followed]], list[Seen | None]]
"""The same plans at another size; None: the server refused one."""


class Sizes:
    """Plans queries at other sizes.

    Args:
        fixture: The database at today's scale.
        catalog: Its catalog.
        read_catalog: Reads the catalog of a database by connection string.
        settings: Session settings the fixture is planned with, too.
    """

    def __init__(
        self,
        fixture: FixtureDatabase,
        catalog: Catalog,
        read_catalog: Callable[[str], Catalog],
        settings: Mapping[str, str],
    ) -> None:
        self._fixture = fixture
        self._catalog = catalog
        self._read_catalog = read_catalog
        self._settings = dict(settings)

    def plans_at(self, factor: float, asked: Sequence[Followed]) -> list[Seen | None]:
        """See ``Ask``.

        Raises:
            ScaleError: There is no database of that size.
            ServerError: The server was lost.
        """
        relations = {path.relation for one in asked for path in one.plan.access.values()}
        with self._fixture.copy_at(factor, relations) as copy:
            catalog = copy.catalog or self._read_catalog(copy.conninfo)
            with Wire(copy.conninfo, self._settings) as wire:
                explainer = Explainer(wire, catalog, self._fixture.statistics)
                outcomes = explainer.again([(one.query, Planned((one.plan,))) for one in asked])
        return [
            Seen(outcome.worst, _rows(outcome.worst, catalog))
            if isinstance(outcome, Planned)
            else None
            for outcome in outcomes
        ]

    def grown(self, asked: Sequence[Followed], large: float) -> list[Growth | None]:
        """How each query grows; None where it reads nothing that grows, or was refused.

        Args:
            asked: Queries with today's plans.
            large: Rows from which on it matters how a table is read.

        Raises:
            ScaleError: There is no database of another size.
            ServerError: The server was lost.
        """
        today = [Seen(one.plan, _rows(one.plan, self._catalog)) for one in asked]
        return follow(asked, today, self.plans_at, large)


def follow(
    asked: Sequence[Followed], today: Sequence[Seen], ask: Ask, large: float
) -> list[Growth | None]:
    """How queries grow, by asking at a few sizes and then between them."""
    courses = [_Course(seen, large) for seen in today]
    for factor in FACTORS:
        for course, seen in zip(courses, ask(factor, asked), strict=True):
            course.add(factor, seen)
    spans = {n: one.span for n, one in enumerate(courses) if one.is_falling and one.span}

    def turned(factor: float, numbers: Sequence[int]) -> dict[int, bool]:
        for number, seen in zip(numbers, ask(factor, [asked[n] for n in numbers]), strict=True):
            courses[number].add(factor, seen)
        return {n: courses[n].has_turned(factor) for n in numbers if factor in courses[n].seen}

    narrowed(spans, turned, MOST_BETWEEN)
    return [course.growth() for course in courses]


class _Course:
    """What was seen of one query so far, by size."""

    def __init__(self, today: Seen, large: float) -> None:
        self.seen = {1.0: today}
        self._today = today
        self._large = large
        self._alias: str | None = None
        """The one that turns first; those that fall go before others."""

    def add(self, factor: float, seen: Seen | None) -> None:
        """Notes what was answered; None is no answer."""
        if seen is None:
            return
        self.seen[factor] = seen
        paths = self._today.plan.access
        turning = [one for one in paths if self._turns(one, seen)] if not self._alias else []
        if turning:
            self._alias = min(turning, key=lambda one: paths[one].access not in FOUND)

    def has_turned(self, factor: float) -> bool:
        """Whether, at a size that was seen, the alias that turns is read in another way."""
        return self._alias is not None and self._turns(self._alias, self.seen[factor])

    @property
    def is_falling(self) -> bool:
        """Whether what turns was found through an index before."""
        return self._alias is not None and self._today.plan.access[self._alias].access in FOUND

    @property
    def span(self) -> Span | None:
        """The sizes it turns between; None: it does not."""
        for low, high in pairwise(sorted(self.seen)):
            if self.has_turned(high):
                return Span(low, high)
        return None

    def growth(self) -> Growth | None:
        """What it comes to; None: nothing grows, or nothing was answered."""
        turn, relation = self._turn(), self._what_grows()
        if len(self.seen) < 2 or relation is None:
            return None
        if turn is not None and turn.is_fall:
            relation = turn.after.relation
        stages = (
            Stage(factor, seen.rows.get(relation, 0.0), seen.plan)
            for factor, seen in sorted(self.seen.items())
        )
        return Growth(relation, tuple(stages), turn)

    def _turns(self, alias: str, then: Seen) -> bool:
        return _has_turned(self._today, then, alias, self._large)

    def _turn(self) -> Turn | None:
        span = self.span
        if span is None or self._alias is None:
            return None
        then = self.seen[span.high]
        before, after = self._today.plan.access[self._alias], then.plan.access[self._alias]
        rows = then.rows[after.relation]
        return Turn(self._alias, before, after, span.high, span.low, rows)

    def _what_grows(self) -> str | None:
        """The largest relation of which there are more rows at the last size."""
        last = self.seen[max(self.seen)].rows
        growing = [name for name, rows in last.items() if rows > self._today.rows.get(name, rows)]
        return max(growing, key=lambda name: (last[name], name), default=None)


def _has_turned(today: Seen, then: Seen, alias: str, large: float) -> bool:
    """Whether a relation that is large by then is found in one of the plans and searched in one."""
    before, after = today.plan.access[alias], then.plan.access.get(alias)
    if after is None or then.rows.get(after.relation, 0.0) < large:
        return False
    return (before.access in FOUND and after.access in SEARCHED) or (
        before.access in SEARCHED and after.access in FOUND
    )


def _rows(plan: Plan, catalog: Catalog) -> dict[str, float]:
    return {
        path.relation: catalog.tables[path.relation].rows
        for path in plan.access.values()
        if path.relation in catalog.tables
    }
