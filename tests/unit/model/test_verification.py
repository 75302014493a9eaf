"""When two plans count as one."""

import pytest

from pytest_planguard.model.plan import Plan, PlanNode, SampleKind
from pytest_planguard.model.verification import Comparison, Likeness


def plan(line, cost=100.0):
    return Plan(SampleKind.CAPTURED, PlanNode(node_type="Seq Scan", total_cost=cost), {}, (line,))


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ("Seq Scan on t [filter ((t.sku)::text = ?)]", "Seq Scan on t [filter (t.sku = ?)]"),
        ('Scan [cond (("T".a)::numeric(10,2) > ?)]', 'Scan [cond ("T".a > ?)]'),
        ("Scan [cond ((t.at)::timestamp without time zone > ?)]", "Scan [cond (t.at > ?)]"),
    ],
)
def test_the_cast_of_a_column_makes_no_other_plan(here, there):
    assert Comparison(plan(here), plan(there)).likeness is Likeness.IDENTICAL


def test_another_node_or_condition_does():
    one = Comparison(plan("Seq Scan on t"), plan("Index Scan using i on t"))
    other = Comparison(plan("Scan [filter (t.a = ?)]"), plan("Scan [filter (lower(t.a) = ?)]"))
    assert (one.likeness, other.likeness) == (Likeness.DIFFERENT, Likeness.DIFFERENT)


def test_a_cost_that_is_off_by_more_than_a_hundredth_is_told():
    assert Comparison(plan("Scan"), plan("Scan", 101.1)).likeness is Likeness.COST
    assert Comparison(plan("Scan"), plan("Scan", 100.9)).likeness is Likeness.IDENTICAL
