"""The pull-request comment: what got worse, what is new, how to accept, what was not checked."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from pytest_planguard.model.finding import Advice, Finding, Severity
from pytest_planguard.model.plan import Planned, Unexplained
from pytest_planguard.model.report import ChangeKind, QueryReport, Report, Status
from pytest_planguard.report import _migrations as migrating
from pytest_planguard.report import _numbers as numbers
from pytest_planguard.report import _text as words

MARKER = "<!-- pytest-planguard -->"
"""The first line: how the comment is found again."""

LONGEST = 65_000
"""Characters; GitHub takes 65,536 of them."""

_LONGEST_SQL = 4_000
"""Characters; a statement of megabytes must not push all plans out of the comment."""

_SIGNS = {Status.PASSED: "✅", Status.FAILED: "❌", Status.INCOMPLETE: "⚠️"}
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&$]|^[-+=])")
_NUMBERED = re.compile(r"^(\d+)([.)])")
_REFERENCE = re.compile(r"""[@#!~%$&](?=[\w"'])|:(?=//)|\b(?:www|GH)(?=[.-])""", re.IGNORECASE)
_BREAK = "\u200b"
"""A zero-width space: GitHub and GitLab look for mentions, references and addresses in the
rendered text, where an escape has already gone."""


def render(report: Report) -> str:
    """The comment, in the longest form that fits: with plans, without, or counts only."""
    for body in (_full(report), _brief(report)):
        if len(body) <= LONGEST:
            return body
    return _counts_only(report)


def inline(text: str) -> str:
    """Foreign text inside a sentence: no markup, mention, link or HTML of it is alive."""
    apart = _REFERENCE.sub(lambda match: match[0] + _BREAK, words.clean(text))
    return _NUMBERED.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", apart))


def code(text: str) -> str:
    """Foreign text as a code span, delimited by more backticks than it holds in a row."""
    plain = words.clean(text).strip() or " "
    ticks = "`" * (_longest_run(plain) + 1)
    space = " " if plain.startswith("`") or plain.endswith("`") else ""
    return f"{ticks}{space}{plain}{space}{ticks}"


def fence(text: str, language: str = "") -> str:
    """Foreign text as a block, fenced by more backticks than it holds in a row."""
    lines = [words.clean(line) for line in text.splitlines()]
    ticks = "`" * max(3, max(map(_longest_run, lines), default=0) + 1)
    return "\n".join([f"{ticks}{language}", *lines, ticks])


def _longest_run(text: str) -> int:
    return max(map(len, re.findall(r"`+", text)), default=0)


def _full(report: Report) -> str:
    return _join(_head(report), _sections(report, plans=True), _tail(report))


def _brief(report: Report) -> str:
    return _join(
        _head(report),
        _sections(report, plans=False),
        ["The plans were left out: they do not fit into a comment."],
        _tail(report),
    )


def _counts_only(report: Report) -> str:
    rules = Counter((one.severity.rank, one.rule, one.name) for one in words.open_findings(report))
    lines = [
        f"- {numbers.counted(count, 'finding')} {inline(rule)} {inline(name)}"
        for (_, rule, name), count in sorted(rules.items())
    ]
    note = "The findings do not fit into a comment; they are in the JSON report of the run."
    accept = words.acceptance(report)
    command = [fence(accept.partition(": ")[2], "sh")] if accept else []
    return _join(_head(report), ["\n".join(lines), note], command)


def _join(*parts: Iterable[str]) -> str:
    return "\n\n".join([text for part in parts for text in part if text]) + "\n"


def _head(report: Report) -> list[str]:
    sentence = f"### {_SIGNS[report.verdict.status]} planguard {inline(words.verdict(report))}"
    servers = [
        inline(words.server(one) if len(report.databases) == 1 else f"{name}: {words.server(one)}")
        for name, one in sorted(report.databases.items())
    ]
    facts = "  \n".join([*servers, inline(words.totals(report))])
    loud = words.assumed(report)
    head = [f"{MARKER}\n{sentence}", facts, f"**{_sentence(inline(loud))}**" if loud else ""]
    return [*head, ", ".join(map(inline, words.counts(report)))]


def _sections(report: Report, *, plans: bool) -> list[str]:
    queries = words.by_key(report)
    shown = [one for one in words.open_findings(report) if one.severity is not Severity.INFO]
    worse = [one for one in shown if one.rule == "PLN003"]
    others = [one for one in shown if one.rule != "PLN003"]
    new = [one for one in others if _kind(queries, one) is ChangeKind.NEW]
    rest = [one for one in others if _kind(queries, one) is not ChangeKind.NEW]
    return [
        *_migrations(report),
        *_section("Worse than the baseline", worse, queries, plans=plans),
        *_section("New queries with findings", new, queries, plans=plans),
        *_section("New findings", rest, queries, plans=plans),
        *_better(report),
        *_accepted(report),
    ]


def _migrations(report: Report) -> list[str]:
    """A table for each."""
    parts: list[str] = []
    for migration in report.migrations:
        lines = [
            f"| {' | '.join(migrating.TITLES)} |",
            "| --- | --- | --- | ---: | ---: | --- |",
            *(
                f"| {code(row.statement).replace('|', chr(92) + '|')} "
                f"| {inline(row.lock)} | {inline(row.waits)} | {row.rows} | {row.bytes} "
                f"| {inline(row.verdict)} |"
                for row in migrating.rows_of(migration)
            ),
        ]
        parts += [f"#### {_sentence(inline(migrating.head(migration)))}"]
        parts += ["\n".join(lines)] if migration.steps else []
    return parts


def _kind(queries: dict[tuple[str, str], QueryReport], finding: Finding) -> ChangeKind | None:
    query = queries.get((finding.database, finding.key))
    return query.change.kind if query is not None and query.change is not None else None


def _section(
    title: str,
    findings: list[Finding],
    queries: dict[tuple[str, str], QueryReport],
    *,
    plans: bool,
) -> list[str]:
    if not findings:
        return []
    items = [_item(one, queries.get((one.database, one.key)), plans=plans) for one in findings]
    return [f"#### {title}", *items]


def _item(finding: Finding, query: QueryReport | None, *, plans: bool) -> str:
    size = f" ({numbers.rows(finding.rows)} rows)" if finding.rows else ""
    subject = f" · {code(finding.relation)}{size}" if finding.relation else ""
    where = words.places(finding.origins)
    head = f"**{finding.severity.value} {inline(finding.rule)} {inline(finding.name)}**{subject}"
    lines = [f"{head} · {code(where)}" if where else head]
    lines += _change_lines(finding, query)
    lines.append(inline(finding.message))
    if finding.tests:
        lines.append(_tests(finding))
    text = "  \n".join(line for line in lines if line)
    return "\n\n".join([text, *_remedy(finding), *(_details(query) if plans else [])])


def _tests(finding: Finding) -> str:
    count = numbers.counted(len(finding.tests), "test")
    return f"{count}, e.g. {code(finding.tests[0])}"


def _change_lines(finding: Finding, query: QueryReport | None) -> list[str]:
    change = query.change if query is not None else None
    if finding.rule != "PLN003" or change is None:
        return []
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


def _remedy(finding: Finding) -> list[str]:
    """What to do: the statements proven to help, or words."""
    if finding.advice is None:
        return [fence(finding.remedy)] if "\n" in finding.remedy else [inline(finding.remedy)]
    ddl = "\n".join(one.rstrip(";") + ";" for one in finding.advice.ddl)
    before, after = (
        numbers.cost(finding.advice.cost_before),
        numbers.cost(finding.advice.cost_after),
    )
    said = any(one in finding.remedy for one in finding.advice.ddl)
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
    return ["#### Better", "\n".join(lines)] if lines else []


def _accepted(report: Report) -> list[str]:
    if not report.accepted:
        return []
    count = numbers.counted(report.accepted, "entry", "entries")
    return ["#### Accepted", f"{count} written to the baseline by this run."]


def _tail(report: Report) -> list[str]:
    accept = words.acceptance(report)
    parts = []
    if accept:
        sentence, _, command = accept.partition(": ")
        parts += [f"{_sentence(inline(sentence))}:", fence(command, "sh")]
    suppressed = _suppressed(report)
    if suppressed:
        parts += ["#### Suppressed", "\n".join(suppressed)]
    unchecked = _unchecked(report)
    if unchecked:
        parts += ["#### Not checked", "\n".join(f"- {line}" for line in unchecked)]
    return parts


_MOST_SUPPRESSED = 20
"""Lines; whoever has more reads the JSON report."""


def _suppressed(report: Report) -> list[str]:
    """Suppressed findings with the reason each has."""
    lines = [
        f"- {inline(one.rule)} {code(one.relation or one.key)}: {inline(one.suppressed.reason)}"
        for one in report.findings
        if one.suppressed is not None
    ]
    more = len(lines) - _MOST_SUPPRESSED
    return lines[:_MOST_SUPPRESSED] + ([f"- and {more:,} more"] if more > 0 else [])


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
