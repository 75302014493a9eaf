from __future__ import annotations

import pytest

import fix_plans
from pytest_planguard.sql.figures import Figures, figures
from pytest_planguard.sql.shape import shape

CATALOG = fix_plans.catalog()
NAMES = sorted(
    file.stem for file in (fix_plans.FOLDER / "pg18").glob("*.json") if file.stem != "catalog"
)


def of(name: str) -> tuple[Figures, ...]:
    return figures(fix_plans.root(name), CATALOG)


@pytest.mark.parametrize("name", NAMES)
def test_figures_stand_beside_the_lines_of_the_shape_and_come_to_the_cost(name: str) -> None:
    root = fix_plans.root(name)
    found = of(name)

    lines = tuple("  " * one.depth + one.text for one in found)
    assert lines == shape(root, CATALOG)
    assert found[0].cost == pytest.approx(root.total_cost)
    # What a LIMIT or a hash of few rows does not let run is nobody's.
    assert sum(one.own for one in found) <= root.total_cost * 1.02 + 0.1
    assert all(0 <= one.own <= one.cost + 0.01 for one in found)


def test_partitions_read_alike_are_counted_together() -> None:
    root = fix_plans.root("partitions_merge_append")
    *_, scan = of("partitions_merge_append")

    assert "(4 partitions)" in scan.text
    parts = [node for node in root.walk() if node.node_type == "Index Scan"]
    assert len(parts) == 4
    assert scan.rows <= sum(node.rows for node in parts)
    assert scan.rows > max(node.rows for node in parts) * 0.01


def test_a_scan_reads_more_than_it_returns() -> None:
    (scan,) = of("seq_equality")

    assert scan.read == CATALOG.tables["public.orders"].rows
    assert scan.rows == fix_plans.root("seq_equality").rows
    assert scan.own == scan.cost


def test_what_runs_again_for_each_row_is_counted_as_often() -> None:
    loop, outer, *inner = of("nested_loop_inner_seq")

    assert inner[0].loops == pytest.approx(max(1.0, outer.rows), rel=0.01)
    assert inner[0].cost <= loop.cost


def test_below_a_limit_only_what_is_run_counts() -> None:
    limit, scan = of("limit_seq_stops_early")
    (whole,) = fix_plans.root("limit_seq_stops_early").children

    assert scan.cost == pytest.approx(limit.cost)
    assert scan.cost < whole.total_cost
