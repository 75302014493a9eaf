from __future__ import annotations

import msgspec
import pytest

import fix_plans
from pytest_planguard.advice.candidates import candidates
from pytest_planguard.advice.naming import index_name, renamed
from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.ports import HypotheticalIndex
from pytest_planguard.model.query import Variant
from pytest_planguard.model.spec import Thresholds
from pytest_planguard.model.statement import Session
from pytest_planguard.sql.reads import reads


def proposed(
    name: str, alias: str | None = None, *, of: Catalog | None = None, filter_text: str = ""
) -> list[str]:
    """Columns (and predicate) of the candidates for a captured plan's read."""
    catalog = of or fix_plans.catalog()
    sql, node = fix_plans.captured(name)
    found = reads(node, catalog, Thresholds())
    read = next(one for one in found if alias in (None, one.alias))
    if filter_text:
        read = msgspec.structs.replace(read, filter=(filter_text,), conditions=(filter_text,))
    plan = fix_plans.planned(node, catalog).worst
    query = fix_plans.query(sql)
    made = candidates(query, plan, read, catalog, Thresholds())
    return [
        ", ".join(one.columns)
        + (f" with {', '.join(one.include)}" if one.include else "")
        + (f" using {one.method}" if one.method != "btree" else "")
        + (f" where {one.predicate}" if one.predicate else "")
        for one in made
    ]


def test_an_equality_is_a_key() -> None:
    assert proposed("seq_equality") == ["customer_id"]


def test_the_order_under_a_limit_follows_the_equality() -> None:
    assert proposed("sort_limit") == ["customer_id", "customer_id, total DESC, id"]


def test_the_order_a_walked_index_gives_follows_the_equality() -> None:
    assert proposed("wrong_order_index")[:2] == ["total", "total, created_at DESC"]


def test_a_row_comparison_is_a_range_over_its_columns() -> None:
    assert "customer_id, total, id" in proposed("keyset")


def test_a_join_with_few_rows_makes_its_column_a_key() -> None:
    assert proposed("join_few_to_many", "o") == ["customer_id", "customer_id with id"]


def test_a_join_with_many_rows_does_not() -> None:
    assert proposed("grouped") == []


def test_the_parameter_of_a_subselect_is_a_key_and_the_greatest_value_comes_next() -> None:
    assert proposed("subplan", "o") == ["customer_id", "customer_id, total"]


def test_containment_is_for_gin() -> None:
    assert proposed("jsonb") == ["data jsonb_path_ops using gin"]


def test_a_leading_wildcard_is_for_trigrams() -> None:
    assert proposed("leading_wildcard") == ["name gin_trgm_ops using gin"]


def test_a_prefix_needs_the_pattern_operators_but_in_the_c_collation() -> None:
    catalog = fix_plans.catalog()
    server = msgspec.structs.replace(catalog.server, collation="C")

    assert proposed("prefix_like") == ["name text_pattern_ops"]
    assert proposed("prefix_like", of=msgspec.structs.replace(catalog, server=server)) == ["name"]


def test_an_immutable_function_is_a_key() -> None:
    assert proposed("function_on_column") == ["(upper((email)::text))"]


@pytest.mark.parametrize("name", ["numeric_cast", "date_cast", "date_function"])
def test_a_cast_or_a_function_that_depends_on_the_session_never_is(name: str) -> None:
    assert proposed(name) == []


@pytest.mark.parametrize(
    "filter_text",
    [
        "(date_trunc('day'::text, orders.created_at) = $1)",
        "((orders.id)::text = '5'::text)",
        "(to_char(orders.created_at, 'YYYY'::text) = '2025'::text)",
        "(orders.total > random())",
        "(hashed SubPlan 1)",
    ],
)
def test_what_is_not_immutable_gives_no_candidate_on_it(filter_text: str) -> None:
    assert [one for one in proposed("seq_equality", filter_text=filter_text) if "(" in one] == []


def test_constants_of_the_sql_become_a_partial_index() -> None:
    found = proposed("job_queue")

    assert "total where status)::text = 'pending'::text" not in found
    assert "total where (status)::text = 'pending'::text AND note = 'queued'::text" in found or (
        "total where note = 'queued'::text AND (status)::text = 'pending'::text" in found
    )


def test_a_parameter_makes_no_partial_index() -> None:
    sql, node = fix_plans.captured("job_queue")
    catalog = fix_plans.catalog()
    text = sql.replace("'pending'", "$1").replace("'queued'", "$2")
    variant = Variant(text, ("25", "25"), Session("app", "psycopg"))
    read = fix_plans.reads_of("job_queue")["orders"]
    plan = fix_plans.planned(node, catalog).worst

    made = candidates(fix_plans.query(text, variants=(variant,)), plan, read, catalog, Thresholds())

    assert made
    assert not any(one.predicate for one in made)


def test_what_an_index_covers_already_is_left_out() -> None:
    catalog = fix_plans.catalog()
    status = catalog.indexes["public.orders_status_created_at_idx"]
    more = msgspec.structs.replace(status, name="more", keys=("customer_id", "id"))
    invalid = msgspec.structs.replace(more, valid=False)

    def with_index(index: object) -> Catalog:
        return msgspec.structs.replace(catalog, indexes={**catalog.indexes, "public.more": index})  # type: ignore[arg-type]

    assert proposed("seq_equality", of=with_index(more)) == []
    assert proposed("seq_equality", of=with_index(invalid)) == ["customer_id"]


def test_a_key_has_at_most_four_columns() -> None:
    found = proposed(
        "seq_equality",
        filter_text="(ROW(orders.id, orders.total, orders.note, orders.status, orders.data) > $1)",
    )

    assert all(one.count(",") < 4 for one in found)


def test_a_long_name_is_cut_and_stays_unique() -> None:
    one = index_name("t" * 40, ["a" * 30, "b"])
    other = index_name("t" * 40, ["a" * 30, "c"])

    assert len(one) <= 63
    assert one != other
    assert one.endswith("_idx")


def test_a_taken_name_gets_a_number() -> None:
    taken = {"orders_a_idx"}
    index = HypotheticalIndex("orders_a_idx", "public.orders", "btree", ("a",))

    assert renamed(index, taken).name == "orders_a_2_idx"
    assert renamed(index, taken).name == "orders_a_3_idx"
