"""Sample reports every format must render: empty, one finding, hostile text, hundreds, others."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from pytest_planguard.model.catalog import Catalog, Column, Index, Server, Table
from pytest_planguard.model.finding import Advice, Finding, RuleFacts, Severity, Suppressed
from pytest_planguard.model.migration import (
    Built,
    Lock,
    LockMode,
    Migration,
    Refusal,
    Step,
    Tool,
)
from pytest_planguard.model.migration import Change as RowsChange
from pytest_planguard.model.plan import (
    Access,
    AccessPath,
    Plan,
    Planned,
    PlanNode,
    SampleKind,
    Unexplained,
)
from pytest_planguard.model.query import Query
from pytest_planguard.model.report import (
    Change,
    ChangeKind,
    DatabaseReport,
    Fidelity,
    QueryReport,
    RelationChange,
    Report,
    SelfCheck,
    Status,
    TableScale,
    Totals,
    Verdict,
)
from pytest_planguard.model.statement import Layer, Origin, Phase, Place
from pytest_planguard.model.statistics import ScaleSource

SERVER = Server(180006, "18.6", "C.UTF-8", {"random_page_cost": "1.1"})

HOSTILE = (
    "`x` ``y`` | <img src=x onerror=alert(1)> @octocat #1 GH-2 https://evil.example/ "
    "www.evil.example [a](b) \x1b[31mred\x1b[0m \x9b31m \u202eevil \ud800 ```\n```sql\n-- end "
    "![i](https://evil.example/p.png) <script>alert(2)</script> ]]> {0} \u2067rtl\u2069 \ufffe\n"
    "::error::alive%0A::add-mask::e\r\n##[add-mask]e ##vso[task.complete]\n~~~\n/close\n</details>"
)
"""Markup, mentions, links, commands of CI systems, escapes and marks, over several lines."""


ORDERS = Origin("app/orders.py", 41, "list_orders")
SCRATCH = Origin("app/scratch.py", 5, "fill")

RULES = tuple(
    RuleFacts(code, name, severity, "a table is large", "it is slow", "an index", "a manual")
    for code, name, severity in (
        ("IDX001", "missing-index", Severity.ERROR),
        ("PLN001", "seq-scan-large-table", Severity.ERROR),
        ("PLN003", "plan-regression", Severity.ERROR),
    )
)


def catalog() -> Catalog:
    orders = Table(
        "public",
        "orders",
        "r",
        (Column("id", "bigint", 1, not_null=True), Column("customer_id", "bigint", 2)),
        rows=47_000_000,
        pages=800_000,
    )
    index = Index(
        "orders_customer_id_idx",
        "public",
        "public.orders",
        "btree",
        ("customer_id",),
        definition="CREATE INDEX orders_customer_id_idx ON public.orders USING btree (customer_id)",
    )
    return Catalog(SERVER, {"public.orders": orders}, {"public.orders_customer_id_idx": index})


def database(source: ScaleSource = ScaleSource.PRODUCTION) -> DatabaseReport:
    exact = source is ScaleSource.PRODUCTION
    reasons = () if exact else ("declared sizes, distributions from the schema",)
    return DatabaseReport(
        server=SERVER,
        provider="embedded",
        source=source,
        tables={
            "public.events": TableScale(8_100_000, 120_000, source),
            "public.orders": TableScale(47_000_000, 800_000, source),
        },
        fidelity=Fidelity(exact, reasons),
        catalog=catalog(),
        clock="2026-11-02T00:00:00+00:00",
        checked=SelfCheck(2, 1),
    )


def query(
    key: str = "0a1b2c3d4e5f",
    sql: str = "SELECT * FROM orders o WHERE o.customer_id = $1",
    origin: Origin = ORDERS,
    tests: tuple[str, ...] = ("tests/test_api.py::test_list",),
) -> Query:
    places = tuple(Place(origin, test, Phase.CALL, 2) for test in tests)
    return Query(key, "default", sql, ("integer",), (), places)


def plan(
    access: Access = Access.SEQ,
    cost: float = 890_000.0,
    relation: str = "public.orders",
    alias: str = "o",
    shape: tuple[str, ...] = ("Seq Scan on orders o [Filter: customer_id = $1]",),
    sample: SampleKind = SampleKind.CAPTURED,
    indexes: tuple[str, ...] = (),
    rows: float = 47.0,
) -> Plan:
    root = PlanNode(node_type="Seq Scan", total_cost=cost, rows=rows)
    return Plan(sample, root, {alias: AccessPath(relation, access, indexes)}, shape)


def regression(tests: tuple[str, ...] = ()) -> tuple[QueryReport, Finding]:
    """An index that is gone."""
    tests = tests or tuple(f"tests/test_api.py::test_{name}" for name in ("get", "list", "page"))
    asked = query(tests=tests)
    change = Change(
        ChangeKind.WORSE,
        asked.key,
        asked.database,
        relations=(RelationChange("o", "public.orders", "index", "seq"),),
        cost_before=8.4,
        cost_after=890_000.0,
        shape_before=("Index Scan using orders_customer_id_idx on orders o",),
        shape_after=("Seq Scan on orders o [Filter: customer_id = $1]",),
        causes=("index orders_customer_id_idx is gone since the baseline",),
        sql=asked.sql,
    )
    finding = Finding(
        rule="PLN003",
        name="plan-regression",
        severity=Severity.ERROR,
        key=asked.key,
        database="default",
        relation="public.orders",
        rows=47_000_000,
        message="reads 47.0M rows (6.6 GB) to keep 47, cost 8.4 → 890,000",
        remedy="bring orders_customer_id_idx back",
        evidence={"rows_read": 47_000_000.0, "cost": 890_000.0},
        explained_by=("IDX001", "PLN001"),
        advice=None,
        origins=(Origin("app/orders.py", 41, "list_orders"),),
        tests=tests,
        suppressed=None,
        is_new=True,
        fails=True,
    )
    return QueryReport(asked, Planned((plan(),)), change), finding


def missing_index(
    key: str = "feed00000001", *, text: str = "", function: str = "latest"
) -> tuple[QueryReport, Finding]:
    """A new query with an index that would help."""
    origin = Origin("app/feed.py", 88, function)
    sql = (
        text or "SELECT * FROM events e WHERE e.account_id = $1 ORDER BY e.created_at DESC LIMIT 20"
    )
    asked = query(key, sql, origin, ("tests/test_feed.py::test_latest",))
    finding = Finding(
        rule="IDX001",
        name="missing-index",
        severity=Severity.ERROR,
        key=key,
        database="default",
        relation="public.events",
        rows=8_100_000,
        message=text or "reads 8.1M rows (983.0 MB) to keep 20, cost 152,000",
        remedy=text or "create the index",
        evidence={"rows_read": 8_100_000.0, "cost": 152_345.6},
        explained_by=("PLN001",),
        advice=Advice(
            ("CREATE INDEX CONCURRENTLY ON public.events (account_id, created_at DESC)",),
            152_345.6,
            9.149,
            251_000_000,
            ("feed00000009",),
        ),
        origins=(origin,),
        tests=("tests/test_feed.py::test_latest",),
        suppressed=None,
        is_new=True,
        fails=True,
    )
    shape = ("Limit", "  Sort [Sort Key: created_at DESC]", "    Seq Scan on events e")
    worst = plan(cost=152_345.6, relation="public.events", alias="e", shape=shape, rows=20.0)
    change = Change(ChangeKind.NEW, key, "default", sql=sql)
    return QueryReport(asked, Planned((worst,)), change), finding


def function_on_column(key: str = "feed00000002") -> tuple[QueryReport, Finding]:
    """A warning without advice, explained by a shape rule."""
    origin = Origin("app/customers.py", 12, "by_email")
    asked = query(key, "SELECT * FROM customers c WHERE upper(c.email) = $1", origin)
    finding = Finding(
        rule="PLN001",
        name="seq-scan-large-table",
        severity=Severity.WARNING,
        key=key,
        database="default",
        relation="public.customers",
        rows=2_000_000,
        message="reads 2.0M rows (312.0 MB) to keep 1, cost 48,000",
        remedy="compare the column itself: email = lower($1)",
        evidence={"rows_read": 2_000_000.0},
        explained_by=("QRY001",),
        advice=None,
        origins=(origin, Origin("app/admin.py", 7, "find")),
        tests=("tests/test_api.py::test_list",),
        suppressed=None,
        is_new=True,
        fails=False,
    )
    worst = plan(cost=48_000.0, relation="public.customers", alias="c")
    change = Change(ChangeKind.SAME, key, "default", sql=asked.sql)
    return QueryReport(asked, Planned((worst,)), change), finding


def suppressed(key: str = "feed00000003") -> tuple[QueryReport, Finding]:
    report, finding = missing_index(key)
    return report, msgspec.structs.replace(
        finding, suppressed=Suppressed("read once a year"), fails=False
    )


def report(
    *parts: tuple[QueryReport, Finding],
    source: ScaleSource = ScaleSource.PRODUCTION,
    status: Status = Status.FAILED,
    baseline: bool = True,
    unexplained: tuple[QueryReport, ...] = (),
    changes: dict[str, int] | None = None,
    known: int = 0,
    notes: tuple[str, ...] = (),
    complete: bool = True,
    gated: bool = True,
    why_not_gated: str = "",
    incomplete_reason: str = "",
    accepted: int = 0,
) -> Report:
    """Puts a report together."""
    findings = tuple(finding for _, finding in parts)
    queries = [*(one for one, _ in parts), *unexplained]
    counted = [one for one in findings if one.is_new and one.suppressed is None]
    return Report(
        complete=complete,
        databases={"default": database(source)},
        totals=Totals(143, 6_200, 214, 214 - len(unexplained), len(unexplained)),
        queries=tuple(sorted(queries, key=lambda one: one.query.key)),
        findings=findings,
        changes=changes or {},
        gone=(),
        verdict=Verdict(
            status,
            sum(one.severity is Severity.ERROR for one in counted),
            sum(one.severity is Severity.WARNING for one in counted),
            gated=gated,
            why_not_gated=why_not_gated,
        ),
        notes=notes,
        incomplete_reason=incomplete_reason,
        baseline_found=baseline,
        accepted=accepted,
        known=known,
        rules=RULES,
    )


def unplanned(
    reason: str = "a temporary table of the test", key: str = "dead00000001"
) -> QueryReport:
    return QueryReport(query(key, "SELECT * FROM scratch", SCRATCH), Unexplained(reason), None)


def empty() -> Report:
    return report(status=Status.PASSED, changes={"same": 214})


def one_finding() -> Report:
    return report(missing_index(), changes={"same": 213, "new": 1})


def from_the_contract() -> Report:
    """The sample of the interface's page."""
    return report(
        regression(),
        missing_index(),
        changes={"same": 211, "worse": 1, "new": 2},
        unexplained=tuple(unplanned(key=f"dead{number:08}") for number in range(9)),
        known=12,
    )


