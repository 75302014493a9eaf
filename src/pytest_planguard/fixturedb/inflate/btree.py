"""The smallest btree of a given height: what the planner and a range query read of one.

Layouts are those of nbtree.h, bufpage.h and itup.h, unchanged from PostgreSQL 11 to 18.
"""

from __future__ import annotations

import struct

from pytest_planguard.errors import ScaleError

PAGE = 8192
_HEADER = struct.Struct("<QHHHHHHI")  # lsn, checksum, flags, lower, upper, special, size, xid
_META = struct.Struct("<6I")  # magic, version, root, level, fastroot, fastlevel
_OPAQUE = struct.Struct("<IIIHH")  # previous, next, level, flags, cycle
_TUPLE = struct.Struct("<HHHH")  # block high, block low, offset, info
_HEADER_SIZE = 24
_SPECIAL = PAGE - _OPAQUE.size
_LAYOUT = PAGE | 4
_MAGIC = 0x053162
_LEAF, _ROOT = 1, 2
_TUPLE_INFO = _TUPLE.size | 0x2000
"""Its length and INDEX_ALT_TID_MASK: a pivot tuple, here without any key."""
_NORMAL = 1
"""``LP_NORMAL``."""


def skeleton(height: int, meta_template: bytes) -> list[bytes]:
    """The first pages of a btree of that height: metapage, one page a level, an empty leaf.

    Args:
        height: Levels above the leaves.
        meta_template: The metapage the server wrote for the empty index: its version and its
            flag for deduplication are kept.

    Raises:
        ScaleError: ``meta_template`` is no metapage of a btree.
    """
    made = [_meta(height, meta_template)]
    for level in range(height, -1, -1):
        block = len(made)
        flags = (_ROOT if level == height else 0) | (_LEAF if level == 0 else 0)
        made.append(_page(level, flags, None if level == 0 else block + 1))
    if read_height(made[0]) != height:
        raise ScaleError(f"a btree's metapage does not read back: {read_height(made[0])}, {height}")
    return made


def read_height(meta: bytes) -> int:
    """``btm_fastlevel`` of a metapage: what the planner takes as the index's height.

    Raises:
        ScaleError: These bytes are no metapage of a btree on this kind of machine.
    """
    if len(meta) < _HEADER_SIZE + _META.size:
        raise ScaleError(f"a btree's metapage has {len(meta)} bytes")
    magic, _, _, _, _, level = _META.unpack_from(meta, _HEADER_SIZE)
    if magic != _MAGIC:
        raise ScaleError(
            f"a btree's metapage begins with {magic:#x} instead of {_MAGIC:#x}",
            hint="use a little-endian server: planguard writes index pages for those only",
        )
    return int(level)


def _meta(height: int, template: bytes) -> bytes:
    """The template with root and fast root at block 1; LSN and checksum cleared."""
    read_height(template)
    page = bytearray(template[:PAGE])
    version = _META.unpack_from(page, _HEADER_SIZE)[1]
    _META.pack_into(page, _HEADER_SIZE, _MAGIC, version, 1, height, 1, height)
    page[:10] = bytes(10)
    return bytes(page)


def _page(level: int, flags: int, below: int | None) -> bytes:
    """A page alone on its level, with a downlink to the block below or, a leaf, with nothing."""
    page = bytearray(PAGE)
    lower, upper = _HEADER_SIZE, _SPECIAL
    if below is not None:
        lower, upper = lower + 4, upper - _TUPLE.size
        pointer = upper | _NORMAL << 15 | _TUPLE.size << 17
        struct.pack_into("<I", page, _HEADER_SIZE, pointer)
        _TUPLE.pack_into(page, upper, below >> 16, below & 0xFFFF, 0, _TUPLE_INFO)
    _HEADER.pack_into(page, 0, 0, 0, 0, lower, upper, _SPECIAL, _LAYOUT, 0)
    _OPAQUE.pack_into(page, _SPECIAL, 0, 0, level, flags, 0)
    return bytes(page)
