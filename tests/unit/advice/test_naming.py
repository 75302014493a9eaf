from __future__ import annotations

import msgspec
import pytest

from pytest_planguard.advice.naming import covers, index_name, names_of
from pytest_planguard.model.catalog import Index
from pytest_planguard.model.ports import HypotheticalIndex

INDEX = Index("i", "public", "public.t", "btree", ("a", "b"), include=("c",))


def wanted(*columns: str, include: tuple[str, ...] = (), predicate: str = "") -> HypotheticalIndex:
    return HypotheticalIndex("w", "public.t", "btree", columns, include, predicate)


@pytest.mark.parametrize("one", [wanted("a"), wanted("a", "b"), wanted("a", "b DESC")])
def test_an_index_that_begins_with_the_keys_covers(one: HypotheticalIndex) -> None:
    assert covers(INDEX, one)


@pytest.mark.parametrize(
    "one",
    [
        wanted("b"),
        wanted("a", "c"),
        wanted("a DESC", "b"),
        wanted("a", include=("d",)),
        msgspec.structs.replace(wanted("a"), method="brin"),
    ],
)
def test_other_keys_directions_columns_and_methods_are_not_covered(one: HypotheticalIndex) -> None:
    assert not covers(INDEX, one)


def test_what_is_included_covers_what_is_to_be_included() -> None:
    assert covers(INDEX, wanted("a", include=("c", "b")))


def test_directions_may_all_be_turned_around() -> None:
    mixed = msgspec.structs.replace(INDEX, descending=(False, True))

    assert covers(mixed, wanted("a DESC", "b"))
    assert covers(mixed, wanted("a", "b DESC"))


def test_nulls_at_the_other_end_are_another_order() -> None:
    there = msgspec.structs.replace(INDEX, definition="CREATE INDEX i ON t (a, b NULLS FIRST)")

    assert not covers(INDEX, wanted("a", "b DESC NULLS LAST"))
    assert covers(there, wanted("a", "b DESC NULLS LAST"))
    assert covers(INDEX, wanted("a", "b DESC NULLS FIRST"))


def test_fewer_rows_or_an_invalid_index_cover_nothing() -> None:
    assert not covers(msgspec.structs.replace(INDEX, predicate="(c = 1)"), wanted("a"))
    assert covers(
        msgspec.structs.replace(INDEX, predicate="(c = 1)"), wanted("a", predicate="c = 1")
    )
    assert not covers(msgspec.structs.replace(INDEX, valid=False), wanted("a"))


def test_a_name_fits_into_what_a_tool_allows() -> None:
    assert len(index_name("t" * 20, ["a" * 20], 30)) <= 30


def test_names_in_keys_are_found_unquoted() -> None:
    assert {"E mail", "note"} <= names_of(['lower("E mail")', "at DESC"], "(note IS NULL)")
