from __future__ import annotations

from pytest_planguard.planner.whatif import rounds

TABLES = {"a1": "a", "a2": "a", "b1": "b", "b2": "b"}


def packed(*requests: tuple[str, str]) -> list[tuple[set[str], list[int]]]:
    made = [(frozenset(tables), frozenset(names.split())) for tables, names in requests]
    return [(set(shown), places) for shown, places in rounds(made, TABLES)]


def test_indexes_of_tables_a_query_does_not_read_may_be_shown_meanwhile() -> None:
    assert packed(("a", "a1"), ("b", "b1")) == [({"a1", "b1"}, [0, 1])]


def test_a_query_never_sees_an_index_of_its_own_tables_it_did_not_ask_for() -> None:
    assert packed(("a", "a1"), ("a", "a2"), ("a", "")) == [
        ({"a1"}, [0]),
        ({"a2"}, [1]),
        (set(), [2]),
    ]
    assert packed(("a", "a1"), ("ab", "b1")) == [({"a1"}, [0]), ({"b1"}, [1])]


def test_several_of_one_table_are_shown_together_where_that_is_asked() -> None:
    assert packed(("ab", "a1 a2"), ("b", ""), ("b", "b2")) == [
        ({"a1", "a2"}, [0, 1]),
        ({"b2"}, [2]),
    ]


def test_a_query_that_reads_no_table_goes_with_any() -> None:
    assert packed(("a", "a1"), ("", "")) == [({"a1"}, [0, 1])]
