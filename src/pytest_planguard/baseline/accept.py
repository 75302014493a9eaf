"""What an update writes: the queries of a run, and why their findings are accepted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from pytest_planguard.baseline.entries import (
    REGRESSION,
    accepted_places,
    entry_from,
    place_of,
    world_from,
)
from pytest_planguard.baseline.files import remove, write_entries, write_world
from pytest_planguard.errors import ConfigurationError
from pytest_planguard.model.baseline import Accepted, Baseline, Entry, Origin, World
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
    if mode == "all" and baseline is not None and not reason:
        _refuse_without_reason(report, only)
    old = baseline.entries if baseline is not None else {}
    entries = [
        _entry(one, one.outcome, old.get((one.query.database, one.query.key)), report, reason)
        for one in report.queries
        if isinstance(one.outcome, Planned)
        and one.query.layer is not Layer.TEST
        and (only is None or one.query.key in only)
        and (mode == "all" or (one.query.database, one.query.key) not in old)
    ]
    changed = [entry for entry in entries if old.get((entry.database, entry.key)) != entry]
    write_entries(directory, changed)
    if changed or only is None:
        # a part of the suite says nothing about the entries it did not see: they keep their world
        whole = mode == "all" and only is None and report.complete
        _write_worlds(directory, baseline, report, whole=whole)
    dropped = [(one.database, one.key) for one in report.gone if one.kind is ChangeKind.GONE]
    return len(changed) + (remove(directory, dropped) if trim else 0)


def _entry(
    one: QueryReport, planned: Planned, old: Entry | None, report: Report, reason: str
) -> Entry:
    """The entry to write; where the plan is the same, the old one with who asks brought up."""
    findings = [f for f in report.findings if f.suppressed is None]
    entry = entry_from(one.query, planned, findings, reason)
    if old is None:
        return entry
    same = one.change is not None and one.change.kind is ChangeKind.SAME
    return msgspec.structs.replace(
        entry,
        plans=old.plans if same else entry.plans,
        findings=_with_old_reasons(entry.findings, old.findings, keep_regressions=same),
        tests=entry.tests if report.complete else tuple(sorted({*old.tests, *entry.tests})),
        origins=entry.origins if report.complete else _union(old.origins, entry.origins),
    )


def _with_old_reasons(
    new: Sequence[Accepted], old: Sequence[Accepted], *, keep_regressions: bool
) -> tuple[Accepted, ...]:
    """What was accepted keeps its reason, unless it is worse now and a new one is given."""
    known = {(one.rule, one.relation): one for one in old}
    merged = {
        (one.rule, one.relation): _older(known.get((one.rule, one.relation)), one) for one in new
    }
    if keep_regressions:
        kept = {where: one for where, one in known.items() if one.rule == REGRESSION}
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
        world = now if whole or old is None else _with_additions(old, now)
        held = accepted_places(report.findings, name, old, whole=whole)
        write_world(directory, name, msgspec.structs.replace(world, connections=held))


def _with_additions(old: World, now: World) -> World:
    return msgspec.structs.replace(
        old,
        tables={**now.tables, **old.tables},
        indexes={**now.indexes, **old.indexes},
        rows={**now.rows, **old.rows},
    )


def needs_reason(finding: Finding) -> bool:
    """Whether accepting the finding takes a reason: an error that is new or worse."""
    return finding.severity is Severity.ERROR and finding.is_new and finding.suppressed is None


def _refuse_without_reason(report: Report, only: frozenset[str] | None) -> None:
    errors = [
        finding
        for finding in report.findings
        if needs_reason(finding) and (only is None or finding.key in only)
    ]
    if not errors:
        return
    shown = ", ".join(f"{f.rule} {f.relation or f.key or _lines(f)}" for f in errors[:5])
    more = f" and {len(errors) - 5} more" if len(errors) > 5 else ""
    raise ConfigurationError(
        f"accepting {len(errors)} error{'s' * (len(errors) > 1)} needs a reason: {shown}{more}",
        hint='say why: pytest --planguard --planguard-update --planguard-reason="…"',
    )


def _lines(finding: Finding) -> str:
    return ", ".join(map(place_of, finding.origins))


def _refuse_partial_trim(report: Report) -> None:
    if not report.complete:
        raise ConfigurationError(
            "only a complete run can trim the baseline, this one left out tests",
            hint="run the whole suite with --planguard-trim",
        )
