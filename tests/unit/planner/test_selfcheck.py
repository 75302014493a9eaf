import pytest

from pytest_planguard.model.statistics import (
    IndexStatistics,
    ScaleSource,
    Statistics,
    TableStatistics,
)
from pytest_planguard.planner.selfcheck import difference, wrong_heights

FACTS = TableStatistics(47_000_000, 534_091, ScaleSource.DECLARED)
PRICES = (1.0, 0.01)


def answer(rows=47_000_000, cost=1_004_091.0, node="Seq Scan"):
    return [{"Plan": {"Node Type": node, "Plan Rows": rows, "Total Cost": cost}}]


def test_a_table_at_scale_differs_in_nothing():
    assert difference("public.t", FACTS, answer(), PRICES) == ""


def test_an_empty_table_is_planned_with_one_row():
    empty = TableStatistics(0, 1, ScaleSource.DECLARED)
    assert difference("public.t", empty, answer(rows=1, cost=1.0), PRICES) == ""


@pytest.mark.parametrize(
    ("plan", "sentence"),
    [
        (answer(rows=1, cost=0.0), "public.t has 1 rows for the planner instead of 47,000,000"),
        (answer(cost=470_000.0), "public.t costs 470,000.00 to read instead of 1,004,091.00"),
        (answer(node="Index Only Scan"), "public.t is read by Index Only Scan"),
    ],
)
def test_what_is_not_at_scale_is_said_with_both_numbers(plan, sentence):
    assert difference("public.t", FACTS, plan, PRICES) == sentence


def test_a_table_that_grew_since_it_was_analysed_has_more_rows_for_the_planner():
    grown = TableStatistics(1_000, 10, ScaleSource.PRODUCTION, file_pages=35)
    assert difference("public.t", grown, answer(rows=3_500, cost=70.0), PRICES) == ""
    assert "instead of 3,500" in difference("public.t", grown, answer(1_000, 45.0), PRICES)


def test_rows_that_were_never_counted_are_the_planners_guess_on_the_files_pages():
    never = TableStatistics(-1, 0, ScaleSource.PRODUCTION, file_pages=35)
    assert difference("public.t", never, answer(rows=7_000, cost=105.0), PRICES) == ""
    assert "costs 80.00 to read instead of 105.00" in difference(
        "public.t", never, answer(rows=7_000, cost=80.0), PRICES
    )


def test_a_btree_of_another_height_is_named():
    indexes = {"i": IndexStatistics(900, 5.0, 2), "unknown": IndexStatistics(900, 5.0)}
    table = TableStatistics(5, 1, ScaleSource.PRODUCTION, indexes=indexes)
    statistics = Statistics({"public.t": table}, "2026-01-01", ScaleSource.PRODUCTION)
    page = bytes(44) + (2).to_bytes(4, "little")
    assert wrong_heights(statistics, {"public.i": page, "public.unknown": bytes(48)}) == []
    assert wrong_heights(statistics, {"public.i": bytes(48)}) == ["i is 0 levels high instead of 2"]
