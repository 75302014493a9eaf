"""Reports as the HTML page meets them: real plans of fixtures/plans, and thousands of queries."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

import fix_plans
import fix_reports
from pytest_planguard.model.finding import Advice, Finding, Severity, Suppressed
from pytest_planguard.model.growth import Growth, Stage
from pytest_planguard.model.plan import Planned, PlanNode, Unexplained
from pytest_planguard.model.query import Query
from pytest_planguard.model.report import (
    Change,
    ChangeKind,
    QueryReport,
    RelationChange,
    Report,
    Status,
    TableScale,
    Totals,
    Verdict,
)
from pytest_planguard.model.statement import Origin, Phase, Place
from pytest_planguard.model.statistics import ScaleSource

CATALOG = fix_plans.catalog()
NAMES = tuple(
    sorted({file.stem for file in (fix_plans.FOLDER / "pg18").glob("*.json")} - {"catalog"})
)
"""Captured plans."""

QUIET = ("join_hash", "memoize", "partitions_parallel", "primary_key", "subplan")


def asked(
    name: str,
    number: int = 0,
    change: ChangeKind | None = ChangeKind.SAME,
    tests: Sequence[str] = ("tests/test_api.py::test_list",),
) -> QueryReport:
    """A captured plan as a query of the run."""
    sql, root = fix_plans.captured(name)
    origin = Origin(f"app/{name.partition('_')[0]}.py", 10 + number, name)
    places = tuple(Place(origin, test, Phase.CALL, 1 + number) for test in tests)
    key = f"{number:04x}{NAMES.index(name):08x}"
    query = Query(key, "default", sql, ("integer",), (), places)
    moved = Change(change, key, "default", sql=sql) if change is not None else None
    return QueryReport(query, fix_plans.planned(root, CATALOG), moved)


def finding(one: QueryReport, rule: str = "PLN001", **more: object) -> Finding:
    """An error on it, new and failing."""
    assert isinstance(one.outcome, Planned)
    facts = Finding(
        rule=rule,
        name="seq-scan-large-table",
        severity=Severity.ERROR,
        key=one.query.key,
        database="default",
        relation="public.orders",
        rows=200_000,
        message=f"reads 200,000 rows (36.4 MB) to keep 20, cost {one.outcome.worst.cost:,.0f}",
        remedy="compare the column itself: email = lower($1)",
        evidence={"rows_read": 200_000.0},
        explained_by=(),
        advice=None,
        origins=tuple(place.origin for place in one.query.places),
        tests=tuple(place.test for place in one.query.places),
        suppressed=None,
        is_new=True,
        fails=True,
    )
    return msgspec.structs.replace(facts, **more)  # type: ignore[arg-type]


def regression() -> tuple[QueryReport, Finding]:
    """An index that is gone."""
    tests = [f"tests/test_orders.py::test_list[{number}]" for number in range(14)]
    one = asked("seq_equality", tests=tests)
    assert isinstance(one.outcome, Planned)
    change = Change(
        ChangeKind.WORSE,
        one.query.key,
        "default",
        relations=(RelationChange("orders", "public.orders", "index", "seq"),),
        cost_before=44.0,
        cost_after=one.outcome.worst.cost,
        shape_before=(
            "Index Scan using orders_customer_id_idx on orders [cond (orders.customer_id = ?)]",
        ),
        shape_after=one.outcome.worst.shape,
        causes=("index orders_customer_id_idx is gone since the baseline",),
    )
    told = finding(one, "PLN003", name="plan-regression", remedy="bring the index back")
    return msgspec.structs.replace(one, change=change), told


def missing_index() -> tuple[QueryReport, Finding]:
    """An index that helps, with the plan it gives."""
    one = asked("sort_limit", change=ChangeKind.NEW)
    assert isinstance(one.outcome, Planned)
    advice = Advice(
        ddl=("CREATE INDEX CONCURRENTLY orders_total_idx ON public.orders (total);",),
        cost_before=one.outcome.worst.cost,
        cost_after=9.1,
        size_bytes=4_500_000,
        also_helps=("00000000feed",),
        writes=("writes pay 5 bytes a row, beside 182 of the row itself",),
        operations={
            "alembic": ("with op.get_context().autocommit_block():", "    op.create_index()")
        },
        plan=with_the_index(),
    )
    told = finding(one, "IDX001", name="missing-index", advice=advice, remedy=advice.ddl[0])
    return one, told


def with_the_index() -> PlanNode:
    scan = PlanNode(
        node_type="Index Scan", startup_cost=0.4, total_cost=14_000.0, rows=200_000.0,
        relation_name="orders", schema="public", alias="orders", index="orders_total_idx",
        parent_relationship="Outer",
    )  # fmt: skip
    return PlanNode(
        node_type="Limit", startup_cost=0.4, total_cost=9.1, rows=20.0, children=(scan,)
    )


def report(
    queries: Sequence[QueryReport],
    findings: Sequence[Finding],
    *,
    changes: dict[str, int] | None = None,
    notes: tuple[str, ...] = (),
) -> Report:
    """Of queries made in the catalog of the captured plans."""
    counted = [one for one in findings if one.is_new and one.suppressed is None]
    database = msgspec.structs.replace(
        fix_reports.database(ScaleSource.DECLARED),
        catalog=CATALOG,
        tables={
            name: TableScale(table.rows, table.pages, ScaleSource.DECLARED)
            for name, table in CATALOG.tables.items()
        },
    )
    unexplained = sum(isinstance(one.outcome, Unexplained) for one in queries)
    errors, warnings = (
        sum(one.severity is severity for one in counted)
        for severity in (Severity.ERROR, Severity.WARNING)
    )
    return Report(
        complete=True,
        databases={"default": database},
        totals=Totals(143, 6_200, len(queries), len(queries) - unexplained, unexplained),
        queries=tuple(sorted(queries, key=lambda one: one.query.key)),
        findings=tuple(findings),
        changes=changes or {"worse": 1, "new": 1, "same": len(queries) - 2},
        gone=(),
        verdict=Verdict(Status.FAILED, errors, warnings),
        notes=notes,
        baseline_found=True,
        known=sum(not one.is_new for one in findings),
        rules=fix_reports.RULES,
    )


def growing(one: QueryReport) -> QueryReport:
    """With what becomes of it at ten times of today's size."""
    assert isinstance(one.outcome, Planned)
    plan = one.outcome.worst
    later = msgspec.structs.replace(
        plan, root=msgspec.structs.replace(plan.root, total_cost=10 * plan.cost)
    )
    stages = (Stage(1.0, 200_000, plan), Stage(10.0, 2_000_000, later))
    return msgspec.structs.replace(one, growth=Growth("public.orders", stages))


