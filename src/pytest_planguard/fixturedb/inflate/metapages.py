"""First pages of indexes other than btrees, where the planner looks into them.

Only two kinds are looked into (selfuncs.c, PostgreSQL 13 to 18). A GIN index says how many of its
pages are what (``ginGetStats``), and a BRIN index how many pages at its front are the map of its
ranges (``brinGetStats``). Of hash, GiST and SP-GiST indexes only the file's size is asked.
"""

from __future__ import annotations

import struct

from pytest_planguard.errors import ScaleError
from pytest_planguard.model.statistics import GinPages

PAGE = 8192
_CONTENTS = 24
"""Where a page's header ends."""
_GIN = struct.Struct("<4Iq3I4xqI")
"""``GinMetaPageData`` of ginblock.h: head, tail and free bytes of the pending list, its pages and
tuples; total, entry and data pages, entries, version."""
_GIN_VERSIONS = (1, 2)
_BRIN = struct.Struct("<4I")
"""``BrinMetaPageData`` of brin_page.h: magic, version, pages a range, last page of the map."""
_BRIN_MAGIC = 0xA8109CFA
_RANGES_A_PAGE = 1_360
"""``REVMAP_PAGE_MAXITEMS``: tids of 6 bytes between the header and 8 bytes at the page's end."""


def read_gin(meta: bytes) -> GinPages:
    """What a GIN index's metapage says.

    Raises:
        ScaleError: These bytes are none.
    """
    _, _, _, pending, _, total, entry, data, entries, _ = _gin_fields(meta)
    return GinPages(pending, total, entry, data, entries)


def gin_page(pages: GinPages, template: bytes) -> bytes:
    """The metapage of an empty index, with other numbers; LSN and checksum cleared."""
    head, tail, free, _, tuples, _, _, _, _, version = _gin_fields(template)
    page = _cleared(template)
    _GIN.pack_into(
        page, _CONTENTS, head, tail, free, pages.pending_pages, tuples, pages.total_pages,
        pages.entry_pages, pages.data_pages, pages.entries, version,
    )  # fmt: skip
    return bytes(page)


def brin_page(heap_pages: int, template: bytes) -> bytes:
    """The metapage of an empty index, as it is over a table of so many pages.

    Raises:
        ScaleError: ``template`` is no metapage.
    """
    if len(template) < PAGE:
        raise ScaleError(f"a BRIN index's metapage has {len(template)} bytes")
    magic, version, pages_a_range, _ = _BRIN.unpack_from(template, _CONTENTS)
    if magic != _BRIN_MAGIC or not pages_a_range:
        raise ScaleError(f"a BRIN index's metapage begins with {magic:#x}")
    page = _cleared(template)
    last = map_pages(heap_pages, pages_a_range)
    _BRIN.pack_into(page, _CONTENTS, magic, version, pages_a_range, last)
    return bytes(page)


def map_pages(heap_pages: int, pages_a_range: int) -> int:
    """Pages of the map of ranges, which follow the metapage; an empty index has one.

    >>> map_pages(0, 128), map_pages(1_360 * 128, 128), map_pages(1_360 * 128 + 1, 128)
    (1, 1, 2)
    """
    ranges = -(-heap_pages // pages_a_range)
    return max(1, -(-ranges // _RANGES_A_PAGE))


def _gin_fields(meta: bytes) -> tuple[int, ...]:
    if len(meta) < _CONTENTS + _GIN.size:
        raise ScaleError(f"a GIN index's metapage has {len(meta)} bytes")
    fields = _GIN.unpack_from(meta, _CONTENTS)
    if fields[-1] not in _GIN_VERSIONS:
        raise ScaleError(f"a GIN index's metapage is of version {fields[-1]}")
    return fields


def _cleared(template: bytes) -> bytearray:
    """A copy without LSN and checksum."""
    page = bytearray(template[:PAGE])
    page[:10] = bytes(10)
    return page
