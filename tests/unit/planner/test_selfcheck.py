import pytest

from pytest_planguard.model.statistics import ScaleSource, TableStatistics
from pytest_planguard.planner.selfcheck import difference

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