def mixed() -> Report:
    """Everything a reader may meet at once, at declared sizes."""
    better, _ = function_on_column("feed00000004")
    change = Change(
        ChangeKind.BETTER, "feed00000004", "default", cost_before=48_000, cost_after=9.1,
        renamed_from="feed0000000f", sql_before="SELECT * FROM customers c WHERE c.email = $1",
    )  # fmt: skip
    whole = report(
        regression(),
        missing_index(),
        function_on_column(),
        suppressed(),
        source=ScaleSource.DECLARED,
        changes={"same": 205, "worse": 1, "new": 2, "better": 1, "gone": 1, "not_run": 4},
        unexplained=(unplanned(),),
        known=3,
        notes=("extension postgis has no stand-in on this server",),
        complete=False,
    )
    queries = (*whole.queries, msgspec.structs.replace(better, change=change))
    return msgspec.structs.replace(whole, queries=queries)


def first_run() -> Report:
    """No baseline yet."""
    return report(
        missing_index(),
        status=Status.PASSED,
        baseline=False,
        gated=False,
        why_not_gated="there is no baseline",
    )


def at_assumed_sizes() -> Report:
    return report(
        missing_index(),
        source=ScaleSource.ASSUMED,
        status=Status.PASSED,
        gated=False,
        why_not_gated="sizes are assumed",
        changes={"same": 213, "new": 1},
    )


