"""What a plan wants of a relation, from captured plans."""

from __future__ import annotations

import msgspec
import pytest

import fix_plans
from pytest_planguard.sql.needs import WHOLE_ROW, needs

both = pytest.mark.parametrize("major", fix_plans.MAJORS)


def asked_and_read(name: str, alias: str, major: int = 18) -> tuple[set[str], set[str]]:
    found = needs(fix_plans.root(name, major), fix_plans.catalog(major))
    (one,) = [one for one in found if one.alias == alias]
    return set(one.asked), set(one.columns)


@both
def test_a_join_needs_its_key_and_what_is_put_out_and_not_the_whole_row(major: int) -> None:
    assert asked_and_read("join_few_to_many", "o", major) == (
        {"customer_id"},
        {"customer_id", "id"},
    )


@both
def test_the_output_of_the_topmost_scan_is_what_is_wanted(major: int) -> None:
    asked, columns = asked_and_read("unbounded", "orders", major)
    assert (asked, columns) == ({"status"}, {"status", "id"})


def test_what_is_aggregated_is_asked() -> None:
    assert asked_and_read("subplan", "o")[0] == {"customer_id", "total"}


def test_order_and_groups_are_asked() -> None:
    assert {"total", "id", "customer_id"} <= asked_and_read("sort_limit", "orders")[0]
    assert "customer_id" in asked_and_read("grouped", "orders")[0]


def test_a_count_needs_nothing() -> None:
    assert asked_and_read("index_only_count", "orders") == (set(), set())


@both
def test_partitions_count_as_their_root(major: int) -> None:
    found = needs(fix_plans.root("partitions_all", major), fix_plans.catalog(major))

    assert [(one.relation, set(one.asked)) for one in found] == [("public.events", {"account_id"})]


def test_both_sides_of_a_self_join_are_told_apart() -> None:
    found = needs(fix_plans.root("self_join"), fix_plans.catalog())

    assert {one.alias: "customer_id" in one.asked for one in found} == {"a": True, "b": False}


def test_a_row_as_a_whole_is_not_a_list_of_columns() -> None:
    root = msgspec.structs.replace(fix_plans.root("seq_equality"), output=("orders.*",))

    (one,) = needs(root, fix_plans.catalog())
    assert one.columns == {WHOLE_ROW, "customer_id"}
