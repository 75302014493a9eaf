"""What moved between two worlds, for one query: each thing by itself, with how to put it back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from textwrap import shorten

import msgspec

from pytest_planguard.baseline.entries import INVALID
from pytest_planguard.baseline.facts import facts_moved
from pytest_planguard.baseline.moved_statistics import (
    factors,
    other_distributions,
    statistics_moved,
)
from pytest_planguard.model.baseline import Entry, PlanEntry, World
from pytest_planguard.model.moved import Moved, Part, Undo
from pytest_planguard.model.query import Query

_LONGEST = 60
"""Characters shown of what was edited."""

_TABLE = re.compile(r" ON (?:ONLY )?(\S+) USING ")
_NAME = re.compile(r"^CREATE (UNIQUE )?INDEX \S+ ON ")


def moved(before: PlanEntry, after: PlanEntry, old: World, now: World) -> tuple[Moved, ...]:
    """What moved between two plans of one query: schema, settings, server and sizes, in order.

    Args:
        before: The old plan; of its indexes those it used come first.
        after: The new one.
        old: The world of the old plan.
        now: Today's.
    """
    touched = {*before.relations.values(), *after.relations.values()}
    tables = _with_partitions(touched, old, now)
    used = {name for names in before.indexes.values() for name in names}
    found = [*_indexes(tables, used, old, now), *facts_moved(tables, old, now)]
    found += [*_settings(old, now), *_server(old, now)]
    shape = "\n".join((*before.shape, *after.shape))
    return (*found, *statistics_moved(touched, shape, old, now))


def was_edited(entry: Entry, query: Query) -> bool:
    """Whether a query's entry is that of another text, or of other types."""
    return (entry.sql, entry.parameter_types) != (query.sql, query.parameter_types)


def edited(entry: Entry, query: Query) -> Moved:
    """The SQL itself, where a query's entry is that of another text or of other types."""
    if entry.sql != query.sql:
        return Moved(Part.SQL, (f"the SQL changed: {_difference(entry.sql, query.sql)}",))
    before, after = ", ".join(entry.parameter_types), ", ".join(query.parameter_types)
    return Moved(Part.SQL, (f"the types of its parameters changed: {before} → {after}",))


def _difference(before: str, after: str) -> str:
    """What is between the words both texts begin and end with.

    >>> _difference("SELECT a FROM t WHERE b = $1 LIMIT $2", "SELECT a FROM t WHERE b = $1")
    'LIMIT $2 is gone'
    >>> _difference("SELECT a FROM t WHERE b = $1", "SELECT a FROM t WHERE lower(b) = $1")
    'b → lower(b)'
    """
    old, new = before.split(), after.split()
    start = _alike(old, new)
    end = _alike(old[start:][::-1], new[start:][::-1])
    was, is_now = (" ".join(words[start : len(words) - end]) for words in (old, new))
    was, is_now = (shorten(text, _LONGEST, placeholder=" …") for text in (was, is_now))
    if not is_now:
        return f"{was} is gone"
    return f"{was} → {is_now}" if was else f"{is_now} is new"


