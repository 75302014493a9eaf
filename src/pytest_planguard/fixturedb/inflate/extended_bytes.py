"""What ``pg_statistic_ext_data`` holds, as bytes; pure.

Layouts are those of the serialise functions of mvdistinct.c, dependencies.c and mcv.c, unchanged
from PostgreSQL 13 to 18 and in the byte order of the server. A dimension is a column by its
number, or an expression by -1, -2 …
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

_NDISTINCT = (0xA352BFA4, 1)
_DEPENDENCIES = (0xB4549A2C, 1)
_HEADER = struct.Struct("<III")  # magic, type, number of items
_MCV_MAGIC = 0xE1A651C2
_MCV_HEADER = struct.Struct("<IIIh")  # magic, type, number of items, dimensions
_FREQUENCIES = struct.Struct("<dd")


def ndistinct_bytes(
    numbers: Mapping[str, float], names: Sequence[str], attributes: Mapping[str, int]
) -> bytes | None:
    """``pg_ndistinct``; None where there is nothing.

    Args:
        numbers: Distinct combinations, by names joined with ``, ``.
        names: All dimensions, in the order ``numbers`` joins them.
        attributes: Number of each dimension.
    """
    items = []
    for size in range(2, len(names) + 1):
        for group in combinations(names, size):
            if (number := numbers.get(", ".join(group))) is not None:
                members = sorted((attributes[name] for name in group), key=_server_order)
                items.append(struct.pack(f"<di{size}h", number, size, *members))
    return _HEADER.pack(*_NDISTINCT, len(items)) + b"".join(items) if items else None


def dependencies_bytes(
    degrees: Mapping[str, float], names: Sequence[str], attributes: Mapping[str, int]
) -> bytes | None:
    """``pg_dependencies``; arguments as above, with ``a, b => c`` for a dependency."""
    items = []
    for group, implied in _dependencies(names):
        if (degree := degrees.get(f"{', '.join(group)} => {implied}")) is not None:
            members = sorted((attributes[name] for name in group), key=_server_order)
            count = len(group) + 1
            items.append(struct.pack(f"<dh{count}h", degree, count, *members, attributes[implied]))
    return _HEADER.pack(*_DEPENDENCIES, len(items)) + b"".join(items) if items else None


def with_frequencies(
    built: bytes, order: Sequence[int], freqs: Sequence[float], base_freqs: Sequence[float]
) -> bytes:
    """A list of most common combinations, with other frequencies and in another order.

    Its items stand at the end, all of one size: a flag for NULL per dimension, two frequencies, a
    number of a value per dimension.

    Args:
        built: ``pg_mcv_list`` as the server made it.
        order: For each item wanted, the position it has in ``built``.
        freqs: Of the items wanted.
        base_freqs: The same, were the columns independent.

    Raises:
        ValueError: These bytes are no such list, or not of as many items.
    """
    magic, _, count, dimensions = _MCV_HEADER.unpack_from(built)
    if magic != _MCV_MAGIC or count != len(order):
        raise ValueError(f"no list of {len(order)} combinations: {magic:#x}, {count}")
    size = 3 * dimensions + _FREQUENCIES.size
    start = len(built) - count * size
    items = [bytearray(built[start + n * size :][:size]) for n in order]
    for item, freq, base in zip(items, freqs, base_freqs, strict=True):
        _FREQUENCIES.pack_into(item, dimensions, freq, base)
    return built[:start] + b"".join(items)


def _dependencies(names: Sequence[str]) -> Iterator[tuple[tuple[str, ...], str]]:
    """All dependencies there can be: some dimensions that imply another."""
    for size in range(1, len(names)):
        for group in combinations(names, size):
            yield from ((group, name) for name in names if name not in group)


def _server_order(attribute: int) -> tuple[bool, int]:
    """Columns by number, then expressions from -1 down."""
    return attribute < 0, abs(attribute)
