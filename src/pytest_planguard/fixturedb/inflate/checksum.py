"""Page checksums as PostgreSQL computes them (``storage/checksum_impl.h``, 32 lanes of FNV-1a)."""

from __future__ import annotations

import struct

_LANES = 32
_PRIME = 16777619
_MASK = 0xFFFFFFFF
_BASES = (
    0x5B1F36E9, 0xB8525960, 0x02AB50AA, 0x1DE66D2A, 0x79FF467A, 0x9BB9F8A3, 0x217E7CD2, 0x83E13D2C,
    0xF8D4474F, 0xE39EB970, 0x42C6AE16, 0x993216FA, 0x7B093B5D, 0x98DAFF3C, 0xF718902A, 0x0B1C9CDB,
    0xE58F764B, 0x187636BC, 0x5D7B3BB1, 0xE73DE7DE, 0x92BEC979, 0xCCA6C0B2, 0x304A0979, 0x85AA43D4,
    0x783125BB, 0x6CA8EAA2, 0xE407EAC6, 0x4B5CFC3E, 0x9FBF8C76, 0x15CA20BE, 0xF2CA9FD3, 0x959BD756,
)  # fmt: skip


def with_checksum(page: bytes, block: int) -> bytes:
    """The page with its checksum for that block number in place."""
    clean = page[:8] + b"\0\0" + page[10:]
    return clean[:8] + struct.pack("<H", page_checksum(clean, block)) + clean[10:]


def page_checksum(page: bytes, block: int) -> int:
    """The checksum, 1 to 65535, of a page whose checksum field is zero."""
    words = struct.unpack(f"<{len(page) // 4}I", page)
    sums = list(_BASES)
    for start in range(0, len(words), _LANES):
        for lane in range(_LANES):
            sums[lane] = _mix(sums[lane], words[start + lane])
    result = 0
    for lane in range(_LANES):
        result ^= _mix(_mix(sums[lane], 0), 0)
    return (result ^ block) % 65535 + 1


def _mix(total: int, value: int) -> int:
    """``CHECKSUM_COMP``: one round."""
    mixed = total ^ value
    return ((mixed * _PRIME) & _MASK) ^ (mixed >> 17)
