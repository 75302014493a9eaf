"""The tuples of a btree: how large they are, and how many rows have the same key."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from pytest_planguard.fixturedb.scale.frequencies import Values
from pytest_planguard.fixturedb.scale.stored_widths import Widths
from pytest_planguard.fixturedb.scale.widths import aligned

_HEADER, _HEADER_WITH_NULLS = 8, 16
"""``IndexInfoFindDataOffset`` in itup.h."""
_TID = 8
"""Of a downlink between two rows of one key: the row's pointer, aligned."""
_UNMERGED = frozenset({"numeric", "float4", "float8", "jsonb", "interval", "record"})
"""Types whose equal values may differ in their bytes (nbtree's "equalimage")."""
_ALIKE = 2
"""Groups of keys between a number of rows and its double that are told apart."""
_NEGLIGIBLE = 1e-9
"""Share of the rows below which a combination of NULLs is left out."""
_NULLABLE = 5
"""Columns whose NULLs are combined; of more that are carried along, NULLs are averaged."""


class Field(msgspec.Struct, frozen=True):
    """A column as a tuple holds it."""

    width: float
    """Bytes of a value that is not NULL, on average."""
    alignment: int = 1
    nulls: float = 0.0
    """Share, 0 to 1."""
    distinct: float = 0.0
    """Values that differ, an absolute number; 0: unknown."""
    base_type: str = ""
    widths: Widths = ()
    """What values take, each; nothing: all the average."""
    values: tuple[Values, ...] | None = None
    """In how many rows they are; nothing: each in one; None: all in equally many."""

    @property
    def merges(self) -> bool:
        """Whether a btree merges its equal values; those of arrays and ranges it does not."""
        kind = self.base_type
        return not (kind in _UNMERGED or kind.startswith("_") or kind.endswith("range"))

    def frequencies(self, rows: float) -> tuple[Values, ...]:
        """Its values, of so many rows; nothing: each is in one."""
        if self.values is not None:
            return self.values
        distinct = self.distinct or 200.0
        return () if distinct >= rows else (Values(distinct, rows / distinct),)


class Part(NamedTuple):
    """Rows whose keys are alike."""

    rows: float
    size: float
    """Bytes of a tuple for one row."""
    each: float
    """Mean rows of a key; 0: they are not merged."""


class _Keys(NamedTuple):
    """Combinations of values: a share of the rows, and how many there may be."""

    share: float
    number: float
    """Infinite: each in one row."""


def parts(
    tuples: float,
    keys: Sequence[Field],
    include: Sequence[Field] = (),
    *,
    merged: bool,
    distinct: float = 0.0,
) -> list[Part]:
    """All rows of an index, those with like keys together. Columns are taken as independent."""
    found = []
    include = _averaged(include, _NULLABLE - sum(key.nulls > 0 for key in keys))
    for present, share in _patterns([*keys, *include]):
        sizes = _sizes(present, nulls=len(present) < len(keys) + len(include))
        groups = [_Keys(1.0, math.inf)]
        if merged:
            own = [key for key in keys if any(key is one for one in present)]
            groups = _combined(own, tuples, distinct * share)
        for size, part in sizes.items():
            for group in groups:
                rows = tuples * share * part * group.share
                each = (
                    0.0 if math.isinf(group.number) else tuples * share * group.share / group.number
                )
                found.append(Part(rows, size, each))
    return found


def pivots(
    tuples: float,
    leaf_tuples: float,
    keys: Sequence[Field],
    *,
    unique: bool,
    distinct: float = 0.0,
) -> dict[float, float]:
    """Shares of the sizes that downlinks have.

    Each keeps the columns up to the first in which the last tuple of one leaf differs from the
    first of the next, and the row's pointer where none does.
    """
    sizes: dict[float, float] = defaultdict(float)
    told = 0.0
    for number in range(1, len(keys) + 1):
        last = number == len(keys)
        seen = (
            tuples if unique and last else _seen(tuples, keys[:number], distinct if last else 0.0)
        )
        share = max(0.0, min(1.0, seen / max(1.0, leaf_tuples)) - told)
        told += share
        for size, part in _all_sizes(keys[:number]).items():
            sizes[size] += share * part
    for size, part in _all_sizes(keys).items():
        sizes[size + _TID] += max(0.0, 1.0 - told) * part
    return {size: share for size, share in sizes.items() if share}