def tied(one: QueryReport) -> QueryReport:
    """Another plan than the baseline's, and none the worse."""
    assert isinstance(one.outcome, Planned)
    change = Change(
        ChangeKind.SAME,
        one.query.key,
        "default",
        cost_before=7_700,
        cost_after=one.outcome.worst.cost,
        shape_before=("Hash Join", "  Seq Scan on orders o", "  Seq Scan on customers c"),
        shape_after=one.outcome.worst.shape,
        note="a tie: it flips when random_page_cost moves by 5 %",
    )
    return msgspec.structs.replace(one, change=change)


def everything() -> Report:
    """Each thing the page can show at least once."""
    quiet = [asked(name, number) for number, name in enumerate(QUIET, start=1)]
    quiet[0], quiet[1] = growing(quiet[0]), tied(quiet[1])
    worse, new = regression(), missing_index()
    hostile = fix_reports.missing_index(text=fix_reports.HOSTILE, function=fix_reports.HOSTILE)
    hint = finding(quiet[0], "QRY007", severity=Severity.INFO, name="unbounded-result", fails=False)
    known = finding(quiet[1], "PLN002", name="sort-spill", is_new=False, fails=False)
    silenced = finding(quiet[2], fails=False, suppressed=Suppressed("read once a year"))
    gone = Change(ChangeKind.GONE, "00000000gone", "default", sql="SELECT 1 FROM gone")
    whole = report(
        [worse[0], new[0], hostile[0], *quiet, fix_reports.unplanned()],
        [worse[1], new[1], hostile[1], hint, known, silenced],
        changes={"worse": 1, "new": 2, "same": len(quiet), "gone": 1},
        notes=(fix_reports.HOSTILE,),
    )
    migrations = fix_reports.migrated().migrations
    return msgspec.structs.replace(whole, gone=(gone,), migrations=migrations)


def thousands(count: int = 2_000, *, sql: str = "", text: str = "") -> Report:
    """A large suite: every captured plan again and again, a finding for each tenth.

    Args:
        count: Queries.
        sql: What each begins with.
        text: What each finding says besides.
    """
    queries, findings = [], []
    for number in range(count):
        name = NAMES[number % len(NAMES)]
        one = asked(name, number, tests=[f"tests/test_{name}.py::test_{n}" for n in range(3)])
        query = msgspec.structs.replace(one.query, sql=sql + one.query.sql)
        one = msgspec.structs.replace(one, query=query)
        queries.append(one)
        if number % 10 == 0:
            findings.append(finding(one, message=f"reads 200,000 rows to keep 20 {text}"))
    return report(queries, findings)
