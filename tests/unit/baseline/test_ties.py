from __future__ import annotations

import pytest

import fix_reports
from pytest_planguard.baseline.compare import Pair
from pytest_planguard.baseline.entries import plan_entry
from pytest_planguard.baseline.ties import Nearby, may_tie, tied
from pytest_planguard.model.plan import Access
from pytest_planguard.model.report import ChangeKind


def plan(access, cost=1_000.0):
    return fix_reports.plan(access, cost, shape=(f"{access.value} on orders",))


def pair(kind=ChangeKind.WORSE, after=Access.SEQ):
    return Pair(plan_entry(plan(Access.INDEX)), plan(after), kind)


def test_a_plan_whose_old_shape_is_taken_nearby_is_a_tie_and_says_where():
    near = [
        Nearby("random_page_cost is 10 % lower", plan(Access.SEQ)),
        Nearby("its tables are 10 % smaller", plan(Access.INDEX)),
    ]
    found = tied(pair(), near)
    assert found.kind is ChangeKind.SAME
    assert found.note == "a tie: where its tables are 10 % smaller, the plan is the baseline's"


def test_a_plan_that_is_the_same_nearby_or_a_third_one_is_no_tie():
    near = [Nearby("it is so", plan(Access.SEQ)), Nearby("it is not", plan(Access.BITMAP))]
    assert tied(pair(), near) == pair()


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (pair(), True),
        (pair(ChangeKind.CHANGED), True),
        (pair(ChangeKind.BETTER), False),
        (pair(ChangeKind.SAME), False),
        (pair(after=Access.INDEX), False),
    ],
)
def test_only_another_shape_that_is_not_better_may_be_a_tie(one, expected):
    assert may_tie(one, frozenset()) is expected


def test_a_plan_whose_index_is_gone_is_no_tie():
    used = fix_reports.plan(Access.INDEX, shape=("index",), indexes=("a_idx",))
    one = Pair(plan_entry(used), plan(Access.SEQ), ChangeKind.WORSE)
    assert may_tie(one, {"a_idx", "b_idx"})
    assert not may_tie(one, {"b_idx"})
