"""One query against its baseline entry: the outcomes of planning.md's table, as pure functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from collections.abc import Set as AbstractSet

import msgspec

from pytest_planguard.baseline.causes import Cause, cause_of
from pytest_planguard.baseline.entries import plan_entry, worst_by_sample
from pytest_planguard.baseline.shapes import methods
from pytest_planguard.model.baseline import Baseline, Entry, PlanEntry, World
from pytest_planguard.model.capture import Capture
from pytest_planguard.model.plan import Access, Plan, Planned, PlanNode
from pytest_planguard.model.query import Query
from pytest_planguard.model.report import Change, ChangeKind, RelationChange
from pytest_planguard.model.spec import Thresholds

STEP_RATIO = 1.5
"""By which the cost must grow for a step down to count (planning.md, *proposal*)."""

COST_RATIO = 3.0
"""By which the cost alone must grow (planning.md, *proposal*)."""

COST_UNITS = 100.0
"""Planner units it must grow by at least: a hundred sequential page reads."""

_ORDER = {access.value: rank for rank, access in enumerate(Access) if access is not Access.OTHER}
"""Access classes, best first."""

_RANK = (ChangeKind.WORSE, ChangeKind.CHANGED, ChangeKind.BETTER, ChangeKind.SAME)
"""The first one any pair of plans has is the query's."""


class _Side(msgspec.Struct, frozen=True):
    """One of the two plans of a pair."""

    entry: PlanEntry
    cost: float
    rows: Mapping[str, float]
    """Of the relations, in its world."""
    root: PlanNode | None = None
    """None for a stored plan."""


class _Pair(msgspec.Struct, frozen=True):
    before: _Side
    after: _Side
    kind: ChangeKind
    relations: tuple[RelationChange, ...]

    @property
    def ratio(self) -> float:
        return self.after.cost / max(self.before.cost, 0.01)


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
    majors_differ = world_before is not None and (
        world_before.server_major != world_now.server_major
    )
    rows_before = world_before.rows if world_before is not None else world_now.rows
    pairs = [
        _judge(
            old,
            new,
            rows_before,
            world_now.rows,
            thresholds,
            shapes_only=majors_differ,
        )
        for old, new in _pairs(entry, planned)
    ]
    if not pairs:
        return Change(ChangeKind.SAME, query.key, query.database, sql=query.sql)
    pair = min(pairs, key=lambda one: (_RANK.index(one.kind), -one.ratio))
    cause = Cause()
    if pair.kind in (ChangeKind.WORSE, ChangeKind.CHANGED):
        cause = cause_of(pair.before.entry, pair.after.entry, world_before, world_now)
    return Change(
        kind=pair.kind,
        key=query.key,
        database=query.database,
        relations=pair.relations,
        cost_before=None if majors_differ else pair.before.cost,
        cost_after=None if majors_differ else pair.after.cost,
        shape_before=pair.before.entry.shape,
        shape_after=pair.after.entry.shape,
        causes=cause.sentences,
        statistics_only=cause.statistics_only,
        sql=query.sql,
    )


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


def _judge(
    old: PlanEntry,
    new: Plan,
    rows_before: Mapping[str, float],
    rows_now: Mapping[str, float],
    thresholds: Thresholds,
    *,
    shapes_only: bool,
) -> _Pair:
    before = _Side(old, old.cost, rows_before)
    after = _Side(plan_entry(new), new.cost, rows_now, new.root)
    alike = old.sizes == new.sizes  # else another page or list is asked for: nothing got worse
    if alike and _is_worse(before, after, thresholds, shapes_only=shapes_only):
        kind = ChangeKind.WORSE
    elif alike and _is_worse(after, before, thresholds, shapes_only=shapes_only):
        kind = ChangeKind.BETTER
    elif before.entry.shape != after.entry.shape or before.entry.access != after.entry.access:
        kind = ChangeKind.CHANGED
    else:
        kind = ChangeKind.SAME
    return _Pair(before, after, kind, _relation_changes(before.entry, after.entry))


def _is_worse(before: _Side, after: _Side, thresholds: Thresholds, *, shapes_only: bool) -> bool:
    """A step down at a higher cost, or a much higher cost; the reverse asks for *better*."""
    if after.cost - before.cost < COST_UNITS:
        return False
    if not shapes_only and after.cost >= COST_RATIO * before.cost:
        return True
    return after.cost >= STEP_RATIO * before.cost and _steps_down(before, after, thresholds)


def _steps_down(before: _Side, after: _Side, thresholds: Thresholds) -> bool:
    old, new = methods(before.entry.shape), methods(after.entry.shape)
    loops_more = Counter(new.looped_scans) - Counter(old.looped_scans)
    return (
        any(_falls(before, after, alias, thresholds) for alias in before.entry.access)
        or (new.hash_joins < old.hash_joins and bool(loops_more))
        or (new.sorts > old.sorts and _sorts_many(after, thresholds))
    )


def _falls(before: _Side, after: _Side, alias: str, thresholds: Thresholds) -> bool:
    """Whether a large relation is read in a worse way than before."""
    relation = before.entry.relations.get(alias, "")
    if after.entry.relations.get(alias) != relation:
        return False
    rows = max(after.rows.get(relation, 0.0), before.rows.get(relation, 0.0))
    old, new = before.entry.access[alias], after.entry.access.get(alias, "")
    if old not in _ORDER or new not in _ORDER or rows < thresholds.large_table_rows:
        return False
    return _ORDER[new] > _ORDER[old]


def _sorts_many(side: _Side, thresholds: Thresholds) -> bool:
    """Whether a plan sorts many rows; a stored plan has no counts, its cost then speaks alone."""
    if side.root is None:
        return True
    sorts = [node for node in side.root.walk() if node.node_type == "Sort"]
    return any(node.rows >= thresholds.large_table_rows for node in sorts)


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
    if change.before not in _ORDER or change.after not in _ORDER:
        return 0
    return _ORDER[change.after] - _ORDER[change.before]
