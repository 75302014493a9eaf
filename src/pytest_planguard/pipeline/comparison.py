"""Queries against the baseline: compared, ties told apart, and what got worse planned again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from pytest_planguard.baseline.because import because
from pytest_planguard.baseline.causes import Cause
from pytest_planguard.baseline.compare import Pair, change_of, pairs
from pytest_planguard.baseline.entries import plan_entry
from pytest_planguard.baseline.matching import as_edited
from pytest_planguard.baseline.moved import Differences, edited, moved, was_edited
from pytest_planguard.baseline.ties import Nearby, may_tie, tied
from pytest_planguard.baseline.worse import Scales
from pytest_planguard.errors import ScaleError
from pytest_planguard.model.baseline import Baseline, Entry, World
from pytest_planguard.model.moved import Moved, Undo
from pytest_planguard.model.plan import Plan, Planned, Unexplained
from pytest_planguard.model.query import Query
from pytest_planguard.model.report import Change, ChangeKind
from pytest_planguard.model.spec import Thresholds
from pytest_planguard.model.statement import Layer
from pytest_planguard.pipeline.fixtures import Planner
from pytest_planguard.planner.former import FormerWorlds
from pytest_planguard.planner.growth import Followed
from pytest_planguard.planner.jitter import STEPS

Key = tuple[str, str]
Outcomes = Sequence[tuple[Query, Planned | Unexplained]]

MOST_AGAIN = 100
"""Queries whose causes are found by planning again; each takes a few plans for each thing that
moved. The causes of more are told by what moved between the worlds."""

_MOST_PAIRS = 3
"""Plans of one query that are asked about, until one is not worse by growth alone."""


class _Compared(msgspec.Struct):
    query: Query
    entry: Entry
    pairs: list[Pair]

    def only_grew(self, differences: Differences) -> bool:
        """Whether statistics are all that moved for it."""
        relations = {name for plan in self.entry.plans for name in plan.relations.values()}
        return self.entry.key == self.query.key and differences.only_statistics(relations)

    @property
    def worse(self) -> list[int]:
        """Positions of the pairs that got worse, the worst first."""
        found = [n for n, one in enumerate(self.pairs) if one.kind is ChangeKind.WORSE]
        return sorted(found, key=lambda n: -self.pairs[n].ratio)


def compared(
    planner: Planner,
    outcomes: Outcomes,
    baseline: Baseline | None,
    world: World,
    thresholds: Thresholds,
    progress: Callable[[str], None],
) -> dict[Key, Change]:
    """What became of each query with a plan since the baseline; empty without one.

    Raises:
        ServerError: The server was lost.
    """
    if baseline is None or not outcomes:
        return {}
    before = baseline.worlds.get(outcomes[0][0].database)
    changes: dict[Key, Change] = {}
    found: dict[Key, _Compared] = {}
    for query, planned in outcomes:
        where = (query.database, query.key)
        entry = baseline.entries.get(where)
        if query.layer is Layer.TEST or isinstance(planned, Unexplained):
            continue  # what has no plan has no entry either: it would be new in every run
        if entry is None:
            changes[where] = Change(ChangeKind.NEW, query.key, query.database, sql=query.sql)
        else:
            judged = pairs(entry, planned, before, world, thresholds)
            found[where] = _Compared(query, entry, list(judged))
    _tell_ties(planner, list(found.values()))
    moved_at_all = Differences.between(before, world) if before is not None else None
    causes = _causes(planner, found, before, world, thresholds, progress)
    for where, one in found.items():
        pair, cause = causes.get(where, (None, None))
        grown = moved_at_all is not None and one.only_grew(moved_at_all)
        change = change_of(one.query, one.pairs, before, world, pair, cause, grown=grown)
        changes[where] = as_edited(change, one.entry, one.query, asked=where in causes)
    return changes


def _tell_ties(planner: Planner, found: Sequence[_Compared]) -> None:
    """Replaces pairs that are ties, by a few plans of those that may be."""
    there = {index.name for index in planner.catalog.indexes.values()}
    for step in STEPS:
        places = [
            (one, n) for one in found for n, pair in enumerate(one.pairs) if may_tie(pair, there)
        ]
        if not places:
            return
        asked = [Followed(one.query, one.pairs[n].after) for one, n in places]
        for (one, n), plan in zip(places, planner.jitter.plans(step, asked), strict=True):
            if plan is not None:
                one.pairs[n] = tied(one.pairs[n], [Nearby(step.words, plan)])


def _causes(
    planner: Planner,
    found: Mapping[Key, _Compared],
    before: World | None,
    world: World,
    thresholds: Thresholds,
    progress: Callable[[str], None],
) -> dict[Key, tuple[Pair, Cause]]:
    """Why queries got worse, and the pair that tells, where they could be planned again."""
    worse = [where for where, one in found.items() if one.worse][:MOST_AGAIN]
    if before is None or not worse:
        return {}
    progress(f"planning again as it was: {len(worse):,} queries that got worse")
    things = {
        (where, n): _moved(found[where], n, before, world)
        for where in worse
        for n in found[where].worse
    }
    undos = [one.undo for each in things.values() for one in each if one.undo is not None]
    scales = Scales.between(before, world, thresholds)
    try:
        with planner.former(undos) as worlds:
            told = {where: _cause(found[where], where, things, scales, worlds) for where in worse}
    except ScaleError:  # rows that are really there, a database that is used as it is
        return {}
    return {where: cause for where, cause in told.items() if cause is not None}


def _moved(one: _Compared, n: int, before: World, world: World) -> tuple[Moved, ...]:
    pair = one.pairs[n]
    found = moved(pair.before, plan_entry(pair.after), before, world)
    if was_edited(one.entry, one.query):
        return (*found, edited(one.entry, one.query))
    return found


def _cause(
    one: _Compared,
    where: Key,
    things: Mapping[tuple[Key, int], tuple[Moved, ...]],
    scales: Scales,
    worlds: FormerWorlds,
) -> tuple[Pair, Cause] | None:
    """The worst pair that is not worse by growth alone, or the worst one, with its cause."""
    first: tuple[Pair, Cause] | None = None
    for n in one.worse[:_MOST_PAIRS]:
        answer = _because(one, n, things[where, n], scales, worlds)
        if isinstance(answer, Pair):
            one.pairs[n] = answer
        elif answer is None:
            return None
        elif not answer.statistics_only:
            return one.pairs[n], answer
        else:
            first = first or (one.pairs[n], answer)
    return first


def _because(
    one: _Compared,
    n: int,
    things: Sequence[Moved],
    scales: Scales,
    worlds: FormerWorlds,
) -> Pair | Cause | None:
    pair = one.pairs[n]

    def ask(put_back: frozenset[int]) -> Plan | None:
        return worlds.plan(one.query, pair.after, list(_undos(things, put_back)))

    def alike(put_back: frozenset[int]) -> Plan | None:
        undone = list(_undos(things, put_back))
        return worlds.plan(one.query, pair.after, undone, alike=True)

    return because(pair, things, scales, ask, alike)


def _undos(things: Sequence[Moved], put_back: frozenset[int]) -> Iterator[Undo]:
    for n in sorted(put_back):
        undo = things[n].undo
        if undo is not None:
            yield undo
