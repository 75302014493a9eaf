"""Sizes are of indexes that PostgreSQL 15.18 built, as their first pages told."""

from __future__ import annotations

import pytest

from pytest_planguard.fixturedb.scale.gin import Keys, gin_pages
from pytest_planguard.fixturedb.scale.gin_keys import keys_of, rare_keys
from pytest_planguard.model.statistics import ColumnStatistics


def test_frequent_elements_take_trees_of_their_own_and_one_page_of_entries() -> None:
    # 300,000 arrays of one of 60 labels, some far more frequent, and one of 9 others.
    skewed = [((n + 1) / 60) ** 0.5 - (n / 60) ** 0.5 for n in range(60)]
    keys = [Keys(1, 300_000 * share, 4) for share in [*skewed, *[1 / 9] * 9]]

    found = gin_pages(keys, 300_000, 3_483)

    assert (found.entries, found.entry_pages) == (69, 1)
    assert found.data_pages == pytest.approx(147, rel=0.03)


def test_documents_that_all_differ_have_an_entry_each_and_three_batches_of_memory_fill_pages() -> (
    None
):
    # 1,500,000 documents of one name and a hash of 32 letters: 18,117 pages.
    keys = [Keys(1, 1_500_000, 3), Keys(1_500_000, 1, 34)]

    found = gin_pages(keys, 1_500_000, 33_334)

    assert found.entries == 1_500_001
    assert found.data_pages == pytest.approx(200, rel=0.02)
    assert found.total_pages == pytest.approx(18_117, rel=0.12)


def test_what_is_written_at_once_leaves_every_page_half_full() -> None:
    few, many = (gin_pages([Keys(n, 1, 34)], n, n / 45).entry_pages / n for n in (3e5, 1.5e6))

    assert few == pytest.approx(1 / 69, rel=0.03)  # of 136 that fit, 69 stay
    assert many < 0.8 * few


def test_leaves_keep_what_they_were_before_lists_became_trees() -> None:
    # Trigrams of 1,500,000 md5 hashes: 4,624 keys in 10,700 rows each, 1,758 pages of entries.
    found = gin_pages([Keys(4_624, 10_700, 4)], 1_500_000, 33_334)

    assert found.entry_pages == pytest.approx(1_758, rel=0.3)
    assert found.data_pages == pytest.approx(18_208, rel=0.05)


def test_an_index_of_no_rows_has_its_two_pages() -> None:
    found = gin_pages([], 0, 0)

    assert (found.total_pages, found.entry_pages, found.data_pages) == (2, 1, 0)


def test_elements_have_the_rows_their_statistics_say_and_null_and_empty_one_key_each() -> None:
    facts = ColumnStatistics(
        0.1, 40, -0.5,
        most_common_elems=("a", "bb"), most_common_elem_freqs=(0.5, 0.25, 0.25, 0.5, 0.0),
        elem_count_histogram=(0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.75),
    )  # fmt: skip

    found = keys_of(facts, 1_000, "_text", "array_ops")

    assert found is not None
    assert [(round(key.rows), key.width) for key in found] == [
        (100, 0), (225, 0), (450, 2), (225, 3)
    ]  # fmt: skip


def test_rare_elements_go_on_falling_until_nothing_is_left() -> None:
    freqs = [0.1 / rank for rank in range(1, 101)]
    rest = sum(0.1 / rank for rank in range(101, 1_001))

    found = list(rare_keys(freqs, rest, 1e6, 6))

    assert sum(key.number for key in found) == pytest.approx(900, rel=0.05)
    assert sum(key.number * key.rows for key in found) == pytest.approx(rest * 1e6, rel=0.01)


def test_of_elements_none_of_which_is_listed_each_row_has_its_own() -> None:
    facts = ColumnStatistics(avg_width=48, n_distinct=-1, elem_count_histogram=(2.0, 2.0, 2.0))

    found = keys_of(facts, 1_000, "_uuid", "array_ops")

    assert found is not None
    assert [(key.number, key.rows, key.width) for key in found] == [(2_000, 1, 16)]


def documents(texts: list[str], distinct: float = -1.0) -> ColumnStatistics:
    return ColumnStatistics(avg_width=60, n_distinct=distinct, histogram_bounds=tuple(texts))


def test_names_of_documents_are_in_every_row_and_values_in_as_many_as_the_sample_says() -> None:
    texts = [f'{{"id": {n * 10_000}, "kind": "{"ab"[n % 2]}"}}' for n in range(101)]

    found = keys_of(documents(texts), 1_000_000, "jsonb", "jsonb_ops")

    assert found is not None
    assert [round(key.rows, -5) for key in found if key.number == 1] == [1e6, 1e6, 5e5, 5e5]
    (rare,) = (key for key in found if key.number > 1)
    assert rare.number * rare.rows == pytest.approx(1e6)
    assert rare.number == pytest.approx(1e6, rel=0.01)


def test_numbers_are_no_more_than_lie_between_the_least_and_the_largest() -> None:
    texts = [f'{{"stock": {n * 3}}}' for n in range(101)]

    found = keys_of(documents(texts), 1_000_000, "jsonb", "jsonb_ops")

    assert found is not None
    assert max(key.number for key in found) == 301


def test_a_place_has_no_more_keys_than_there_are_documents() -> None:
    texts = [f'{{"sku": "S-{n * 3}"}}' for n in range(101)]

    found = keys_of(documents(texts, distinct=400), 1_000_000, "jsonb", "jsonb_ops")

    assert found is not None
    assert max(key.number for key in found) == 400


def test_paths_have_no_names_and_a_hash_each() -> None:
    found = keys_of(documents(['{"a": 1}'] * 3), 900, "jsonb", "jsonb_path_ops")

    assert found is not None
    assert [(key.number, key.rows, key.width) for key in found] == [(1, 900, 4)]


@pytest.mark.parametrize(
    ("facts", "kind", "opclass"),
    [
        (ColumnStatistics(avg_width=60, most_common_values=('{"a": 1}',),
                          most_common_freqs=(0.1,)), "jsonb", "jsonb_ops"),
        (ColumnStatistics(avg_width=60, n_distinct=-1), "jsonb", "jsonb_ops"),
        (ColumnStatistics(avg_width=60, n_distinct=-1), "_text", "array_ops"),
        (ColumnStatistics(avg_width=60, n_distinct=-1), "hstore", "gin_hstore_ops"),
    ],
    ids=["masked documents", "documents without values", "arrays without elements", "hstore"],
)  # fmt: skip
def test_where_statistics_do_not_tell_the_keys_nothing_is_made_up(
    facts: ColumnStatistics, kind: str, opclass: str
) -> None:
    assert keys_of(facts, 1_000, kind, opclass) is None
