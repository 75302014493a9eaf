"""What the HTML page shows, as values: its template only places them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from pytest_planguard.model.plan import Unexplained
from pytest_planguard.model.report import ChangeKind, DatabaseReport, Report
from pytest_planguard.report import _numbers as numbers
from pytest_planguard.report import _text as words
from pytest_planguard.report._page_findings import Brief, Told, briefs, told
from pytest_planguard.report._page_migrations import Traced, traced
from pytest_planguard.report._page_queries import Row, Table, table
from pytest_planguard.report._room import Room

PAGE = 8192
"""Bytes."""

_TONES = ((ChangeKind.WORSE, "error"), (ChangeKind.BETTER, "good"), (ChangeKind.NEW, ""))
"""Changes that the heading counts."""

_CHANGES = {
    ChangeKind.WORSE: "plans worse than the baseline's",
    ChangeKind.NEW: "not in the baseline yet",
    ChangeKind.CHANGED: "another plan at a like cost",
    ChangeKind.BETTER: "plans better than the baseline's",
    ChangeKind.SAME: "as in the baseline",
    ChangeKind.GONE: "in the baseline, and no longer sent",
    ChangeKind.NOT_RUN: "in the baseline, and its tests did not run",
}


class Tile(msgspec.Struct, frozen=True):
    """One number of the heading."""

    value: str
    label: str
    tone: str = ""
    """``error``, ``warning`` or ``good``; empty: neither good nor bad."""


class Size(msgspec.Struct, frozen=True):
    """One table's."""

    name: str
    rows: str
    size: str
    source: str
    width: int
    """Of its rows, in percent of the largest table's."""


class Database(msgspec.Struct, frozen=True):
    """One fixture database."""

    name: str
    server: str
    checked: str
    reasons: tuple[str, ...]
    """Why plans may differ from production's; empty: they are exact."""
    settings: tuple[tuple[str, str], ...]
    sizes: tuple[Size, ...]
    more: int
    """Tables that are not shown."""


class Meaning(msgspec.Struct, frozen=True):
    """What a rule that speaks on the page is."""

    number: int
    code: str
    name: str
    condition: str
    effect: str
    remedy: str
    source: str


class Absent(msgspec.Struct, frozen=True):
    """An entry of the baseline without a query in this run."""

    key: str
    sql: str
    what: str


class Page(msgspec.Struct, frozen=True):
    """All of it."""

    title: str
    verdict: str
    status: str
    totals: str
    loud: str
    acceptance: tuple[str, str]
    """A sentence and the command; both empty where there is nothing to accept."""
    notes: tuple[str, ...]
    left_out: tuple[str, ...]
    tiles: tuple[Tile, ...]
    migrations: tuple[Traced, ...]
    findings: tuple[Told, ...]
    infos: tuple[Told, ...]
    suppressed: tuple[Brief, ...]
    known: tuple[Brief, ...]
    queries: Table
    changes: tuple[tuple[str, str, str], ...]
    """Count, kind and what that means."""
    absent: tuple[Absent, ...]
    unplanned: tuple[tuple[str, str], ...]
    """Count and reason."""
    of_the_suite: str
    rules: tuple[Meaning, ...]
    complete: bool
    databases: tuple[Database, ...]


def page(report: Report, room: Room) -> Page:
    """The values of the page.

    Args:
        report: Of a run.
        room: How much of it is shown.
    """
    rows = table(report, room)
    rules = _meanings(report)
    shown = told(report, rows.numbers, {one.code: one.number for one in rules}, room)
    verdict = words.verdict(report)
    sentence, _, command = words.acceptance(report).partition(": ")
    suppressed, known = briefs(report, rows.numbers, room)
    return Page(
        title=f"planguard: {verdict}",
        verdict=verdict,
        status=report.verdict.status.value,
        totals=words.totals(report),
        loud=words.assumed(report),
        acceptance=(sentence, command),
        notes=tuple(words.shortened(note, room.text) for note in report.notes[: room.findings]),
        left_out=tuple(_left_out(report, room, rows.rows)),
        tiles=tuple(_tiles(report)),
        migrations=traced(report, room),
        findings=tuple(one for one in shown if one.severity != "info"),
        infos=tuple(one for one in shown if one.severity == "info"),
        suppressed=suppressed,
        known=known,
        queries=rows,
        changes=_changes(report),
        absent=_absent(report, room),
        unplanned=_unplanned(report, room),
        of_the_suite=words.of_the_suite(report),
        rules=rules,
        complete=report.complete,
        databases=tuple(
            _database(name, one, room) for name, one in sorted(report.databases.items())
        ),
    )


