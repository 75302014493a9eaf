"""An index's statistics from its table's: rows it holds, pages, height, expressions."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from pytest_planguard.fixturedb.scale import gist_ranges
from pytest_planguard.fixturedb.scale.btree_pages import IndexSize, btree_height, btree_size
from pytest_planguard.fixturedb.scale.btree_tuples import Field
from pytest_planguard.fixturedb.scale.fractions import kept_fraction
from pytest_planguard.fixturedb.scale.frequencies import distinct_values, frequencies
from pytest_planguard.fixturedb.scale.gin import Keys, gin_pages
from pytest_planguard.fixturedb.scale.gin_keys import keys_of
from pytest_planguard.fixturedb.scale.sizes import index_tuple, other_size
from pytest_planguard.fixturedb.scale.spans import float4
from pytest_planguard.fixturedb.scale.stored_widths import stored_widths
from pytest_planguard.fixturedb.scale.widths import DEFAULT_WIDTH, alignment, average_width
from pytest_planguard.model.catalog import Column, Index, Table
from pytest_planguard.model.ports import quoted
from pytest_planguard.model.statistics import (
    ColumnStatistics,
    GinPages,
    IndexStatistics,
    TableStatistics,
)

_FIXED = {
    "bool": 1, "int2": 2, "int4": 4, "int8": 8, "float4": 4, "float8": 8, "date": 4,
    "timestamp": 8, "timestamptz": 8, "uuid": 16, "oid": 4,
}  # fmt: skip
_ONE_TO_ONE = re.compile(
    r"(?:lower|upper|btrim|ltrim|rtrim|md5|reverse|unaccent|immutable_unaccent)\("
    r"(?P<column>\"[^\"]+\"|[a-z_][\w$]*)(?:::[\w ]+)?\)\Z"
)
"""Functions that keep nearly all values apart."""


def index_statistics(
    index: Index, table: Table, facts: TableStatistics, tuples: float = 0.0, *, version: int = 0
) -> IndexStatistics:
    """Size and expression statistics an index would have in production.

    Args:
        index: The index, as the catalog has it.
        table: Its table.
        facts: The table's statistics; columns they lack have their type's width.
        tuples: Rows it holds; 0: all that its predicate keeps.
        version: ``server_version_num`` of the server that builds it; 0: an older one.
    """
    if not tuples:
        kept = kept_fraction(index.predicate, facts.columns, facts.rows) if index.predicate else 1.0
        tuples = facts.rows * kept
    expressions = _expressions(index, table, facts)
    gin = _gin(index, table, facts, tuples) if index.method == "gin" else None
    if gin is not None:
        return IndexStatistics(gin.total_pages, float4(tuples), None, expressions, gin=gin)
    if index.method == "gist" and version >= gist_ranges.SORTED_SINCE:
        pages = _ranges(index, table, facts, tuples)
        if pages is not None:
            return IndexStatistics(pages, float4(tuples))
    size = _size(index, _fields(index, table, facts, expressions), table, facts, tuples)
    return IndexStatistics(size.pages, float4(tuples), size.height, expressions)


def index_height(index: Index, table: Table, facts: TableStatistics, pages: int) -> int | None:
    """Height of a btree whose pages are known and its height is not; None: it is no btree."""
    if index.method != "btree":
        return None
    expressions = _expressions(index, table, facts)
    fields = _fields(index, table, facts, expressions)
    return btree_height(pages, max(1.0, facts.rows), fields, unique=index.unique)


def table_field(column: Column, facts: ColumnStatistics | None, rows: float) -> Field:
    """A table's column as its tuples hold it."""
    width = facts.avg_width if facts is not None else average_width(column)
    return Field(
        width=float(width),
        alignment=alignment(column.base_type, column.length, width),
        nulls=facts.null_frac if facts is not None else 0.0,
        distinct=distinct_values(facts, rows) if facts is not None else 0.0,
        base_type=column.base_type,
    )


def _detailed(field: Field, facts: ColumnStatistics | None, rows: float) -> Field:
    """The field with what its statistics show of single values."""
    if facts is None:
        return field
    return msgspec.structs.replace(
        field,
        widths=stored_widths(facts, field.base_type),
        values=frequencies(facts, field.base_type, rows),
    )


