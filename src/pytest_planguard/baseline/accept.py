"""What an update writes: the queries of a run, and why their findings are accepted."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Literal

import msgspec

from pytest_planguard.baseline import files
from pytest_planguard.baseline.entries import (
    REGRESSION,
    accepted_places,
    entry_from,
    place_of,
    world_from,
)
from pytest_planguard.baseline.files import remove, write_entries, write_world
from pytest_planguard.baseline.locking import locked
from pytest_planguard.baseline.settled import settled
from pytest_planguard.errors import BaselineError, ConfigurationError
from pytest_planguard.model.baseline import Accepted, Baseline, Entry, Origin, PlanEntry, World
from pytest_planguard.model.finding import Finding, Severity
from pytest_planguard.model.plan import Planned
from pytest_planguard.model.report import ChangeKind, QueryReport, Report
from pytest_planguard.model.statement import Layer

Mode = Literal["all", "new"]


def update(
    directory: Path,
    baseline: Baseline | None,
    report: Report,
    mode: Mode = "all",
    reason: str = "",
    *,
    trim: bool = False,
    only: frozenset[str] | None = None,
) -> int:
    """Writes what a run saw to the baseline.

    Args:
        directory: The baseline's.
        baseline: What it holds; None: this is the first.
        report: The run.
        mode: ``all``: new and changed; ``new``: only what has no entry yet.
        reason: Why new or worse errors are accepted; stays with them.
        trim: Drop entries not seen.
        only: Keys to accept; None: all.

    Returns:
        How many entries were added, changed or dropped.

    Raises:
        ConfigurationError: An error would be accepted without a reason, or a run that is not
            complete would be trimmed. Nothing is written then.
        BaselineError: The directory cannot be read or written.
    """
    if trim:
        _refuse_partial_trim(report)
    taken = _taken(report, baseline, mode, only)
    if baseline is not None and not reason:
        keys = accepted_keys(report, baseline, mode, only)
        of_the_run = {(name, "") for name in report.databases if only is None}
        _refuse_without_reason(report, keys | of_the_run, mode)
    old = {(one.query.database, one.query.key): _old(one, baseline) for one in taken}
    entries = [_entry(one, old[one.query.database, one.query.key], report, reason) for one in taken]
    changed = [entry for entry in entries if old[entry.database, entry.key] != entry]
    renamed = {
        (entry.database, entry.key): before.key
        for entry in changed
        if (before := old[entry.database, entry.key]) is not None and before.key != entry.key
    }
    renamed_from = [(database, key) for (database, _), key in renamed.items()]
    gone = [(one.database, one.key) for one in report.gone if one.kind is ChangeKind.GONE and trim]
    with locked(directory):
        now = files.read_under_lock(directory)
        _refuse_moved(directory, baseline, now, changed, {*renamed_from, *gone})
        write_entries(directory, changed, renamed)
        if changed or only is None:
            _write_worlds(directory, now, report, whole=mode == "all" and _is_whole(report, only))
        return len(changed) + remove(directory, gone)


def _is_whole(report: Report, only: frozenset[str] | None) -> bool:
    """Whether every entry holds in today's world: it is taken, or its plan is the same there.

    A part of the suite says nothing about the entries it did not see: they keep their world.
    """
    holds = (None, ChangeKind.SAME, ChangeKind.NEW)
    return report.complete and all(
        only is None or one.query.key in only or (one.change and one.change.kind) in holds
        for one in report.queries
    )


def accepted_keys(
    report: Report, baseline: Baseline | None, mode: Mode, only: frozenset[str] | None = None
) -> frozenset[tuple[str, str]]:
    """(database, key) of the queries an update takes; arguments as of ``update``."""
    taken = _taken(report, baseline, mode, only)
    return frozenset((one.query.database, one.query.key) for one in taken)


def _taken(
    report: Report, baseline: Baseline | None, mode: Mode, only: frozenset[str] | None
) -> list[QueryReport]:
    """What is accepted: what has a plan and is the application's, as far as it is wanted."""
    return [
        one
        for one in report.queries
        if isinstance(one.outcome, Planned)
        and one.query.layer is not Layer.TEST
        and (only is None or one.query.key in only)
        and (mode == "all" or _old(one, baseline) is None)
    ]


def _old(one: QueryReport, baseline: Baseline | None) -> Entry | None:
    """Its entry; that of a query that was edited stands under the key it had."""
    if baseline is None:
        return None
    key = one.change.renamed_from if one.change is not None else ""
    return baseline.entries.get((one.query.database, key or one.query.key))


def _entry(one: QueryReport, old: Entry | None, report: Report, reason: str) -> Entry:
    """The entry to write; where the plan is the same, the old one with who asks brought up.

    A test more that sends what others send already is left out: a login is in hundreds of entries,
    and two branches that each add a test would meet in files of queries neither has touched.
    """
    assert isinstance(one.outcome, Planned)
    findings = [f for f in report.findings if f.suppressed is None]
    entry = entry_from(one.query, one.outcome, findings, reason)
    if old is None:
        return entry
    kind = one.change.kind if one.change is not None else None
    # a part of the suite, or a test that failed, takes nothing away from what others saw
    keep = not report.complete or not report.cut_short.isdisjoint(old.tests)
    made = msgspec.structs.replace(
        entry,
        plans=_plans(entry.plans, old.plans, same=kind is ChangeKind.SAME, keep=keep),
        findings=_with_old_reasons(
            entry.findings,
            old.findings,
            keep_regressions=kind in (ChangeKind.SAME, ChangeKind.CHANGED),
            keep_all=keep,
        ),
        tests=tuple(sorted({*old.tests, *entry.tests})) if keep else entry.tests,
        origins=_union(old.origins, entry.origins) if keep else entry.origins,
    )
    asked_by_more = set(old.tests) <= set(made.tests)
    return old if asked_by_more and msgspec.structs.replace(made, tests=old.tests) == old else made


