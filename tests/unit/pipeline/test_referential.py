from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

import fix_plans
from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.finding import Advice
from pytest_planguard.model.judgement import Read
from pytest_planguard.model.plan import Plan, Planned, PlanNode, SampleKind, Unexplained
from pytest_planguard.model.query import Query
from pytest_planguard.model.spec import Thresholds
from pytest_planguard.model.statement import Layer
from pytest_planguard.pipeline.referential import Referential, referential
from pytest_planguard.sql.reads import reads

LOOKUP = "SELECT 1 FROM ONLY public.orders x WHERE $1 = customer_id FOR KEY SHARE OF x"
ADVICE = Advice(("CREATE INDEX …;",), 6945.0, 44.0, 9, also_helps=(LOOKUP, "other"))


def writing(operation: str, table: str = "customers", rows: float = 7.0) -> Planned:
    below = PlanNode(node_type="Index Scan", rows=rows)
    root = PlanNode(
        node_type="ModifyTable", operation=operation, relation_name=table, schema="public",
        children=(below,),
    )  # fmt: skip
    return Planned((Plan(SampleKind.CAPTURED, root),))


class Server:
    """Answers every check with the plan of a full scan, or with a refusal."""

    def __init__(self, refusal: str = "") -> None:
        self.asked: list[Query] = []
        self.refusal = refusal

    def explain(self, queries: Sequence[Query]) -> list[Planned | Unexplained]:
        self.asked += queries
        if self.refusal:
            return [Unexplained(self.refusal)] * len(queries)
        root = fix_plans.root("seq_equality")
        return [fix_plans.planned(root, fix_plans.catalog(), SampleKind.GENERIC) for _ in queries]


def reads_of(planned: Planned) -> dict[int, tuple[Read, ...]]:
    return {0: reads(planned.worst.root, fix_plans.catalog(), Thresholds())}


def found(
    *outcomes: tuple[Query, Planned | Unexplained],
    server: Server | None = None,
    of: Catalog | None = None,
) -> Referential:
    return referential(outcomes, of or fix_plans.catalog(), (server or Server()).explain, reads_of)


def deleting(key: str = "del", **facts: Any) -> Query:
    return fix_plans.query("DELETE FROM customers WHERE id = $1", key, **facts)


def test_a_delete_has_what_it_runs_planned_for_each_of_its_rows() -> None:
    query = deleting()

    (check,) = found((query, writing("Delete"))).of(query, {})

    assert check.path == ("public.customers", "public.orders")
    assert (check.columns, check.times, check.deletes) == (("customer_id",), 7.0, True)
    assert check.plan.cost == pytest.approx(6945)
    assert [read.relation for read in check.reads] == ["public.orders"]


@pytest.mark.parametrize(
    ("sql", "operation", "number"),
    [
        ("UPDATE customers SET id = $1", "Update", 1),
        ("UPDATE customers SET name = $1", "Update", 0),
        ("UPDATE everybody SET id = $1", "Update", 1),  # a view: whatever it sets
        ("MERGE INTO customers c USING s ON c.id = s.id WHEN MATCHED THEN DELETE", "Merge", 1),
        (
            "MERGE INTO customers c USING s ON c.id = s.id WHEN NOT MATCHED THEN INSERT VALUES (1)",
            "Merge",
            0,
        ),
        ("INSERT INTO customers (id) VALUES ($1)", "Insert", 0),
    ],
)
def test_only_rows_that_go_and_keys_that_are_set_are_checked(
    sql: str, operation: str, number: int
) -> None:
    query = fix_plans.query(sql)

    assert len(found((query, writing(operation))).of(query, {})) == number


def test_one_check_of_several_queries_is_planned_once_and_sent_by_their_lines() -> None:
    server = Server()

    found((deleting("a"), writing("Delete")), (deleting("b"), writing("Delete")), server=server)

    (asked,) = server.asked
    assert asked.sql == LOOKUP
    assert asked.executions == 2
    assert asked.layer is Layer.APPLICATION
    assert asked.variants[0].session.prepares


def test_what_only_tests_delete_is_not_looked_into() -> None:
    server = Server()

    assert found((deleting(layer=Layer.TEST), writing("Delete")), server=server) == Referential()
    assert server.asked == []


def test_without_foreign_keys_nothing_is_asked() -> None:
    catalog = fix_plans.catalog()
    plain = {n: msgspec.structs.replace(t, constraints=()) for n, t in catalog.tables.items()}
    server = Server()

    found(
        (deleting(), writing("Delete")),
        server=server,
        of=msgspec.structs.replace(catalog, tables=plain),
    )

    assert server.asked == []


def test_what_has_no_plan_is_left_out() -> None:
    query = deleting()

    assert found((query, writing("Delete")), server=Server("permission denied")).of(query, {}) == ()
    assert found((query, Unexplained("no values"))).of(query, {}) == ()


def test_below_a_cascade_a_check_runs_for_every_row_it_takes_along() -> None:
    catalog = fix_plans.catalog()
    tables = dict(catalog.tables)
    (key,) = (one for one in tables["public.orders"].constraints if one.kind == "f")
    cascade = msgspec.structs.replace(key, definition=key.definition + " ON DELETE CASCADE")
    lines = msgspec.structs.replace(
        key, name="lines_fkey", columns=("order_id",), references="public.orders"
    )
    tables["public.orders"] = msgspec.structs.replace(
        tables["public.orders"], constraints=(cascade,)
    )
    tables["public.lines"] = msgspec.structs.replace(
        tables["public.events_1"], name="lines", constraints=(lines,), parents=(),
        partition_bound=None,
    )  # fmt: skip
    query = deleting()

    first, second = found(
        (query, writing("Delete")), of=msgspec.structs.replace(catalog, tables=tables)
    ).of(query, {})

    assert (first.action, first.times) == ("cascade", 7.0)
    assert second.path == ("public.customers", "public.orders", "public.lines")
    assert second.times == 70.0  # ten orders a customer


def test_advice_for_a_check_is_its_queries_and_named_by_them() -> None:
    query = deleting()
    behind = found((query, writing("Delete")), (deleting("too"), writing("Delete")))

    advice = behind.in_words_of_queries({"q": {"public.orders": ADVICE}})
    (check,) = behind.of(query, {LOOKUP: {"public.orders": ADVICE}})

    assert advice["q"]["public.orders"].also_helps == ("del", "other", "too")
    assert check.advice is not None
    assert check.advice.also_helps == ("other", "too")
