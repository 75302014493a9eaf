import msgspec
import pytest

from pytest_planguard.model.query import Variant
from pytest_planguard.model.statement import Sample, Session
from pytest_planguard.model.statistics import ColumnStatistics
from pytest_planguard.planner.classes import Relation
from pytest_planguard.planner.common import common
from pytest_planguard.planner.parameters import Choice
from pytest_planguard.sql.bindings import Binding

ORDERS = {"o": Relation("public.orders", 47_000_000)}
STATUS = ColumnStatistics(
    n_distinct=3,
    most_common_values=("delivered", "open", "lost"),
    most_common_freqs=(0.95, 0.0499, 0.0001),
)
TENANTS = ColumnStatistics(
    n_distinct=5_000,
    most_common_values=("1",),
    most_common_freqs=(0.4,),
    histogram_bounds=tuple(map(str, range(2, 5_003, 50))),
)
NUMBERS = ColumnStatistics(n_distinct=-1, histogram_bounds=tuple(map(str, range(101))))


def drawn(statistics, *asked, operator="=", types=("25",), snapped=None, **variant):
    """What is planned besides one parameter's captured values."""
    one = Variant(
        "", types, Session("app", "psycopg"), tuple(Sample((value,)) for value in asked), **variant
    )
    captured = [Choice((value,), types) for value in snapped or asked]
    bound = [Binding(1, "o", "public.orders", "c", operator)]
    found = common(one, captured, bound, {("o", "c"): statistics}, ORDERS)
    return {item.choice.values[0]: item.drawn for item in found}


def test_the_most_common_value_of_a_column_of_many_is_planned_beside_a_typical_one():
    found = drawn(TENANTS, "2502")
    assert list(found) == ["1"]
    assert found["1"].kind == "the most common value of public.orders.c ('1')"
    assert found["1"].extreme


def test_where_the_tests_ask_for_the_most_common_one_a_typical_one_is_planned():
    found = drawn(TENANTS, "1")
    assert {value: one.kind for value, one in found.items()} == {
        "2502": "a typical value of public.orders.c"
    }


def test_a_state_all_tests_ask_for_may_be_a_constant_and_stays():
    assert drawn(STATUS, "lost") == {}


def test_where_tests_ask_for_several_states_any_may_be_asked_for():
    assert list(drawn(STATUS, "lost", "open")) == ["delivered"]


def test_a_stand_in_is_not_shown():
    masked = msgspec.structs.replace(TENANTS, masked=True)
    assert drawn(masked, "2502")["1"].kind == "the most common value of public.orders.c"


def test_an_empty_text_is_nobodys_question():
    empty = msgspec.structs.replace(TENANTS, most_common_values=("",))
    assert drawn(empty, "2502") == {}


@pytest.mark.parametrize(
    "even",
    [
        NUMBERS,
        ColumnStatistics(),
        msgspec.structs.replace(TENANTS, most_common_freqs=(0.0008,)),
        msgspec.structs.replace(TENANTS, most_common_freqs=(0.00001,)),
    ],
    ids=["unique", "unknown", "even", "few rows"],
)
def test_without_skew_that_matters_nothing_is_drawn(even):
    assert drawn(even, "50") == {}


def test_a_boolean_and_a_limit_are_never_drawn():
    flags = ColumnStatistics(
        n_distinct=2, most_common_values=("t", "f"), most_common_freqs=(0.99, 0.01)
    )
    assert drawn(flags, "f", types=("16",)) == {}
    assert drawn(TENANTS, "2502", literal=(1,)) == {}


def test_a_range_the_tests_vary_is_planned_to_its_far_end_and_its_middle():
    found = drawn(NUMBERS, "90", "99", operator=">")
    assert {value: one.kind for value, one in found.items()} == {
        "0": "the far end of public.orders.c",
        "49": "the middle of public.orders.c",
    }


def test_a_range_that_differs_by_the_clock_only_is_the_codes_own():
    assert drawn(NUMBERS, "98.7", "98.9", operator=">", snapped=["100"]) == {}


def test_a_statement_without_captured_values_is_planned_with_typical_ones():
    found = drawn(NUMBERS)
    assert {value: one.kind for value, one in found.items()} == {"50": "typical values"}
    assert list(drawn(TENANTS)) == ["1", "2502"]
    assert drawn(ColumnStatistics()) == {}


def test_items_of_a_list_do_not_become_equal():
    one = Variant("", ("25",) * 2, Session("app", "psycopg"), (Sample(("2502", "2552")),))
    bound = [Binding(number, "o", "public.orders", "c", "=") for number in (1, 2)]
    captured = [Choice(("2502", "2552"), ("25",) * 2)]
    (found,) = common(one, captured, bound, {("o", "c"): TENANTS}, ORDERS)
    assert found.choice.values == ("1", "2552")
