"""Which parameter values are kept of a statement that is sent ten thousand times.

The smallest hashes win (bottom-k sampling: Cohen and Kaplan, 2007), so that the choice depends on
the set of values only, never on the order of tests or on how a run was split.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from typing import Any, TypeAlias
from zlib import crc32

from pytest_planguard.model.statement import Sample

KEPT = 64
"""Distinct value lists kept of a statement; planning uses five of them at most."""

LARGE = 65_536
"""Bytes from which a list is large; one of those is kept, so that memory is bounded."""

_MANY = 1_024
"""Values from which a list is large, however short they are: each takes 50 bytes and more."""

_SEPARATOR = b"\1"
_EVERY_HASH = 1 << 32

Raw: TypeAlias = tuple[bytes | None, ...]
"""Values as they are sent; None is NULL."""


class BottomK:
    """The ``size`` value lists with the smallest hashes among all that were added."""

    __slots__ = ("_order", "_size", "kept", "limit")

    def __init__(self, size: int = KEPT) -> None:
        self._size = size
        self.kept: dict[Raw, tuple[int, ...]] = {}
        """Value lists, and which of their values are binary."""
        self._order: list[tuple[int, Raw]] = []
        """By hash; of equal hashes the values decide, NULL before all."""
        self.limit = _EVERY_HASH
        """A hash above it has no chance."""

    def add(self, raw: Raw, binary: tuple[int, ...]) -> None:
        """Offers a value list; ``binary`` holds the positions in binary format."""
        if raw in self.kept:
            return
        code = crc32(joined(raw))
        if code > self.limit:
            return
        insort(self._order, (code, raw), key=_ordered)
        self.kept[raw] = binary
        if len(self._order) > self._size:
            del self.kept[self._order.pop()[1]]
        if len(self._order) == self._size:
            self.limit = self._order[-1][0]

    def items(self) -> list[tuple[Raw, tuple[int, ...]]]:
        """What was kept, by hash."""
        return [(raw, self.kept[raw]) for _, raw in self._order]


class Samples:
    """The value lists kept of one statement."""

    __slots__ = ("_large", "_small")

    def __init__(self) -> None:
        self._small = BottomK()
        self._large: BottomK | None = None

    def offer(self, params: Sequence[Any], formats: Sequence[int] | None) -> None:
        """Offers values as a driver holds them: bytes-like objects, None for NULL.

        Most of what a much-asked query is asked with is turned away by its hash.
        """
        small = self._small
        if small.limit != _EVERY_HASH and len(params) < _MANY:
            try:
                text = _SEPARATOR.join(params)
            except TypeError:  # a NULL
                text = joined(params)
            if crc32(text) > small.limit and len(text) < LARGE:
                return
        raw = tuple(
            [value if value is None or type(value) is bytes else plain(value) for value in params]
        )
        if raw not in small.kept:
            self.add(raw, _binary(formats))

    def add(self, raw: Raw, binary: tuple[int, ...]) -> None:
        """Offers a value list; ``binary`` holds the positions in binary format."""
        if len(raw) < _MANY and sum([len(value) for value in raw if value]) + len(raw) <= LARGE:
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


def plain(value: Any) -> bytes:
    """The bytes of a bytes-like object; no method of a class of the application's is called."""
    for kind in (bytes, bytearray):
        if issubclass(type(value), kind):
            return bytes(kind.__getitem__(value, slice(None)))
    return bytes(value)


def to_sample(raw: Raw, binary: tuple[int, ...]) -> Sample:
    r"""Values as they travel.

    >>> to_sample((b"a", None, b"\x00\x05"), (2,)).values
    ('a', None, '0005')
    """
    chosen = frozenset(binary)
    values = tuple(
        None if value is None else value.hex() if position in chosen else to_text(value)
        for position, value in enumerate(raw)
    )
    return Sample(values=values, binary=binary)


def to_raw(sample: Sample) -> Raw:
    """The bytes a sample was made of (of text that is not UTF-8: of its UTF-8 form)."""
    chosen = frozenset(sample.binary)
    return tuple(
        None if value is None else bytes.fromhex(value) if position in chosen else value.encode()
        for position, value in enumerate(sample.values)
    )


def to_text(value: bytes) -> str:
    """Text of a client encoding we don't know: UTF-8 nearly always, else Latin-1's letters."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def joined(raw: Sequence[Any]) -> bytes:
    """Values as one text, to be hashed."""
    return _SEPARATOR.join([b"\0" if value is None else value for value in raw])


def _binary(formats: Sequence[int] | None) -> tuple[int, ...]:
    """The positions of the values in binary format."""
    if not formats or not any(formats):
        return ()
    return tuple([position for position, code in enumerate(formats) if code])


def _ordered(item: tuple[int, Raw]) -> tuple[int, tuple[bytes, ...]]:
    code, raw = item
    return code, tuple([b"\0" if value is None else b"\1" + value for value in raw])
