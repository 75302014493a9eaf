"""Pages of tables and indexes, from rows and widths, as PostgreSQL lays them out."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from pytest_planguard.fixturedb.scale.widths import aligned

PAGE = 8192
_PAGE_HEADER = 24
_LINE_POINTER = 4
_HEAP_HEADER = 23
_TOAST_TARGET = 2032
"""Wider tuples move their widest values out (``TOAST_TUPLE_THRESHOLD``)."""
_TOAST_POINTER = 18

_BTREE_SPECIAL = 16
_INDEX_HEADER = 8
_BTREE_FILL = 90
_BTREE_INNER_FILL = 70
"""``BTREE_DEFAULT_FILLFACTOR``, ``BTREE_NONLEAF_FILLFACTOR`` in nbtree.h."""
_POSTING_LIMIT = 812
"""Largest posting list CREATE INDEX builds: a tenth of a page (nbtsort.c)."""
_TID = 6
_NEVER_DEDUPLICATED = frozenset({"numeric", "float4", "float8", "jsonb", "interval", "record"})
"""Types whose equal values may differ in their bytes (nbtree's "equalimage")."""
_BRIN_RANGE = 128


class Field(msgspec.Struct, frozen=True):
    """A column as a tuple holds it."""

    width: float
    """Bytes of a value that is not NULL."""
    alignment: int = 1
    nulls: float = 0.0
    """Share, 0 to 1."""
    distinct: float = 0.0
    """Values that differ, an absolute number; 0: unknown."""
    base_type: str = ""


class IndexSize(msgspec.Struct, frozen=True):
    """What the planner wants to know of an index's files."""

    pages: int
    height: int | None = None
    """Levels above the leaves, of a btree only."""


def heap_pages(rows: float, fields: Sequence[Field], fillfactor: int | None = None) -> int:
    """Pages of a table; at least one, as a table that once had rows keeps a page."""
    bitmap = math.ceil(len(fields) / 8) if any(field.nulls for field in fields) else 0
    header = aligned(_HEAP_HEADER + bitmap, 8)
    size = aligned(_data_size(_toasted(fields, header), header), 8) + _LINE_POINTER
    room = (PAGE - _PAGE_HEADER) * (fillfactor or 100) / 100
    per_page = max(1, math.floor(room / size))
    return max(1, math.ceil(rows / per_page))


def btree_size(
    tuples: float,
    keys: Sequence[Field],
    include: Sequence[Field] = (),
    *,
    unique: bool = False,
    fillfactor: int | None = None,
) -> IndexSize:
    """A btree as CREATE INDEX builds it: leaves 90 % full, inner pages 70 %, duplicates merged."""
    if tuples < 1:
        return IndexSize(1, 0)
    single = _index_tuple([*keys, *include]) + _LINE_POINTER
    room = PAGE - _PAGE_HEADER - _BTREE_SPECIAL
    full = room - PAGE * (100 - (fillfactor or _BTREE_FILL)) // 100
    need = tuples * single
    if not unique and not include and not any(_keeps_duplicates(key) for key in keys):
        need = min(need, _deduplicated(tuples, keys, single))
    leaves = max(1, math.ceil(need / (full // single * single)))
    levels = _levels(leaves, _fan_out(keys, leaves))
    pages = 1 + sum(levels)  # the metapage, and every level
    return IndexSize(pages, len(levels) - 1)


def btree_height(pages: int, keys: Sequence[Field]) -> int:
    """Levels above the leaves of a btree that is so large, as ``btree_size`` builds them."""
    inside = max(1, pages - 1)
    return len(_levels(inside, _fan_out(keys, inside))) - 1


def _levels(leaves: int, fan_out: int) -> list[int]:
    """Pages of each level, the leaves first."""
    levels = [leaves]
    while levels[-1] > 1:
        levels.append(math.ceil(levels[-1] / fan_out))
    return levels


def _fan_out(keys: Sequence[Field], leaves: int) -> int:
    """Downlinks of an inner page; pivots keep only the columns that tell leaves apart."""
    room = PAGE - _PAGE_HEADER - _BTREE_SPECIAL - PAGE * (100 - _BTREE_INNER_FILL) // 100
    pivot = keys[:1] if keys and keys[0].distinct >= leaves else keys
    return max(2, int(room // (_index_tuple(pivot) + _LINE_POINTER)))


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
    return IndexSize(1 + math.ceil(tuples * (_index_tuple(keys) + _LINE_POINTER) / room))


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


def _index_tuple(fields: Sequence[Field]) -> float:
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


def _keeps_duplicates(key: Field) -> bool:
    """Whether an index on it is never deduplicated; arrays and ranges neither."""
    kind = key.base_type
    return kind in _NEVER_DEDUPLICATED or kind.startswith("_") or kind.endswith("range")


def _deduplicated(tuples: float, keys: Sequence[Field], single: float) -> float:
    """Bytes of the leaf tuples when equal keys share posting lists."""
    distinct = math.prod(max(1.0, key.distinct or 200.0) for key in keys)
    if distinct >= tuples:
        return tuples * single
    each = tuples / distinct
    if each < 2:  # some keys come twice and most once: no list is longer than its two tuples
        return tuples * single
    base = single - _LINE_POINTER
    most = (_POSTING_LIMIT - base) // _TID
    full, rest = divmod(each, most)
    last = aligned(base + _TID * rest, 8) + _LINE_POINTER if rest >= 1 else 0.0
    return distinct * (full * (aligned(base + _TID * most, 8) + _LINE_POINTER) + last)
