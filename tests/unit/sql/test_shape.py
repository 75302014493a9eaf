from __future__ import annotations

import pytest

import fix_plans
from pytest_planguard.sql.reads import shape


def lines(name: str, major: int = 18) -> tuple[str, ...]:
    return shape(fix_plans.root(name, major), fix_plans.catalog(major))


@pytest.mark.parametrize("major", fix_plans.MAJORS)
def test_partitions_read_alike_are_one_line(major: int) -> None:
    *above, scan = lines("partitions_merge_append", major)

    assert above == ["Limit", "  Append"]
    assert scan == (
        "    Index Scan Backward using events_created_at_idx on events e (4 partitions) "
        "[filter (e.account_id = ?)]"
    )


@pytest.mark.parametrize("major", fix_plans.MAJORS)
def test_both_majors_print_one_shape_for_subselects_whose_results_are_values(major: int) -> None:
    assert lines("init_plan", major) == (
        "Seq Scan on orders [filter (orders.customer_id = ?)]",
        "  InitPlan 1: Limit",
        "    Seq Scan on customers [filter (customers.name = ?)]",
    )


def test_joined_sides_come_before_subselects() -> None:
    assert lines("cte") == (
        "Hash Join [on (b1.id = b2.id)]",
        "  CTE Scan on big b1",
        "  Hash",
        "    CTE Scan on big b2",
        "  CTE big: Seq Scan on orders [filter (orders.customer_id = ?)]",
    )


def test_a_node_is_called_as_explain_calls_it() -> None:
    assert lines("partitions_parallel")[:4] == (
        "Finalize Aggregate",
        "  Gather",
        "    Partial Aggregate",
        "      Parallel Append",
    )
    assert lines("grouped")[0] == "HashAggregate [group by orders.customer_id]"
    assert lines("update")[0] == "Update on orders"


def test_no_number_of_a_plan_is_in_its_shape() -> None:
    text = "\n".join(lines("keyset"))

    assert "500" not in text
    assert "ROW(?, ?)" in text
