import pytest

from pytest_planguard.fixturedb.scale.btree_tuples import Field
from pytest_planguard.fixturedb.scale.sizes import heap_pages, other_size

BIGINT = Field(8, 8, base_type="int8")


def test_heap_pages_count_header_alignment_and_line_pointers():
    # 24 bytes of header, 8 + 4 + 4 of data, 4 of line pointer: 185 rows a page.
    fields = [BIGINT, Field(4, 4), Field(4, 4)]
    assert heap_pages(185_000, fields) == 1000
    assert heap_pages(185_000, fields, fillfactor=50) == 2011


def test_a_byte_before_a_bigint_costs_eight():
    assert heap_pages(1e6, [Field(1, 1), BIGINT]) == heap_pages(1e6, [BIGINT, BIGINT])


def test_documents_that_are_too_wide_move_out_of_the_row():
    assert heap_pages(1e6, [BIGINT, Field(100_000, 4)]) == heap_pages(1e6, [BIGINT, Field(18, 1)])


def test_an_empty_table_keeps_a_page():
    assert heap_pages(0, [BIGINT]) == 1


def test_brin_is_tiny_and_gin_grows_with_the_items():
    assert other_size("brin", 1e9, [BIGINT], 10_000_000).pages < 1000
    small, large = (other_size("gin", 1e6, [Field(w, base_type="jsonb")], 1) for w in (50, 500))
    assert small.pages < large.pages / 5


def test_ranges_fill_less_of_a_gist_page_than_networks_do():
    ranges = other_size("gist", 4e5, [Field(16, base_type="int4range")], 1).pages
    others = other_size("gist", 4e5, [Field(16, base_type="inet")], 1).pages

    assert ranges == pytest.approx(others * 0.7 / 0.45, rel=0.01)
