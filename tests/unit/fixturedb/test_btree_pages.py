"""Sizes are of indexes PostgreSQL 16.14 and 18.6 built, where no other is named."""

from __future__ import annotations

import pytest

from pytest_planguard.fixturedb.scale.btree_pages import btree_height, btree_size
from pytest_planguard.fixturedb.scale.btree_tuples import Field
from pytest_planguard.fixturedb.scale.frequencies import Values

BIGINT = Field(8, 8, base_type="int8", values=())
ROWS = 300_000


def integer(values: float, nulls: float = 0.0) -> Field:
    """So many values, equally frequent, drawn at random."""
    present = ROWS * (1 - nulls)
    return Field(4, 4, nulls, base_type="int4", values=(Values(values, present / values),))


def text(width: int, values: float) -> Field:
    return Field(width, 1, base_type="text", values=(Values(values, ROWS / values),))


def test_a_btree_on_a_million_bigints_is_as_large_as_postgresql_makes_it() -> None:
    # Measured on 15 and 18: 2,745 pages, two levels above the leaves.
    size = btree_size(1_000_000, [BIGINT], unique=True)
    assert (size.pages, size.height) == (2745, 2)


@pytest.mark.parametrize(
    ("values", "fillfactor", "pages"),
    [(5, None, 257), (5, 60, 383), (100_000, None, 535), (100_000, 70, 689)],
)
def test_equal_keys_share_lists_and_a_page_ends_where_the_fillfactor_says(
    values: float, fillfactor: int | None, pages: int
) -> None:
    size = btree_size(ROWS, [integer(values)], fillfactor=fillfactor)

    assert (size.pages, size.height) == (pytest.approx(pages, rel=0.01), 2)


def test_nothing_is_merged_where_the_index_is_unique_or_carries_columns() -> None:
    few = integer(5)
    assert btree_size(ROWS, [few], unique=True).pages == 825
    assert btree_size(ROWS, [few], [BIGINT]).pages > 1_000


def test_types_whose_equal_values_differ_in_bytes_are_not_merged_and_downlinks_point_to_rows() -> (
    None
):
    few = Field(8, 1, base_type="numeric", values=(Values(5, 200_000),))
    assert btree_size(1_000_000, [few]).pages == 2_749


def test_nulls_are_a_value_of_their_own_in_every_column() -> None:
    # A product of the numbers of values would leave nothing to merge: 827 pages.
    size = btree_size(ROWS, [integer(1_000, 0.4), integer(200, 0.2)])

    assert (size.pages, size.height) == (pytest.approx(504, rel=0.015), 2)


def test_values_of_two_columns_make_fewer_lists_where_they_go_together() -> None:
    few, twice = integer(50), integer(50)

    together = btree_size(ROWS, [few, twice], distinct=50).pages

    assert together == pytest.approx(260, rel=0.01)
    assert btree_size(ROWS, [few, twice]).pages > 1.01 * together


def test_a_byte_more_in_some_texts_is_eight_in_their_tuples_and_none_in_the_others() -> None:
    agent = Field(8.4, 1, base_type="text", widths=((8, 0.63), (9, 0.37)),
                  values=(Values(1, ROWS * 0.63), Values(1, ROWS * 0.37)))  # fmt: skip

    assert btree_size(ROWS, [agent, BIGINT]).pages == pytest.approx(1_281, rel=0.01)


def test_downlinks_between_rows_of_one_key_are_wider_and_make_a_tree_higher() -> None:
    brand = Field(9, 1, base_type="text", values=(Values(300, 50_000 / 300),))

    size = btree_size(50_000, [brand], [BIGINT])

    assert (size.pages, size.height) == (pytest.approx(251, abs=1), 2)
    assert btree_height(251, 50_000, [brand]) == 2
    assert btree_height(251, 50_000, [BIGINT]) == 1


def test_a_second_column_is_in_downlinks_where_the_first_does_not_tell_rows_apart() -> None:
    assert btree_size(ROWS, [text(9, 300), BIGINT]).pages == 1_490


def test_many_columns_with_nulls_that_are_carried_along_are_averaged() -> None:
    carried = [Field(8, 8, 0.5, base_type="int8") for _ in range(25)]

    size = btree_size(ROWS, [BIGINT], carried)

    assert size.pages == pytest.approx(5_311, rel=0.02)


def test_wide_keys_make_higher_trees() -> None:
    wide = [Field(width, 1, values=()) for width in (8, 100, 700)]
    assert [btree_size(1e6, [field]).height for field in wide] == [2, 3, 6]


@pytest.mark.parametrize("rows", [0, 1, 300])
def test_a_small_btree_has_no_level_above_its_leaf(rows: int) -> None:
    assert btree_size(rows, [BIGINT]).height == 0
