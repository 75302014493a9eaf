"""The queries of the HTML page: a table that sorts and filters, with the plans behind each row."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from pytest_planguard.model.finding import Finding
from pytest_planguard.model.growth import Growth
from pytest_planguard.model.plan import Planned, Unexplained
from pytest_planguard.model.report import ChangeKind, QueryReport, Report
from pytest_planguard.report import _numbers as numbers
from pytest_planguard.report import _text as words
from pytest_planguard.report._page_findings import Listed, listed
from pytest_planguard.report._page_plans import Tree, side_by_side
from pytest_planguard.report._room import Room

_IN_A_ROW = 160
"""Characters of a statement in its row; the rest stands behind it."""

_ORDER = (ChangeKind.WORSE, ChangeKind.NEW, ChangeKind.CHANGED, ChangeKind.BETTER, ChangeKind.SAME)
"""Of the filter and of sorting: what one looks for first."""

_NO_NEWS = (ChangeKind.SAME, ChangeKind.NEW)


class Choice(msgspec.Struct, frozen=True):
    """One value to filter by; rows refer to it by its number."""

    number: int
    text: str
    count: int


class Row(msgspec.Struct, frozen=True):
    """One query."""

    number: int
    key: str
    database: str
    cost: float
    """Of its worst plan; -1: it has none."""
    severity: int
    """0 to 2 as ``Severity.rank`` of its worst finding; 9: it has none."""
    change: str
    step: str
    """How the cost moved."""
    tables: tuple[int, ...]
    """Numbers of choices, as the next three."""
    modules: tuple[int, ...]
    rules: tuple[int, ...]
    kind: int
    """-1 without a baseline."""
    executions: int
    beginning: str
    sql: str
    types: str
    place: str
    read: tuple[str, ...]
    """Tables with the class of access: ``orders seq``."""
    codes: tuple[tuple[str, str, int], ...]
    """Rule, severity and the finding's number; 0 where it is not told."""
    places: Listed
    tests: Listed
    note: str
    """Why another plan is none the worse."""
    trees: tuple[Tree, ...]
    others: tuple[str, ...]
    """Plans that are cheaper."""
    growth: tuple[str, ...]
    unexplained: str

    @property
    def shown_cost(self) -> str:
        """Rounded, as people read it."""
        return numbers.cost(self.cost) if self.cost >= 0 else "–"


class Table(msgspec.Struct, frozen=True):
    """All rows, costliest first, and what they can be filtered by."""

    rows: tuple[Row, ...]
    numbers: dict[tuple[str, str], int]
    """Of the rows, by (database, key)."""
    tables: tuple[Choice, ...]
    modules: tuple[Choice, ...]
    rules: tuple[Choice, ...]
    changes: tuple[Choice, ...]


class _Facts(msgspec.Struct, frozen=True):
    """Of one query, before it is known which numbers the choices have."""

    one: QueryReport
    findings: tuple[Finding, ...]

    @property
    def cost(self) -> float:
        outcome = self.one.outcome
        return outcome.worst.cost if isinstance(outcome, Planned) else -1.0

    @property
    def read(self) -> dict[str, str]:
        """By table: the worst way it is read in the worst plan."""
        if not isinstance(self.one.outcome, Planned):
            return {}
        worst = self.one.outcome.worst
        names = sorted({path.relation for path in worst.access.values()})
        return {name: worst.access_of(name).value for name in names}

    @property
    def modules(self) -> tuple[str, ...]:
        return tuple(sorted({place.origin.file for place in self.one.query.places}))

    @property
    def rules(self) -> tuple[str, ...]:
        return tuple(sorted({one.rule for one in self.findings}))

    @property
    def kind(self) -> ChangeKind | None:
        return self.one.change.kind if self.one.change is not None else None

    @property
    def is_news(self) -> bool:
        """Something was found, or another plan was: its plans are the last to be left out."""
        tied = self.one.change is not None and bool(self.one.change.note)
        return bool(self.findings) or tied or self.kind not in (None, *_NO_NEWS)


def table(report: Report, room: Room) -> Table:
    """The rows of all queries, or of the costliest ones."""
    findings: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in report.findings:
        findings[finding.database, finding.key].append(finding)
    facts = [
        _Facts(one, tuple(findings.get((one.query.database, one.query.key), ())))
        for one in report.queries
    ]
    facts.sort(key=lambda one: (-one.cost, one.one.query.database, one.one.query.key))
    facts = facts[: room.queries]
    tables = _choices((name for one in facts for name in one.read), room)
    modules = _choices((name for one in facts for name in one.modules), room)
    rules = _choices((name for one in facts for name in one.rules), room)
    numbers_of = _numbers_of(report, room)
    rows = [
        _row(number, one, report, (tables, modules, rules), numbers_of, room)
        for number, one in enumerate(facts, start=1)
    ]
    kinds = Counter(one.kind for one in facts)
    return Table(
        rows=tuple(rows),
        numbers={
            (one.one.query.database, one.one.query.key): number
            for number, one in enumerate(facts, start=1)
        },
        tables=tuple(tables.values()),
        modules=tuple(modules.values()),
        rules=tuple(rules.values()),
        changes=tuple(
            Choice(number, kind.value, kinds[kind])
            for number, kind in enumerate(_ORDER)
            if kinds[kind]
        ),
    )


