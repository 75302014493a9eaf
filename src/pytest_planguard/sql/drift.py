"""How the schema plans are made in differs from production's: what one of them has alone.

Partitions come and go with the calendar, so they are counted by their root and not looked into:
what their root lacks, they lack too.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping

import msgspec

from pytest_planguard.model.catalog import Catalog, Table
from pytest_planguard.model.statistics import Statistics, TableStatistics
from pytest_planguard.sql.definitions import constraint_meaning, index_meaning, type_meaning

_PLANNED_BY = frozenset("fcx")
"""Kinds of constraints that are compared: a key is its unique index, NOT NULL its column's."""


class Part(msgspec.Struct, frozen=True, order=True):
    """One thing that only one of the two has, or that differs."""

    table: str
    """Schema-qualified."""
    text: str
    """The thing in words: a column with its type, an index's definition."""


class Drift(msgspec.Struct, frozen=True):
    """What differs; ``only_there``: production has it and the schema has not."""

    tables_only_there: tuple[str, ...] = ()
    tables_only_here: tuple[str, ...] = ()
    partitions_only_there: dict[str, int] = {}
    """By their root."""
    partitions_only_here: dict[str, int] = {}
    indexes_only_there: tuple[Part, ...] = ()
    indexes_only_here: tuple[Part, ...] = ()
    columns_only_there: tuple[Part, ...] = ()
    columns_only_here: tuple[Part, ...] = ()
    types: tuple[Part, ...] = ()
    """``total: numeric(12,2) there, bigint here``."""
    constraints_only_there: tuple[Part, ...] = ()
    constraints_only_here: tuple[Part, ...] = ()


def drift(source: Statistics, catalog: Catalog) -> Drift:
    """Compares what a statistics file says of production with a schema.

    What the file does not tell (older files, a role that saw little) is not compared.
    """
    there, here = set(source.tables), set(catalog.tables)
    both = sorted(there & here)
    roots_there = {name: _root_there(name, source) for name in there}
    parts_there = {name for name in there - here if roots_there[name] != name}
    parts_here = {name for name in here - there if catalog.root_of(name) != name}
    whole = [name for name in both if catalog.root_of(name) == name]
    indexes = [_indexes(name, source.tables[name], catalog) for name in both]
    columns = [_columns(name, source.tables[name], catalog.tables[name]) for name in whole]
    constraints = [_constraints(name, source.tables[name], catalog.tables[name]) for name in whole]
    return Drift(
        tables_only_there=tuple(sorted(there - here - parts_there)),
        tables_only_here=tuple(sorted(here - there - parts_here)),
        partitions_only_there=_counted(roots_there[name] for name in parts_there),
        partitions_only_here=_counted(catalog.root_of(name) for name in parts_here),
        indexes_only_there=_without_inherited((there for there, _ in indexes), catalog),
        indexes_only_here=_without_inherited((here for _, here in indexes), catalog),
        columns_only_there=_flat(there for there, _, _ in columns),
        columns_only_here=_flat(here for _, here, _ in columns),
        types=_flat(types for _, _, types in columns),
        constraints_only_there=_flat(there for there, _ in constraints),
        constraints_only_here=_flat(here for _, here in constraints),
    )


def _root_there(name: str, source: Statistics) -> str:
    """The partitioned table a partition belongs to in the end; itself where it is none."""
    seen = {name}
    while (table := source.tables.get(name)) is not None and table.parents:
        above = source.tables.get(table.parents[0])
        if above is None or above.kind != "p" or table.parents[0] in seen:
            break
        name = table.parents[0]
        seen.add(name)
    return name


def _indexes(name: str, table: TableStatistics, catalog: Catalog) -> tuple[list[Part], list[Part]]:
    definitions = [index.definition for index in table.indexes.values()]
    if not (definitions or table.types):
        return [], []  # the file tells nothing of the schema
    here = {index.definition for index in catalog.indexes_of(name) if index.definition}
    return _alone(name, definitions, here, index_meaning)


def _constraints(name: str, table: TableStatistics, ours: Table) -> tuple[list[Part], list[Part]]:
    if not table.types:
        return [], []  # the file tells nothing of the schema
    there = {text for text in table.constraints.values() if _kind(text) in {"", *_PLANNED_BY}}
    here = {one.definition for one in ours.constraints if one.kind in _PLANNED_BY}
    return _alone(name, there, here, constraint_meaning)


def _kind(definition: str) -> str:
    """As ``pg_constraint.contype``; empty: the definition was not read."""
    words = {"": "", "FOREIGN": "f", "CHECK": "c", "EXCLUDE": "x", "PRIMARY": "p", "UNIQUE": "u"}
    return words.get(definition.partition(" ")[0], "n")


def _alone(
    table: str, there: Collection[str], here: Collection[str], meaning: Callable[[str], str]
) -> tuple[list[Part], list[Part]]:
    """What only one side has; a definition there that was not read may be any of those here."""
    by_there = {meaning(text): text for text in sorted(there) if text}
    by_here = {meaning(text): text for text in sorted(here)}
    return (
        [Part(table, text) for key, text in by_there.items() if key not in by_here],
        [
            Part(table, text)
            for key, text in by_here.items()
            if key not in by_there and "" not in there
        ],
    )


def _columns(
    name: str, table: TableStatistics, ours: Table
) -> tuple[list[Part], list[Part], list[Part]]:
    if not table.types:
        return [], [], []
    here = {
        column.name: f"{column.type} not null" if column.not_null else column.type
        for column in ours.columns
    }
    there = table.types
    differ = [
        Part(name, f"{column}: {there[column]} there, {here[column]} here")
        for column in sorted(there.keys() & here.keys())
        if type_meaning(there[column]) != type_meaning(here[column])
    ]
    return _missing(name, there, here), _missing(name, here, there), differ


def _missing(table: str, of: Mapping[str, str], at: Mapping[str, str]) -> list[Part]:
    return [Part(table, f"{column} {of[column]}") for column in sorted(of.keys() - at.keys())]


def _without_inherited(parts: Iterable[list[Part]], catalog: Catalog) -> tuple[Part, ...]:
    """Leaves out what a partition lacks because its root does."""
    found = [part for some in parts for part in some]
    meanings: dict[str, set[str]] = defaultdict(set)
    for part in found:
        meanings[part.table].add(index_meaning(part.text))
    return tuple(
        sorted(
            part
            for part in found
            if (root := catalog.root_of(part.table)) == part.table
            or index_meaning(part.text) not in meanings[root]
        )
    )


def _flat(parts: Iterable[list[Part]]) -> tuple[Part, ...]:
    return tuple(sorted(part for some in parts for part in some))


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))
