from __future__ import annotations

import msgspec
import pytest

import fix_reports
from pytest_planguard.baseline.compare import compare, missing
from pytest_planguard.baseline.entries import entry_from, world_from
from pytest_planguard.model.baseline import Baseline
from pytest_planguard.model.capture import Capture
from pytest_planguard.model.plan import Access, Plan, Planned, PlanNode, SampleKind
from pytest_planguard.model.report import ChangeKind
from pytest_planguard.model.spec import Thresholds

QUERY = fix_reports.query()
WORLD = world_from(fix_reports.database())
LARGE, SMALL = "public.orders", "public.countries"


def plan(access=Access.INDEX, cost=1_000.0, shape=None, **given) -> Plan:
    shape = shape or (f"{access.value} on orders",)
    return fix_reports.plan(access, cost, shape=shape, **given)


def outcome(before, after, world_before=WORLD, world_now=WORLD):
    before = before if isinstance(before, tuple) else (before,)
    after = after if isinstance(after, tuple) else (after,)
    entry = entry_from(QUERY, Planned(before))
    return compare(entry, QUERY, Planned(after), world_before, world_now, Thresholds())


def kind(before, after, **worlds):
    return outcome(before, after, **worlds).kind


ORDER = [Access.INDEX_ONLY, Access.INDEX, Access.BITMAP, Access.INDEX_FILTER, Access.SEQ]


@pytest.mark.parametrize(
    ("better", "worse"),
    [(a, b) for position, a in enumerate(ORDER) for b in ORDER[position + 1 :]],
)
def test_every_step_down_at_a_higher_cost_is_worse_and_the_reverse_better(better, worse):
    good, bad = plan(better, 1_000), plan(worse, 1_600)
    assert kind(good, bad) is ChangeKind.WORSE
    assert kind(bad, good) is ChangeKind.BETTER


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (plan(cost=1_000), plan(cost=1_000), ChangeKind.SAME),
        (plan(cost=1_000), plan(cost=2_900), ChangeKind.SAME),
        (plan(cost=1_000), plan(cost=3_100), ChangeKind.WORSE),
        (plan(cost=3_100), plan(cost=1_000), ChangeKind.BETTER),
        (plan(cost=8), plan(cost=80), ChangeKind.SAME),  # below a hundred units
        (plan(cost=8), plan(Access.SEQ, 80), ChangeKind.CHANGED),
        (plan(cost=1_000), plan(Access.SEQ, 1_400), ChangeKind.CHANGED),
        (plan(cost=1_000), plan(Access.SEQ, 1_600), ChangeKind.WORSE),
        (plan(cost=1_000), plan(cost=1_000, shape=("other",)), ChangeKind.CHANGED),
        (plan(cost=1_000), plan(cost=2_000, shape=("other",)), ChangeKind.CHANGED),
        (plan(cost=0), plan(Access.SEQ, 890_000), ChangeKind.WORSE),
    ],
)
def test_the_table_of_outcomes(before, after, expected):
    assert kind(before, after) is expected


def test_a_step_down_on_a_small_table_alone_is_a_change():
    before, after = plan(cost=1_000, relation=SMALL), plan(Access.SEQ, 1_600, relation=SMALL)
    assert kind(before, after) is ChangeKind.CHANGED


HASHED = ("Hash Join", "  Seq Scan on orders o", "  Hash", "    Seq Scan on events e")
LOOPED = ("Nested Loop", "  Seq Scan on orders o", "  Materialize", "    Seq Scan on events e")
INDEXED = ("Nested Loop", "  Seq Scan on orders o", "  Index Scan using i on events e")


def test_a_hash_join_that_becomes_a_loop_over_a_full_read_is_worse():
    before, after = plan(cost=1_000, shape=HASHED), plan(cost=1_600, shape=LOOPED)
    assert kind(before, after) is ChangeKind.WORSE
    assert kind(after, before) is ChangeKind.BETTER


def test_a_hash_join_that_becomes_a_loop_over_an_index_is_a_change():
    before, after = plan(cost=1_000, shape=HASHED), plan(cost=1_600, shape=INDEXED)
    assert kind(before, after) is ChangeKind.CHANGED


@pytest.mark.parametrize(
    ("rows", "expected"), [(50_000, ChangeKind.WORSE), (50, ChangeKind.CHANGED)]
)
def test_a_new_sort_counts_where_it_sorts_many_rows(rows, expected):
    sort = PlanNode(node_type="Sort", total_cost=1_600, rows=rows)
    after = msgspec.structs.replace(plan(cost=1_600, shape=("Sort", "  index")), root=sort)
    assert kind(plan(cost=1_000, shape=("index",)), after) is expected


def test_samples_are_compared_like_with_like_and_the_worst_pair_decides():
    custom, generic = SampleKind.CAPTURED, SampleKind.GENERIC
    before = (plan(Access.SEQ, 9_000, sample=generic), plan(cost=1_000, sample=custom))
    after = (plan(Access.SEQ, 9_000, sample=generic), plan(Access.SEQ, 9_000, sample=custom))
    change = outcome(before, after)
    assert change.kind is ChangeKind.WORSE
    assert (change.cost_before, change.cost_after) == (1_000, 9_000)
    assert kind(before, before) is ChangeKind.SAME


