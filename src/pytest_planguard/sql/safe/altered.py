"""The table a statement alters, as it names it, and the names that are free on it."""

from __future__ import annotations

from typing import Any

from pytest_planguard.model.catalog import Catalog, Table
from pytest_planguard.model.ports import quoted

_LONGEST = 63
"""Bytes of a name (NAMEDATALEN less one, PostgreSQL manual, 4.1.1)."""


class Altered:
    """One table of one statement.

    Args:
        relation: As the statement's tree has it.
        catalog: Before the migration.
        major: The server's.
    """

    def __init__(self, relation: Any, catalog: Catalog, major: int) -> None:
        self.relation = relation
        self.name = named(relation)
        self.bare: str = relation.relname
        self.schema: str = relation.schemaname or ""
        self.known: Table | None = catalog.tables.get(
            f"{relation.schemaname or 'public'}.{relation.relname}"
        )
        self.catalog = catalog
        self.major = major
        self._taken = {one.name for one in self.known.constraints} if self.known else set()
        self._taken |= {one.name for one in catalog.indexes.values()}

    @property
    def has_children(self) -> bool:
        """Whether there are partitions of it, or tables that inherit from it."""
        name = self.known.qualified if self.known is not None else ""
        return any(name in one.parents for one in self.catalog.tables.values())

    def free(self, columns: str, label: str) -> str:
        """A name no constraint or index has, as PostgreSQL would choose it (ChooseConstraintName).

        Args:
            columns: The columns' names, joined; empty: none are named.
            label: What it is: ``check``, ``fkey``, ``key``, ``pkey``.
        """
        number = 0
        while (name := joined(self.bare, columns, f"{label}{number or ''}")) in self._taken:
            number += 1
        self._taken.add(name)
        return name


def joined(table: str, columns: str, label: str) -> str:
    """A name of three parts; the longer of the first two is cut, never the label (makeObjectName).

    >>> joined("orders", "total", "check"), joined("o" * 70, "total", "key")[-11:]
    ('orders_total_check', 'o_total_key')
    """
    parts = [table, columns] if columns else [table]
    while sum(len(one.encode()) + 1 for one in parts) + len(label.encode()) > _LONGEST:
        longest = max(range(len(parts)), key=lambda place: len(parts[place].encode()))
        parts[longest] = parts[longest][:-1]
    return "_".join([*parts, label])


def named(relation: Any) -> str:
    """A table as SQL names it."""
    name = quoted(relation.relname)
    return f"{quoted(relation.schemaname)}.{name}" if relation.schemaname else name
