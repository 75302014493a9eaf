"""The section in the terminal: verdict first, one block a finding, how to go on last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from pytest_planguard.model.finding import Finding, Severity
from pytest_planguard.model.plan import Planned, Unexplained
from pytest_planguard.model.report import Change, ChangeKind, QueryReport, Report, Status
from pytest_planguard.report import _migrations as migrating
from pytest_planguard.report import _numbers as numbers
from pytest_planguard.report import _text as words
from pytest_planguard.report._lines import STYLES, Line, paint
from pytest_planguard.report._statements import without_partitions

_MOST = 50
"""Findings shown without -v; whoever has more reads the JSON report."""

_LONGEST_SQL = 200
"""Characters of a statement that is shown to be told from others."""

_VERDICTS = {
    Status.PASSED: "green",
    Status.FAILED: "bold red",
    Status.INCOMPLETE: "bold yellow",
}


def render(
    report: Report,
    verbose: bool = False,
    color: bool = False,
    width: int = 80,
    title: bool = True,
    quiet: bool = False,
    wrap: bool = False,
) -> str:
    """The section, ending in a newline.

    Args:
        report: What to show.
        verbose: Plans before and after, infos, what is suppressed and what was not planned.
        color: With ANSI colours.
        width: Of the title, in columns; of every line where they are wrapped.
        title: Begin with it; False where the caller opens a section of its own.
        quiet: The verdict, one line a finding, and how to go on.
        wrap: Break lines between words, as a terminal is looked at; files and logs are searched
            line by line.
    """
    columns = width if wrap else 0
    if _is_quiet(report) and not verbose:
        return paint([_summary(report, quiet=quiet)], color=color, columns=columns)
    lines: list[Line] = [[(" planguard ".center(width, "="), "")]] if title else []
    lines += _head(report, verbose=verbose, quiet=quiet)
    lines += _migrations(report)
    lines += _brief(report) if quiet else _findings(report, verbose=verbose)
    lines += [*_told(report), *_unplanned(report)] if verbose else []
    closer = "" if quiet else words.closer(report)
    lines += [[(closer, "")]] if closer else []
    lines += _last(report, apart=wrap)
    return paint(lines, color=color, columns=columns)


def blocks(report: Report, color: bool = False, columns: int = 0) -> str:
    """The findings alone, infos too, for whoever asked about one statement.

    Args:
        report: What to show.
        color: With ANSI colours.
        columns: To wrap lines at; 0: they stay whole.
    """
    queries = words.by_key(report)
    column = max((len(words.clean(one.name)) for one in report.findings), default=0)
    lines: list[Line] = []
    for finding in report.findings:
        query = queries.get((finding.database, finding.key))
        lines += _block(finding, query, column, doubtful=True) + _operations(finding)
    return paint(lines, color=color, columns=columns)


def _is_quiet(report: Report) -> bool:
    """Nothing to say but that everything is as it was."""
    moved = any(report.changes.get(kind) for kind in ("worse", "changed", "better", "new", "gone"))
    return (
        report.verdict.status is Status.PASSED
        and report.baseline_found
        and not report.migrations
        and not moved
        and not report.notes
        and not report.accepted
        and not words.assumed(report)
        and not _shown(report, verbose=False)
    )


def _summary(report: Report, *, quiet: bool) -> Line:
    if quiet:
        return [("planguard: ", ""), (words.verdict(report), "green")]
    servers = " · ".join(map(words.server, report.databases.values()))
    counts = ", ".join(words.counts(report))
    rest = " · ".join(part for part in (servers, words.totals(report), counts) if part)
    return [("planguard: ", ""), (words.verdict(report), "green"), (f" · {rest}", "")]


def _head(report: Report, *, verbose: bool, quiet: bool) -> list[Line]:
    lines: list[Line] = [[(words.verdict(report), _VERDICTS[report.verdict.status])]]
    if not quiet:
        lines += _servers(report, verbose=verbose)
    if loud := words.assumed(report):
        lines.append([(f"! {loud}", "bold yellow")])
    return lines if quiet else lines + [[(f"! {note}", "yellow")] for note in report.notes]


def _servers(report: Report, *, verbose: bool) -> list[Line]:
    lines: list[Line] = []
    several = len(report.databases) > 1
    servers = [
        (f"{name}: " if several else "") + words.server(one, whole=verbose)
        for name, one in sorted(report.databases.items())
    ]
    totals = words.totals(report)
    if len(servers) == 1:
        lines.append([(f"{servers[0]} · {totals}", "")])
    else:
        lines += [[(text, "")] for text in (*servers, totals)]
    if suite := words.of_the_suite(report):
        lines.append([(suite, "")])
    if verbose:
        lines += [
            [((f"{name}: " if several else "") + checked, "")]
            for name, one in sorted(report.databases.items())
            if (checked := words.self_check(one))
        ]
    return lines


def _migrations(report: Report) -> list[Line]:
    """A table for each, columns as wide as they must be."""
    lines: list[Line] = []
    for migration in report.migrations:
        lines.append([(migrating.head(migration), "bold")])
        cells = [migrating.TITLES, *migrating.rows_of(migration)]
        cleaned = [[words.clean(cell) for cell in row] for row in cells]
        widths = [max(len(row[column]) for row in cleaned) for column in range(len(cells[0]))]
        for number, row in enumerate(cleaned):
            padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            lines.append([("  " + "  ".join(padded).rstrip(), "" if number else "dim")])
    return lines


def _shown(report: Report, *, verbose: bool) -> list[Finding]:
    """Errors and warnings that are new; with -v the infos too."""
    findings = words.open_findings(report)
    return [one for one in findings if verbose or one.severity is not Severity.INFO]


def _findings(report: Report, *, verbose: bool) -> list[Line]:
    findings = _shown(report, verbose=verbose)
    queries = words.by_key(report)
    kept = findings if verbose else findings[:_MOST]
    column = max((len(words.clean(one.name)) for one in kept), default=0)
    doubtful = bool(words.assumed(report))
    shared = _shared_places(report)
    lines: list[Line] = []
    for finding in kept:
        query = queries.get((finding.database, finding.key))
        first, *rest = _block(finding, query, column, doubtful=doubtful, whole=verbose)
        lines += [first, *_asked(finding, query, shared, verbose=verbose), *rest]
        lines += _operations(finding) if verbose else []
        lines += _plans(query) if verbose and query is not None else []
    if len(kept) < len(findings):
        more = len(findings) - len(kept)
        lines.append([(f"… {more} more: see --planguard-report=json, or -v", "bold")])
    if verbose:
        lines += [
            [(f"- {one.rule} {one.relation or one.key} suppressed: {one.suppressed.reason}", "dim")]
            for one in report.findings
            if one.suppressed is not None
        ]
    return lines


def _shared_places(report: Report) -> set[str]:
    """Places that several queries come from: a helper that all of the application asks through."""
    counts = Counter(
        place
        for one in report.queries
        for place in {words.place(where.origin) for where in one.query.places}
    )
    return {place for place, count in counts.items() if count > 1}


def _asked(
    finding: Finding, query: QueryReport | None, shared: set[str], *, verbose: bool
) -> list[Line]:
    """The query, where its place does not tell which one; the test, where there is no place."""
    if query is None:
        return []
    lined = [one for one in finding.origins if words.has_line(one)]
    told = bool(lined) and not {words.place(one) for one in finding.origins} & shared
    if told and not verbose:
        return []
    sql = words.shortened(" ".join(query.query.sql.split()), _LONGEST_SQL)
    return _indented([f"{finding.key} {sql}", "" if lined else words.tests(finding)])


def _brief(report: Report) -> list[Line]:
    """One line a finding, with its place."""
    findings = _shown(report, verbose=False)
    queries = words.by_key(report)
    column = max((len(words.clean(one.name)) for one in findings[:_MOST]), default=0)
    lines: list[Line] = []
    for finding in findings[:_MOST]:
        query = queries.get((finding.database, finding.key))
        first, *_ = _block(finding, query, column, doubtful=False)
        where = words.places(finding.origins)
        told = any(where in text for text, _ in first)
        lines.append(first if told else [*first, (f"   {where}", "")])
    more = len(findings) - _MOST
    return lines + ([[(f"… {more} more", "bold")]] if more > 0 else [])


_MISSING = "IDX001"
"""Its name and its table say all there is to say before the index."""


def _block(
    finding: Finding,
    query: QueryReport | None,
    column: int,
    *,
    doubtful: bool,
    whole: bool = True,
) -> list[Line]:
    change = query.change if query is not None else None
    name = words.clean(finding.name).ljust(column)
    letter = finding.severity.value[0].upper()
    head: Line = [(f"{letter} {finding.rule}", STYLES[finding.severity]), (f" {name}  ", "")]
    if finding.rule == "PLN003" and change is not None:
        return [
            [*head, (_step(finding, change), "bold")],
            *_regression(finding, change, whole=whole),
        ]
    where = words.places(finding.origins)
    tags = ["[new query]"] if change is not None and change.kind is ChangeKind.NEW else []
    shapes = [code for code in finding.explained_by if code.startswith("QRY")]
    tags += [f"[{', '.join(shapes)}]"] if shapes else []
    what = [_what(finding), where, " ".join(tags)]
    text = "   ".join(part for part in what if part) or finding.message
    rest = (
        _advice(finding, shapes, whole=whole)
        if text != finding.message
        else _indented(finding.remedy.splitlines())
    )
    is_plain = finding.rule == _MISSING and finding.severity is Severity.ERROR
    if finding.advice is not None and (doubtful or not is_plain):
        # from which size on it holds, on what it depends, or what the index is for where its
        # absence is not the news
        rest = [*_indented([finding.message]), *rest]
    return [[*head, (text, "bold")], *rest]


def _what(finding: Finding) -> str:
    if finding.relation is None:
        return f"{numbers.rows(finding.rows)} rows" if finding.rows > 1 else ""
    size = f" ({numbers.rows(finding.rows)} rows)" if finding.rows else ""
    return f"{finding.relation}{size}"


def _step(finding: Finding, change: Change) -> str:
    """``public.orders: index → seq (47.0M rows, cost ×106,000)``."""
    details = [f"{numbers.rows(finding.rows)} rows"] if finding.rows else []
    if change.cost_before is not None and change.cost_after is not None:
        details.append(f"cost {numbers.factor(change.cost_before, change.cost_after)}")
    moved = next((one for one in change.relations if one.relation == finding.relation), None)
    moved = moved or next(iter(change.relations), None)
    relation = moved.relation if moved else finding.relation or finding.key
    step = f"{moved.before} → {moved.after}" if moved else "same access, higher cost"
    return f"{relation}: {step}" + (f" ({', '.join(details)})" if details else "")


def _regression(finding: Finding, change: Change, *, whole: bool) -> list[Line]:
    where = "   ".join(
        part for part in (words.places(finding.origins), words.tests(finding)) if part
    )
    causes = change.causes or ("of an unknown cause",)
    because = [f"because {causes[0]}", *(f"and {cause}" for cause in causes[1:])]
    return _indented([where, *because, *_ddl(finding, whole=whole)])


def _advice(finding: Finding, shapes: list[str], *, whole: bool) -> list[Line]:
    """The index that helps; where there is none, or a rewrite is better, words."""
    ddl = _ddl(finding, whole=whole)
    told = any(one in finding.remedy for one in finding.advice.ddl) if finding.advice else False
    facts = words.advice_facts(finding)
    if ddl and (told or not shapes):
        return _indented([*ddl, *facts])
    text = finding.remedy.splitlines()
    return _indented([*text, *ddl, *facts] if ddl else [finding.message, *text])


def _ddl(finding: Finding, *, whole: bool) -> list[str]:
    if finding.advice is None or not finding.advice.ddl:
        return []
    ddl = finding.advice.ddl
    *first, last = ddl if whole else without_partitions(ddl)
    before, after = (
        numbers.cost(finding.advice.cost_before),
        numbers.cost(finding.advice.cost_after),
    )
    return [*first, f"{last}   cost {before} → {after}"]


def _operations(finding: Finding) -> list[Line]:
    """The advice as a migration, for each tool the project migrates with."""
    lines: list[Line] = []
    for tool, code in finding.advice.operations.items() if finding.advice is not None else ():
        lines += [[(f"    in a migration of {tool.capitalize()}", "dim")], *_indented(code, 6)]
    return lines


def _plans(query: QueryReport) -> list[Line]:
    """The plan before, where there was one, and now."""
    lines: list[Line] = []
    change = query.change
    if change is not None and change.shape_before and change.shape_before != change.shape_after:
        cost = f" (cost {numbers.cost(change.cost_before)})" if change.cost_before else ""
        lines += [[(f"    before{cost}", "dim")], *_indented(change.shape_before, 6)]
    if isinstance(query.outcome, Planned):
        worst = query.outcome.worst
        word = f"    now (cost {numbers.cost(worst.cost)}, {worst.sample.value})"
        lines += [[(word, "dim")], *_indented(worst.shape, 6)]
    return lines


def _told(report: Report) -> list[Line]:
    """Queries that have another plan and are none the worse, and why."""
    return [
        [(f"= {one.query.key} {one.change.note}", "dim")]
        for one in report.queries
        if one.change is not None and one.change.note
    ]


def _unplanned(report: Report) -> list[Line]:
    return [
        [(f"? {one.query.key} not planned: {one.outcome.reason}", "dim")]
        for one in report.queries
        if isinstance(one.outcome, Unexplained)
    ]


def _last(report: Report, *, apart: bool) -> list[Line]:
    """Counts and how to go on: in one line, or in two where a command must stay whole."""
    hidden = sum(one.severity is Severity.INFO for one in words.open_findings(report))
    counts = words.counts(report) + ([numbers.counted(hidden, "info")] if hidden else [])
    parts = [part for part in (", ".join(counts), words.acceptance(report)) if part]
    texts = parts if apart else ["      ".join(parts)]
    return [[(text, "")] for text in texts if text]


def _indented(texts: Iterable[str], depth: int = 4) -> list[Line]:
    return [[(" " * depth + text, "")] for text in texts if text]
