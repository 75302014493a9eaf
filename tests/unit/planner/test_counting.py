import pytest

from pytest_planguard.model.plan import PlanNode, SampleKind
from pytest_planguard.model.query import Query, Variant
from pytest_planguard.model.statement import Session
from pytest_planguard.planner.counting import Candidate, counting


def kept(generic, *others, prepares=True, settings=None):
    """Kinds of the plans that count, of a generic one at that cost and others with values."""
    session = Session("app", "psycopg", prepares=prepares)
    query = Query("k", "default", "", (), (Variant("", ("23",), session),), ())
    plans = [(SampleKind.GENERIC, generic), *others]
    made = [
        Candidate(
            0, kind, PlanNode(node_type="Seq Scan", alias="t", total_cost=cost), settings or {}
        )
        for kind, cost in plans
    ]
    return [made[position].sample.value for position in counting(query, made)]


def captured(*costs):
    return [(SampleKind.CAPTURED, cost) for cost in costs]


@pytest.mark.parametrize(("cost", "counts"), [(104.9, True), (105.1, False), (99.0, True)], ids=str)
def test_a_generic_plan_counts_where_it_is_cheaper_than_planning_each_time(cost, counts):
    # one relation: 1000 * 0.0025 * (1 + 1) for planning
    assert ("generic" in kept(cost, *captured(50.0, 150.0))) is counts


def test_planning_is_reckoned_with_the_servers_own_costs():
    assert "generic" in kept(119.0, *captured(100.0), settings={"cpu_operator_cost": "0.01"})


def test_a_driver_that_does_not_prepare_never_gets_one():
    assert kept(1.0, *captured(100.0), prepares=False) == ["captured"]


def test_common_values_do_not_make_a_generic_plan_look_cheap():
    costs = [*captured(100.0), (SampleKind.COMMON, 1_000_000.0)]
    assert kept(5_000.0, *costs) == ["captured", "common"]


def test_where_there_is_no_other_plan_it_counts():
    assert kept(5_000.0, prepares=False) == ["generic"]
