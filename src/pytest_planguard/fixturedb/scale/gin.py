"""Pages of a GIN index as CREATE INDEX builds it, from how many rows each key is in.

Each distinct key has one tuple in the entry tree. The rows it is in stand in that tuple while they
fit (a posting list), else in a tree of pages of their own (a posting tree). Rows are stored as the
differences of their item pointers, in one to six bytes. Sizes are PostgreSQL's, 13 to 18: of
``ginblock.h``, ``ginpostinglist.c``, ``gindatapage.c``, ``ginentrypage.c`` and ``ginbulk.c``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from pytest_planguard.fixturedb.scale.widths import aligned
from pytest_planguard.model.statistics import GinPages

_TUPLE_HEADER, _LINE_POINTER = 8, 4
_ENTRY_ROOM = 8192 - 24 - 8
"""Of an entry page: header and ``GinPageOpaqueData`` off."""
_LARGEST_ENTRY = 2712
"""``GinMaxItemSize``: a longer posting list becomes a tree."""
_LIST_HEADER = 8
"""Of a posting list: the first row's item pointer and the list's length."""
_SEGMENTS, _SEGMENT = 31, 256 - _LIST_HEADER
"""Posting lists on a page of a posting tree (``GinDataPageMaxDataSize`` is 8,152), and the bytes of
differences in each (``GinPostingListSegmentTargetSize``)."""
_DOWNLINKS = 815
"""``PostingItem`` of 10 bytes on an inner page of a posting tree."""
_PAGE_STEP = 2048
"""Item pointers of neighbouring pages differ by it: 11 bits are the row's number on its page."""
_MEMORY = 64 * 1024 * 1024
"""Default of ``maintenance_work_mem``: keys are gathered in it, then written in their order."""
_LOOKED_AT = 8
"""Batches of which the size of the entry tree is looked at."""
_GATHERED = 64
"""``sizeof(GinEntryAccumulator)``."""
_CHUNK = 16
"""Header of allocated memory (8 since PostgreSQL 16)."""


class Keys(msgspec.Struct, frozen=True):
    """Keys of an index that are in equally many rows."""

    number: float
    rows: float
    """That each of them is in; at least 1."""
    width: float
    """Bytes of a key as an index holds it."""


def gin_pages(keys: Sequence[Keys], rows: float, heap_pages: float) -> GinPages:
    """What the index's first page tells the planner, right after it was built.

    Rows of a key lie anywhere in the table. A key that comes in some part of it only, as a date
    does, takes less.

    Args:
        keys: All of them.
        rows: Of the table.
        heap_pages: Of the table.
    """
    per_page = max(1.0, rows / max(1.0, heap_pages))
    number = sum(key.number for key in keys)
    inner = sum(key.number * (_bare(key) + _LINE_POINTER) for key in keys)
    batches = max(1, math.ceil(sum(key.number * _gathered(key) for key in keys) / _MEMORY))
    data = leaf = 0.0
    for part in _parts(batches):
        data, bytes_then = _stored(keys, part, rows, per_page)
        leaf = max(leaf, bytes_then)
    entries = _entry_tree(number, leaf, inner, batches)
    return GinPages(0, 1 + entries + round(data), entries, round(data), max(0, round(number)))


def _parts(batches: int) -> list[float]:
    """Shares of the table that are in the index after batches: the first few, and all.

    Leaves of the entry tree never become fewer. They are most while lists still are in them, which
    is early where keys are frequent.
    """
    return [*(number / batches for number in range(1, min(batches, _LOOKED_AT))), 1.0]


def _stored(keys: Sequence[Keys], part: float, rows: float, per_page: float) -> tuple[float, float]:
    """Pages of posting trees, and bytes on the entry tree's leaves, when a part is in the index."""
    data = leaf = 0.0
    for key in keys:
        known = key.rows * part
        number = key.number * min(1.0, known)
        bare, own = _bare(key), max(1.0, known)
        difference = difference_bytes(min(1.0, key.rows / max(1.0, rows)), per_page)
        entry = bare + _list_bytes(own, difference)
        if entry > _LARGEST_ENTRY:
            entry = bare
            data += number * _posting_tree(own, difference)
        leaf += number * (entry + _LINE_POINTER)
    return data, leaf


def difference_bytes(share: float, per_page: float) -> float:
    """Bytes of the difference to a key's next row, on average.

    Seven bits a byte: within a page one byte (two from 128 rows on); from page to page two while
    they are up to 8 pages apart, three up to 1,024, four up to 131,072.

    Args:
        share: Of the table's rows that have the key.
        per_page: Rows of a page.

    >>> round(difference_bytes(1.0, 60), 2), round(difference_bytes(0.01, 60), 2)
    (1.02, 1.76)
    >>> round(difference_bytes(1e-6, 60), 1)
    3.9
    """
    lacks = (1 - share) ** per_page
    """Share of the pages that have none."""
    crossing = min(1.0, (1 - lacks) / max(share * per_page, 1e-12))
    within = 1 + (1 - share) ** 127 * max(0.0, 1 - 127 / per_page)
    steps = [2**14 / _PAGE_STEP, 2**21 / _PAGE_STEP, 2**28 / _PAGE_STEP]
    between = 2 + sum((lacks ** (step - 1) + lacks**step) / 2 for step in steps)
    return float((1 - crossing) * within + crossing * between)


def _list_bytes(rows: float, difference: float) -> float:
    """A posting list in its tuple, which takes a multiple of 8 bytes.

    A number of rows is an average: padding then is, too.
    """
    more = max(0.0, rows - 1)
    return _LIST_HEADER + min(8 * more, more * difference + 3.5)


def _posting_tree(rows: float, difference: float) -> float:
    """Pages of a posting tree: a build fills them (``dataBeginPlaceToPageLeaf``, ``isBuild``)."""
    pages = level = math.ceil(rows / (_SEGMENTS * (1 + _SEGMENT / difference)))
    while level > 1:
        level = math.ceil(level / _DOWNLINKS)
        pages += level
    return pages


def _entry_tree(number: float, leaf: float, inner: float, batches: float) -> int:
    """Pages of the entry tree.

    A full page is split in halves (``entrySplitPage``), also at the right end. What was gathered at
    once comes in the order of its keys, so that every page but the last stays half full; what comes
    in several batches goes between, and fills pages as random insertions do (ln 2 of them; A. Yao,
    "On random 2-3 trees", 1978).

    Args:
        number: Of keys.
        leaf: Bytes of their tuples on leaves.
        inner: Bytes of the same as downlinks.
        batches: How often memory was full.
    """
    if number < 1:
        return 1
    pages = level = _level(number, leaf / number, batches)
    while level > 1:
        level = _level(level, inner / number, batches)
        pages += level
    return pages


def _level(tuples: float, size: float, batches: float) -> int:
    fits = math.floor(_ENTRY_ROOM / size)
    if tuples <= fits:
        return 1
    stays = (fits + 1) // 2 + 1 if batches <= 1 else max(2.0, fits * math.log(2))
    return 1 + math.ceil((tuples - fits) / stays)


def _bare(key: Keys) -> float:
    """Bytes of a key's tuple without its rows: a downlink's, too."""
    return aligned(_TUPLE_HEADER + key.width, 8)


def _gathered(key: Keys) -> float:
    """Bytes of memory a key takes until it is written: itself, and its rows in a growing array."""
    array = math.ldexp(30.0, max(0, math.ceil(math.log2(max(1.0, key.rows / 5)))))
    return _GATHERED + 2 * _CHUNK + key.width + array
