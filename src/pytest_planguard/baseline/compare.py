"""One query against its baseline entry: the outcomes of planning.md's table, as pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

import msgspec

from pytest_planguard.baseline.causes import Cause, cause_of
from pytest_planguard.baseline.entries import plan_entry, worst_by_sample
from pytest_planguard.baseline.worse import ORDER, Scales, majors_differ
from pytest_planguard.model.baseline import Baseline, Entry, PlanEntry, World
from pytest_planguard.model.capture import Capture
from pytest_planguard.model.plan import Plan, Planned
from pytest_planguard.model.query import Query
from pytest_planguard.model.report import Change, ChangeKind, RelationChange
from pytest_planguard.model.spec import Thresholds
from pytest_planguard.sql.executed import executed_cost

_RANK = (ChangeKind.WORSE, ChangeKind.CHANGED, ChangeKind.BETTER, ChangeKind.SAME)
"""The first one any pair of plans has is the query's."""


class Pair(msgspec.Struct, frozen=True):
    """An old and a new plan of one query that are compared with each other."""

    before: PlanEntry
    after: Plan
    kind: ChangeKind
    note: str = ""
    """Why nothing came of it although the plans differ: a tie, other units."""

    @property
    def ratio(self) -> float:
        """How many times as expensive the new plan is."""
        return executed_cost(self.after.root) / max(self.before.cost, 0.01)

    @property
    def moved(self) -> bool:
        """Whether the plan itself is another one, not its cost alone."""
        return self.before.shape != self.after.shape


def compare(
    entry: Entry,
    query: Query,
    planned: Planned,
    world_before: World | None,
    world_now: World,
    thresholds: Thresholds,
) -> Change:
    """What became of a query: same, changed, better or worse, and why.

    Plans of one kind of sample (captured, generic, common) and of like sizes are compared with
    each other; the worst pair decides.
    Between server majors shapes are compared and costs are not shown.

    Args:
        entry: What the baseline has of it.
        query: The query as seen now.
        planned: Its plans now.
        world_before: What the entry's plans depended on; None: not known.
        world_now: What the plans depend on now.
        thresholds: For what a large table is.
    """
    found = pairs(entry, planned, world_before, world_now, thresholds)
    return change_of(query, found, world_before, world_now)


def pairs(
    entry: Entry,
    planned: Planned,
    world_before: World | None,
    world_now: World,
    thresholds: Thresholds,
) -> tuple[Pair, ...]:
    """Old and new plans that are compared with each other, judged; arguments as of ``compare``."""
    scales = Scales.between(world_before, world_now, thresholds)
    return tuple(Pair(old, new, scales.judged(old, new)) for old, new in _pairs(entry, planned))


def worst(found: Sequence[Pair]) -> Pair | None:
    """The pair that decides what became of the query."""
    return min(found, key=lambda one: (_RANK.index(one.kind), -one.ratio), default=None)


def change_of(
    query: Query,
    found: Sequence[Pair],
    world_before: World | None,
    world_now: World,
    decisive: Pair | None = None,
    cause: Cause | None = None,
    *,
    grown: bool = False,
) -> Change:
    """What became of a query, from its pairs.

    Args:
        query: The query as seen now.
        found: Its pairs.
        world_before: As of ``compare``.
        world_now: As of ``compare``.
        decisive: The pair that tells; None: the worst.
        cause: What planning again found of it; None: the two worlds are compared.
        grown: Nothing but statistics moved for this query.
    """
    pair = decisive or worst(found)
    if pair is None:
        return Change(ChangeKind.SAME, query.key, query.database, sql=query.sql)
    after = plan_entry(pair.after)
    if cause is None:
        cause = Cause(statistics_only=grown)
        if pair.kind in (ChangeKind.WORSE, ChangeKind.CHANGED):
            cause = cause_of(pair.before, after, world_before, world_now)
    hidden = majors_differ(world_before, world_now)
    return Change(
        kind=pair.kind,
        key=query.key,
        database=query.database,
        relations=_relation_changes(pair.before, after),
        cost_before=None if hidden else pair.before.cost,
        cost_after=None if hidden else executed_cost(pair.after.root),
        shape_before=pair.before.shape,
        shape_after=after.shape,
        causes=cause.sentences,
        statistics_only=cause.statistics_only,
        sql=query.sql,
        note=_note(pair, found),
    )