def _size(
    index: Index, keys: list[Field], table: Table, facts: TableStatistics, tuples: float
) -> IndexSize:
    """By access method."""
    if index.method != "btree":
        opclass = index.opclasses[0] if index.opclasses else ""
        return other_size(index.method, tuples, keys, facts.pages, opclass)
    columns = {quoted(column.name): column for column in table.columns}
    include = [_column_field(columns[name], facts) for name in index.include if name in columns]
    return btree_size(
        tuples,
        keys,
        include,
        unique=index.unique,
        fillfactor=index.fillfactor,
        distinct=_combinations(index, facts),
    )


def _combinations(index: Index, facts: TableStatistics) -> float:
    """Different combinations of its keys that extended statistics know; 0: of none."""
    wanted = sorted(index.keys)
    for one in facts.extended.values():
        for names, number in (one.own.ndistinct if one.own is not None else {}).items():
            if sorted(names.split(", ")) == wanted:
                return number
    return 0.0


def _ranges(index: Index, table: Table, facts: TableStatistics, tuples: float) -> int | None:
    """Pages of a GiST index on one column of ranges, as it is built of sorted rows."""
    column = table.column(index.keys[0]) if len(index.keys) == 1 and not index.include else None
    known = facts.columns.get(column.name) if column is not None else None
    if column is None or known is None or index.opclasses != ("range_ops",):
        return None
    size = index_tuple([table_field(column, known, facts.rows)]) + 4
    return gist_ranges.range_pages(known, column.base_type, tuples * (1 - known.null_frac), size)


def _gin(index: Index, table: Table, facts: TableStatistics, tuples: float) -> GinPages | None:
    """Pages of a GIN index on columns whose keys their statistics tell; None: on another."""
    columns = {quoted(column.name): column for column in table.columns}
    number = 2 if len(index.keys) > 1 else 0
    """Bytes: keys of several columns are told apart by its number."""
    part = tuples / facts.rows if facts.rows else 0.0
    found: list[Keys] = []
    for key, kind, opclass in zip(index.keys, index.key_types, index.opclasses, strict=False):
        column = columns.get(key)
        known = facts.columns.get(column.name) if column is not None else None
        # the index's own type is that of what it stores: of an array, its elements
        whole = column.base_type if column is not None else kind
        keys = keys_of(known, facts.rows, whole, opclass) if known is not None else None
        if keys is None:
            return None
        found += [Keys(one.number, max(1.0, one.rows * part), one.width + number) for one in keys]
    return gin_pages(found, facts.rows, facts.pages) if found else None


def _fields(
    index: Index,
    table: Table,
    facts: TableStatistics,
    expressions: Mapping[str, ColumnStatistics],
) -> list[Field]:
    """The index's keys, as its tuples hold them."""
    return [
        _field(key, kind, table, facts, expressions.get(name))
        for key, kind, name in zip(index.keys, index.key_types, index.attributes, strict=True)
    ]


def _field(
    key: str, kind: str, table: Table, facts: TableStatistics, expression: ColumnStatistics | None
) -> Field:
    """A key of the index: a column, or an expression of some type."""
    column = next((item for item in table.columns if quoted(item.name) == key), None)
    if column is not None:
        return _column_field(column, facts)
    width = _FIXED.get(kind, expression.avg_width if expression is not None else DEFAULT_WIDTH)
    field = Field(
        width=float(width),
        alignment=alignment(kind, _FIXED.get(kind, -1), width),
        nulls=expression.null_frac if expression is not None else 0.0,
        base_type=kind,
    )
    return _detailed(field, expression, facts.rows)


def _column_field(column: Column, facts: TableStatistics) -> Field:
    """A column of the table, as an index holds it."""
    known = facts.columns.get(column.name)
    return _detailed(table_field(column, known, facts.rows), known, facts.rows)


def _expressions(index: Index, table: Table, facts: TableStatistics) -> dict[str, ColumnStatistics]:
    """Statistics of expressions that can be told: unique ones, and one value for one value."""
    columns = {quoted(column.name): column for column in table.columns}
    found: dict[str, ColumnStatistics] = {}
    for key, kind, name in zip(index.keys, index.key_types, index.attributes, strict=True):
        if key in columns:
            continue
        match = _ONE_TO_ONE.match(key)
        column = columns.get(match["column"]) if match is not None else None
        source = facts.columns.get(column.name) if column is not None else None
        alone = index.unique and len(index.keys) == 1
        if source is not None:
            distinct = -1.0 + source.null_frac if alone else source.n_distinct
            found[name] = ColumnStatistics(source.null_frac, source.avg_width, distinct)
        elif alone:
            found[name] = ColumnStatistics(0.0, _FIXED.get(kind, DEFAULT_WIDTH), -1.0)
    return found