def _plans(
    new: Sequence[PlanEntry], old: Sequence[PlanEntry], *, same: bool, keep: bool
) -> tuple[PlanEntry, ...]:
    """The plans of each kind of sample and size; a part of the suite drops none it did not make."""
    before = {(plan.sample, plan.sizes): plan for plan in old}
    plans = {(plan.sample, plan.sizes): plan for plan in new}
    if same:  # within the limits of "same" costs would creep up from one update to the next
        plans |= {which: plan for which, plan in before.items() if which in plans}
    if keep:
        plans = before | plans
    return tuple(plan for _, plan in sorted(plans.items()))


def _with_old_reasons(
    new: Sequence[Accepted], old: Sequence[Accepted], *, keep_regressions: bool, keep_all: bool
) -> tuple[Accepted, ...]:
    """What was accepted keeps its reason, unless it is worse now and a new one is given."""
    known = {(one.rule, one.relation): one for one in old}
    merged = {
        (one.rule, one.relation): _older(known.get((one.rule, one.relation)), one) for one in new
    }
    kept = {
        where: one
        for where, one in known.items()
        if keep_all or (keep_regressions and one.rule == REGRESSION)
    }
    merged = kept | merged
    return tuple(sorted(merged.values(), key=lambda one: (one.rule, one.relation or "")))


def _older(old: Accepted | None, new: Accepted) -> Accepted:
    if old is None or new.rule == REGRESSION or (_worse(old, new) and new.reason):
        return new
    return msgspec.structs.replace(new, reason=old.reason)


def _worse(old: Accepted, new: Accepted) -> bool:
    return Severity(new.severity).rank < Severity(old.severity).rank


def _union(old: Sequence[Origin], new: Sequence[Origin]) -> tuple[Origin, ...]:
    places = {(one.file, one.function) for one in (*old, *new)}
    return tuple(Origin(file, function) for file, function in sorted(places))


def _write_worlds(
    directory: Path, baseline: Baseline | None, report: Report, *, whole: bool
) -> None:
    """The header; where only some entries are taken, the old one with what it lacks."""
    worlds = baseline.worlds if baseline is not None else {}
    for name, database in sorted(report.databases.items()):
        now = world_from(database)
        old = worlds.get(name)
        if old is None and not whole and baseline is not None and name in baseline.damaged:
            continue  # what its other entries were made in is not known, and not invented
        if old is not None:
            now = settled(old, now)
        world = now if whole or old is None else _with_additions(old, now)
        held = accepted_places(report.findings, name, old, whole=whole)
        write_world(directory, name, msgspec.structs.replace(world, connections=held))


def _with_additions(old: World, now: World) -> World:
    """With the tables it lacks and all that is theirs.

    An index that came to a table it knows stays new: who accepts one query has not looked at it.
    """
    known = {f" ON {only}{table} " for table in old.tables for only in ("", "ONLY ")}
    indexes = {
        name: text
        for name, text in now.indexes.items()
        if not any(place in text for place in known)
    }
    return msgspec.structs.replace(
        old,
        tables={**now.tables, **old.tables},
        indexes={**indexes, **old.indexes},
        rows={**now.rows, **old.rows},
        digests={**now.digests, **old.digests},
        statistics={**now.statistics, **old.statistics},
        schema=now.schema,
    )


def needs_reason(finding: Finding) -> bool:
    """Whether accepting the finding takes a reason: an error that is new or worse."""
    return finding.severity is Severity.ERROR and finding.is_new and finding.suppressed is None


def _refuse_without_reason(report: Report, taken: AbstractSet[tuple[str, str]], mode: Mode) -> None:
    errors = [
        finding
        for finding in report.findings
        if needs_reason(finding) and (finding.database, finding.key) in taken
    ]
    if not errors:
        return
    shown = ", ".join(f"{f.rule} {f.relation or f.key or _lines(f)}" for f in errors[:5])
    more = f" and {len(errors) - 5} more" if len(errors) > 5 else ""
    option = "--planguard-update" if mode == "all" else "--planguard-update-new"
    raise ConfigurationError(
        f"accepting {len(errors)} error{'s' * (len(errors) > 1)} needs a reason: {shown}{more}",
        hint=f'say why: pytest --planguard {option} --planguard-reason="…"',
    )


def _lines(finding: Finding) -> str:
    return ", ".join(map(place_of, finding.origins))


def _refuse_moved(
    directory: Path,
    then: Baseline | None,
    now: Baseline | None,
    entries: Sequence[Entry],
    leaving: AbstractSet[tuple[str, str]],
) -> None:
    """What another update wrote since this run read the baseline is not written over."""
    before = then.entries if then is not None else {}
    there = now.entries if now is not None else {}
    wanted = {(entry.database, entry.key): entry for entry in entries}
    moved = sorted(
        where[1]
        for where in {*wanted, *leaving}
        if there.get(where) != before.get(where) and there.get(where) != wanted.get(where)
    )
    if moved:
        raise BaselineError(
            f"{directory} changed while this run was judged: "
            f"another update wrote {', '.join(moved[:3])}{' and others' * (len(moved) > 3)}",
            hint="nothing was written; run it again",
        )


def _refuse_partial_trim(report: Report) -> None:
    if not report.complete:
        raise ConfigurationError(
            "only a complete run can trim the baseline, this one left out tests",
            hint="run the whole suite with --planguard-trim",
        )
