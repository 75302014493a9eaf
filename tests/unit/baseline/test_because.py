from __future__ import annotations

import msgspec
import pytest

import fix_reports
from pytest_planguard.baseline.because import because
from pytest_planguard.baseline.causes import Cause
from pytest_planguard.baseline.compare import Pair
from pytest_planguard.baseline.entries import plan_entry, world_from
from pytest_planguard.baseline.worse import Scales
from pytest_planguard.model.moved import Moved, Part, Undo
from pytest_planguard.model.plan import Access
from pytest_planguard.model.report import ChangeKind
from pytest_planguard.model.spec import Thresholds

WORLD = world_from(fix_reports.database())
SCALES = Scales.between(WORLD, WORLD, Thresholds())
INDEX = Moved(Part.SCHEMA, ("index a is gone",), Undo(indexes={"public.a": "CREATE INDEX a"}))
OTHER = Moved(Part.SCHEMA, ("index b is gone",), Undo(indexes={"public.b": "CREATE INDEX b"}))
SETTING = Moved(Part.SETTING, ("setting s moved",), Undo(settings={"s": None}))
SIZES = Moved(Part.SIZES, ("orders grew",), Undo(rows={"public.orders": 0.1}))
DISTRIBUTIONS = Moved(Part.DISTRIBUTIONS, ("the statistics changed",))
SQL = Moved(Part.SQL, ("the SQL changed",))
SERVER = Moved(Part.SERVER, ("PostgreSQL moved",))


def plan(cost, access=None):
    access = access or (Access.SEQ if cost > 1_000 else Access.INDEX)
    return fix_reports.plan(access, cost, shape=(f"{access.value} on orders",))


def told(costs, *moved, now=90_000.0, before=10.0, alike=None):
    """Costs by what is put back, as the letters of its position; unknown ones are as now.

    ``alike`` is what the new plan costs with the settings put back.
    """

    def ask(put_back):
        given = costs.get("".join(str(n) for n in sorted(put_back)), now)
        return plan(given) if isinstance(given, float) else given

    pair = Pair(plan_entry(plan(before)), plan(now), ChangeKind.WORSE)
    return because(
        pair, moved, SCALES, ask, lambda _: None if alike is None else plan(alike, Access.SEQ)
    )


def test_the_one_thing_that_makes_the_plan_good_again_is_the_cause_and_others_are_not():
    found = told({"0": 10.0, "01": 10.0}, INDEX, OTHER)
    assert found == Cause(("index a is gone",))


def test_two_causes_are_told_in_order_of_effect():
    costs = {"0": 60_000.0, "1": 5_000.0, "01": 10.0}
    found = told(costs, INDEX, OTHER)
    assert found == Cause(("index b is gone", "index a is gone"))


def test_either_of_two_that_would_do_alone_is_a_cause():
    found = told({"0": 10.0, "1": 10.0, "01": 10.0}, INDEX, OTHER)
    assert found == Cause(("index a is gone", "index b is gone"))


def test_what_cannot_be_put_back_is_to_blame_for_what_is_left():
    assert told({}, INDEX, SQL) == Cause(("the SQL changed",))
    assert told({}, SERVER) == Cause(("PostgreSQL moved",))


def test_the_sql_and_an_index_are_both_to_blame_where_both_are():
    found = told({"0": 30_000.0}, INDEX, SQL)
    assert found == Cause(("the SQL changed", "index a is gone"))


def test_where_nothing_moved_the_cause_is_unknown():
    assert told({}) == Cause()


def test_growth_alone_is_of_the_statistics():
    assert told({"0": 10.0}, SIZES) == Cause(("orders grew",), statistics_only=True)
    assert told({}, DISTRIBUTIONS) == Cause(("the statistics changed",), statistics_only=True)


def test_growth_that_other_distributions_came_with_is_told_with_them():
    found = told({}, SIZES, DISTRIBUTIONS)
    assert found == Cause(("orders grew", "the statistics changed"), statistics_only=True)


