from __future__ import annotations

import msgspec
import pytest

import fix_plans
from pytest_planguard.model.catalog import Catalog, Index
from pytest_planguard.model.judgement import Read
from pytest_planguard.sql.entries import passed_over


def with_index(*keys: str, method: str = "btree") -> Catalog:
    catalog = fix_plans.catalog()
    index = Index("entered", "public", "public.orders", method, keys)
    return msgspec.structs.replace(catalog, indexes={"public.entered": index})


def read(*conditions: str, filtered: tuple[str, ...] = ()) -> Read:
    found = fix_plans.reads_of("seq_equality")["orders"]
    node = msgspec.structs.replace(found.node, index="entered")
    return msgspec.structs.replace(
        found, node=node, conditions=(*conditions, *filtered), filter=filtered
    )


EQUAL = "(orders.customer_id = 42)"
SINCE = "(orders.created_at >= '2025-01-01'::date)"


@pytest.mark.parametrize(
    ("keys", "conditions"),
    [
        (("created_at", "customer_id"), (SINCE, EQUAL)),
        (("status", "customer_id"), (EQUAL,)),
        (("status", "customer_id", "created_at"), (EQUAL, SINCE)),
    ],
)
def test_a_key_behind_a_range_or_a_gap_is_compared_entry_by_entry(
    keys: tuple[str, ...], conditions: tuple[str, ...]
) -> None:
    found = passed_over(read(*conditions), with_index(*keys))

    assert found is not None
    assert found.name == "entered"


@pytest.mark.parametrize(
    ("keys", "conditions"),
    [
        (("customer_id", "created_at"), (EQUAL, SINCE)),
        (("customer_id", "status", "created_at"), (EQUAL,)),
        (("created_at",), (SINCE,)),
        (("created_at", "customer_id"), (SINCE,)),
    ],
)
def test_equalities_and_one_range_behind_them_are_where_it_is_entered(
    keys: tuple[str, ...], conditions: tuple[str, ...]
) -> None:
    assert passed_over(read(*conditions), with_index(*keys)) is None


def test_what_is_filtered_from_the_table_says_nothing_of_the_index() -> None:
    late = read(SINCE, filtered=(EQUAL,))

    assert passed_over(late, with_index("created_at", "customer_id")) is None


def test_other_methods_have_no_order_to_enter_by() -> None:
    assert (
        passed_over(read(SINCE, EQUAL), with_index("created_at", "customer_id", method="gist"))
        is None
    )
