"""Which parameter values are kept of a statement that is sent ten thousand times.

The smallest hashes win (bottom-k sampling: Cohen and Kaplan, 2007), so that the choice depends on
the set of values only, never on the order of tests or on how a run was split.
"""

from __future__ import annotations

import functools
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, TypeAlias
from zlib import crc32

from pytest_planguard.model.statement import Sample

KEPT = 64
"""Distinct value lists kept of a statement; planning uses five of them at most."""

LARGE = 65_536
"""Bytes from which a list is large; one of those is kept, so that memory is bounded."""

HUGE = 2_000_000
"""Bytes from which a list is not kept at all: an upload says nothing about a plan, and a capture of
hundreds of them would be refused by whoever reads it."""

_MANY = 1_024
"""Values from which a list is large, however short they are: each takes 50 bytes and more."""

_SEPARATOR = b"\1"
_EVERY_HASH = 1 << 32

Raw: TypeAlias = tuple[bytes | None, ...]
"""Values as they are sent; None is NULL."""


class BottomK:
    """The ``size`` value lists with the smallest hashes among all that were added.

    Kept in order, side by side: there may be 64 of each statement, and a dictionary with a tuple
    for each took twice the memory.
    """

    __slots__ = ("_binary", "_codes", "_raws", "_size", "limit")

    def __init__(self, size: int = KEPT) -> None:
        self._size = size
        self._codes = array("I")
        """The hashes; of equal ones the values decide, NULL before all."""
        self._raws: list[Raw] = []
        self._binary: list[tuple[int, ...]] = []
        """Which of the values are binary."""
        self.limit = _EVERY_HASH
        """A hash above it has no chance."""

    def add(self, raw: Raw, binary: tuple[int, ...]) -> None:
        """Offers a value list; ``binary`` holds the positions in binary format."""
        code = crc32(joined(raw))
        if code > self.limit:
            return
        codes, raws = self._codes, self._raws
        place = bisect_left(codes, code)
        while place < len(codes) and codes[place] == code and _ordered(raws[place]) < _ordered(raw):
            place += 1
        if place < len(codes) and codes[place] == code and raws[place] == raw:
            return
        codes.insert(place, code)
        raws.insert(place, raw)
        self._binary.insert(place, binary)
        if len(codes) > self._size:
            del codes[-1], raws[-1], self._binary[-1]
        if len(codes) == self._size:
            self.limit = codes[-1]

    def items(self) -> list[tuple[Raw, tuple[int, ...]]]:
        """What was kept, by hash."""
        return list(zip(self._raws, self._binary, strict=True))


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
        self.add(raw, _binary(formats))

    def add(self, raw: Raw, binary: tuple[int, ...]) -> None:
        """Offers a value list; ``binary`` holds the positions in binary format."""
        size = sum([len(value) for value in raw if value]) + len(raw)
        if len(raw) < _MANY and size <= LARGE:
            self._small.add(raw, binary)
            return
        if size > HUGE:
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


class _NoSamples(Samples):
    """Keeps nothing."""

    __slots__ = ()

    def offer(self, params: Sequence[Any], formats: Sequence[int] | None) -> None:
        """Turns all values away."""


NO_SAMPLES = _NoSamples()
"""For statements that are only counted."""


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
    return _shared(tuple([position for position, code in enumerate(formats) if code]))


@functools.lru_cache(maxsize=1_000)
def _shared(positions: tuple[int, ...]) -> tuple[int, ...]:
    """One of equal tuples: they are few, and each sample has one."""
    return positions


def _ordered(raw: Raw) -> tuple[bytes, ...]:
    return tuple([b"\0" if value is None else b"\1" + value for value in raw])