@pytest.mark.parametrize("moved", [(SIZES,), (INDEX, SIZES), (INDEX,), (SETTING, SIZES)])
def test_what_none_of_it_explains_is_unknown_and_no_growth_although_tables_grew(moved):
    assert told({}, *moved) == Cause()


@pytest.mark.parametrize("moved", [SIZES, INDEX])
def test_what_explains_a_part_of_it_is_told_with_the_rest_and_growth_is_no_excuse(moved):
    rest = "the rest of it has an unknown cause; it may ask for other values"
    assert told({"0": 70_000.0}, moved) == Cause((*moved.sentences, rest))


def test_growth_that_only_all_of_it_together_undoes_is_of_the_statistics():
    moved = msgspec.structs.replace(DISTRIBUTIONS, undo=Undo(columns={"public.orders": {}}))
    costs = {"0": 89_500.0, "1": 89_500.0, "01": 89_000.0}
    assert told(costs, SIZES, moved, before=30_000.0) == Cause(
        ("orders grew", "the statistics changed"), statistics_only=True
    )


def test_a_distribution_that_can_be_put_back_is_a_cause_where_it_matters():
    moved = msgspec.structs.replace(DISTRIBUTIONS, undo=Undo(columns={"public.orders": {}}))
    assert told({"0": 10.0}, moved) == Cause(("the statistics changed",), statistics_only=True)
    found = told({"0": 900.0, "1": 10.0, "01": 10.0}, INDEX, moved)
    assert found == Cause(("the statistics changed", "index a is gone"))
    assert told({"0": 10.0, "01": 10.0}, INDEX, moved) == Cause(("index a is gone",))
    left = told({"0": 40_000.0}, moved)
    assert left == Cause(("the statistics changed",), statistics_only=True)


def test_an_index_that_went_while_tables_grew_is_not_of_the_statistics():
    costs = {"0": 10.0, "1": 9_000.0, "01": 10.0}
    found = told(costs, INDEX, SIZES, DISTRIBUTIONS)
    assert found == Cause(("index a is gone", "orders grew"))


def test_an_index_that_went_and_does_not_matter_leaves_growth_alone():
    found = told({"1": 10.0, "01": 10.0}, INDEX, SIZES, DISTRIBUTIONS)
    assert found == Cause(("orders grew",), statistics_only=True)


def test_another_text_that_is_as_good_at_the_old_sizes_leaves_growth_alone():
    found = told({"0": 10.0}, SIZES, DISTRIBUTIONS, SQL)
    assert found == Cause(("orders grew",), statistics_only=True)
    assert not told({}, SIZES, DISTRIBUTIONS, SQL).statistics_only


def test_a_plan_that_costs_no_more_at_the_old_prices_is_not_worse():
    found = told({"0": 10.0}, SETTING, alike=14.0)
    assert (found.kind, found.note) == (
        ChangeKind.CHANGED,
        "it costs no more in the units of the baseline: setting s moved",
    )


def test_beside_such_a_setting_the_other_cause_is_found_in_the_old_units():
    same = plan(30_000.0, Access.SEQ)
    found = told({"1": same, "01": 10.0}, INDEX, SETTING, alike=30_000.0)
    assert found == Cause(("index a is gone",))


def test_a_setting_that_moves_the_plan_is_a_cause():
    assert told({"0": 10.0}, SETTING, alike=50_000.0) == Cause(("setting s moved",))
    assert told({"0": 10.0}, SETTING) == Cause(("setting s moved",))


@pytest.mark.parametrize("unknown", ["0", "01"])
def test_what_cannot_be_planned_again_is_left_to_the_comparison_of_worlds(unknown):
    costs = {"0": 10.0, "1": 10.0, "01": 10.0} | {unknown: None}
    assert (told(costs, INDEX, OTHER) is None) == (unknown == "01")


def test_many_causes_are_cut_short():
    many = [msgspec.structs.replace(INDEX, sentences=(f"index {n} is gone",)) for n in range(9)]
    everything = "".join(map(str, range(9)))
    assert len(told({everything: 10.0}, *many).sentences) == 4