def incomplete() -> Report:
    return report(
        status=Status.INCOMPLETE,
        changes={"same": 40},
        complete=False,
        incomplete_reason="the server was lost while planning",
    )


def accepted() -> Report:
    return report(status=Status.PASSED, changes={"same": 212, "new": 2}, accepted=2)


def hostile() -> Report:
    """Every text of others is."""
    query, finding = missing_index(text=HOSTILE, function=HOSTILE)
    origin = Origin(f"app/{HOSTILE}.py", 88, HOSTILE)
    advice = Advice((HOSTILE,), 152_345.6, 9.149, 251_000_000, writes=(HOSTILE,), notes=(HOSTILE,),
                    operations={"alembic": (HOSTILE,)})  # fmt: skip
    replace = msgspec.structs.replace
    finding = replace(finding, relation=HOSTILE, advice=advice, origins=(origin,), tests=(HOSTILE,))
    silenced = replace(
        finding, key="feed00000003", suppressed=Suppressed(HOSTILE), fails=False, advice=None
    )
    worst = plan(cost=152_345.6, relation=HOSTILE, alias=HOSTILE, shape=(HOSTILE,), rows=20.0)
    query = replace(query, outcome=Planned((worst,)))
    return report(
        (query, finding),
        (unplanned(HOSTILE, "feed00000003"), silenced),
        notes=(HOSTILE,),
        unexplained=(unplanned(HOSTILE),),
        changes={"same": 212, "new": 1},
    )


