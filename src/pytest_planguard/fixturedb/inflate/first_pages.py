"""What the first pages of an index's file must be, for the planner to see the index it should.

Measured on 15.18, 16.14 and 18.6 over a table of 20,000 rows with every kind of index, loaded for
real beside an empty one of the same sizes: 85 queries, five ways each. With the size alone, plans
by btrees cost 0.98 to 1.00 of the real ones, by GIN indexes 0.96 to 1.00 (further off where pending
pages are many), by BRIN indexes 1.00 (0.2 % off; it grows with the map of ranges). With their first
pages, and for hash, GiST and SP-GiST indexes with the size alone, rows and costs are equal to the
last digit EXPLAIN prints. Where the source's GIN metapage could not be read, the empty one stays:
the planner then takes nine in ten pages for entry pages (gincostestimate).
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from pytest_planguard.fixturedb.inflate.btree import skeleton
from pytest_planguard.fixturedb.inflate.checksum import with_checksum
from pytest_planguard.fixturedb.inflate.metapages import brin_page, gin_page
from pytest_planguard.model.statistics import GinPages


class BtreeTop(msgspec.Struct, frozen=True, tag="btree"):
    """A tree of a given height."""

    height: int
    """Levels above its leaves."""


class GinTop(msgspec.Struct, frozen=True, tag="gin"):
    """The metapage of a GIN index."""

    pages: GinPages


class BrinTop(msgspec.Struct, frozen=True, tag="brin"):
    """The metapage of a BRIN index."""

    heap_pages: int
    """Of its table, as far as it was summarised."""


Top = BtreeTop | GinTop | BrinTop


def pages_needed(top: Top | None) -> int:
    """The least pages a file with such first pages has."""
    match top:
        case BtreeTop(height):
            return height + 2
        case None:
            return 0
        case _:
            return 1


def first_pages(top: Top, meta: bytes, *, checksums: bool) -> bytes:
    """The first bytes of an index's file.

    Args:
        top: What is wanted.
        meta: The metapage the server wrote for the empty index.
        checksums: Whether the server verifies them.

    Raises:
        ScaleError: ``meta`` is no metapage of such an index.
    """
    return _first_pages(top, bytes(10) + meta[10:], checksums)


@lru_cache(maxsize=1024)
def _first_pages(top: Top, meta: bytes, checksums: bool) -> bytes:  # a key
    """The same, once for all indexes alike: ``meta`` is without LSN and checksum.

    Most btrees of one height have the same first pages, and a checksum takes a millisecond.
    """
    match top:
        case BtreeTop(height):
            pages = skeleton(height, meta)
        case GinTop(numbers):
            pages = [gin_page(numbers, meta)]
        case BrinTop(heap_pages):
            pages = [brin_page(heap_pages, meta)]
    if checksums:
        pages = [with_checksum(page, block) for block, page in enumerate(pages)]
    return b"".join(pages)
