"""Indexes that another one makes superfluous: the same keys, or the leading ones of it.

Only what the planner could not tell apart counts: operator class, collation, order of NULLs,
predicate and what is included, all as the catalog has them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import msgspec

from pytest_planguard.model.catalog import Catalog, Index


class Redundant(msgspec.Struct, frozen=True):
    """An index, and the one that serves all it serves."""

    index: Index
    by: Index
    either: bool = False
    """The two are alike: the other one could as well be dropped."""

    @property
    def is_duplicate(self) -> bool:
        """The same keys, not only the leading ones."""
        return len(self.index.keys) == len(self.by.keys)

    @property
    def turned(self) -> Redundant:
        """The pair the other way round; only where either will do."""
        return Redundant(self.by, self.index, either=True)


def redundant(catalog: Catalog) -> Iterator[Redundant]:
    """One for each superfluous index, with the narrowest that replaces it; by name.

    Indexes of partitions that are attached to their root's are not looked at: the root's is.
    """
    by_table: dict[str, list[Index]] = defaultdict(list)
    for _, index in sorted(catalog.indexes.items()):
        if index.parent is None and index.valid:
            by_table[index.table].append(index)
    for _, indexes in sorted(by_table.items()):
        yield from _of_table(indexes)


def _of_table(indexes: Sequence[Index]) -> Iterator[Redundant]:
    for index in indexes:
        others = [one for one in indexes if one is not index and _replaces(one, index)]
        if others:
            best = min(others, key=lambda one: (len(one.keys), len(one.include), one.name))
            yield Redundant(index, best, _replaces_as_well(best, index))


def _replaces(one: Index, index: Index) -> bool:
    """Whether an index serves every query the other serves, and demands all it demands."""
    if index.constraint is not None or index.primary or one.method != index.method:
        return False
    if one.predicate != index.predicate or not _begins_with(one, index):
        return False
    if index.unique and not (one.unique and len(one.keys) == len(index.keys)):
        return False
    held = {*one.keys, *one.include}
    if not set(index.include) <= held:
        return False
    return not _replaces_as_well(one, index) or _is_kept(one, index)


def _begins_with(one: Index, index: Index) -> bool:
    """Whether the other's keys are the leading ones; all of them where the method has no order."""
    wanted = _keys(index)
    if index.method != "btree":
        return _keys(one) == wanted
    start = _keys(one)[: len(wanted)]
    return start == wanted or start == [_reversed(key) for key in wanted]


class _Key(msgspec.Struct, frozen=True):
    text: str
    opclass: str
    collation: str | None
    descending: bool
    nulls_first: bool


def _keys(index: Index) -> list[_Key]:
    count = len(index.keys)
    classes = index.opclasses or ("",) * count
    collations = index.collations or (None,) * count
    descending = index.descending or (False,) * count
    return [
        _Key(text, opclass, collation, down, _nulls_first(index, position, down))
        for position, (text, opclass, collation, down) in enumerate(
            zip(index.keys, classes, collations, descending, strict=False)
        )
    ]


def _nulls_first(index: Index, position: int, descending: bool) -> bool:
    """DESC puts NULLs first unless the definition says otherwise, ASC last."""
    text = index.definition
    if " NULLS " not in text:
        return descending
    inside = text.partition(" USING ")[2].partition("(")[2]
    parts = _top_level(inside)
    part = parts[position] if position < len(parts) else ""
    if part.endswith(" NULLS FIRST"):
        return True
    return False if part.endswith(" NULLS LAST") else descending


def _top_level(text: str) -> list[str]:
    """The parts between commas, up to the bracket that closes."""
    parts: list[str] = []
    start = depth = 0
    for at, letter in enumerate(text):
        if letter == "(":
            depth += 1
        elif letter == ")" and depth == 0:
            return [*parts, text[start:at].strip()]
        elif letter == ")":
            depth -= 1
        elif letter == "," and depth == 0:
            parts.append(text[start:at].strip())
            start = at + 1
    return [*parts, text[start:].strip()]


def _reversed(key: _Key) -> _Key:
    """A btree is read backwards as well: all its keys in the opposite order."""
    return msgspec.structs.replace(
        key, descending=not key.descending, nulls_first=not key.nulls_first
    )


def _replaces_as_well(one: Index, index: Index) -> bool:
    """Whether each could replace the other."""
    return (
        one.constraint is None
        and not one.primary
        and one.unique == index.unique
        and len(one.keys) == len(index.keys)
        and set(one.include) <= {*index.keys, *index.include}
    )


def _is_kept(one: Index, index: Index) -> bool:
    """Of two that are alike the one with the longer or later name goes."""
    return (len(one.name), one.name) < (len(index.name), index.name)
