"""Constraints that a line of a statistics file tells beside what it is about.

A foreign key of one column stands with the column and that of an index with the index, where it has
the name PostgreSQL itself gives it (``ChooseConstraintName`` in pg_constraint.c).
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pytest_planguard.fixturedb.scale.terse import indexes
from pytest_planguard.model.statistics import TableStatistics


class Told(msgspec.Struct, frozen=True):
    """A table's constraints by where they are told."""

    references: dict[str, str]
    """By column: what stands behind REFERENCES."""
    of_indexes: dict[str, str]
    """By index, which has the constraint's name: the definition."""
    others: dict[str, str]
    """By name: the definition."""


def told(owner: indexes.Owner, table: TableStatistics) -> Told:
    """Where each constraint of a table is told."""
    of_indexes = {
        name: definition
        for name, definition in table.constraints.items()
        if definition
        and name in table.indexes
        and indexes.tells(name, table.indexes[name], owner, definition)
    }
    references = {}
    others = {}
    keys = {_name(owner.name, column): column for column in table.types}
    for name, definition in table.constraints.items():
        column = keys.get(name, "")
        beginning = _beginning(column)
        if column and definition.startswith(beginning):
            references[column] = definition.removeprefix(beginning)
        elif name not in of_indexes:
            others[name] = definition
    return Told(references, of_indexes, others)


def foreign_keys(table: str, references: Mapping[str, str]) -> dict[str, str]:
    """Definitions by name of what ``Told.references`` says of a table."""
    return {_name(table, column): _beginning(column) + rest for column, rest in references.items()}


def _name(table: str, column: str) -> str:
    return f"{table.partition('.')[2]}_{column}_fkey"


def _beginning(column: str) -> str:
    return f"FOREIGN KEY ({indexes.identifier(column)}) REFERENCES "