def huge() -> Report:
    """A statement of ten megabytes."""
    text = (HOSTILE * (10_000_000 // len(HOSTILE) + 1))[:10_000_000]
    query, finding = missing_index()
    asked = msgspec.structs.replace(query.query, sql=text)
    query = msgspec.structs.replace(query, query=asked)
    return report((query, finding), changes={"same": 213, "new": 1})


def thousands() -> Report:
    """2,000 queries, every second of them with a finding."""
    parts = [missing_index(f"{number:012x}") for number in range(1_000)]
    silent = [
        msgspec.structs.replace(one, query=msgspec.structs.replace(one.query, key=f"{number:012x}"))
        for number, (one, _) in enumerate(parts, start=1_000)
    ]
    found = report(*parts, changes={"new": 2_000})
    return msgspec.structs.replace(found, queries=(*found.queries, *silent))


def migrated() -> Report:
    place = Origin("migrations/7.sql", 3, "", Layer.MIGRATION)
    lock = Lock("public.orders", LockMode.SHARE)
    steps = (
        Step("SELECT 1", msgspec.structs.replace(place, line=1), 1),
        Step(
            f"CREATE INDEX i ON orders (note) -- {HOSTILE}",
            place,
            2,
            locks=(lock,),
            built=(Built("public.i", "public.orders", 47_000_000, 9_100_000_000, lock),),
            verdict=("MIG003",),
        ),
        Step(
            "UPDATE orders SET note = ''",
            msgspec.structs.replace(place, line=4),
            3,
            inside=True,
            held=(Lock("public.orders", LockMode.ACCESS_EXCLUSIVE),),
            changes=(RowsChange("public.orders", "updates", 42_300_000, 47_000_000),),
            refusal=Refusal("no such column", "42703"),
        ),
    )
    finding = msgspec.structs.replace(
        missing_index()[1],
        rule="MIG003",
        name="blocking-index-build",
        key="",
        relation="public.orders",
        message="builds index i from 47,000,000 rows of public.orders under SHARE: writes wait",
        remedy="instead:\nCREATE INDEX CONCURRENTLY i ON orders (note);",
        advice=None,
        explained_by=(),
        origins=(place,),
        tests=(),
    )
    asked, _ = missing_index()
    made = report((asked, finding))
    migration = Migration("default", Tool.SQL, "migrations/7.sql", steps)
    return msgspec.structs.replace(made, queries=(), migrations=(migration,))


def hundreds() -> Report:
    parts = [missing_index(f"{number:012x}") for number in range(300)]
    return report(*parts, changes={"new": 300})


SAMPLES: dict[str, Callable[[], Report]] = {
    function.__name__: function
    for function in (
        accepted,
        at_assumed_sizes,
        empty,
        first_run,
        from_the_contract,
        hostile,
        huge,
        hundreds,
        incomplete,
        migrated,
        mixed,
        one_finding,
        thousands,
    )
}
