"""Foreign text made harmless, and sentences all formats share."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from pytest_planguard.model.finding import Finding, Severity
from pytest_planguard.model.report import ChangeKind, DatabaseReport, QueryReport, Report, Status
from pytest_planguard.model.spec import ASSUMED_ROWS
from pytest_planguard.model.statement import Layer, Origin
from pytest_planguard.model.statistics import ScaleSource
from pytest_planguard.report._numbers import counted, rows, size

_ODD = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
"""Controls, invisible and direction marks, surrogates, private use, line separators."""

_NONCHARACTERS = "\ufffe\uffff"
"""No XML document may hold them, escaped or not."""
_SUSPECT = re.compile(r"[^ -~]")
"""All that is not printable ASCII is looked at."""
_COLONS = re.compile(r"^(\s*)::")
_HASHES = re.compile(r"##(?=\w*\[)")

_SOURCES = {
    ScaleSource.PRODUCTION: "production statistics",
    ScaleSource.AS_IS: "the database's own contents",
    ScaleSource.DECLARED: "declared sizes",
    ScaleSource.GENERATED: "generated rows",
    ScaleSource.ASSUMED: "assumed sizes",
}


def source(of: ScaleSource) -> str:
    """Where a size comes from, in words."""
    return _SOURCES[of]


def clean(text: str) -> str:
    r"""One line without characters that act on a terminal or hide.

    >>> clean("a\x1b[31mb\nc")
    'a\\x1b[31mb c'
    """
    return _SUSPECT.sub(_clean_one, text)


def _clean_one(found: re.Match[str]) -> str:
    character = found[0]
    if character in "\n\r\t":
        return " "
    if unicodedata.category(character) in _ODD or character in _NONCHARACTERS:
        return character.encode("unicode_escape", "backslashreplace").decode("ascii")
    return character


def inert(text: str) -> str:
    """A line that no CI system takes for a command of its own, wherever its log is read.

    GitHub's runner obeys lines that begin with ``::`` (blanks before it or not) and ``##[``
    anywhere; Azure's and TeamCity's obey ``##vso[`` and ``##teamcity[``.

    >>> inert("  ::add-mask::x"), inert("a ##vso[task.complete]"), inert("now()::date")
    ('  : :add-mask::x', 'a # #vso[task.complete]', 'now()::date')
    """
    return _HASHES.sub("# #", _COLONS.sub(r"\1: :", text))


def shortened(text: str, most: int) -> str:
    """The beginning of a long text, and how long it is.

    >>> shortened("SELECT 1", 20), shortened("SELECT 1, 2, 3", 8)
    ('SELECT 1', 'SELECT 1 … (14 characters)')
    """
    return text if len(text) <= most else f"{text[:most]} … ({len(text):,} characters)"


def has_line(origin: Origin) -> bool:
    """Whether it is a line of a file; a library and the command line are none."""
    return not origin.file.startswith(("lib:", "<"))


def place(origin: Origin) -> str:
    """``app/orders.py:41 list_orders``; a library and the command line have no line."""
    if not has_line(origin):
        return origin.file
    line = f":{origin.line}" if origin.line else ""  # a program's statements have none
    return f"{origin.file}{line} {origin.function}".rstrip()


def places(origins: Iterable[Origin]) -> str:
    """The first place, and how many more."""
    names = list(dict.fromkeys(map(place, origins)))
    if not names:
        return ""
    return names[0] + (f" (+{len(names) - 1} more)" if len(names) > 1 else "")


def tests(finding: Finding) -> str:
    """``3 tests, e.g. tests/test_api.py::test_list``."""
    if not finding.tests:
        return ""
    example = " " if len(finding.tests) == 1 else ", e.g. "
    return f"{counted(len(finding.tests), 'test')}{example}{finding.tests[0]}"


def advice_facts(finding: Finding) -> list[str]:
    """What an index takes and gives beside this query, and what it has to do with those there.

    ``1.4 GB; writes pay 30 bytes a row, beside 150 of the row itself; also helps 2 other queries``
    """
    advice = finding.advice
    if advice is None:
        return []
    others = len(advice.also_helps)
    parts = [
        *([size(advice.size_bytes)] if advice.size_bytes else []),
        *advice.writes,
        *([f"also helps {counted(others, 'other query', 'other queries')}"] if others else []),
    ]
    return [*(["; ".join(parts)] if parts else []), *advice.notes]


_REASONS = 3
"""Doubts a heading names before it counts; the rest stands where there is room."""


def server(database: DatabaseReport, *, whole: bool = True) -> str:
    """``PostgreSQL 18.6 · exact: production statistics of 2026-11-02 · orders 47.0M rows``.

    Args:
        database: Of the report.
        whole: With every reason why plans are not exact, not only the first ones.
    """
    source = _SOURCES[database.source]
    if database.fidelity.exact:
        fidelity = f"exact: {source}" + (f" of {database.clock[:10]}" if database.clock else "")
    else:
        shown = database.fidelity.reasons if whole else database.fidelity.reasons[:_REASONS]
        more = len(database.fidelity.reasons) - len(shown)
        reasons = "; ".join([*shown, *([f"and {more} more"] if more else [])])
        fidelity = f"not exact: {reasons}" if reasons else f"not exact: {source}"
    parts = [f"PostgreSQL {database.server.version_text}", fidelity]
    known = [
        (table.rows, name)
        for name, table in database.tables.items()
        if table.source is not ScaleSource.ASSUMED
    ]
    if known:
        most, name = max(known)
        parts.append(f"{name.removeprefix('public.')} {rows(most)} rows")
    return " · ".join(parts)


def self_check(database: DatabaseReport) -> str:
    """``self-check passed: 9 tables and 21 btrees are as large as they should be``; or nothing."""
    if database.checked is None:
        return ""
    tables = counted(database.checked.tables, "table")
    btrees = counted(database.checked.btrees, "btree")
    return f"self-check passed: {tables} and {btrees} are as large as they should be"


def totals(report: Report) -> str:
    """``143 tests, 214 queries, 9 not plannable``."""
    count = report.totals
    if report.migrations and not count.queries:
        return counted(sum(len(one.steps) for one in report.migrations), "statement") + " traced"
    text = f"{counted(count.tests, 'test')}, {counted(count.queries, 'query', 'queries')}"
    if report.verdict.status is Status.INCOMPLETE:  # lost with the server, or refused by it
        return text + (f", {count.unexplained:,} not planned" if count.unexplained else "")
    return text + (f", {count.unexplained:,} not plannable" if count.unexplained else "")


def of_the_suite(report: Report) -> str:
    """What only setup, teardown, factories and helpers of the suite send; empty: nothing."""
    count = sum(one.query.layer is Layer.TEST for one in report.queries)
    if not count:
        return ""
    return (
        f"{counted(count, 'query', 'queries')} of the suite's own (fixtures, factories, helpers): "
        "shown in the reports, never a failure"
    )


def verdict(report: Report) -> str:
    """The verdict as a sentence."""
    counts = ", ".join(
        counted(number, noun)
        for number, noun in (
            (report.verdict.errors, "error"),
            (report.verdict.warnings, "warning"),
        )
        if number
    )
    if report.verdict.status is Status.FAILED:
        rest = f"; incomplete: {report.incomplete_reason}" if report.incomplete_reason else ""
        return f"failed: {counts or 'see the findings'}{rest}"
    if report.verdict.status is Status.INCOMPLETE:
        why = report.incomplete_reason or "the run did not reach its end"
        return f"incomplete: {why}" + (f"; {counts} so far" if counts else "")
    if counts and not report.verdict.gated and not report.accepted:
        why = report.verdict.why_not_gated
        return f"passed: {counts} shown, nothing fails" + (f" ({why})" if why else "")
    if counts and report.accepted:
        return f"passed: {counts} accepted"
    return f"passed: {counts}" if counts else "passed"


def assumed(report: Report) -> str:
    """What is said loudly where nobody declared a size; empty elsewhere."""
    if not any(one.source is ScaleSource.ASSUMED for one in report.databases.values()):
        return ""
    what = "nothing" if not report.verdict.gated else "no finding on one of these"
    return (
        f"sizes are assumed: {ASSUMED_ROWS:,} rows for every table nobody declared; {what} fails. "
        "Declare them in [tool.pytest-planguard.tables.NAME] rows = …, "
        "`pytest-planguard doctor` names the ones that matter most"
    )


def counts(report: Report) -> list[str]:
    """What became of the queries and findings, as in ``211 same`` and ``12 known findings``."""
    order = ("same", "worse", "changed", "better", "new", "gone", "not_run")
    changes = [
        f"{report.changes.get(kind, 0):,} {kind.replace('_', ' ')}{_told(report, kind)}"
        for kind in order
        if report.changes.get(kind) and report.baseline_found
    ]
    suppressed = sum(finding.suppressed is not None for finding in report.findings)
    parts = changes + ([counted(report.known, "known finding")] if report.known else [])
    parts += [f"{suppressed:,} suppressed"] if suppressed else []
    return parts + ([f"{report.accepted:,} written to the baseline"] if report.accepted else [])


def _told(report: Report, kind: str) -> str:
    """How many of the same have another plan: ties, and costs counted in other units."""
    told = sum(one.change is not None and bool(one.change.note) for one in report.queries)
    return f" ({told:,} with another plan, told by -v)" if told and kind == "same" else ""


def acceptance(report: Report) -> str:
    """The command that accepts what is new or starts a baseline; empty where nothing is."""
    command = "pytest --planguard --planguard-update"
    if report.accepted or (report.migrations and not report.queries):
        return ""
    if not report.baseline_found:
        if report.verdict.status is Status.INCOMPLETE:
            return ""
        return f"no baseline, so nothing fails; start one with: {command}"
    moved = any(report.changes.get(kind) for kind in ("worse", "changed", "better", "new"))
    if not moved and not any(map(_is_acceptable, report.findings)):
        return ""
    return f"accept with: {command}" + (' --planguard-reason="…"' if report.verdict.errors else "")


def _is_acceptable(finding: Finding) -> bool:
    """Whether a baseline can take it in: it is of a query or of lines, not of the database."""
    counts = finding.is_new and finding.suppressed is None and finding.severity != Severity.INFO
    return counts and bool(finding.key or finding.origins)


def closer(report: Report) -> str:
    """The command that shows more of what fails first; empty where nothing does."""
    finding = next((one for one in report.findings if one.fails and one.key), None)
    if finding is None or report.verdict.status is not Status.FAILED:
        return ""
    query = by_key(report).get((finding.database, finding.key))
    change = query.change if query is not None else None
    known = change is not None and change.kind not in (ChangeKind.NEW, ChangeKind.SAME)
    options = " --before --after" if known else ""
    return f"look closer with: pytest-planguard explain {finding.key}{options}"


def open_findings(report: Report) -> list[Finding]:
    """Findings that are new and not suppressed, worst first."""
    return [one for one in report.findings if one.is_new and one.suppressed is None]


def by_key(report: Report) -> dict[tuple[str, str], QueryReport]:
    """Queries by (database, key)."""
    return {(one.query.database, one.query.key): one for one in report.queries}
