"""The findings of the HTML page: each with its place, its plans and what would help."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pytest_planguard.model.finding import Advice, Finding
from pytest_planguard.model.plan import Planned
from pytest_planguard.model.report import Change, ChangeKind, QueryReport, Report
from pytest_planguard.report import _numbers as numbers
from pytest_planguard.report import _text as words
from pytest_planguard.report._page_plans import Tree, side_by_side
from pytest_planguard.report._room import Room

Anchors = Mapping[tuple[str, str], int]
"""Numbers of the rows of queries on the page, by (database, key)."""
Meanings = Mapping[str, int]
"""Numbers of what rules mean on the page, by code."""


class Tag(msgspec.Struct, frozen=True):
    """A word beside a finding."""

    text: str
    rule: int = 0
    """Of its meaning; 0: it is no rule's."""


class Listed(msgspec.Struct, frozen=True):
    """The first items of a list, and how many more there are."""

    items: tuple[str, ...]
    more: int = 0


class Help(msgspec.Struct, frozen=True):
    """An index that was proven to help."""

    ddl: tuple[str, ...]
    gain: str
    facts: tuple[str, ...]
    operations: tuple[tuple[str, str], ...]
    """The tool and the lines of its migration."""


class Told(msgspec.Struct, frozen=True):
    """A finding with all that is known of it."""

    number: int
    severity: str
    rule: Tag
    name: str
    relation: str
    size: str
    key: str
    query: int
    """The number of its row; 0: it speaks of the run."""
    database: str
    """Empty where there is but one."""
    tags: tuple[Tag, ...]
    places: Listed
    tests: Listed
    message: str
    change: tuple[str, ...]
    remedy: tuple[str, ...]
    help: Help | None
    sql: str
    trees: tuple[Tree, ...]


class Brief(msgspec.Struct, frozen=True):
    """A finding in one line."""

    rule: str
    name: str
    what: str
    place: str
    reason: str
    query: int


class _Beside(msgspec.Struct, frozen=True):
    """What else is on the page."""

    report: Report
    anchors: Anchors
    meanings: Meanings
    room: Room


def told(report: Report, anchors: Anchors, meanings: Meanings, room: Room) -> tuple[Told, ...]:
    """Findings that are new and not suppressed, worst first."""
    queries = words.by_key(report)
    beside = _Beside(report, anchors, meanings, room)
    return tuple(
        _told(number, one, queries.get((one.database, one.key)), beside)
        for number, one in enumerate(words.open_findings(report)[: room.findings], start=1)
    )


def briefs(
    report: Report, anchors: Anchors, room: Room
) -> tuple[tuple[Brief, ...], tuple[Brief, ...]]:
    """Suppressed findings with their reasons, and those the baseline knows."""
    suppressed = [one for one in report.findings if one.suppressed is not None]
    known = [one for one in report.findings if one.suppressed is None and not one.is_new]
    first, second = (
        tuple(_brief(one, anchors, room) for one in some[: room.findings])
        for some in (suppressed, known)
    )
    return first, second


def listed(items: tuple[str, ...] | list[str], room: Room) -> Listed:
    """As many as there is room for."""
    shown = tuple(words.shortened(item, room.text) for item in items[: room.listed])
    return Listed(shown, len(items) - len(shown))


def _brief(finding: Finding, anchors: Anchors, room: Room) -> Brief:
    return Brief(
        finding.rule,
        finding.name,
        words.shortened(finding.relation or finding.message, room.text),
        words.shortened(words.places(finding.origins), room.text),
        words.shortened(finding.suppressed.reason, room.text)
        if finding.suppressed is not None
        else "",
        anchors.get((finding.database, finding.key), 0),
    )


def _told(number: int, finding: Finding, query: QueryReport | None, beside: _Beside) -> Told:
    report, room = beside.report, beside.room
    change = query.change if query is not None else None
    return Told(
        number=number,
        severity=finding.severity.value,
        rule=Tag(finding.rule, beside.meanings.get(finding.rule, 0)),
        name=finding.name,
        relation=words.shortened(finding.relation or "", room.text),
        size=f"{numbers.rows(finding.rows)} rows" if finding.rows else "",
        key=finding.key,
        query=beside.anchors.get((finding.database, finding.key), 0),
        database=words.shortened(finding.database, room.text) if len(report.databases) > 1 else "",
        tags=_tags(finding, change, beside.meanings),
        places=listed(list(dict.fromkeys(map(words.place, finding.origins))), room),
        tests=listed(finding.tests, room),
        message=words.shortened(finding.message, room.text),
        change=tuple(words.shortened(line, room.text) for line in _change(finding, change)),
        remedy=tuple(words.shortened(line, room.text) for line in _remedy(finding)[: room.listed]),
        help=_help(finding, finding.advice, room) if finding.advice is not None else None,
        sql=words.shortened(query.query.sql, room.sql) if query is not None else "",
        trees=_trees(finding, query, report, room),
    )


def _tags(finding: Finding, change: Change | None, meanings: Meanings) -> tuple[Tag, ...]:
    new = [Tag("new query")] if change is not None and change.kind is ChangeKind.NEW else []
    fails = [Tag("fails the build")] if finding.fails else []
    return (*fails, *new, *(Tag(code, meanings.get(code, 0)) for code in finding.explained_by))


def _change(finding: Finding, change: Change | None) -> list[str]:
    """How a query got worse, and why: what its message and remedy do not say."""
    if finding.rule != "PLN003" or change is None:
        return []
    steps = [f"{one.relation}: {one.before} → {one.after}" for one in change.relations]
    lines = [step for step in steps if step not in finding.message]
    if change.cost_before is not None and change.cost_after is not None:
        before, after = numbers.cost(change.cost_before), numbers.cost(change.cost_after)
        by = numbers.factor(change.cost_before, change.cost_after)
        lines.append(f"cost {before} → {after} ({by})")
    causes = change.causes or ("of an unknown cause",)
    return [*lines, *(f"because {one}" for one in causes if one not in finding.remedy)]


def _remedy(finding: Finding) -> list[str]:
    """What to do in words; not what the statements beside it say already."""
    statements = finding.advice.ddl if finding.advice is not None else ()
    lines = finding.remedy.splitlines()
    return [line for line in lines if line.strip() and line.strip() not in statements]


def _help(finding: Finding, advice: Advice, room: Room) -> Help:
    before, after = numbers.cost(advice.cost_before), numbers.cost(advice.cost_after)
    return Help(
        ddl=tuple(
            words.shortened(one.rstrip(";") + ";", room.sql) for one in advice.ddl[: room.listed]
        ),
        gain=f"cost {before} → {after}",
        facts=tuple(
            words.shortened(fact, room.text) for fact in words.advice_facts(finding)[: room.listed]
        ),
        operations=tuple(
            (tool.capitalize(), words.shortened("\n".join(lines), room.text))
            for tool, lines in sorted(advice.operations.items())
        ),
    )


def _trees(
    finding: Finding, query: QueryReport | None, report: Report, room: Room
) -> tuple[Tree, ...]:
    database = report.databases.get(finding.database)
    if query is None or database is None or not isinstance(query.outcome, Planned):
        return ()
    change = query.change if finding.rule == "PLN003" else None
    return side_by_side(query.outcome, change, finding.advice, database.catalog, room)
