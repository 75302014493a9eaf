"""Pages of a btree as CREATE INDEX builds it, from its tuples.

Rows come sorted. Leaves are filled up to the fillfactor, inner pages to 70 %; a tuple that crosses
the line moves to the next page (``_bt_buildadd`` in nbtsort.c). Equal keys share a tuple and list
their rows in it (``_bt_load``, nbtdedup.c), and a downlink keeps only what tells two leaves apart
(``_bt_truncate`` in nbtutils.c). Unchanged from PostgreSQL 13 to 18.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import msgspec

from pytest_planguard.fixturedb.scale.btree_tuples import Field, Part, parts, pivots
from pytest_planguard.fixturedb.scale.widths import aligned

PAGE = 8192
_FREE = PAGE - 24 - 16 - 2 * 4
"""Bytes of an empty page before its header, its special space, the line pointers of the high key
and of the next tuple (``PageGetFreeSpace``)."""
_LINE_POINTER = 4
_LEAF_FILL, _INNER_FILL = 90, 70
"""``BTREE_DEFAULT_FILLFACTOR``, ``BTREE_NONLEAF_FILLFACTOR`` in nbtree.h."""
_FIRST = 8 + _LINE_POINTER
"""Bytes of an inner page's first downlink: it has no key."""
_LONGEST = 808
"""Of a tuple with its list: less than a tenth of a page (``maxpostingsize`` in nbtsort.c)."""
_TID = 6
_MANY = 60.0
"""Mean rows of a key from which on their spread does not matter."""
_GRID = 16
"""Steps between a mean and its double: keys that differ less are taken as alike."""


class IndexSize(msgspec.Struct, frozen=True):
    """What the planner wants to know of an index's files."""

    pages: int
    height: int | None = None
    """Levels above the leaves, of a btree only."""


class _Leaves(NamedTuple):
    """Tuples on leaves."""

    tuples: float
    size: float
    """Bytes of all, with their line pointers."""
    squares: float
    """Of each one's bytes, summed."""
    pages: float = 0.0
    """Of their own, where lists are so long that a page has nothing else."""


def btree_size(
    tuples: float,
    keys: Sequence[Field],
    include: Sequence[Field] = (),
    *,
    unique: bool = False,
    fillfactor: int | None = None,
    distinct: float = 0.0,
) -> IndexSize:
    """Pages and height of a new btree.

    Args:
        tuples: Rows it holds.
        keys: Its columns, in their order.
        include: Those it only carries along.
        unique: Nothing is merged then.
        fillfactor: Of its leaves; None: 90.
        distinct: Combinations of its keys, as extended statistics tell; 0: keys are independent.
    """
    if tuples < 1:
        return IndexSize(1, 0)
    merged = not unique and not include and all(key.merges for key in keys)
    made = parts(tuples, keys, include, merged=merged, distinct=distinct)
    full = _FREE - PAGE * (100 - (fillfactor or _LEAF_FILL)) // 100
    leaves = _total([_leaves(part, full) for part in made])
    base = sum(part.size * part.rows for part in made) / tuples + _LINE_POINTER
    count = max(1, math.ceil(leaves.pages + leaves.size / _kept(leaves, base, full) - 1e-9))
    pivot = pivots(tuples, leaves.tuples, keys, unique=unique, distinct=distinct)
    levels = _levels(count, _fan_out(pivot))
    return IndexSize(1 + sum(levels), len(levels) - 1)  # the metapage, and every level


def btree_height(pages: int, tuples: float, keys: Sequence[Field], *, unique: bool = False) -> int:
    """Levels above the leaves of a btree that is so large, as ``btree_size`` builds them."""
    inside = max(1, pages - 1)
    merged = not unique and all(key.merges for key in keys)
    full = _FREE - PAGE * (100 - _LEAF_FILL) // 100
    leaves = _total([_leaves(part, full) for part in parts(tuples, keys, (), merged=merged)])
    pivot = pivots(tuples, leaves.tuples, keys, unique=unique)
    return len(_levels(inside, _fan_out(pivot))) - 1


