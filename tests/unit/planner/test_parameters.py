import datetime as dt

import pytest

from pytest_planguard.model.query import Variant
from pytest_planguard.model.statement import Sample, Session
from pytest_planguard.model.statistics import ColumnStatistics
from pytest_planguard.planner.parameters import Clock, beside, choose
from pytest_planguard.sql.bindings import Binding

CLOCK = Clock(
    statistics=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    captured=dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC),
)
STATUS = ColumnStatistics(most_common_values=("open", "paid"), most_common_freqs=(0.7, 0.2))
NUMBERS = ColumnStatistics(n_distinct=-1, histogram_bounds=tuple(map(str, range(101))))
TIMES = ColumnStatistics(
    histogram_bounds=tuple(
        (dt.datetime(2023, 1, 1) + dt.timedelta(days=11 * n)).isoformat(sep=" ") + "+00"
        for n in range(101)
    )
)


def chosen(values, types, operator, statistics):
    variant = Variant("", types, Session("app", "psycopg"), tuple(Sample((v,)) for v in values))
    binding = Binding(1, "t", "public.t", "c", operator)
    choices = choose(variant, [binding], {("t", "c"): statistics}, CLOCK)
    return [choice.values[0] for choice in choices]


def test_a_most_common_value_stays_itself_and_others_become_one():
    assert chosen(["open", "4", "17"], (None,), "=", NUMBERS) == ["50"]
    assert chosen(["paid", "open"], (None,), "=", STATUS) == ["open", "paid"]


def test_random_values_lead_to_the_same_choice():
    assert chosen(["3", "99", "41"], ("23",), "=", NUMBERS) == chosen(["7"], ("23",), "=", NUMBERS)


def test_an_end_of_a_range_goes_to_the_nearest_decile():
    assert chosen(["12", "8", "99"], ("23",), ">", NUMBERS) == ["10", "100"]


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (dt.timedelta(days=7, seconds=3), "2025-12-25 00:00:00+00"),
        (dt.timedelta(hours=23), "2025-12-31 00:00:00+00"),
        (dt.timedelta(seconds=4), "2026-01-01 00:00:00+00"),
        (dt.timedelta(days=-3), "2026-01-01 00:00:00+00"),
        (dt.timedelta(days=900), "2023-06-13 00:00:00+00"),
    ],
)
def test_an_instant_moves_along_with_the_clock_of_the_statistics(age, expected):
    value = (CLOCK.captured - age).isoformat(sep=" ")
    (moved,) = chosen([value], ("1184",), ">=", TIMES)
    assert abs(dt.datetime.fromisoformat(moved) - dt.datetime.fromisoformat(expected)) < (
        dt.timedelta(days=60)
    )
    if age < dt.timedelta(days=400):
        assert moved == expected


def test_an_instant_before_all_rows_says_nothing_and_goes_to_the_middle():
    frozen = ["2020-01-13 02:00:00+00:00", "2019-06-01 00:00:00+00:00"]
    middle = TIMES.histogram_bounds.index
    assert [middle(value) for value in chosen(frozen, ("1184",), "<", TIMES)] == [50]
    assert [middle(value) for value in chosen(frozen, ("1184",), ">=", TIMES)] == [49]


def test_a_value_is_sent_with_the_integer_type_it_needs():
    big = ColumnStatistics(histogram_bounds=("1", "23500000", "47000000"))
    variant = Variant("", ("21",), Session("app", "psycopg"), (Sample(("4",)),))
    (choice,) = choose(variant, [Binding(1, "t", "public.t", "c", "=")], {("t", "c"): big}, CLOCK)
    assert (choice.values, choice.types) == (("23500000",), ("23",))


def test_lists_are_rounded_up_to_a_class_of_length_and_lose_their_values():
    (value,) = chosen(["{7,open}"], ("1009",), "= ANY", STATUS)
    assert value == "{7,open,7,open,7}"
    assert chosen(["{7,8,9}"], ("1007",), "= ANY", NUMBERS) == chosen(
        ["{41,3}"], ("1007",), "= ANY", NUMBERS
    )
    (value,) = chosen(["{7,8,9,1,2,3}"], ("1007",), "= ANY", NUMBERS)
    assert value.count(",") == 19


@pytest.mark.parametrize(
    ("asked", "planned"), [("2", "20"), ("20", "20"), ("21", "100"), ("1", "1")]
)
def test_a_limit_that_is_a_parameter_is_rounded_up_to_a_page(asked, planned):
    variant = Variant("", ("21",), Session("app", "psycopg"), (Sample((asked,)),), literal=(1,))
    (choice,) = choose(variant, [], {}, CLOCK)
    assert choice.values == (planned,)


def test_a_pattern_keeps_its_wildcards_and_its_length():
    names = ColumnStatistics(histogram_bounds=("anna", "miller", "zoe"))
    assert chosen(["%smi%"], (None,), "~~", names) == ["%mil%"]
    assert chosen(["Jo_%"], (None,), "~~*", names) == ["mi_%"]