def _choices(names: Iterable[str], room: Room) -> dict[str, Choice]:
    counts = Counter(names)
    return {
        name: Choice(number, words.shortened(name, room.text), counts[name])
        for number, name in enumerate(sorted(counts))
    }


def _numbers_of(report: Report, room: Room) -> dict[int, int]:
    """By ``id(finding)``: its number among those that are told."""
    shown = words.open_findings(report)[: room.findings]
    return {id(one): number for number, one in enumerate(shown, start=1)}


def _row(
    number: int,
    facts: _Facts,
    report: Report,
    choices: Sequence[dict[str, Choice]],
    numbers_of: dict[int, int],
    room: Room,
) -> Row:
    one, query = facts.one, facts.one.query
    tables, modules, rules = choices
    origins = sorted({place.origin for place in query.places})
    tests = sorted({place.test for place in query.places if place.test})
    return Row(
        number=number,
        key=query.key,
        database=words.shortened(query.database, room.text) if len(report.databases) > 1 else "",
        cost=facts.cost,
        severity=min((finding.severity.rank for finding in facts.findings), default=9),
        change=facts.kind.value.replace("_", " ") if facts.kind is not None else "",
        step=_step(one),
        tables=tuple(tables[name].number for name in facts.read),
        modules=tuple(modules[name].number for name in facts.modules),
        rules=tuple(rules[name].number for name in facts.rules),
        kind=_ORDER.index(facts.kind) if facts.kind in _ORDER else -1,
        executions=query.executions,
        beginning=_beginning(query.sql, room),
        sql=words.shortened(query.sql, room.sql),
        types=", ".join(query.parameter_types[: room.listed]),
        place=words.shortened(words.places(origins), room.text),
        read=_read(facts, room),
        codes=tuple(
            (finding.rule, finding.severity.value, numbers_of.get(id(finding), 0))
            for finding in facts.findings
        ),
        places=listed(list(dict.fromkeys(map(words.place, origins))), room),
        tests=listed(tests, room),
        note=words.shortened(one.change.note, room.text) if one.change is not None else "",
        trees=_trees(facts, report, room) if number <= room.quiet_plans or facts.is_news else (),
        others=_others(one),
        growth=_growth(one.growth) if one.growth is not None else (),
        unexplained=words.shortened(one.outcome.reason, room.text)
        if isinstance(one.outcome, Unexplained)
        else "",
    )


def _beginning(sql: str, room: Room) -> str:
    most = min(_IN_A_ROW, room.sql)
    return sql if len(sql) <= most else f"{sql[:most]}…"


def _read(facts: _Facts, room: Room) -> tuple[str, ...]:
    names = [
        words.shortened(f"{name.removeprefix('public.')} {access}", room.text)
        for name, access in facts.read.items()
    ]
    return tuple(names[: room.listed])


def _step(one: QueryReport) -> str:
    change = one.change
    if change is None or not change.cost_before or change.cost_after is None:
        return ""
    if change.kind not in (ChangeKind.WORSE, ChangeKind.BETTER, ChangeKind.CHANGED):
        return ""
    return f"{numbers.cost(change.cost_before)} → {numbers.cost(change.cost_after)}"


def _trees(facts: _Facts, report: Report, room: Room) -> tuple[Tree, ...]:
    outcome, database = facts.one.outcome, report.databases.get(facts.one.query.database)
    if not isinstance(outcome, Planned) or database is None:
        return ()
    return side_by_side(outcome, facts.one.change, None, database.catalog, room)


def _others(one: QueryReport) -> tuple[str, ...]:
    if not isinstance(one.outcome, Planned):
        return ()
    return tuple(
        f"{plan.sample.value}: cost {numbers.cost(plan.cost)}, {numbers.rows(plan.rows)} rows"
        for plan in one.outcome.plans[1:]
    )


def _growth(growth: Growth) -> tuple[str, ...]:
    """``at 10×: 4.0M rows of public.orders, cost 12,700``."""
    return (
        f"{growth.order.value}, as {growth.relation} grows",
        *(
            f"at {stage.factor:g}×: {numbers.rows(stage.rows)} rows, "
            f"cost {numbers.cost(stage.plan.cost)}"
            for stage in growth.stages
        ),
    )
