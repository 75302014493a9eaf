"""Which parameter values are kept of a statement that is sent ten thousand times.

The smallest hashes win (bottom-k sampling: Cohen and Kaplan, 2007), so that the choice depends on
the set of values only, never on the order of tests or on how a run was split.
"""

from __future__ import annotations

import zlib
from bisect import insort
from typing import TypeAlias

from pytest_planguard.model.statement import Sample

KEPT = 64
"""Distinct value lists kept of a statement; planning uses five of them at most."""

LARGE = 65_536
"""Bytes from which a value is large; one list with such is kept, so that memory is bounded."""

Raw: TypeAlias = tuple[bytes | None, ...]
"""Values as they are sent; None is NULL."""


class BottomK:
    """The ``size`` value lists with the smallest hashes among all that were added."""

    __slots__ = ("_kept", "_order", "_size")

    def __init__(self, size: int = KEPT) -> None:
        self._size = size
        self._kept: dict[Raw, tuple[int, ...]] = {}
        self._order: list[tuple[int, tuple[bytes, ...], Raw]] = []
        """By hash; the second item decides between equal hashes, NULL before all values."""

    def add(self, raw: Raw, binary: tuple[int, ...]) -> None:
        """Offers a value list; ``binary`` holds the positions in binary format."""
        if raw in self._kept:
            return
        code = _hash(raw)
        full = len(self._order) >= self._size
        if full and code > self._order[-1][0]:
            return
        insort(self._order, (code, _ordered(raw), raw))
        self._kept[raw] = binary
        if full:
            del self._kept[self._order.pop()[2]]

    def items(self) -> list[tuple[Raw, tuple[int, ...]]]:
        """What was kept, by hash."""
        return [(raw, self._kept[raw]) for _, _, raw in self._order]


class Samples:
    """The value lists kept of one statement."""

    __slots__ = ("_large", "_small")

    def __init__(self) -> None:
        self._small = BottomK()
        self._large: BottomK | None = None

    def add(self, raw: Raw, binary: tuple[int, ...]) -> None:
        """Offers a value list."""
        if max(map(len, filter(None, raw)), default=0) < LARGE:
            self._small.add(raw, binary)
            return
        if self._large is None:
            self._large = BottomK(1)
        self._large.add(raw, binary)

    def add_sample(self, sample: Sample) -> None:
        """Offers what another recorder kept."""
        self.add(to_raw(sample), sample.binary)

    def read(self) -> tuple[Sample, ...]:
        """What was kept, in an order that depends on nothing but the values."""
        large = self._large.items() if self._large else []
        return tuple(to_sample(raw, binary) for raw, binary in (*self._small.items(), *large))


def to_sample(raw: Raw, binary: tuple[int, ...]) -> Sample:
    r"""Values as they travel.

    >>> to_sample((b"a", None, b"\x00\x05"), (2,)).values
    ('a', None, '0005')
    """
    values = tuple(
        None if value is None else value.hex() if position in binary else to_text(value)
        for position, value in enumerate(raw)
    )
    return Sample(values=values, binary=binary)


def to_raw(sample: Sample) -> Raw:
    """The bytes a sample was made of (of text that is not UTF-8: of its UTF-8 form)."""
    return tuple(
        None
        if value is None
        else bytes.fromhex(value)
        if position in sample.binary
        else value.encode()
        for position, value in enumerate(sample.values)
    )


def to_text(value: bytes) -> str:
    """Text of a client encoding we don't know: UTF-8 nearly always, else Latin-1's letters."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _hash(raw: Raw) -> int:
    code = 0
    for value in raw:
        code = zlib.crc32(b"\0" if value is None else b"\1" + value, code)
    return code


def _ordered(raw: Raw) -> tuple[bytes, ...]:
    return tuple(b"\0" if value is None else b"\1" + value for value in raw)
