"""The pull-request comment: what got worse, what is new, how to accept, what was not checked.

``comment.py`` makes one comment of several reports.
"""

from __future__ import annotations

import enum
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from pytest_planguard.model.finding import Advice, Finding, Severity
from pytest_planguard.model.migration import Migration
from pytest_planguard.model.plan import Planned, Unexplained
from pytest_planguard.model.report import Change, ChangeKind, QueryReport, Report, Status
from pytest_planguard.report import _migrations as migrating
from pytest_planguard.report import _numbers as numbers
from pytest_planguard.report import _text as words

MARKER = "<!-- pytest-planguard -->"
"""The first line: how the comment is found again."""

LONGEST = 65_000
"""Characters; GitHub takes 65,536 of them."""

_LONGEST_SQL = 4_000
"""Characters; a statement of megabytes must not push all plans out of the comment."""

_MOST_LINES = 20
"""Of a list beside the findings: it must not push them out of the comment."""

_MOST_ROWS = 50
"""Of the tables of all migrations."""

_SIGNS = {Status.PASSED: "✅", Status.FAILED: "❌", Status.INCOMPLETE: "⚠️"}
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&$]|^[-+=])")
_NUMBERED = re.compile(r"^(\d+)([.)])")
_REFERENCE = re.compile(r"""[@#!~%$&](?=[\w"'])|:(?=//)|\b(?:www|GH)(?=[.-])""", re.IGNORECASE)
_BREAK = "\u200b"
"""A zero-width space: GitHub and GitLab look for mentions, references and addresses in the
rendered text, where an escape has already gone."""
_QUICK = re.compile(r"^(\s*)/(?=\w)")
"""A line that GitLab may take for a command; a fence ends earlier for it than for Markdown."""


class Detail(enum.IntEnum):
    """How much is told of each finding."""

    FULL = 0
    """With the query and its plans, folded."""
    BRIEF = 1
    """Without them."""
    LINES = 2
    """A line each."""
    COUNTS = 3
    """How many there are of each rule."""


_LEFT_OUT = {
    Detail.FULL: "",
    Detail.BRIEF: "The plans were left out: they do not fit into a comment.",
    Detail.LINES: "Advice and plans were left out: they do not fit into a comment.",
    Detail.COUNTS: "The findings do not fit into a comment; they are in the run's JSON report.",
}


def render(report: Report) -> str:
    """The comment, in the longest form that fits: with plans, without, a line each, or counts."""
    for detail in Detail:
        text = f"{MARKER}\n{body(report, detail)}"
        if len(text) <= LONGEST:
            break
    return text


def body(
    report: Report, detail: Detail, *, title: str = "planguard ", accepted: Sequence[str] = ()
) -> str:
    """One report, without the marker.

    Args:
        report: The report.
        detail: How much of it.
        title: What the verdict follows; Markdown.
        accepted: What the pull request accepted, as paragraphs of Markdown.
    """
    return _join(
        _head(report, title, whole=detail < Detail.LINES),
        _sections(report, detail),
        _better(report) if detail < Detail.COUNTS else [],
        accepted or _accepted(report),
        [_LEFT_OUT[detail]],
        _tail(report) if detail < Detail.COUNTS else _accept_with(report),
    )


def inline(text: str) -> str:
    """Foreign text inside a sentence: no markup, mention, link or HTML of it is alive."""
    apart = _REFERENCE.sub(lambda match: match[0] + _BREAK, _no_command(words.clean(text)))
    return _NUMBERED.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", apart))


def code(text: str) -> str:
    """Foreign text as a code span, delimited by more backticks than it holds in a row."""
    plain = words.clean(text).strip() or " "
    ticks = "`" * (_longest_run(plain) + 1)
    space = " " if plain.startswith("`") or plain.endswith("`") else ""
    return f"{ticks}{space}{plain}{space}{ticks}"


def fence(text: str, language: str = "") -> str:
    """Foreign text as a block, fenced by more backticks than it holds in a row."""
    lines = [_no_command(words.clean(line)) for line in text.splitlines()]
    ticks = "`" * max(3, max(map(_longest_run, lines), default=0) + 1)
    return "\n".join([f"{ticks}{language}", *lines, ticks])


def _no_command(line: str) -> str:
    return _QUICK.sub(rf"\1{_BREAK}/", line)


def _longest_run(text: str) -> int:
    return max(map(len, re.findall(r"`+", text)), default=0)


def _counts(report: Report) -> list[str]:
    rules = Counter((one.severity.rank, one.rule, one.name) for one in words.open_findings(report))
    lines = [
        f"- {numbers.counted(count, 'finding')} {inline(rule)} {inline(name)}"
        for (_, rule, name), count in sorted(rules.items())
    ]
    return ["\n".join(lines)]


def _join(*parts: Iterable[str]) -> str:
    return "\n\n".join([text for part in parts for text in part if text]) + "\n"


def sign(status: Status) -> str:
    """The verdict as one character."""
    return _SIGNS[status]