def test_a_larger_page_is_no_regression_and_a_dearer_page_of_the_same_size_is():
    def page(limit, **given):
        return msgspec.structs.replace(plan(**given), sizes=f"limit {limit}")

    assert kind(page(20, cost=1_000), page(100, cost=5_000)) is ChangeKind.SAME
    assert kind(page(20, cost=1_000), page(100, access=Access.SEQ, cost=9_000)) is (
        ChangeKind.CHANGED
    )
    both = (page(100, cost=5_000), page(20, cost=1_000))
    assert kind(both, (page(100, cost=5_000), page(20, cost=4_000))) is ChangeKind.WORSE


def test_a_query_that_lost_its_limit_is_compared_with_the_page_it_was():
    page = msgspec.structs.replace(plan(cost=1_000), sizes="limit 20")
    assert kind(page, plan(cost=5_000)) is ChangeKind.WORSE
    assert kind(plan(cost=5_000), page) is ChangeKind.SAME


def test_a_kind_of_sample_that_is_new_does_not_make_a_query_worse():
    after = (plan(Access.SEQ, 9_000, sample=SampleKind.COMMON), plan(cost=1_000))
    assert kind(plan(cost=1_000), after) is ChangeKind.SAME


def test_without_a_common_kind_the_worst_plans_are_compared():
    after = plan(Access.SEQ, 9_000, sample=SampleKind.GENERIC)
    assert kind(plan(cost=1_000), after) is ChangeKind.WORSE


def test_the_change_names_relations_costs_and_shapes():
    change = outcome(plan(cost=8.44), plan(Access.SEQ, 890_000))
    assert [(r.alias, r.relation, r.before, r.after) for r in change.relations] == [
        ("o", "public.orders", "index", "seq")
    ]
    assert (change.cost_before, change.cost_after) == (8.4, 890_000)
    assert change.shape_before == ("index on orders",)
    assert change.shape_after == ("seq on orders",)


def test_another_index_of_the_same_class_is_named_on_both_sides():
    change = outcome(plan(cost=8, indexes=("a_idx",)), plan(cost=9_000, indexes=("b_idx", "c_idx")))
    assert [(r.relation, r.before, r.after) for r in change.relations] == [
        ("public.orders", "index a_idx", "index b_idx, c_idx")
    ]


def test_between_majors_shapes_are_compared_and_costs_are_hidden():
    old = msgspec.structs.replace(WORLD, server_major=16)
    costlier = outcome(plan(cost=1_000), plan(cost=9_000), world_before=old)
    assert costlier.kind is ChangeKind.SAME
    assert (costlier.cost_before, costlier.cost_after) == (None, None)
    assert kind(plan(cost=1_000), plan(Access.SEQ, 9_000), world_before=old) is ChangeKind.WORSE


def test_an_alias_that_means_another_table_now_is_no_step_down():
    after = plan(Access.SEQ, 1_600, relation="public.events")
    assert kind(plan(cost=1_000), after) is ChangeKind.CHANGED


def baseline(tests):
    entry = entry_from(fix_reports.query(tests=tests), Planned((plan(),)))
    return Baseline({("default", entry.key): entry}, {})


@pytest.mark.parametrize(
    ("tests", "finished", "cut_short", "collected", "complete", "expected"),
    [
        (("a", "b"), "ab", "", "ab", True, ChangeKind.GONE),
        (("a", "b"), "ab", "", "ab", False, ChangeKind.NOT_RUN),
        (("a", "b"), "a", "", "ab", False, ChangeKind.NOT_RUN),
        (("a", "b"), "ab", "b", "ab", True, ChangeKind.NOT_RUN),
        (("a", "b"), "a", "", "a", True, ChangeKind.GONE),
        (("a", "b"), "a", "", "a", False, ChangeKind.NOT_RUN),
        ((), "ab", "", "ab", True, ChangeKind.GONE),
        ((), "ab", "", "ab", False, ChangeKind.NOT_RUN),
        ((), "ab", "b", "ab", True, ChangeKind.NOT_RUN),
        (("old",), "ab", "", "ab", True, ChangeKind.GONE),
        (("old",), "ab", "b", "ab", True, ChangeKind.NOT_RUN),  # b may be its new name
    ],
)
def test_a_query_is_gone_only_if_all_its_tests_ran_to_their_end_or_are_no_more(
    tests, finished, cut_short, collected, complete, expected
):
    capture = Capture(
        (), collected=tuple(collected), finished=tuple(finished), cut_short=tuple(cut_short)
    )
    (change,) = missing(baseline(tests), set(), capture, complete=complete)
    assert change.kind is expected


def test_a_query_that_was_seen_is_not_missing():
    one = baseline(("a",))
    assert missing(one, set(one.entries), Capture(()), complete=True) == ()


def quarters(access, each, *, left, of=24):
    """A plan that reads a partition for each quarter, of which so many are left when it starts."""
    scans = [PlanNode(node_type="Seq Scan", total_cost=each, rows=9.0)] * left
    root = PlanNode(
        node_type="Append", total_cost=of * each, children=tuple(scans),
        subplans_removed=of - left or None,
    )  # fmt: skip
    return msgspec.structs.replace(plan(access, of * each), root=root)


def test_partitions_that_are_pruned_at_the_start_make_no_plan_worse_until_they_are_read():
    good = quarters(Access.INDEX, 4.0, left=1)
    found = outcome(good, quarters(Access.BITMAP, 12.0, left=1))
    assert (found.kind, found.cost_before, found.cost_after) == (
        ChangeKind.CHANGED, 4.0, pytest.approx(12.0, abs=0.1),
    )  # fmt: skip
    assert kind(good, quarters(Access.BITMAP, 12.0, left=24)) is ChangeKind.WORSE
    assert kind(good, quarters(Access.INDEX, 5.0, left=24)) is ChangeKind.WORSE
