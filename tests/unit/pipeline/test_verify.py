from __future__ import annotations

from pytest_planguard.model.plan import Drawn, Plan, Planned, PlanNode, SampleKind
from pytest_planguard.pipeline.verify import comparable


def plan(drawn: Drawn | None = None) -> Plan:
    kind = SampleKind.CAPTURED if drawn is None else SampleKind.COMMON
    return Plan(kind, PlanNode(node_type="Result"), drawn=drawn)


def test_common_values_that_are_stand_ins_are_not_asked_for_on_a_real_database() -> None:
    captured, real, stand_in = plan(), plan(Drawn("typical")), plan(Drawn("x", stand_in=True))

    assert comparable(Planned((stand_in, captured, real))) == [captured, real]
    assert comparable(Planned((stand_in,))) == (stand_in,)