def _head(report: Report, title: str, *, whole: bool) -> list[str]:
    sentence = f"### {sign(report.verdict.status)} {title}{inline(words.verdict(report))}"
    several = len(report.databases) > 1
    servers = [
        inline((f"{name}: " if several else "") + words.server(one, whole=whole))
        for name, one in sorted(report.databases.items())
    ]
    facts = "  \n".join([*servers, inline(words.totals(report))])
    loud = words.assumed(report)
    head = [sentence, facts, f"**{_sentence(inline(loud))}**" if loud else ""]
    return [*head, ", ".join(map(inline, words.counts(report)))]


def _sections(report: Report, detail: Detail) -> list[str]:
    if detail is Detail.COUNTS:
        return _counts(report)
    queries = words.by_key(report)
    shown = [one for one in words.open_findings(report) if one.severity is not Severity.INFO]
    worse = [one for one in shown if one.rule == "PLN003"]
    others = [one for one in shown if one.rule != "PLN003"]
    new = [one for one in others if _kind(queries, one) is ChangeKind.NEW]
    rest = [one for one in others if _kind(queries, one) is not ChangeKind.NEW]
    return [
        *_migrations(report),
        *_section("Worse than the baseline", worse, queries, detail),
        *_section("New queries with findings", new, queries, detail),
        *_section("New findings", rest, queries, detail),
    ]


def _migrations(report: Report) -> list[str]:
    """A table for each, as long as there is room."""
    parts: list[str] = []
    room = _MOST_ROWS
    for number, migration in enumerate(report.migrations):
        if not room:
            left = numbers.counted(len(report.migrations) - number, "more migration")
            return [*parts, f"And {left}."]
        shown = _most_telling(migration, room)
        parts += [f"#### {_sentence(inline(migrating.head(migration)))}"]
        parts += ["\n".join(_table(shown))] if shown else []
        more = len(migration.steps) - len(shown)
        parts += [f"And {numbers.counted(more, 'more statement')}."] if more else []
        room -= len(shown)
    return parts


def _most_telling(migration: Migration, room: int) -> list[migrating.Row]:
    """Its rows in order; where they are too many, those with a verdict of their own go first."""
    rows = migrating.rows_of(migration)
    order = sorted(range(len(rows)), key=lambda at: (rows[at].verdict == "ok", at))
    return [rows[at] for at in sorted(order[:room])]


def _table(rows: Sequence[migrating.Row]) -> list[str]:
    return [
        f"| {' | '.join(migrating.TITLES)} |",
        "| --- | --- | --- | ---: | ---: | --- |",
        *(
            f"| {code(row.statement).replace('|', chr(92) + '|')} "
            f"| {inline(row.lock)} | {inline(row.waits)} | {row.rows} | {row.bytes} "
            f"| {inline(row.verdict)} |"
            for row in rows
        ),
    ]


def _kind(queries: dict[tuple[str, str], QueryReport], finding: Finding) -> ChangeKind | None:
    query = queries.get((finding.database, finding.key))
    return query.change.kind if query is not None and query.change is not None else None


def _section(
    title: str,
    findings: list[Finding],
    queries: dict[tuple[str, str], QueryReport],
    detail: Detail,
) -> list[str]:
    if not findings:
        return []
    if detail is Detail.LINES:
        return [f"#### {title}", "\n".join(f"- {_subject(one)}" for one in findings)]
    plans = detail is Detail.FULL
    items = [_item(one, queries.get((one.database, one.key)), plans=plans) for one in findings]
    return [f"#### {title}", *items]


def _subject(finding: Finding) -> str:
    """What was found, of which table, and where: one line."""
    size = f" ({numbers.rows(finding.rows)} rows)" if finding.rows else ""
    subject = f" · {code(finding.relation)}{size}" if finding.relation else ""
    where = words.places(finding.origins)
    head = f"**{finding.severity.value} {inline(finding.rule)} {inline(finding.name)}**{subject}"
    return f"{head} · {code(where)}" if where else head


def _item(finding: Finding, query: QueryReport | None, *, plans: bool) -> str:
    change = query.change if query is not None and finding.rule == "PLN003" else None
    lines = [_subject(finding), *(_change_lines(change) if change is not None else [])]
    if change is None or not _tells_step(change, finding.message):
        lines.append(inline(finding.message))
    if finding.tests:
        lines.append(_tests(finding))
    text = "  \n".join(line for line in lines if line)
    told = change is not None and _tells_causes(change, finding.remedy)
    details = _details(query) if plans else []
    return "\n\n".join([text, *_remedy(finding, told=told), *details])


def _tells_step(change: Change, text: str) -> bool:
    """Whether a text repeats what the lines of a change say."""
    worst = next(iter(change.relations), None)
    return worst is not None and f"{worst.before} → {worst.after}" in text


def _tells_causes(change: Change, text: str) -> bool:
    return bool(change.causes) and all(cause in text for cause in change.causes)


def _tests(finding: Finding) -> str:
    count = numbers.counted(len(finding.tests), "test")
    example = ":" if len(finding.tests) == 1 else ", e.g."
    return f"{count}{example} {code(finding.tests[0])}"


