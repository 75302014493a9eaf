import struct

import pytest

from pytest_planguard.errors import ScaleError
from pytest_planguard.fixturedb.inflate.metapages import PAGE, brin_page, gin_page, read_gin
from pytest_planguard.model.statistics import GinPages

NUMBERS = GinPages(3, 1_000, 800, 150, 70_000_000_000)


def empty_gin():
    page = bytearray(PAGE)
    struct.pack_into("<QHHHHHHI", page, 0, 0x1234, 77, 0, 80, 8184, 8184, PAGE | 4, 0)
    struct.pack_into("<4Iq3I4xqI", page, 24, 2**32 - 1, 2**32 - 1, 0, 0, 0, 2, 1, 0, 0, 2)
    struct.pack_into("<IHH", page, 8184, 2**32 - 1, 0, 8)
    return bytes(page)


def empty_brin(pages_a_range=128):
    page = bytearray(PAGE)
    struct.pack_into("<QHHHHHHI", page, 0, 0x1234, 77, 0, 40, 8184, 8184, PAGE | 4, 0)
    struct.pack_into("<4I", page, 24, 0xA8109CFA, 1, pages_a_range, 1)
    return bytes(page)


def test_a_gin_metapage_reads_back_and_keeps_the_rest():
    page = gin_page(NUMBERS, empty_gin())
    assert read_gin(page) == NUMBERS
    assert page[:10] == bytes(10)
    assert page[24:36] == empty_gin()[24:36]
    assert page[72:] == empty_gin()[72:]


def test_a_brin_metapage_tells_how_long_the_map_of_ranges_is():
    assert struct.unpack_from("<4I", brin_page(1_000_000, empty_brin()), 24)[2:] == (128, 6)
    assert struct.unpack_from("<4I", brin_page(1_000_000, empty_brin(1)), 24)[2:] == (1, 736)
    assert struct.unpack_from("<4I", brin_page(0, empty_brin()), 24)[3] == 1


def test_pages_of_another_kind_are_refused():
    with pytest.raises(ScaleError, match="a GIN index's metapage is of version 0"):
        read_gin(bytes(PAGE))
    with pytest.raises(ScaleError, match="has 24 bytes"):
        read_gin(bytes(24))
    with pytest.raises(ScaleError, match="begins with 0x0"):
        brin_page(5, bytes(PAGE))
    with pytest.raises(ScaleError, match="has 0 bytes"):
        brin_page(5, b"")
