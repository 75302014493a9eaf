"""Entries an earlier version wrote: their texts as the normal form of today has them.

An entry holds the text its key was made of, so that it is found again where normal forms change.
What has changed so far: arrays of values that are written out have a size class.
"""

from __future__ import annotations

import msgspec

from pytest_planguard.model.baseline import Entry
from pytest_planguard.sql.statement_text import Kind, analyse
from pytest_planguard.sql.tree import with_items


def as_today(entry: Entry) -> Entry:
    """The entry with its text, and the types of its parameters, as they are made today.

    Its key stays. A text that does not parse without its constants stays, too.
    """
    if "ARRAY[" not in entry.sql:
        return entry
    found = analyse(with_items(entry.sql))
    if len(found) != 1 or found[0].kind is not Kind.QUERY or found[0].sql == entry.sql:
        return entry
    types = _types_left(entry.parameter_types, found[0].parameters)
    return msgspec.structs.replace(entry, sql=found[0].sql, parameter_types=types)


def _types_left(types: tuple[str, ...], left: tuple[int, ...]) -> tuple[str, ...]:
    """Those of the parameters that are left; nobody can tell which of them were constants."""
    if not types or max(left, default=0) > len(types):
        return types
    return tuple(types[number - 1] for number in left)
