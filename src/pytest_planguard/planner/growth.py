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
from pytest_planguard.model.plan import FOUND, SEARCHED, AccessPath, Plan, Planned
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
    stages = [[(1.0, seen)] for seen in today]
    for factor in FACTORS:
        for one, seen in zip(stages, ask(factor, asked), strict=True):
            if seen is not None:
                one.append((factor, seen))
    spans: dict[int, Span] = {}
    aliases: dict[int, str] = {}
    for number, one in enumerate(stages):
        found = _first_turn(one, large)
        if found is not None:
            aliases[number], spans[number] = found
    falls = {n: span for n, span in spans.items()
             if today[n].plan.access[aliases[n]].access in FOUND}  # fmt: skip
    between: dict[int, list[tuple[float, Seen]]] = {number: [] for number in falls}

    def turned(factor: float, numbers: Sequence[int]) -> dict[int, bool]:
        answers: dict[int, bool] = {}
        for number, seen in zip(numbers, ask(factor, [asked[n] for n in numbers]), strict=True):
            if seen is not None:
                between[number].append((factor, seen))
                answers[number] = _has_turned(today[number], seen, aliases[number], large)
        return answers

    spans |= narrowed(falls, turned, MOST_BETWEEN)
    return [
        _growth(
            sorted([*one, *between.get(number, [])], key=lambda stage: stage[0]),
            aliases.get(number),
            spans.get(number),
        )
        for number, one in enumerate(stages)
    ]


def _first_turn(stages: Sequence[tuple[float, Seen]], large: float) -> tuple[str, Span] | None:
    """The alias that turns first, and the sizes it does so between; falls before others."""
    _, today = stages[0]
    for (low, _), (high, then) in pairwise(stages):
        aliases = [one for one in today.plan.access if _has_turned(today, then, one, large)]
        if aliases:
            falling = [one for one in aliases if today.plan.access[one].access in FOUND]
            return (falling or aliases)[0], Span(low, high)
    return None


def _has_turned(today: Seen, then: Seen, alias: str, large: float) -> bool:
    """Whether a relation that is large by then is found in one of the plans and searched in one."""
    before, after = today.plan.access[alias], then.plan.access.get(alias)
    if after is None or then.rows.get(after.relation, 0.0) < large:
        return False
    return (before.access in FOUND and after.access in SEARCHED) or (
        before.access in SEARCHED and after.access in FOUND
    )


def _growth(
    stages: Sequence[tuple[float, Seen]], alias: str | None, span: Span | None
) -> Growth | None:
    grows = _what_grows(stages)
    if len(stages) < 2 or grows is None:
        return None
    turn = None
    if alias is not None and span is not None:
        seen = dict(stages)
        turn = _turn(alias, span, seen[1.0], seen[span.high])
        grows = turn.after.relation
    return Growth(
        grows,
        tuple(Stage(factor, seen.rows.get(grows, 0.0), seen.plan) for factor, seen in stages),
        turn,
    )


def _turn(alias: str, span: Span, today: Seen, then: Seen) -> Turn:
    before: AccessPath = today.plan.access[alias]
    after = then.plan.access[alias]
    return Turn(alias, before, after, span.high, span.low, then.rows[after.relation])


def _what_grows(stages: Sequence[tuple[float, Seen]]) -> str | None:
    """The largest relation of which there are more rows at the last size."""
    (_, first), (_, last) = stages[0], stages[-1]
    growing = [name for name, rows in last.rows.items() if rows > first.rows.get(name, rows)]
    return max(growing, key=lambda name: (last.rows[name], name), default=None)


def _rows(plan: Plan, catalog: Catalog) -> dict[str, float]:
    return {
        path.relation: catalog.tables[path.relation].rows
        for path in plan.access.values()
        if path.relation in catalog.tables
    }