def _change_lines(change: Change) -> list[str]:
    steps = [
        f"{code(one.relation)}: {inline(one.before)} → {inline(one.after)}"
        for one in change.relations
    ]
    lines = [", ".join(steps)] if steps else []
    if change.cost_before is not None and change.cost_after is not None:
        before, after = numbers.cost(change.cost_before), numbers.cost(change.cost_after)
        by = numbers.factor(change.cost_before, change.cost_after)
        lines.append(f"cost {before} → {after} ({by})")
    causes = [f"because {inline(cause)}" for cause in change.causes]
    return lines + (causes or ["of an unknown cause"])


def _remedy(finding: Finding, *, told: bool) -> list[str]:
    """What to do: the statements proven to help, or words that were not ``told`` already."""
    if finding.advice is None and told:
        return []
    if finding.advice is None:
        return [fence(finding.remedy)] if "\n" in finding.remedy else [inline(finding.remedy)]
    ddl = "\n".join(one.rstrip(";") + ";" for one in finding.advice.ddl)
    before, after = (
        numbers.cost(finding.advice.cost_before),
        numbers.cost(finding.advice.cost_after),
    )
    said = told or any(one in finding.remedy for one in finding.advice.ddl)
    words_first = [] if said or not finding.remedy else [inline(finding.remedy)]
    facts, *notes = words.advice_facts(finding) or [""]
    gain = f"cost {before} → {after}" + (f"; {facts}" if facts else "")
    text = "  \n".join(map(inline, [gain, *notes]))
    return [*words_first, fence(ddl, "sql"), text, *_operations(finding.advice)]


def _operations(advice: Advice) -> list[str]:
    """The same as a migration, folded."""
    return [
        f"<details><summary>in a migration of {inline(tool.capitalize())}</summary>\n\n"
        f"{fence(chr(10).join(lines), 'python')}\n\n</details>"
        for tool, lines in advice.operations.items()
    ]


def _details(query: QueryReport | None) -> list[str]:
    if query is None:
        return []
    parts = [fence(words.shortened(query.query.sql, _LONGEST_SQL), "sql")]
    change = query.change
    if change is not None and change.shape_before:
        parts += ["before", fence("\n".join(change.shape_before))]
    if isinstance(query.outcome, Planned):
        parts += ["now", fence("\n".join(query.outcome.worst.shape))]
    body = "\n\n".join(parts)
    return [f"<details><summary>query and plans</summary>\n\n{body}\n\n</details>"]


def _better(report: Report) -> list[str]:
    lines = []
    for one in report.queries:
        change = one.change
        if change is None or change.kind is not ChangeKind.BETTER:
            continue
        where = words.places(sorted({place.origin for place in one.query.places}))
        cost = ""
        if change.cost_before is not None and change.cost_after is not None:
            before, after = numbers.cost(change.cost_before), numbers.cost(change.cost_after)
            cost = f": cost {before} → {after}"
        lines.append(f"- {code(where or one.query.key)}{cost}")
    return ["#### Better", "\n".join(_first(lines))] if lines else []


def _accepted(report: Report) -> list[str]:
    if not report.accepted:
        return []
    count = numbers.counted(report.accepted, "entry", "entries")
    return ["#### Accepted", f"{count} written to the baseline by this run."]


def _accept_with(report: Report) -> list[str]:
    sentence, _, command = words.acceptance(report).partition(": ")
    return [f"{_sentence(inline(sentence))}:", fence(command, "sh")] if command else []


def _tail(report: Report) -> list[str]:
    parts = _accept_with(report)
    suppressed = _suppressed(report)
    if suppressed:
        parts += ["#### Suppressed", "\n".join(suppressed)]
    unchecked = _unchecked(report)
    if unchecked:
        parts += ["#### Not checked", "\n".join(_first([f"- {line}" for line in unchecked]))]
    return parts


def _first(lines: list[str]) -> list[str]:
    """As many as a comment takes; whoever has more reads the JSON report."""
    more = len(lines) - _MOST_LINES
    return lines[:_MOST_LINES] + ([f"- and {more:,} more"] if more > 0 else [])


def _suppressed(report: Report) -> list[str]:
    """Suppressed findings with the reason each has."""
    return _first(
        [
            f"- {inline(one.rule)} {code(one.relation or one.key)}: {inline(one.suppressed.reason)}"
            for one in report.findings
            if one.suppressed is not None
        ]
    )


def _unchecked(report: Report) -> list[str]:
    reasons = Counter(
        one.outcome.reason for one in report.queries if isinstance(one.outcome, Unexplained)
    )
    lines = [
        f"{numbers.counted(count, 'query', 'queries')}: {inline(reason)}"
        for reason, count in sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    ]
    if not report.complete:
        lines.append("Tests were left out: this run was not complete.")
    not_run = report.changes.get("not_run", 0)
    if not_run:
        lines.append(f"{numbers.counted(not_run, 'query', 'queries')} of the baseline did not run.")
    return lines + [inline(note) for note in report.notes]


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
