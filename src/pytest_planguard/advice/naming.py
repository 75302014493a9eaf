"""What an index is called, and whether one that exists says the same."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import msgspec

from pytest_planguard.model.catalog import Index
from pytest_planguard.model.ports import HypotheticalIndex
from pytest_planguard.sql.printed import unwrapped

NAME_BYTES = 63
"""NAMEDATALEN - 1."""

_NAMED_CLASSES = ("_pattern_ops", "_path_ops", "_trgm_ops")
"""Operator classes that candidates name; all others are their type's default."""
_NOT_A_NAME = re.compile(r"::\w+|\W+")
_NAME = re.compile(r'"((?:[^"]|"")+)"|([a-z_][\w$]*)')


def named(index: HypotheticalIndex) -> HypotheticalIndex:
    """The index under the name its columns give it."""
    names = [_NOT_A_NAME.sub("_", plain_key(column).split(" ")[0]).strip("_") or "expr"
             for column in index.columns]  # fmt: skip
    name = index_name(
        index.table.partition(".")[2],
        [*dict.fromkeys(names), *(["partial"] if index.predicate else [])],
    )
    return msgspec.structs.replace(index, name=name)


def index_name(table: str, columns: Sequence[str], most: int = NAME_BYTES) -> str:
    """``<table>_<columns>_idx`` in at most 63 bytes, with a digest where it had to be cut.

    >>> index_name("orders", ["customer_id", "created_at"])
    'orders_customer_id_created_at_idx'
    """
    name = "_".join((table, *columns, "idx"))
    if len(name.encode()) <= most:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:6]
    room = most - len(f"_{digest}_idx")
    return name.encode()[:room].decode(errors="ignore").rstrip("_") + f"_{digest}_idx"


def renamed(index: HypotheticalIndex, taken: set[str]) -> HypotheticalIndex:
    """The index under a name that is not taken; the name is taken then."""
    base, name, number = index.name.removesuffix("_idx")[: NAME_BYTES - 8], index.name, 2
    while name in taken:
        name, number = f"{base}_{number}_idx", number + 1
    taken.add(name)
    return msgspec.structs.replace(index, name=name)


def covers(index: Index, wanted: HypotheticalIndex) -> bool:
    """Whether a valid index begins with the same keys, and holds all rows and columns it should."""
    if not index.valid or index.method != wanted.method:
        return False
    if wanted.predicate and index.primary:
        return False  # such a one is made for its predicate, by whatever key there is
    if index.predicate is not None and unwrapped(index.predicate) != unwrapped(wanted.predicate):
        return False
    if not {*wanted.include} <= {*index.keys, *index.include}:
        return False
    have = existing_keys(index)[: len(wanted.columns)]
    return [plain_key(column) for column in wanted.columns] == have and _same_order(index, wanted)


def existing_keys(index: Index) -> list[str]:
    """The keys of an index that is there, as candidates write them, without direction."""
    classes = index.opclasses or ("",) * len(index.keys)
    return [
        unwrapped(key) + (f" {opclass}" if opclass.endswith(_NAMED_CLASSES) else "")
        for key, opclass in zip(index.keys, classes, strict=False)
    ]


def plain_key(column: str) -> str:
    """A key without its direction, which a btree can be read against."""
    for suffix in (" NULLS FIRST", " NULLS LAST", " DESC"):
        column = column.removesuffix(suffix)
    return unwrapped(column)


def names_of(keys: Sequence[str], predicate: str = "") -> frozenset[str]:
    """Every name in keys and predicate, unquoted: columns, and functions and types with them.

    >>> sorted(names_of(['lower("E mail")', "at DESC"], "state = 'open'"))
    ['E mail', 'at', 'lower', 'open', 'state']
    """
    return frozenset(
        (found[1] or found[2]).replace('""', '"')
        for text in (*keys, predicate)
        for found in _NAME.finditer(text)
    )


def _same_order(index: Index, wanted: HypotheticalIndex) -> bool:
    """Whether reading it forwards or backwards gives the order; keys that differ in direction.

    A direction that only the last keys have is the whole order behind keys compared for equality:
    there a backward scan serves. NULLs at another end than the direction says are another order.
    """
    if any(_nulls_elsewhere(column) for column in wanted.columns):
        return "NULLS" in index.definition
    down = [" DESC" in column for column in wanted.columns]
    if True not in down or False not in down[down.index(True) :]:
        return True
    have = list(index.descending or (False,) * len(index.keys))[: len(down)]
    return have in (down, [not one for one in down])


def _nulls_elsewhere(column: str) -> bool:
    """Whether a key has its NULLs where its direction does not put them by itself."""
    return column.endswith(" NULLS LAST" if " DESC" in column else " NULLS FIRST")
