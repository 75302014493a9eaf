"""Pages of tables and indexes, from rows and widths, as PostgreSQL lays them out."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from pytest_planguard.fixturedb.scale.btree_pages import PAGE, IndexSize
from pytest_planguard.fixturedb.scale.btree_tuples import Field
from pytest_planguard.fixturedb.scale.widths import aligned

_PAGE_HEADER = 24
_LINE_POINTER = 4
_HEAP_HEADER = 23
_TOAST_TARGET = 2032
"""Wider tuples move their widest values out (``TOAST_TUPLE_THRESHOLD``)."""
_TOAST_POINTER = 18

_BTREE_SPECIAL = 16
_INDEX_HEADER = 8
_BRIN_RANGE = 128


def heap_pages(rows: float, fields: Sequence[Field], fillfactor: int | None = None) -> int:
    """Pages of a table; at least one, as a table that once had rows keeps a page."""
    bitmap = math.ceil(len(fields) / 8) if any(field.nulls for field in fields) else 0
    header = aligned(_HEAP_HEADER + bitmap, 8)
    size = aligned(_data_size(_toasted(fields, header), header), 8) + _LINE_POINTER
    room = (PAGE - _PAGE_HEADER) * (fillfactor or 100) / 100
    per_page = max(1, math.floor(room / size))
    return max(1, math.ceil(rows / per_page))


def other_size(
    method: str, tuples: float, keys: Sequence[Field], table_pages: int, opclass: str = ""
) -> IndexSize:
    """Simple models of the other access methods; the planner only reads how large they are.

    BRIN: a summary of two values for each 128 pages. Hash: four bytes of hash, pages three
    quarters full. GIN: see ``_gin_bytes``. GiST and all others: a tuple for each row, 70 % full;
    45 % for ranges, whose pages split unevenly (measured: 400,000 rows of int4range and tstzrange
    filled 44.9 and 44.7 %).
    """
    width = sum(key.width for key in keys)
    if method == "brin":
        ranges = math.ceil(table_pages / _BRIN_RANGE)
        return IndexSize(2 + math.ceil(ranges / 1360) + math.ceil(ranges * (24 + 2 * width) / PAGE))
    if method == "hash":
        return IndexSize(4 + math.ceil(tuples * 20 / (PAGE * 0.75)))
    if method == "gin":
        each = sum(_gin_bytes(key, opclass) * (1 - key.nulls) for key in keys)
        return IndexSize(2 + math.ceil(tuples * max(2.0, each) / (PAGE * 0.9)))
    ranges = method == "gist" and any(key.base_type.endswith("range") for key in keys)
    room = (PAGE - _PAGE_HEADER - _BTREE_SPECIAL) * (0.45 if ranges else 0.7)
    return IndexSize(1 + math.ceil(tuples * (index_tuple(keys) + _LINE_POINTER) / room))


def _gin_bytes(key: Field, opclass: str) -> float:
    """Bytes of a GIN index for one value.

    Items that repeat take about two bytes each (``ginpostinglist.c`` stores differences): the
    trigrams of a text, the lexemes of a document, the elements of an array. A jsonb document has
    values that do not repeat, with an entry of their own: measured with 28 bytes a document,
    65 of index; with ``jsonb_path_ops`` a hash of each path instead.
    """
    if "trgm" in opclass:
        return 2 * (key.width + 1)
    if key.base_type == "jsonb":
        return key.width / 2 + 12 if "path" in opclass else key.width + 24
    if key.base_type == "tsvector":
        return key.width / 5
    return max(2.0, (key.width - 20) / 4)


def index_tuple(fields: Sequence[Field]) -> float:
    """Bytes of an index tuple, weighted by whether it needs room for a NULL bitmap."""
    plain = aligned(_data_size(fields, _INDEX_HEADER), 8)
    some_null = 1 - math.prod(1 - field.nulls for field in fields)
    return plain if some_null < 0.5 else aligned(_data_size(fields, 2 * _INDEX_HEADER), 8)


def _data_size(fields: Sequence[Field], start: float) -> float:
    """Where the last value ends, each aligned, on average over the NULLs."""
    offset = start
    for field in fields:
        offset = aligned(offset, field.alignment) + field.width * (1 - field.nulls)
    return offset


def _toasted(fields: Sequence[Field], header: float) -> list[Field]:
    """The fields with the widest replaced by pointers until the tuple is small enough."""
    kept = list(fields)
    while _data_size(kept, header) > _TOAST_TARGET:
        widest = max(range(len(kept)), key=lambda number: kept[number].width)
        if kept[widest].width <= _TOAST_POINTER:
            break
        kept[widest] = msgspec.structs.replace(kept[widest], width=_TOAST_POINTER, alignment=1)
    return kept