def _left_out(report: Report, room: Room, rows: Sequence[Row]) -> Iterable[str]:
    """What a page of this size has no room for."""
    queries, findings = len(report.queries) - len(rows), len(report.findings) - room.findings
    if room.quiet_plans < len(report.queries):
        beyond = f" beyond the {room.quiet_plans:,} costliest" if room.quiet_plans else ""
        yield f"the plans of queries without a finding or a change{beyond}"
    if findings > 0:
        yield numbers.counted(findings, "finding")
    if queries > 0:
        yield numbers.counted(queries, "query", "queries")
    if room.nodes < Room().nodes:
        yield f"plans beyond {numbers.counted(room.nodes, 'node')}, and the ends of long texts"


def _tiles(report: Report) -> Iterable[Tile]:
    errors, warnings = report.verdict.errors, report.verdict.warnings
    yield Tile(f"{errors:,}", "error" if errors == 1 else "errors", "error" if errors else "")
    tone = "warning" if warnings else ""
    yield Tile(f"{warnings:,}", "warning" if warnings == 1 else "warnings", tone)
    for kind, tone in _TONES if report.baseline_found else ():
        count = report.changes.get(kind.value, 0)
        yield Tile(f"{count:,}", kind.value, tone if count else "")
    if report.known:
        yield Tile(f"{report.known:,}", "known")
    yield Tile(f"{report.totals.queries:,}", "query" if report.totals.queries == 1 else "queries")
    yield Tile(f"{report.totals.tests:,}", "test" if report.totals.tests == 1 else "tests")


def _changes(report: Report) -> tuple[tuple[str, str, str], ...]:
    if not report.baseline_found:
        return ()
    return tuple(
        (f"{count:,}", kind.value.replace("_", " "), meaning)
        for kind, meaning in _CHANGES.items()
        if (count := report.changes.get(kind.value, 0))
    )


def _meanings(report: Report) -> tuple[Meaning, ...]:
    """Of the rules that found something, and of those they stand for."""
    spoken = {code for one in report.findings for code in (one.rule, *one.explained_by)}
    facts = [one for one in report.rules if one.code in spoken]
    return tuple(
        Meaning(n, one.code, one.name, one.condition, one.effect, one.remedy, one.source)
        for n, one in enumerate(facts, start=1)
    )


def _absent(report: Report, room: Room) -> tuple[Absent, ...]:
    return tuple(
        Absent(
            one.key, words.shortened(one.sql, min(room.sql, 300)), one.kind.value.replace("_", " ")
        )
        for one in report.gone[: room.findings]
    )


def _unplanned(report: Report, room: Room) -> tuple[tuple[str, str], ...]:
    reasons = Counter(
        one.outcome.reason for one in report.queries if isinstance(one.outcome, Unexplained)
    )
    ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    return tuple(
        (numbers.counted(count, "query", "queries"), words.shortened(reason, room.text))
        for reason, count in ordered[: room.findings]
    )


def _database(name: str, one: DatabaseReport, room: Room) -> Database:
    ordered = sorted(one.tables.items(), key=lambda item: (-item[1].rows, item[0]))
    largest = max((scale.rows for _, scale in ordered), default=0.0)
    sizes = [
        Size(
            words.shortened(table_name, room.text),
            numbers.rows(scale.rows),
            numbers.size(scale.pages * PAGE),
            words.source(scale.source),
            round(100 * scale.rows / largest) if largest > 0 else 0,
        )
        for table_name, scale in ordered[: room.tables]
    ]
    return Database(
        name=words.shortened(name, room.text),
        server=words.server(one, whole=False),
        checked=words.self_check(one),
        reasons=tuple(
            words.shortened(reason, room.text) for reason in one.fidelity.reasons[: room.findings]
        ),
        settings=tuple(sorted(one.server.settings.items())),
        sizes=tuple(sizes),
        more=len(ordered) - len(sizes),
    )
