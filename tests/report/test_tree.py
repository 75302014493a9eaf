"""Plans as trees, from captured ones."""

from __future__ import annotations

import msgspec
import pytest

import fix_plans
import fix_reports
from pytest_planguard.model.finding import Finding
from pytest_planguard.model.plan import Plan, SampleKind
from pytest_planguard.report._tree import Row, drawn, tree
from pytest_planguard.sql.shape import shape


def plan(name: str, major: int = 18) -> Plan:
    return Plan(SampleKind.CAPTURED, fix_plans.root(name, major))


def rows(name: str, *findings: Finding, major: int = 18) -> list[Row]:
    return tree(plan(name, major), fix_plans.catalog(major), findings)


def finding(**changes: object) -> Finding:
    return msgspec.structs.replace(fix_reports.missing_index()[1], **changes)


NAMES = sorted(
    path.stem for path in (fix_plans.FOLDER / "pg18").glob("*.json") if path.stem != "catalog"
)


@pytest.mark.parametrize("major", fix_plans.MAJORS)
@pytest.mark.parametrize("name", NAMES)
def test_the_tree_has_the_lines_of_the_shape_and_the_whole_cost(name: str, major: int) -> None:
    found = rows(name, major=major)
    lines = shape(fix_plans.root(name, major), fix_plans.catalog(major))
    said = [
        row.name + (f" [{'; '.join(row.conditions)}]" if row.conditions else "") for row in found
    ]
    assert said == [line.strip() for line in lines]
    assert [len(row.branch) for row in found] == [
        (len(line) - len(line.lstrip())) // 2 * 3 for line in lines
    ]
    assert sum(row.share for row in found) == pytest.approx(1, abs=0.02)


def test_below_a_limit_rows_are_those_it_lets_through() -> None:
    top, scan = rows("limit_seq_stops_early")
    assert (top.name, top.rows, scan.branch) == ("Limit", 10, "└─ ")
    assert scan.rows == pytest.approx(10, rel=0.01)
    assert scan.share > 0.99
    _, sort, read = rows("sort_limit")
    assert sort.rows < read.rows


def test_partitions_that_are_read_alike_are_one_row_with_all_their_rows() -> None:
    *_, scan = rows("partitions_all")
    assert "(4 partitions)" in scan.name
    assert scan.rows == sum(node.rows for node in fix_plans.root("partitions_all").children)


def test_loops_are_told_and_counted_in() -> None:
    found = rows("nested_loop_inner_seq")
    inner = next(row for row in found if "Seq Scan on orders" in row.name)
    assert inner.loops > 1
    assert inner.share > 0.7
    text = "\n".join("".join(part for part, _ in line) for line in drawn(found, 80))
    assert f" × {inner.loops:.0f}  " in text


@pytest.mark.parametrize(
    ("name", "changes", "marked"),
    [
        ("join_few_to_many", {"relation": "public.customers"}, "on customers c"),
        ("self_join", {"relation": "public.orders"}, "Seq Scan on orders"),
        ("sort_limit", {"relation": "public.orders", "rule": "PLN005"}, "Sort"),
        ("sort_limit", {"relation": None}, "Limit"),
        ("sort_limit", {"relation": "public.elsewhere"}, "Limit"),
        ("update", {"relation": "public.orders"}, "Scan"),
        ("partitions_all", {"relation": "public.events"}, "on events"),
    ],
)
def test_a_finding_stands_at_the_node_it_is_of(
    name: str, changes: dict[str, str], marked: str
) -> None:
    (row,) = [row for row in rows(name, finding(**changes)) if row.findings]
    assert marked in row.name


def test_drawn_it_is_a_tree_in_eighty_columns() -> None:
    found = rows("self_join", finding(relation="public.orders"))
    lines = ["".join(text for text, _ in line) for line in drawn(found, 80)]
    assert lines[0] == "      cost            rows"
    assert all(len(line) <= 80 for line in lines)
    assert any("^ E IDX001 missing-index" in line for line in lines)
    assert any("├─ " in line for line in lines)
    assert any("└─ " in line for line in lines)
    assert not any("42" in line for line in lines[1:] if "customer_id" in line)
