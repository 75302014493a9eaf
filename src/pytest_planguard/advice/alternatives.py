"""Conditions joined by OR: an index for each side, read together and merged by a BitmapOr.

PostgreSQL uses them only where every side has one (indxpath.c, ``generate_bitmap_or_paths``), so
that none helps by itself and all are proven together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from pytest_planguard.model.judgement import Read
from pytest_planguard.sql.predicates import split_conditions
from pytest_planguard.sql.printed import alternatives, conjuncts

MOST_SIDES = 4
"""Indexes for one condition; a query with more wants to be written as a UNION, or a list."""


def sides(read: Read, has_key: Callable[[Read], bool]) -> Iterator[Read]:
    """The read as each side of an OR alone would make it; none where a side has no key.

    Args:
        read: What is read.
        has_key: Whether an index could serve a read.
    """
    for text in read.filter:
        (condition, *_) = split_conditions(text) or (None,)
        if condition is None or condition.operator != "OR":
            continue
        each = [_side(read, one) for one in alternatives(text)]
        if len(each) <= MOST_SIDES and all(has_key(one) for one in each):
            yield from each


def _side(read: Read, text: str) -> Read:
    conditions = conjuncts(text)
    return msgspec.structs.replace(read, conditions=conditions, filter=conditions, order=())
