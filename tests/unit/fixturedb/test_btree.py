import struct

import pytest

from pytest_planguard.errors import ScaleError
from pytest_planguard.fixturedb.inflate.btree import (
    PAGE,
    read_height,
    skeleton,
)
from pytest_planguard.fixturedb.inflate.checksum import page_checksum, with_checksum


def empty_metapage():
    """As CREATE INDEX leaves it: version 4, no root, keys that may be deduplicated."""
    page = bytearray(PAGE)
    struct.pack_into("<QHHHHHHI", page, 0, 0x1234, 77, 0, 72, 8176, 8176, PAGE | 4, 0)
    struct.pack_into("<IIIIIIIdB", page, 24, 0x053162, 4, 0, 0, 0, 0, 0, -1.0, 1)
    struct.pack_into("<IIIHH", page, 8176, 0, 0, 0, 8, 0)
    return bytes(page)


def opaque(page):
    return struct.unpack_from("<IIIHH", page, 8176)


def test_the_metapage_points_to_the_root_and_keeps_the_rest():
    meta = skeleton(3, empty_metapage())[0]
    assert struct.unpack_from("<6I", meta, 24) == (0x053162, 4, 1, 3, 1, 3)
    assert meta[48:] == empty_metapage()[48:]
    assert meta[:10] == bytes(10)
    assert read_height(meta) == 3


def test_each_level_has_one_page_with_one_downlink_and_the_last_is_an_empty_leaf():
    _, root, inner, leaf = skeleton(2, empty_metapage())
    assert [opaque(page)[2:4] for page in (root, inner, leaf)] == [(2, 2), (1, 0), (0, 1)]
    assert struct.unpack_from("<HHHH", root, 8168) == (0, 2, 0, 8 | 0x2000)
    assert struct.unpack_from("<HHHH", inner, 8168) == (0, 3, 0, 8 | 0x2000)
    assert struct.unpack_from("<HHH", leaf, 12) == (24, 8176, 8176)


def test_a_tree_of_one_leaf_has_a_root_that_is_a_leaf():
    _, root = skeleton(0, empty_metapage())
    assert opaque(root)[2:4] == (0, 3)


def test_foreign_pages_are_refused():
    with pytest.raises(ScaleError, match="begins with 0x0"):
        skeleton(2, bytes(PAGE))
    with pytest.raises(ScaleError, match="has 0 bytes"):
        skeleton(2, b"")


def test_checksums_stand_in_the_header_and_depend_on_the_block():
    page = skeleton(1, empty_metapage())[2]
    assert with_checksum(page, 1)[8:10] == struct.pack("<H", page_checksum(page, 1))
    assert page_checksum(page, 1) != page_checksum(page, 2)
