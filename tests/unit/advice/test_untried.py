from __future__ import annotations

from pytest_planguard.advice.untried import untried


def test_reasons_are_told_once_those_of_most_indexes_first() -> None:
    refused = {"e_idx": "five", "d_idx": "four", "c_idx": "three", "b_idx": "two", "a_idx": "two"}

    (note,) = untried(0, 4, refused)

    assert note == (
        "5 indexes were not tried: two (a_idx and 1 more); five (e_idx); four (d_idx); and 1 more"
    )


def test_where_all_were_tried_there_is_no_note() -> None:
    assert untried(0, 600, {}) == ()
