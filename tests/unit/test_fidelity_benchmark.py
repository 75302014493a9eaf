"""What the fidelity benchmark calls identical: a benchmark that cannot fail proves nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def _benchmarks_importable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield
    for name in [name for name in sys.modules if name.startswith("fidelity_parts")]:
        del sys.modules[name]


COSTS = {"Startup Cost": 0.4, "Total Cost": 100.0}


def _scan(cost: float = 100.0, **more: Any) -> dict[str, Any]:
    node = {"Node Type": "Index Scan", "Relation Name": "t", "Alias": "t", "Index Name": "t_a_idx"}
    return {**node, "Startup Cost": 0.4, "Total Cost": cost, "Plan Rows": 7, **more}


def _join(*plans: dict[str, Any], cost: float = 500.0) -> dict[str, Any]:
    node = {"Node Type": "Hash Join", "Join Type": "Inner", "Startup Cost": 1.0}
    return {**node, "Total Cost": cost, "Plans": list(plans)}


def test_plans_that_differ_in_numbers_only_are_identical() -> None:
    from fidelity_parts.compare import compare

    found = compare("q", _join(_scan(), _scan()), _join(_scan(), _scan(110, **{"Plan Rows": 9})))
    assert found.is_identical
    assert found.ratio == 1
    assert found.deviation == pytest.approx(0.1)
    assert found.farthest == "Index Scan using t_a_idx on t"


def test_costs_that_print_alike_do_not_deviate() -> None:
    from fidelity_parts.compare import compare

    found = compare("q", _scan(0.41), _scan(0.42))
    assert (found.deviation, found.whole) == (0, 0)


@pytest.mark.parametrize(
    "more",
    [
        {"Index Name": "t_b_idx"},
        {"Alias": "u"},
        {"Node Type": "Seq Scan"},
        {"Index Cond": "(a = 2)"},
        {"Parallel Aware": True},
        {"Scan Direction": "Backward"},
        {"Plans": [_scan()]},
    ],
)
def test_any_other_node_is_a_difference(more: dict[str, Any]) -> None:
    from fidelity_parts.compare import compare

    assert not compare("q", _join(_scan(), _scan()), _join(_scan(), _scan(**more))).is_identical


def test_the_order_of_a_join_counts() -> None:
    from fidelity_parts.compare import compare

    other = _scan(Alias="u")
    assert not compare("q", _join(_scan(), other), _join(other, _scan())).is_identical


def test_every_query_of_the_mixed_workload_has_a_text_and_every_cause_a_query() -> None:
    import tomllib

    from fidelity_parts.workloads import MIXED, mixed_queries, script

    queries = mixed_queries()
    assert len(queries) >= 60
    assert all(text.split()[0] in {"SELECT", "WITH", "UPDATE", "DELETE", "INSERT"}
               for text in queries.values())  # fmt: skip
    assert tomllib.loads(script(MIXED / "causes.toml")).keys() <= queries.keys()


def _cell(**more: Any) -> Any:
    from fidelity_parts.compare import compare
    from fidelity_parts.measure import BASE, Cell
    from fidelity_parts.virtual import Pulled
    from fidelity_parts.workloads import Workload

    workload = Workload(
        "w", "w", "w", lambda *_: None, {}, 0.01, (), 1.0,
        nodes=frozenset({"Hash Join", "Index Scan", "Memoize"}),
    )  # fmt: skip
    plan = _join(_scan(), _scan(**more))
    compared = (compare("q", plan, plan),)
    return Cell("18.6", workload, BASE, compared, Pulled(1, 1, ""), 1.0, 1.0, 1, ())


def test_a_type_of_node_that_no_real_plan_has_is_a_missed_goal() -> None:
    from fidelity_parts.measure import Loaded
    from fidelity_parts.outcome import missed_goals

    loaded = [Loaded("18.6", "w", 1000.0, 1000)]
    assert missed_goals(loaded, [_cell()], {}, full=True) == ["w on 18.6: no plan has Memoize"]
    assert missed_goals(loaded, [_cell(Plans=[{"Node Type": "Memoize", **COSTS}])], {},
                        full=True) == []  # fmt: skip
    assert missed_goals(loaded, [_cell()], {}, full=False) == []


@pytest.mark.parametrize(("inflated", "said"), [(0.99, 0), (1.0, 1)])
def test_many_tables_that_take_long_are_a_missed_goal(inflated: float, said: int) -> None:
    from fidelity_parts.many import Many
    from fidelity_parts.outcome import missed_goals

    found = missed_goals([], [], {"PostgreSQL 18": Many(1, 1, 1, inflated, 1, 1)}, full=True)
    assert len(found) == said
    assert all(one.startswith("1,000 tables on PostgreSQL 18: inflated in 1.00 s") for one in found)