def _note(pair: Pair, found: Sequence[Pair]) -> str:
    """Why nothing came of plans that differ, where nothing came of any."""
    if pair.kind is ChangeKind.WORSE:
        return ""
    return next((one.note for one in found if one.note), "")


def missing(
    baseline: Baseline, seen: AbstractSet[tuple[str, str]], capture: Capture, *, complete: bool
) -> tuple[Change, ...]:
    """What became of the entries no query of this run belongs to: gone, or not run.

    Args:
        baseline: All entries.
        seen: (database, key) of every query of the run, planned or not.
        capture: Which tests there were, and which ran to their end.
        complete: No test of the suite was left out.
    """
    ended = frozenset(capture.finished).difference(capture.cut_short)
    collected = frozenset(capture.collected)
    known = {test for entry in baseline.entries.values() for test in entry.tests}
    # a test with another name may be the one that sent it: a new one must have ended as well
    settled = complete and not (collected - ended - known)
    return tuple(
        Change(
            kind=_absence(entry, ended, collected, complete=complete, settled=settled),
            key=entry.key,
            database=entry.database,
            cost_before=max((plan.cost for plan in entry.plans), default=None),
            shape_before=entry.plans[0].shape if entry.plans else (),
            sql=entry.sql,
        )
        for where, entry in sorted(baseline.entries.items())
        if where not in seen
    )


def _absence(
    entry: Entry,
    ended: frozenset[str],
    collected: frozenset[str],
    *,
    complete: bool,
    settled: bool,
) -> ChangeKind:
    """Gone only when the suite was complete and every test that could have sent it ended.

    That is every test it came from; of one that is no more, or where none is known, any other.
    """
    known = [test for test in entry.tests if test in collected]
    anyone = len(known) < len(entry.tests) or not entry.tests
    everyone = known if entry.tests else collected
    gone = complete and all(test in ended for test in everyone) and (settled or not anyone)
    return ChangeKind.GONE if gone else ChangeKind.NOT_RUN


def _pairs(entry: Entry, planned: Planned) -> list[tuple[PlanEntry, Plan]]:
    """Old and new plans of one kind of sample and of like sizes; else the worst two.

    A page of 20 that is one of 100 now costs five times as much, and nothing got worse.
    """
    now = worst_by_sample(planned)
    both = [(old, now[old.sample, old.sizes]) for old in entry.plans
            if (old.sample, old.sizes) in now]  # fmt: skip
    if both or not entry.plans:
        return both
    return [(max(entry.plans, key=lambda plan: plan.cost), planned.worst)]


def _relation_changes(before: PlanEntry, after: PlanEntry) -> tuple[RelationChange, ...]:
    """Relations that are read in another way or by other indexes, the longest step down first."""
    changes = [
        RelationChange(alias, before.relations[alias], *_ways(before, after, alias))
        for alias in before.access
        if alias in after.access and after.relations.get(alias) == before.relations.get(alias)
    ]
    moved = (change for change in changes if change.before != change.after)
    return tuple(sorted(moved, key=lambda change: (-_step(change), change.alias)))


def _ways(before: PlanEntry, after: PlanEntry, alias: str) -> tuple[str, str]:
    """The classes of access; with the indexes where only these tell the two apart."""
    old, new = before.access[alias], after.access[alias]
    was, is_now = before.indexes.get(alias, ()), after.indexes.get(alias, ())
    if old != new or was == is_now or not (was and is_now):
        return old, new
    return f"{old} {', '.join(was)}", f"{new} {', '.join(is_now)}"


def _step(change: RelationChange) -> int:
    if change.before not in ORDER or change.after not in ORDER:
        return 0
    return ORDER[change.after] - ORDER[change.before]
