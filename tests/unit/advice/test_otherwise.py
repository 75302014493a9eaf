"""Queries that are planned once more, written otherwise: deep pages and rewrites."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

import fix_plans
from pytest_planguard.advice.paging import deep_pages
from pytest_planguard.advice.rewrites import rewrites
from pytest_planguard.advice.suspects import Item
from pytest_planguard.model.judgement import Rewrite
from pytest_planguard.model.plan import Planned, PlanNode, Unexplained
from pytest_planguard.model.query import Query, Variant
from pytest_planguard.model.spec import Thresholds
from pytest_planguard.model.statement import Origin, Phase, Place, Sample, Session, Via
from pytest_planguard.sql.reads import reads

CATALOG = fix_plans.catalog()
PAGE = "SELECT id FROM orders WHERE note = $3 ORDER BY id LIMIT $1 OFFSET $2"


class Planner:
    """Plans whatever it is asked at one cost, and keeps what it was asked."""

    def __init__(self, cost: float) -> None:
        self.asked: list[Query] = []
        self.calls = 0
        self._plan = PlanNode(node_type="Seq Scan", total_cost=cost)

    def __call__(self, queries: Sequence[Query]) -> list[Planned | Unexplained]:
        self.calls += 1
        self.asked += queries
        return [fix_plans.planned(self._plan, CATALOG) for _ in queries]

    @property
    def texts(self) -> list[str]:
        return [variant.plannable for query in self.asked for variant in query.variants]


def query(text: str, types: tuple[str | None, ...] = (), **more: Any) -> Query:
    spans = more.pop("spans", ())
    variant = Variant(text, types, Session("app", "psycopg"), plannable=text, spans=spans, **more)
    return fix_plans.query(text, variants=(variant,))


def item(asked: Query, root: PlanNode) -> Item:
    found = reads(root, CATALOG, Thresholds())
    return Item(asked, fix_plans.planned(root, CATALOG), {0: found})


def limited(rows: float) -> PlanNode:
    below = PlanNode(node_type="Index Scan", rows=rows, relation_name="orders", schema="public")
    return PlanNode(node_type="Limit", total_cost=1.9, children=(below,))


def paged(asked: Query, rows: float = 200_000.0) -> tuple[Planner, dict[str, Any]]:
    planner = Planner(8_400.0)
    return planner, deep_pages([item(asked, limited(rows))], Thresholds(), planner)


def test_a_page_is_planned_again_at_a_tenth_of_the_rows():
    asked = query(PAGE, ("20", None, None), literal=(1, 2))
    planner, found = paged(asked)

    assert planner.texts == [PAGE.replace("OFFSET $2", "OFFSET 20000")]
    (variant,) = planner.asked[0].variants
    assert variant.parameter_types == ("20", "25", None)  # the offset's own is no longer used
    assert variant.literal == (1,)
    page = found[asked.key]
    assert (page.skipped, page.cost_before, page.cost) == (20_000.0, 1.9, 8_400.0)
    assert (page.order, page.relations) == ((("id", False),), (("orders", "orders"),))


def test_few_rows_and_what_does_not_page_are_not_planned_again():
    few, _ = paged(query(PAGE), rows=99_999.0)
    whole, _ = paged(query("SELECT id FROM orders ORDER BY id LIMIT $1"))
    assert few.calls == whole.calls == 0


@pytest.mark.parametrize(
    ("via", "pages"), [(Via.DRIVER, False), (Via.CORE, False), (Via.DJANGO_ORM, True)]
)
def test_an_offset_written_by_an_orm_is_a_page_and_one_of_the_code_is_not(via, pages):
    asked = query("SELECT id FROM orders ORDER BY id LIMIT 1 OFFSET 1")
    place = Place(Origin("app/x.py", 1, "f", via=via), "t.py::a", Phase.CALL)
    planner, found = paged(msgspec.structs.replace(asked, places=(place,)))
    assert (planner.calls, bool(found)) == (int(pages), pages)


# Rewrites


def rewritten(
    asked: Query, root: PlanNode, cost: float = 8.0
) -> tuple[Planner, tuple[Rewrite, ...]]:
    planner = Planner(cost)
    found = rewrites([item(asked, root)], CATALOG, Thresholds(), planner)
    return planner, found.get(asked.key, ())


def captured(name: str, text: str = "") -> tuple[Query, PlanNode]:
    sql, root = fix_plans.captured(name)
    return query(text or sql), root


@pytest.mark.parametrize(("name", "rule"), [("date_function", "QRY001"), ("date_cast", "QRY002")])
def test_a_day_is_planned_as_a_half_open_range(name, rule):
    planner, (found,) = rewritten(*captured(name))

    assert "created_at >= CAST('2025-03-01' AS date)" in planner.texts[0]
    assert (found.rule, found.relation, found.cost_after) == (rule, "public.orders", 8.0)
    assert "write created_at >= CAST('2025-03-01' AS date) AND created_at < CAST" in found.text


def test_what_is_shown_of_a_rewrite_is_written_for_the_normal_form():
    asked, root = captured("date_function")
    normal = "SELECT * FROM orders WHERE date(created_at) = $1"
    _, (found,) = rewritten(msgspec.structs.replace(asked, sql=normal), root)

    assert found.text == (
        "instead of date(created_at) = $1 write created_at >= CAST($1 AS date) AND "
        "created_at < CAST($1 AS date) + 1"
    )


NUMERIC, INTEGER = "1700", "23"


def retyped(
    condition: str, types: tuple[str, ...], values: tuple[str, ...]
) -> tuple[Planner, tuple[Rewrite, ...]]:
    """What becomes of a query whose plan casts ``legacy_number`` to numeric."""
    _, root = fix_plans.captured("numeric_cast")
    asked = query(f"SELECT * FROM orders WHERE {condition}", types, samples=(Sample(values),))
    return rewritten(
        msgspec.structs.replace(asked, parameter_types=("numeric",) * len(types)), root
    )


@pytest.mark.parametrize(
    ("condition", "types"),
    [
        ("total = $1 AND legacy_number = $2", (NUMERIC, INTEGER)),
        ("total < $1 AND $2 = orders.legacy_number", (NUMERIC, INTEGER)),
        ("$1 IN (total, note) AND legacy_number IN ($2)", (NUMERIC, INTEGER)),
    ],
)
def test_only_the_parameter_the_cast_column_equals_is_sent_otherwise(condition, types):
    planner, (found,) = retyped(condition, (NUMERIC, NUMERIC), ("5.5", "12.00"))

    (variant,) = planner.asked[0].variants
    assert variant.parameter_types == types
    assert variant.samples == (Sample(("5.5", "12")),)
    assert (found.rule, found.relation) == ("QRY002", "public.orders")
    assert found.text == (
        "send $2 as integer, which legacy_number is: pass int(value) instead of a numeric value, "
        "or write CAST($2 AS integer)"
    )


def test_several_parameters_of_one_column_are_all_named():
    _, (found,) = retyped("legacy_number IN ($1, $2)", (NUMERIC, NUMERIC), ("1", "2"))

    assert found.text.startswith("send $1 and $2 as integer, which legacy_number is")
    assert found.text.endswith("or write CAST(… AS integer)")


@pytest.mark.parametrize(
    "condition",
    [
        "legacy_number < $1",  # 12.5 as 12 would leave rows out
        "legacy_number = $1 AND total = $1",
        "c.legacy_number = $1",  # another table's
        "legacy_number + 1 = $1",
    ],
)
def test_what_would_mean_something_else_as_an_integer_stays(condition):
    text = f"SELECT * FROM orders, customers c WHERE {condition}"
    _, orders = fix_plans.captured("numeric_cast")
    other = PlanNode(node_type="Seq Scan", relation_name="customers", schema="public", alias="c")
    root = PlanNode(node_type="Nested Loop", total_cost=9e9, children=(orders, other))

    planner, found = rewritten(query(text, (NUMERIC,), samples=(Sample(("12.5",)),)), root)

    assert (planner.calls, found) == (0, ())


def not_in(column: str, table: str = "orders") -> tuple[Query, PlanNode]:
    """A NOT IN that is not hashed."""
    text = f"SELECT 1 FROM customers c WHERE c.id NOT IN (SELECT o.{column} FROM {table} o)"
    scan = PlanNode(node_type="Seq Scan", relation_name=table, schema="public", alias="o", rows=9e5)
    plan = PlanNode(
        node_type="Materialize", children=(scan,), rows=9e5, parent_relationship="SubPlan",
        subplan_name="SubPlan 1",
    )  # fmt: skip
    root = PlanNode(
        node_type="Seq Scan", relation_name="customers", schema="public", alias="c", rows=1e4,
        total_cost=9e9, filter="(NOT (ANY (c.id = (SubPlan 1).col1)))", children=(plan,),
    )  # fmt: skip
    return query(text), root


@pytest.mark.parametrize(
    ("column", "says"),
    [
        ("customer_id", ": the same rows, as o.customer_id and c.id are never NULL"),
        ("note", "; where NOT IN gives no row at all as soon as one o.note is NULL, it gives"),
    ],
)
def test_not_exists_is_planned_for_not_in_and_says_what_a_null_makes_of_it(column, says):
    planner, found = rewritten(*not_in(column))

    condition = f"NOT EXISTS (SELECT 1 FROM orders AS o WHERE o.{column} = c.id)"
    assert condition in planner.texts[0]
    assert {one.rule for one in found} == {"QRY005"}
    assert f"write {condition}{says}" in found[0].text


def filtered(text: str, condition: str) -> tuple[Query, PlanNode]:
    """A scan of orders that a sub-select decides."""
    root = PlanNode(
        node_type="Seq Scan", relation_name="orders", schema="public", alias="o", rows=1e6,
        total_cost=9e9, filter=condition,
    )  # fmt: skip
    return query(text), root


def test_an_or_that_no_index_serves_is_planned_as_one_search_for_each_side():
    text = "SELECT 1 FROM orders o WHERE o.customer_id = $1 OR o.id IN (SELECT order_id FROM lines)"
    planner, (found,) = rewritten(
        *filtered(text, "((o.customer_id = 7) OR (ANY (o.id = (hashed SubPlan 1).col1)))")
    )

    new = (
        "o.id IN (SELECT o.id FROM orders AS o WHERE o.customer_id = $1 UNION SELECT o.id FROM "
        "orders AS o WHERE o.id IN (SELECT order_id FROM lines))"
    )
    assert planner.texts == [f"SELECT 1 FROM orders AS o WHERE {new}"]
    assert (found.rule, found.relation) == ("PLN001", "public.orders")
    assert f" write {new}: each side is a search of its own" in found.text


def test_an_or_of_joined_tables_is_planned_with_the_keys_of_its_sides_beside_it():
    text = (
        "SELECT 1 FROM orders o LEFT JOIN lines l ON l.order_id = o.id "
        "WHERE o.customer_id = $1 OR l.sku = $2"
    )
    scans = [
        PlanNode(node_type="Seq Scan", relation_name=name, schema="public", alias=name[0], rows=9e5)
        for name in ("orders", "lines")
    ]
    root = PlanNode(
        node_type="Nested Loop", total_cost=9e9, children=tuple(scans),
        filter="((o.customer_id = 7) OR (l.sku = 'x'::text))",
    )  # fmt: skip
    planner, (found,) = rewritten(query(text), root)

    new = (
        "o.id IN (SELECT o.id FROM orders AS o WHERE o.customer_id = $1 UNION SELECT o.id FROM "
        "orders AS o LEFT JOIN lines AS l ON l.order_id = o.id WHERE l.sku = $2)"
    )
    old = "o.customer_id = $1 OR l.sku = $2"
    assert planner.texts[0].endswith(f" WHERE ({old}) AND {new}")
    assert (found.rule, found.relation) == ("PLN001", "public.orders")
    assert found.text.startswith(f"beside {old} write {new}: ")


def test_a_count_of_the_rows_of_a_row_is_planned_as_exists_and_shown_without_its_constant():
    count = "(SELECT count(*) FROM lines l WHERE l.order_id = o.id)"
    asked, root = filtered(f"SELECT 1 FROM orders o WHERE {count} = 0", "((SubPlan 1) = 0)")
    normal = msgspec.structs.replace(asked, sql=f"SELECT 1 FROM orders AS o WHERE {count} = $1")
    planner, (found,) = rewritten(normal, root)

    new = "NOT EXISTS (SELECT 1 FROM lines AS l WHERE l.order_id = o.id)"
    assert planner.texts == [f"SELECT 1 FROM orders AS o WHERE {new}"]
    assert found.text.endswith(f" = $1 write {new}: it is run once, not for each row")


def test_what_no_filter_suffers_from_is_not_planned_otherwise():
    text = "SELECT 1 FROM orders o WHERE o.customer_id = 1 OR o.customer_id = 2"
    planner, found = rewritten(*filtered(text, "(o.customer_id = ANY ('{1,2}'::bigint[]))"))
    assert (planner.calls, found) == (0, ())


@pytest.mark.parametrize("cost", [6_900.0, 5_500.0])
def test_what_gains_too_little_is_not_advised(cost):
    _, found = rewritten(*captured("date_function"), cost=cost)
    assert found == ()


def test_all_are_planned_at_once():
    planner = Planner(8.0)
    items = [item(*captured(name)) for name in ("date_function", "date_cast", "primary_key")]
    rewrites(items, CATALOG, Thresholds(), planner)
    assert (planner.calls, len(planner.asked)) == (1, 2)
