"""Which parameter values are kept of a statement that is sent ten thousand times.

The smallest hashes win (bottom-k sampling: Cohen and Kaplan, 2007), so that the choice depends on
the set of values only, never on the order of tests or on how a run was split.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
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

MANY = 1_024
"""Values from which a list is large, however short they are: each takes 50 bytes and more."""

_HELD = 85
"""Value lists held at most: a dictionary of this size takes no more (two thirds of 128)."""

SEPARATOR, _NULL = b"\1", b"\0"
_EVERY_HASH = 1 << 32

Raw: TypeAlias = tuple[bytes | None, ...]
"""Values as they are sent; None is NULL."""

_Values: TypeAlias = tuple[Raw, tuple[int, ...]]
"""With the positions of binary ones."""

_Name: TypeAlias = bytes | Raw


class Samples:
    """The value lists kept of one statement: those with the smallest hashes, and a large one.

    Some more are held until there are so many that they are worth sorting: a value list that is
    accepted takes one entry of a dictionary, and most suites send most statements less often than
    values of them are kept.
    """

    __slots__ = ("_large", "held", "limit")

    def __init__(self) -> None:
        self.held: dict[_Name, tuple[int, ...]] = {}
        """With the number of values, and the positions of binary ones."""
        self._large: _Values | None = None
        self.limit = _EVERY_HASH
        """A hash above it has no chance."""

    def offer(self, params: Sequence[Any], formats: Sequence[int] | None) -> None:
        """Offers values as a driver holds them.

        Args:
            params: Bytes-like objects, None for NULL.
            formats: Which of them are binary.
        """
        count = len(params)
        try:
            text = SEPARATOR.join(params)
        except TypeError:  # a NULL: what stands for it here may be a value too
            text = joined(params)
        if count < MANY and len(text) < LARGE:
            if crc32(text) > self.limit:
                return
            parts = [text] if count == 1 else text.split(SEPARATOR)
            if len(parts) == count and _NULL not in parts:
                self._hold(text, _facts(count, tuple(formats or ())))
                return
        raw = [value if value is None or type(value) is bytes else plain(value) for value in params]
        self.add(tuple(raw), _binary(formats or ()))

    def offer_all(
        self, rows: Iterable[Sequence[Any] | None], formats: Sequence[int] | None
    ) -> None:
        """Offers some value lists; most are held, or have no chance, as for ``count_known``."""
        for params in filter(None, rows):
            try:
                text = SEPARATOR.join(params)
            except TypeError:
                self.offer(params, formats)
                continue
            if (
                crc32(text) <= self.limit or len(text) >= LARGE or len(params) >= MANY
            ) and text not in self.held:
                self.offer(params, formats)

    def add(self, raw: Raw, binary: tuple[int, ...]) -> None:
        """Offers a value list; ``binary`` holds the positions in binary format."""
        size = sum([len(value) for value in raw if value]) + len(raw)
        if len(raw) < MANY and size <= LARGE:
            name = _name(raw)
            if _code(name) <= self.limit:
                self._hold(name, _shared((len(raw), *binary)))
        elif size <= HUGE:
            found = [(raw, binary), *filter(None, [self._large])]
            self._large = min(found, key=_order)

    def _hold(self, name: _Name, facts: tuple[int, ...]) -> None:
        self.held.setdefault(name, facts)
        if len(self.held) > _HELD:
            self.limit = sorted(map(_code, self.held))[KEPT - 1]
            self.held = {
                name: facts for name, facts in self.held.items() if _code(name) <= self.limit
            }

    def _all(self) -> list[_Values]:
        # A copy, made in one step: a thread may still offer values of a capture that is taken.
        held = list(self.held.items())
        return [(_raw(name, count), tuple(binary)) for name, (count, *binary) in held]

    def add_sample(self, sample: Sample) -> None:
        """Offers what another recorder kept."""
        self.add(to_raw(sample), sample.binary)

    def read(self) -> tuple[Sample, ...]:
        """What was kept, in an order that depends on nothing but the values."""
        kept = sorted(self._all(), key=_order)[:KEPT]
        large = [] if self._large is None else [self._large]
        return tuple([to_sample(raw, _shared(binary)) for raw, binary in kept + large])


def _name(raw: Raw) -> _Name:
    """What values are held by: joined, where no others give the same text."""
    text = joined(raw)
    parts = [text] if len(raw) == 1 else text.split(SEPARATOR)
    return text if len(parts) == len(raw) and _NULL not in parts else raw


def _code(name: _Name) -> int:
    return crc32(joined(name) if isinstance(name, tuple) else name)


def _raw(name: _Name, count: int) -> Raw:
    if isinstance(name, tuple):
        return name
    return (name,) if count == 1 else tuple(name.split(SEPARATOR))


def _order(values: _Values) -> tuple[int, tuple[bytes, ...]]:
    """By hash; of equal ones the values decide, NULL before all."""
    raw = values[0]
    return crc32(joined(raw)), tuple([_NULL if value is None else b"\1" + value for value in raw])


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

    def offer_all(
        self, rows: Iterable[Sequence[Any] | None], formats: Sequence[int] | None
    ) -> None:
        """Likewise."""


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
    return SEPARATOR.join([_NULL if value is None else value for value in raw])


def _binary(formats: Sequence[int]) -> tuple[int, ...]:
    """The positions of the values in binary format."""
    return tuple([position for position, code in enumerate(formats) if code])


@functools.lru_cache(maxsize=1_000)
def _facts(count: int, formats: tuple[int, ...]) -> tuple[int, ...]:
    return _shared((count, *_binary(formats)))


@functools.lru_cache(maxsize=1_000)
def _shared(numbers: tuple[int, ...]) -> tuple[int, ...]:
    """One of equal tuples: they are few, and each sample has one."""
    return numbers
