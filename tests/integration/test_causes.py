"""Why a query got worse: found by planning it again with the old of one thing at a time."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from pytest_planguard.config import load
from pytest_planguard.model.capture import Capture
from pytest_planguard.model.report import Change, Report
from pytest_planguard.model.statement import Origin, Phase, Place, Sample, Session, Statement
from pytest_planguard.pipeline import Options, open_planner, run
from pytest_planguard.sql.normalise import queries

SCHEMA = """
CREATE TABLE orders (
    id bigint PRIMARY KEY, customer_id bigint NOT NULL, status text NOT NULL,
    reference text NOT NULL, created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX orders_customer_idx ON orders (customer_id);
CREATE INDEX orders_status_idx ON orders (status);
CREATE INDEX orders_reference_idx ON orders (reference);
CREATE INDEX orders_created_idx ON orders (created_at);
CREATE TABLE events (id bigint, day date NOT NULL) PARTITION BY RANGE (day);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2025-07-01');
CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2025-07-01') TO ('2026-01-01');
CREATE INDEX events_id_idx ON events (id);
"""
CONFIGURATION = """
[tool.pytest-planguard.database]
schema = "schema.sql"
settings = { random_page_cost = "%(page_cost)s" }
[tool.pytest-planguard.tables.orders]
rows = %(orders)d
[tool.pytest-planguard.tables.orders.columns]
status.values = { done = 0.98, open = 0.02 }
customer_id.distinct = %(customers)d
reference.distinct = 3_900_000
[tool.pytest-planguard.tables.events]
rows = 9_000_000
[tool.pytest-planguard.tables.events.columns]
id.distinct = 8_900_000
"""
BY_CUSTOMER = "SELECT * FROM orders WHERE customer_id = $1"
BY_REFERENCE = "SELECT * FROM orders WHERE reference = $1"
LATEST = "SELECT count(*) FROM orders WHERE created_at > '2025-12-31'"
OPEN = "SELECT * FROM orders WHERE status = 'open'"
EVENT = "SELECT * FROM events WHERE id = $1"
TYPES = {BY_CUSTOMER: (20,), BY_REFERENCE: (25,), EVENT: (20,)}


class Project:
    """A folder with a schema and sizes that change, and the baseline from before."""

    def __init__(self, root: Path) -> None:
        root.chmod(0o755)
        self.root = root
        self.write()
        assert self.run(update=True).verdict.status.value == "passed"

    def write(
        self,
        schema: str = SCHEMA,
        orders: int = 4_000_000,
        page_cost: str = "4",
        customers: int = 500_000,
    ) -> None:
        (self.root / "schema.sql").write_text(schema)
        facts = {"orders": orders, "page_cost": page_cost, "customers": customers}
        (self.root / "pyproject.toml").write_text(CONFIGURATION % facts)

    def run(self, *, update: bool = False, texts: tuple[str, ...] = (), **options) -> Report:
        config = load(self.root, options, environ={})
        return run(config, captured(*texts or TEXTS), Options(update=update)).report


TEXTS = (BY_CUSTOMER, BY_REFERENCE, LATEST, OPEN, EVENT)


def captured(*texts: str) -> Capture:
    place = Place(Origin("app.py", 1, "f"), "t", Phase.CALL)
    statements = (
        Statement(
            text, TYPES.get(text, ()), Session("app", "psycopg"),
            (Sample(("7",) if text in TYPES else ()),), (place,),
        )
        for text in texts
    )  # fmt: skip
    return Capture(tuple(statements), collected=("t",), finished=("t",))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("causes"))


def without(*names: str) -> str:
    kept = [line for line in SCHEMA.splitlines() if not any(name in line for name in names)]
    assert len(kept) < len(SCHEMA.splitlines())
    return "\n".join(kept)


def change(report: Report, text: str) -> Change:
    (wanted,) = queries(captured(text), report_name=lambda _: "default")
    (found,) = [one.change for one in report.queries if one.query.key == wanted.key]
    assert found is not None
    return found


def failing(report: Report) -> set[tuple[str, str | None]]:
    return {(one.rule, one.relation) for one in report.findings if one.fails}


def test_of_two_indexes_that_went_each_is_told_for_its_own_query(project: Project) -> None:
    project.write(without("orders_customer_idx", "orders_reference_idx", "events_id_idx"))
    report = project.run()
    assert {text: change(report, text).causes for text in TYPES} == {
        BY_CUSTOMER: ("index orders_customer_idx is gone since the baseline",),
        BY_REFERENCE: ("index orders_reference_idx is gone since the baseline",),
        EVENT: ("index events_id_idx is gone since the baseline",),
    }
    assert change(report, LATEST).kind.value == "same"
    assert ("PLN003", "public.orders") in failing(report)


def test_an_index_that_went_and_growth_are_both_told_in_order_of_effect(project: Project) -> None:
    project.write(without("orders_customer_idx"), orders=40_000_000)
    found = change(project.run(), BY_CUSTOMER)
    assert found.causes == (
        "index orders_customer_idx is gone since the baseline",
        "public.orders grew from 4,000,000 to 40,000,000 rows",
    )
    assert not found.statistics_only


def test_growth_alone_is_listed_and_fails_only_where_that_is_asked_for(project: Project) -> None:
    project.write(orders=40_000_000)
    report = project.run()
    found = change(report, LATEST)
    assert (found.kind.value, found.statistics_only) == ("worse", True)
    assert found.causes == ("public.orders grew from 4,000,000 to 40,000,000 rows",)
    assert failing(report) == set()
    assert any(one.rule == "PLN003" for one in report.findings)
    assert ("PLN003", None) in failing(project.run(fail_on_growth=True))


def test_another_value_that_is_asked_for_is_not_taken_for_growth(project: Project) -> None:
    project.write(orders=4_800_000)
    grown = project.run(texts=(OPEN,))
    asked = project.run(texts=(OPEN.replace("open", "done"),))
    assert failing(grown) == set()
    found = change(asked, OPEN)
    assert (found.kind.value, found.statistics_only) == ("worse", False)
    assert found.causes == (
        "public.orders grew from 4,000,000 to 4,800,000 rows",
        "the rest of it has an unknown cause; it may ask for other values",
    )
    assert ("PLN003", "public.orders") in failing(asked)


FEWER = "public.orders.customer_id: 500,000 distinct → 20"


def test_another_distribution_is_found_by_planning_with_the_old_numbers(project: Project) -> None:
    project.write(customers=20)
    report = project.run()
    found = change(report, BY_CUSTOMER)
    assert (found.kind.value, found.causes, found.statistics_only) == ("worse", (FEWER,), True)
    assert change(report, BY_REFERENCE).kind.value == "same"
    assert failing(report) == set()


def test_a_distribution_that_moved_and_does_not_matter_is_not_told(project: Project) -> None:
    project.write(without("orders_reference_idx", "orders_created_idx"), customers=20)
    found = change(project.run(), BY_REFERENCE)
    assert found.causes == ("index orders_reference_idx is gone since the baseline",)
    assert not found.statistics_only


def test_a_column_of_another_type_is_told(project: Project) -> None:
    project.write(SCHEMA.replace("reference text", "reference char(12)"))
    found = change(project.run(), BY_REFERENCE)
    assert found.kind.value == "worse"
    moved = "text not null → character(12) not null"
    assert found.causes == (f"column public.orders.reference changed: {moved}",)


def test_a_plan_that_is_only_counted_in_other_units_is_not_worse(project: Project) -> None:
    project.write(page_cost="40")
    report = project.run(texts=(BY_CUSTOMER, EVENT))
    moved = "setting random_page_cost moved: default → 40"
    turned, same = change(report, BY_CUSTOMER), change(report, EVENT)
    assert turned.kind.value == "changed"
    assert turned.note == f"it costs no more in the units of the baseline: {moved}"
    assert same.kind.value == "same"


def test_a_setting_that_turns_the_plan_is_told(project: Project) -> None:
    project.write(page_cost="400")
    found = change(project.run(texts=(OPEN,)), OPEN)
    assert found.kind.value == "worse"
    assert found.causes == ("setting random_page_cost moved: default → 400",)


def test_a_plan_that_is_a_tie_is_the_same_and_says_so(project: Project) -> None:
    project.write()
    turn = _turn(project)
    project.write(page_cost=f"{turn * 1.02:.4f}")
    found = change(project.run(texts=(OPEN,)), OPEN)
    assert found.shape_before != found.shape_after
    assert (found.kind.value, found.note) == (
        "same", "a tie: where random_page_cost is 10 % lower, the plan is the baseline's",
    )  # fmt: skip


def test_a_setting_this_server_does_not_know_is_told_and_stops_nothing(project: Project) -> None:
    project.write(without("orders_customer_idx"))
    file = next((project.root / "planguard/baseline").rglob("settings.json"))
    before = file.read_text()
    file.write_text('{"enable_time_travel": "on"}\n')
    try:
        found = change(project.run(), BY_CUSTOMER)
    finally:
        file.write_text(before)
    assert found.causes == ("index orders_customer_idx is gone since the baseline",)


def _turn(project: Project) -> float:
    """The page cost at which the open orders begin to be read in another way."""
    (one,) = queries(captured(OPEN), report_name=lambda _: "default")
    with open_planner(load(project.root, environ={}), "default", captured(OPEN)) as planner:
        low, high = 4.0, 4_000.0

        def shape(page_cost: float) -> tuple[str, ...]:
            session = msgspec.structs.replace(
                one.variants[0].session, settings={"random_page_cost": f"{page_cost:.6f}"}
            )
            variant = msgspec.structs.replace(one.variants[0], session=session)
            (plan,) = planner.explainer.explain([msgspec.structs.replace(one, variants=(variant,))])
            return plan.worst.shape

        before = shape(low)
        while high / low > 1.001:
            middle = (low * high) ** 0.5
            low, high = (middle, high) if shape(middle) == before else (low, middle)
    return high