def _levels(leaves: int, fan_out: float) -> list[int]:
    """Pages of each level, the leaves first."""
    levels = [leaves]
    while levels[-1] > 1:
        levels.append(math.ceil(levels[-1] / fan_out))
    return levels


def _fan_out(pivot: dict[float, float]) -> float:
    """Downlinks of an inner page, from the shares of their sizes."""
    mean = sum((size + _LINE_POINTER) * share for size, share in pivot.items())
    squares = sum((size + _LINE_POINTER) ** 2 * share for size, share in pivot.items())
    full = _FREE - PAGE * (100 - _INNER_FILL) // 100 - _FIRST
    return max(2.0, 1 + _kept(_Leaves(1, mean, squares), mean, full) / mean)


def _kept(leaves: _Leaves, base: float, full: float) -> float:
    """Bytes of tuples that stay on a page, on average.

    The one that crosses the line goes, and its list does not count for that (``btps_lastextra``).
    Of equal tuples as many stay as fit; of others the line is passed by half of one, as long ones
    are met more often.

    Args:
        leaves: Tuples of the page, with their lists.
        base: Bytes of one without its list.
        full: Where the line is.
    """
    if not leaves.tuples:
        return full
    mean = leaves.size / leaves.tuples
    long = leaves.squares / leaves.size
    if long - mean < 1e-6 * mean and mean <= base + 1e-6:
        return math.floor(full / mean) * mean
    passed = full - base + long / 2 + 2
    return max(mean, min(passed, _FREE + _LINE_POINTER - 1.5 * long))


def _total(found: Sequence[_Leaves]) -> _Leaves:
    return _Leaves(*(sum(column) for column in zip(*found, strict=True)))


def _leaves(part: Part, full: int) -> _Leaves:
    """Tuples of keys that are alike."""
    single = part.size + _LINE_POINTER
    if part.each <= 0:  # nothing is merged
        return _Leaves(part.rows, part.rows * single, part.rows * single**2)
    each = 2 ** (round(math.log2(part.each) * _GRID) / _GRID)
    one = _of_a_key(each, part.size, full)
    number = part.rows / each
    return _Leaves(*(number * value for value in one))


@lru_cache(maxsize=4096)
def _of_a_key(mean: float, size: float, full: int) -> _Leaves:
    """What a key takes whose number of rows is spread around a mean as Poisson's are."""
    if mean >= _MANY:
        return _listed(mean, size, full)
    share, total = math.exp(-mean), [0.0, 0.0, 0.0]
    for rows in range(1, int(mean + 8 * math.sqrt(mean)) + 6):
        share *= mean / rows
        for at, value in enumerate(_listed(rows, size, full)[:3]):
            total[at] += share * value
    return _Leaves(*total)


def _listed(rows: float, size: float, full: int) -> _Leaves:
    """The tuples of a key in so many rows: lists that are full, and the rest.

    >>> _listed(1, 16.0, 7325).size, _listed(3, 16.0, 7325).size, _listed(6_000, 16.0, 7325).pages
    (20.0, 44.0, 5)
    """
    most = max(1, int((_LONGEST - size) // _TID))
    lists, rest = divmod(rows, most)
    last = 0.0
    if rest >= 1:
        last = (aligned(size + _TID * rest, 8) if rest > 1 else size) + _LINE_POINTER
    each = aligned(size + _TID * most, 8) + _LINE_POINTER
    page = max(
        1, int(min(full + each - size - _LINE_POINTER, _FREE + _LINE_POINTER - each) // each)
    )
    tuples = lists + (1.0 if last else 0.0)
    if lists <= page:
        return _Leaves(tuples, lists * each + last, lists * each**2 + last**2)
    whole, lists = divmod(lists, page)
    last += each / 2  # what comes after leaves half a list of a page free
    return _Leaves(lists + 1.0, lists * each + last, lists * each**2 + last**2, whole)
