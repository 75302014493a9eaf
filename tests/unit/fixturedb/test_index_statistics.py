"""What an index would have, from its table's statistics."""

from __future__ import annotations

import msgspec
import pytest

from pytest_planguard.fixturedb.scale.indexes import index_statistics
from pytest_planguard.model.catalog import Column, Index, Table
from pytest_planguard.model.statistics import (
    ColumnStatistics,
    ExtendedNumbers,
    ExtendedStatistics,
    TableStatistics,
)

TABLE = Table(
    schema="public",
    name="t",
    kind="r",
    columns=(
        Column("few", "integer", 1, base_type="int4", length=4),
        Column("twice", "integer", 2, base_type="int4", length=4),
        Column("labels", "text[]", 3, base_type="_text"),
        Column("words", "tsvector", 4, base_type="tsvector"),
        Column("document", "jsonb", 5, base_type="jsonb"),
    ),
)
FACTS = TableStatistics(
    300_000,
    3_000,
    columns={
        "few": ColumnStatistics(0.0, 4, 50.0),
        "twice": ColumnStatistics(0.0, 4, 50.0),
        "labels": ColumnStatistics(
            0.0, 30, 2.0, most_common_elems=("a", "b"), most_common_elem_freqs=(0.5, 0.5, 0.5, 0.5),
            elem_count_histogram=(1.0, 1.0, 1.0),
        ),
        "words": ColumnStatistics(
            0.0, 20, 2.0, most_common_elems=("a", "b"), most_common_elem_freqs=(0.5, 0.5, 0.5, 0.5),
        ),
        "document": ColumnStatistics(0.0, 20, 2.0, ('{"a": 1}', '{"a": 2}'), (0.5, 0.5)),
    },
)  # fmt: skip


def index(method: str, *keys: str, types: tuple[str, ...], opclass: str = "") -> Index:
    return Index(
        "i", "public", "public.t", method, keys,
        attributes=keys, key_types=types, opclasses=(opclass,) * len(keys),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("column", "stored", "opclass"),
    [
        ("labels", "text", "array_ops"),
        ("words", "text", "tsvector_ops"),
        ("document", "int4", "jsonb_path_ops"),
        ("document", "text", "jsonb_ops"),
    ],
)
def test_keys_of_a_gin_index_are_those_of_its_column_whatever_type_the_index_stores(
    column: str, stored: str, opclass: str
) -> None:
    found = index_statistics(index("gin", column, types=(stored,), opclass=opclass), TABLE, FACTS)

    assert found.gin is not None
    assert found.gin.entries <= 4
    assert found.pages == pytest.approx(75, rel=0.5)


def test_extended_statistics_tell_how_many_combinations_two_columns_have() -> None:
    both = index("btree", "twice", "few", types=("int4", "int4"))
    known = ExtendedStatistics("", ("few", "twice"), ExtendedNumbers({"few, twice": 50.0}))
    extended = msgspec.structs.replace(FACTS, extended={"public.s": known})

    alone, together = (index_statistics(both, TABLE, facts).pages for facts in (FACTS, extended))

    assert together == pytest.approx(260, rel=0.01)
    assert alone > 1.01 * together