def _seen(tuples: float, keys: Sequence[Field], distinct: float) -> float:
    """Different combinations of the keys in so many rows."""
    if distinct:
        return distinct
    total = 0.0
    for present, share in _patterns(keys):
        for group in _combined(present, tuples, 0.0):
            rows = tuples * share * group.share
            if math.isinf(group.number):
                total += rows
            else:
                total += group.number * -math.expm1(-rows / group.number)
    return total


def _averaged(fields: Sequence[Field], most: int) -> list[Field]:
    """Fields of which no more than ``most`` have NULLs; the others' values are narrower instead."""
    nullable = [field for field in fields if field.nulls > 0]
    return [
        Field(field.width * (1 - field.nulls), base_type=field.base_type)
        if any(field is one for one in nullable[max(0, most) :])
        else field
        for field in fields
    ]


def _patterns(fields: Sequence[Field]) -> Iterator[tuple[list[Field], float]]:
    """Which fields are not NULL, and in what share of the rows."""
    nullable = [field for field in fields if field.nulls > 0]
    for absent in itertools.product((False, True), repeat=len(nullable)):
        gone = [field for field, null in zip(nullable, absent, strict=True) if null]
        share = math.prod(
            field.nulls if null else 1 - field.nulls
            for field, null in zip(nullable, absent, strict=True)
        )
        if share > _NEGLIGIBLE:
            yield [field for field in fields if not any(field is one for one in gone)], share


def _combined(keys: Sequence[Field], tuples: float, distinct: float) -> list[_Keys]:
    """Combinations of the values of some keys, none of them NULL."""
    groups = [_Keys(1.0, 1.0)]
    for key in keys:
        rows = tuples * (1 - key.nulls)
        own = key.frequencies(rows)
        if not own:
            return [_Keys(1.0, math.inf)]
        whole = sum(one.number * one.rows for one in own)
        groups = _alike([
            _Keys(group.share * one.number * one.rows / whole, group.number * one.number)
            for group in groups
            for one in own
        ])  # fmt: skip
    if not distinct:
        return groups
    seen = sum(one.number * -math.expm1(-tuples * one.share / one.number) for one in groups)
    return [_Keys(one.share, max(1.0, one.number * distinct / seen)) for one in groups]


def _alike(groups: Sequence[_Keys]) -> list[_Keys]:
    """Those with about as many rows a combination together."""
    found: dict[int, list[_Keys]] = defaultdict(list)
    for one in groups:
        if one.share > 0:
            found[round(_ALIKE * math.log2(one.share / one.number))].append(one)
    return [
        _Keys(sum(one.share for one in same), sum(one.number for one in same))
        for same in found.values()
    ]


def _all_sizes(keys: Sequence[Field]) -> dict[float, float]:
    """Shares of the sizes of tuples of these columns, NULLs among them."""
    found: dict[float, float] = defaultdict(float)
    for present, share in _patterns(keys):
        for size, part in _sizes(present, nulls=len(present) < len(keys)).items():
            found[size] += share * part
    return found


def _sizes(fields: Sequence[Field], *, nulls: bool) -> dict[float, float]:
    """Shares of the sizes of tuples whose fields are all there."""
    ends: dict[float, float] = {float(_HEADER_WITH_NULLS if nulls else _HEADER): 1.0}
    for field in fields:
        after: dict[float, float] = defaultdict(float)
        for start, share in ends.items():
            for width, part in field.widths or ((field.width, 1.0),):
                after[aligned(start, field.alignment) + width] += share * part
        ends = after
    sizes: dict[float, float] = defaultdict(float)
    for end, share in ends.items():
        sizes[aligned(end, 8)] += share
    return sizes
