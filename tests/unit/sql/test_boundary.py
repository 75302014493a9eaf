from __future__ import annotations

from typing import Any

import pytest

from pytest_planguard.model.catalog import Catalog, Index, Server
from pytest_planguard.model.plan import PlanNode
from pytest_planguard.sql.boundary import bounding, entries_walked
from pytest_planguard.sql.probes import probe_of


def catalog(*keys: str, major: int = 16, method: str = "btree", **settings: str) -> Catalog:
    index = Index("i", "public", "public.t", method, keys, tuples=1e6, pages=4000)
    server = Server(major * 10_000, str(major), settings=settings)
    return Catalog(server, {"public.t": None}, {"public.i": index})  # type: ignore[dict-item]


def scan(condition: str | None, **facts: Any) -> PlanNode:
    facts = {"node_type": "Index Scan", "rows": 10.0, "total_cost": 1e9} | facts
    return PlanNode(
        schema="public", relation_name="t", alias="t", index="i", index_cond=condition, **facts
    )


@pytest.mark.parametrize(
    ("condition", "bounds"),
    [
        ("(t.a = 1)", None),
        ("((t.a = 1) AND (t.b > 2))", None),
        ("((t.b > 2) AND (t.a = ANY ('{1,2}'::integer[])))", None),
        ("((t.a IS NULL) AND (t.b = 2) AND (t.c < 3))", None),
        ("(t.b = 2)", ()),
        ("((t.a = 1) AND (t.c = 3))", ("(t.a = 1)",)),
        ("((t.a >= 1) AND (t.b = 2))", ("(t.a >= 1)",)),
        ("((t.a >= 1) AND (t.a < 5) AND (t.b = 2))", ("(t.a >= 1)", "(t.a < 5)")),
        ("(ROW(t.a, t.b) > ROW(1, 2))", None),
        ("(o.x = t.b)", ()),
    ],
)
def test_equalities_in_front_and_one_range_behind_them_bound_a_walk(
    condition: str, bounds: tuple[str, ...] | None
) -> None:
    assert bounding(scan(condition), catalog("a", "b", "c")) == bounds


def test_an_expression_is_a_key_like_any_other() -> None:
    of = catalog("lower(a::text)", "b")

    assert bounding(scan("((lower((t.a)::text) = 'x'::text) AND (t.b = 2))"), of) is None
    assert bounding(scan("(t.b = 2)"), of) == ()


def test_where_a_key_is_printed_in_another_way_nothing_is_claimed() -> None:
    of = catalog("date_trunc('day'::text, a)", "b")

    assert bounding(scan("((to_char(t.a) = 'x'::text) AND (t.b = 2))"), of) is None


@pytest.mark.parametrize(
    "condition",
    [
        "((t.a ~>=~ 'Name'::text) AND (t.a ~<~ 'Namf'::text))",
        "(t.a IS NOT NULL)",
        "((t.a)::text = 'x'::text)",
    ],
)
def test_patterns_and_casts_bound_as_what_they_are_of(condition: str) -> None:
    assert bounding(scan(condition), catalog("a", "b")) is None


@pytest.mark.parametrize(
    "node", [scan(None), scan("(t.b = 2)", node_type="Bitmap Heap Scan")], ids=["walk", "bitmap"]
)
def test_without_an_index_condition_of_a_scan_there_is_nothing_to_tell(node: PlanNode) -> None:
    assert bounding(node, catalog("a", "b")) is None


def test_methods_without_an_order_have_no_bounds() -> None:
    assert bounding(scan("(t.b = 2)"), catalog("a", "b", method="gin")) is None


def test_what_is_walked_is_the_index_or_what_the_bounding_part_selects() -> None:
    of = catalog("a", "b", "c")

    assert entries_walked(scan("(t.b = 2)"), of, None) == 1e6
    assert entries_walked(scan("((t.a > 1) AND (t.b = 2))"), of, 4e5) == 4e5
    assert entries_walked(scan("((t.a > 1) AND (t.b = 2))"), of, None) is None
    assert entries_walked(scan("(t.a = 1)"), of, 4e5) is None


def test_a_server_that_skips_walks_no_more_than_its_cost_pays_for() -> None:
    of = catalog("a", "b", major=18)
    skipped = scan("(t.b = 2)", total_cost=10 * 4.01 + 75.0)
    priced = catalog("a", "b", major=18, cpu_index_tuple_cost="0.05", cpu_operator_cost="0.025")

    assert entries_walked(skipped, of, None) == pytest.approx(10_000)
    assert entries_walked(skipped, priced, None) == pytest.approx(1_000)
    assert entries_walked(scan("(t.b = 2)", filter="(t.d = 1)"), of, None) is None
    assert entries_walked(scan("(t.b = 2)", filter="(t.d = 1)"), catalog("a", "b"), None) == 1e6


def test_the_planner_is_asked_about_the_part_that_bounds() -> None:
    def asked(condition: str, major: int = 16, **facts: Any) -> str | None:
        probe = probe_of(scan(condition, **facts), catalog("a", "b", major=major))
        return probe.text.partition(" WHERE ")[2] if probe is not None else None

    assert asked("((t.a > 1) AND (t.b = 2))") == "(t.a > 1)"
    assert asked("(t.b = 2)") is None
    assert asked("(t.a = 1)") is None
    assert asked("(t.a = 1)", filter="(t.c = 1)") == "(t.a = 1)"
    assert asked("((t.a > 1) AND (t.b = 2))", 18, filter="(t.c = 1)") == "((t.a > 1) AND (t.b = 2))"