def _alike(one: Sequence[str], other: Sequence[str]) -> int:
    """How many words both begin with."""
    pairs = zip(one, other, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


class Differences(msgspec.Struct, frozen=True):
    """What moved between two worlds, as far as a query has to be asked about it at all."""

    tables: frozenset[str]
    """Whose columns, constraints or indexes moved; partitions as their table."""
    surroundings: bool
    """Settings, the server's major or the collation moved."""
    statistics: frozenset[str]
    """Tables whose sizes or distributions moved, as far as that can be told."""

    @classmethod
    def between(cls, old: World, now: World) -> Differences:
        """Of two worlds."""
        tables = frozenset(_tables_moved(old, now))
        statistics = frozenset(factors(old, now)) | other_distributions(old, now)
        surroundings = (old.settings, old.server_major, old.collation) != (
            now.settings,
            now.server_major,
            now.collation,
        )
        return cls(tables, surroundings, statistics)

    def only_statistics(self, relations: Iterable[str]) -> bool:
        """Whether sizes and distributions are all that moved for a query of these relations."""
        own = frozenset(relations)
        moved_else = self.surroundings or not self.tables.isdisjoint(own)
        return not moved_else and not self.statistics.isdisjoint(own)


def _tables_moved(old: World, now: World) -> set[str]:
    parents = _parents(old) | _parents(now)
    names = old.tables.keys() | now.tables.keys()
    found = {name for name in names if old.tables.get(name) != now.tables.get(name)}
    was, is_now = _same(names, old), _same(names, now)
    for text in was.keys() ^ is_now.keys():
        match = _TABLE.search(text)
        found |= {match[1]} if match is not None else set()
    return found | {_root(name, parents) for name in found}


class _Same(msgspec.Struct):
    """Indexes that are the same but for their names: a partitioned one and those of partitions."""

    names: dict[str, str]
    """Definitions by schema-qualified name."""
    root: str = ""
    """Of the table itself; empty: only some partitions have one."""

    @property
    def name(self) -> str:
        return self.root or min(self.names)

    @property
    def short(self) -> str:
        return self.name.rpartition(".")[2]

    @property
    def definition(self) -> str:
        return self.names[self.name]

    def is_one_of(self, used: AbstractSet[str]) -> bool:
        """EXPLAIN gives names without schema."""
        return any(name.rpartition(".")[2] in used for name in self.names)


def _indexes(
    tables: AbstractSet[str], used: AbstractSet[str], old: World, now: World
) -> list[Moved]:
    """Indexes of the tables that went, came or changed; those the old plan used first."""
    was, is_now = _same(tables, old), _same(tables, now)
    gone = {one.name: one for text, one in was.items() if text not in is_now}
    came = {one.name: one for text, one in is_now.items() if text not in was}
    ordered = sorted(gone, key=lambda name: (not gone[name].is_one_of(used), name))
    found = [_gone(gone[name], came.pop(name, None)) for name in ordered]
    return found + [_came(one) for _, one in sorted(came.items())]


def _gone(one: _Same, instead: _Same | None) -> Moved:
    """An index that is gone, or is another under the same name."""
    if instead is None:
        return Moved(
            Part.SCHEMA, (f"index {one.short} is gone since the baseline",), Undo(indexes=one.names)
        )
    if instead.definition.endswith(INVALID):
        sentence = f"index {one.short} is invalid since the baseline"
        return Moved(Part.SCHEMA, (sentence,), Undo(indexes=one.names))
    sentence = f"index {one.short} changed: {one.definition} → {instead.definition}"
    return Moved(
        Part.SCHEMA, (sentence,), Undo(indexes=one.names, hidden=tuple(sorted(instead.names)))
    )


def _came(one: _Same) -> Moved:
    return Moved(
        Part.SCHEMA, (f"new index: {one.definition}",), Undo(hidden=tuple(sorted(one.names)))
    )


def _same(tables: AbstractSet[str], world: World) -> dict[str, _Same]:
    """Valid indexes of the tables by what they are, without their names and those of partitions.

    A new name alone moves no plan, and one of two that are alike is as good as both.
    """
    parents = _parents(world)
    found: dict[str, _Same] = {}
    for name, text in sorted(world.indexes.items()):
        match = _TABLE.search(text)
        table = match[1].replace('"', "") if match else ""
        if match is None or table not in tables:
            continue
        root = _root(table, parents)
        what = _NAME.sub(r"CREATE \1INDEX ON ", text.replace(match[0], f" ON {root} USING ", 1))
        group = found.setdefault(what, _Same({}))
        group.names[name] = text
        if table == root:
            group.root = group.root or name
    return found


def _with_partitions(touched: set[str], old: World, now: World) -> set[str]:
    """The tables and everything that is a partition of them."""
    tables = set(touched)
    for world in (old, now):
        parents = _parents(world)
        tables |= {name for name in parents if _root(name, parents) in touched}
    return tables


def _parents(world: World) -> dict[str, str]:
    return {name: _parent(facts) for name, facts in world.tables.items()}


def _parent(facts: Iterable[str]) -> str:
    line = next((fact for fact in facts if fact.startswith("partition of ")), "")
    return line.removeprefix("partition of ").partition(" ")[0]


def _root(name: str, parents: Mapping[str, str]) -> str:
    for _ in range(len(parents)):
        if not parents.get(name):
            break
        name = parents[name]
    return name


def _settings(old: World, now: World) -> Iterator[Moved]:
    for name in sorted({*old.settings, *now.settings}):
        was, is_now = old.settings.get(name), now.settings.get(name)
        if was != is_now:
            sentence = f"setting {name} moved: {was or 'default'} → {is_now or 'default'}"
            yield Moved(Part.SETTING, (sentence,), Undo(settings={name: was}))


def _server(old: World, now: World) -> Iterator[Moved]:
    if old.server_major != now.server_major:
        sentence = f"PostgreSQL moved: {old.server_major} → {now.server_major}"
        yield Moved(Part.SERVER, (sentence,))
    if old.collation != now.collation:
        sentence = f"the collation moved: {old.collation} → {now.collation}"
        yield Moved(Part.SERVER, (sentence,))
