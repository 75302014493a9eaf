from __future__ import annotations

import random

import msgspec

from pytest_planguard.capture.place_sums import Known, PlaceSums
from pytest_planguard.model.statement import Layer, Origin, Phase, Place

FIND, SAVE = Origin("app.py", 1, "find"), Origin("app.py", 2, "save", Layer.TEST)
PLACES = [
    Place(FIND, "t::a", Phase.CALL, 2, 1),
    Place(FIND, "t::a", Phase.SETUP, 5),
    Place(FIND, "t::b", Phase.CALL, 1),
    Place(SAVE, "", Phase.OUTSIDE, 9, process="gw0"),
    Place(SAVE, "", Phase.OUTSIDE, 1, process="gw1"),
    Place(SAVE, "", Phase.SHARED, 9, scope="a.py"),
    Place(SAVE, "", Phase.SHARED, 1, scope="b.py", process="gw0"),
]
"""Sorted by all that is no count."""


def sums_of(*places: Place, known: Known | None = None) -> PlaceSums:
    sums = PlaceSums(known or Known())
    for place in places:
        sums.add(place)
    return sums


def test_places_are_read_as_they_were_added_sorted_by_all_but_their_counts() -> None:
    shuffled = random.Random(1).sample(PLACES, len(PLACES))
    assert list(sums_of(*shuffled).read()) == PLACES


def test_executions_of_one_place_add_up_and_the_most_distinct_ones_stay() -> None:
    again = msgspec.structs.replace(PLACES[0], executions=3, distinct=4)
    fewer = msgspec.structs.replace(PLACES[0], executions=1, distinct=2)
    (found,) = sums_of(PLACES[0], again, fewer).read()
    assert found == msgspec.structs.replace(PLACES[0], executions=6, distinct=4)


def test_statements_that_share_lines_and_tests_keep_their_own_counts() -> None:
    known = Known()
    one, other = sums_of(*PLACES[:2], known=known), sums_of(*PLACES[1:], known=known)
    assert list(one.read()) == PLACES[:2]
    assert list(other.read()) == PLACES[1:]
    assert len(known.origins) == 2
    assert sorted(one.origins()) == [FIND]
    assert sorted(other.origins()) == [FIND, SAVE]


def test_counts_no_run_can_have_are_the_most_that_can_be_held() -> None:
    huge = msgspec.structs.replace(PLACES[0], executions=10**30, distinct=-(10**30))
    (found,) = sums_of(huge).read()
    assert (found.executions, found.distinct) == ((1 << 63) - 1, 0)