def test_binary_values_are_read_and_unreadable_ones_left_out():
    variant = Variant(
        "", ("23",), Session("app", "psycopg"),
        (Sample(("0000002a",), binary=(0,)),),
    )  # fmt: skip
    (choice,) = choose(variant, [], {}, CLOCK)
    assert choice.values == ("42",)
    box = Variant("", ("603",), Session("app", "psycopg"), (Sample(("00",), binary=(0,)),))
    assert choose(box, [], {}, CLOCK) == ()


def test_an_instant_that_is_compared_with_no_column_moves_along_with_the_clock():
    variant = Variant(
        "", ("1184", "25"), Session("app", "psycopg"),
        (Sample(((CLOCK.captured - dt.timedelta(days=6.9)).isoformat(), "2026-11-20")),),
    )  # fmt: skip
    (choice,) = choose(variant, [], {}, CLOCK)
    assert choice.values == ("2025-12-25 00:00:00+00", "2026-11-20")


def test_where_all_values_are_stand_ins_a_captured_one_is_that_of_middling_frequency():
    masked = ColumnStatistics(
        most_common_values=("kk", "bb", "mm"), most_common_freqs=(0.7, 0.2, 0.1), masked=True
    )
    assert chosen(["open", "paid"], (None,), "=", masked) == ["bb"]
    assert chosen(["{open,paid}"], (None,), "= ANY", masked) == ['{"bb","bb","kk","kk","mm"}']
    plain = ColumnStatistics(most_common_values=("kk",), most_common_freqs=(0.7,))
    assert chosen(["open"], (None,), "=", plain) == ["open"]


def both(first, second, statistics, *, other="t"):
    """What two values become that one column, under one alias or two, is compared with."""
    variant = Variant("", (None, None), Session("app", "psycopg"), (Sample((first, second)),))
    bound = [Binding(1, "t", "public.t", "c", "="), Binding(2, other, "public.t", "c", "=")]
    columns = {("t", "c"): statistics, (other, "c"): statistics}
    return choose(variant, bound, columns, CLOCK)[0].values


def test_different_values_of_one_column_stay_different():
    assert both("7", "9", NUMBERS) == ("50", "51")
    assert both("7", "9", NUMBERS, other="u") == ("50", "51")
    assert both("7", "7", NUMBERS, other="u") == ("50", "50")


def test_values_there_are_no_others_for_share_one():
    few = ColumnStatistics(histogram_bounds=("1", "2"))
    assert both("7", "9", few) == ("2", "1")
    assert both("7", "9", ColumnStatistics(histogram_bounds=("1",))) == ("1", "1")


def test_a_value_of_a_predicate_stays_and_others_never_become_it():
    kinds = ColumnStatistics(most_common_values=("it's", "xa", "error", "xb"), masked=True)
    statistics = beside(kinds, ["(kind = 'error'::text)", "(kind <> 'it''s'::text)"])
    assert chosen(["error"], (None,), "=", statistics) == ["error"]
    assert chosen(["it's"], (None,), "=", statistics) == ["it's"]
    assert chosen(["refund", "login"], (None,), "=", statistics) == ["xb"]


def test_beside_a_predicate_a_histogram_stays_what_others_are_taken_from():
    statistics = beside(
        ColumnStatistics(most_common_values=("3",), histogram_bounds=("7", "8")), ["(kind = 3)"]
    )
    assert statistics.histogram_bounds == ("7", "8")


def test_what_ends_a_pattern_is_the_end_of_a_typical_value():
    types = ColumnStatistics(histogram_bounds=("LARGE TIN", "PROMO NICKEL", "SMALL BRASS"))
    assert chosen(["%BRASS"], (None,), "~~", types) == ["%ICKEL"]
    assert chosen(["LARGE%TIN"], (None,), "~~", types) == ["PROMO%KEL"]
    assert chosen(["%red%"], (None,), "~~", types) == ["%PRO%"]


def test_of_stand_ins_a_word_is_letters_that_one_in_twenty_values_has():
    """Ten values: one a common one with a share of its own, the others a tenth of the rest."""
    bounds = tuple(f"b{letter}c" for letter in "dfghjklm")
    masked = ColumnStatistics(
        most_common_values=("xyc",), most_common_freqs=(0.52,), histogram_bounds=bounds,
        masked=True,
    )  # fmt: skip
    assert chosen(["%green%"], (None,), "~~", masked) == ["%bd%"]
    assert chosen(["%BRASS"], (None,), "~~", masked) == ["%bd%"]
    assert chosen(["%a%b%"], (None,), "~~", masked) == ["%b%b%"]


def test_of_stand_ins_a_beginning_is_as_long_as_a_value():
    masked = ColumnStatistics(histogram_bounds=("bbd", "bcd", "bck", "bdd"), masked=True)
    assert chosen(["Name12%"], (None,), "~~", masked) == ["bck%"]
