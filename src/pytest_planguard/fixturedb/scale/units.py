"""Which columns of a table get their values together: those of one foreign key, and of one key."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from pytest_planguard.model.catalog import Catalog, Column, Constraint, Index, Table
from pytest_planguard.model.ports import quoted

_ONE_TO_ONE = re.compile(r"(?:lower|upper|btrim|reverse)\((.+?)(?:::[\w ]+)?\)\Z")


class Unit(msgspec.Struct, frozen=True):
    """Columns whose values come from one row of another table, or one column alone."""

    name: str
    lead: Column
    """The column whose distribution the unit follows."""
    constraint: Constraint | None = None
    """The foreign key they are."""
    target: Table | None = None
    own: bool = False
    """Each row points to itself: a foreign key of the table to itself that shares a column, as of
    a tenant, with what it points to."""

    def there(self, column: Column) -> Column | None:
        """The column pointed to."""
        if self.constraint is None or self.target is None:
            return None
        place = self.constraint.columns.index(column.name)
        return self.target.column(self.constraint.referenced_columns[place])


def units_of(catalog: Catalog, table: Table) -> dict[str, Unit]:
    """The unit of each column, by name. The widest foreign key takes its columns first."""
    found: dict[str, Unit] = {}
    for constraint in sorted(_foreign(table), key=lambda one: (-len(one.columns), one.name)):
        target = catalog.tables.get(constraint.references or "")
        free = all(name not in found for name in constraint.columns)
        whole = target is not None and all(map(target.column, constraint.referenced_columns))
        lead = table.column(constraint.columns[0])
        if target is None or not whole or lead is None:
            continue
        pairs = zip(constraint.columns, constraint.referenced_columns, strict=True)
        same = [name for name, there in pairs if target is table and name == there]
        if same and len(constraint.columns) > len(same):
            unit = Unit(constraint.name, lead, constraint, target, own=True)
            found |= {
                name: unit for name in constraint.columns if name not in same and name not in found
            }
        elif free and not same:
            unit = Unit(constraint.name, lead, constraint, target)
            found |= dict.fromkeys(constraint.columns, unit)
    for column in table.columns:
        found.setdefault(column.name, Unit(column.name, column))
    return found


def unique_alone(catalog: Catalog, table: Table) -> tuple[set[str], set[str]]:
    """Columns unique by themselves, and columns that are so in some rows or folded in case."""
    strict: set[str] = set()
    nearly: set[str] = set()
    columns = {quoted(column.name): column.name for column in table.columns}
    for index in _unique(catalog, table):
        if len(index.keys) != 1:
            continue
        match = _ONE_TO_ONE.match(index.keys[0])
        name = columns.get(index.keys[0]) or columns.get(match[1].strip("()") if match else "")
        if name is not None:
            plain = index.predicate is None and index.keys[0] in columns
            (strict if plain else nearly).add(name)
    for constraint in table.constraints:
        ranges = [name for name in constraint.columns if _is_range(table, name)]
        if constraint.kind == "x" and ranges:  # made-up ranges that differ do not overlap
            nearly.add(ranges[0])
    return strict, nearly


def composite_keys(catalog: Catalog, table: Table) -> Iterator[tuple[str, ...]]:
    """Columns of unique keys of two or more, the primary one first."""
    columns = {quoted(column.name): column.name for column in table.columns}
    for index in sorted(_unique(catalog, table), key=lambda one: (not one.primary, one.name)):
        if index.predicate is None and len(index.keys) > 1 and set(index.keys) <= set(columns):
            yield tuple(columns[key] for key in index.keys)


def once_each(catalog: Catalog, table: Table) -> dict[str, str]:
    """Booleans that may hold once for each value of a column: ``UNIQUE (column) WHERE flag``."""
    columns = {quoted(column.name): column for column in table.columns}
    found: dict[str, str] = {}
    for index in _unique(catalog, table):
        flag = columns.get((index.predicate or "").strip("()"))
        if flag is not None and flag.base_type == "bool" and len(index.keys) == 1:
            key = columns.get(index.keys[0])
            if key is not None:
                found[flag.name] = key.name
    return found


def _is_range(table: Table, name: str) -> bool:
    column = table.column(name)
    return column is not None and column.category == "R"


def _foreign(table: Table) -> Iterator[Constraint]:
    return (one for one in table.constraints if one.kind == "f" and one.references)


def _unique(catalog: Catalog, table: Table) -> list[Index]:
    return [index for index in catalog.indexes_of(table.qualified) if index.unique]
