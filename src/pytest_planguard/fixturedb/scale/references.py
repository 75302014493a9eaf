"""Foreign keys of made-up rows, where it is not certain that they point to rows that are there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from pytest_planguard.fixturedb.queries import named_queries
from pytest_planguard.fixturedb.scale.bulk import put_back_in_order
from pytest_planguard.fixturedb.scale.expressions import RowExpressions
from pytest_planguard.model.catalog import Catalog, Constraint, Table
from pytest_planguard.model.ports import quoted

if TYPE_CHECKING:
    import psycopg

_MOVED = "planguard_moved"
_ROUNDS = 4
"""Deleting a row may leave others without theirs, as far as foreign keys are chained."""


class Reference(msgspec.Struct, frozen=True):
    """A foreign key that is looked after."""

    table: Table
    constraint: Constraint
    target: Table
    held: frozenset[str] = frozenset()
    """Columns other foreign keys have too: they stay as they are."""

    @property
    def orphans(self) -> str:
        """SQL: ``FROM … WHERE …`` of rows ``c`` that point nowhere."""
        columns = [f"c.{quoted(name)}" for name in self.constraint.columns]
        there = [f"p.{quoted(name)}" for name in self.constraint.referenced_columns]
        equal = " AND ".join(f"{a} = {b}" for a, b in zip(columns, there, strict=True))
        given = " AND ".join(f"{name} IS NOT NULL" for name in columns)
        return (
            f"FROM {_name(self.table)} c WHERE {given}"
            f" AND NOT EXISTS (SELECT FROM {_name(self.target)} p WHERE {equal})"
        )

    @property
    def moved(self) -> str:
        """SQL that points them to other rows with the same held columns; empty: there is none."""
        pairs = list(zip(self.constraint.columns, self.constraint.referenced_columns, strict=True))
        held = [(quoted(a), quoted(b)) for a, b in pairs if a in self.held]
        free = [(quoted(a), quoted(b)) for a, b in pairs if a not in self.held]
        if not held or not free:
            return ""
        same = ", ".join(b for _, b in held)
        order = ", ".join(b for _, b in free)
        changed = ", ".join(f"{a} = known.{b}" for a, b in free)
        return (
            f"WITH lost AS (SELECT c.tableoid AS t, c.ctid AS r, row_number() OVER (ORDER BY"  # noqa: S608 -- names are quoted
            f" c.tableoid, c.ctid) AS n, {', '.join(f'c.{a}' for a, _ in held)} {self.orphans}),"
            f" known AS (SELECT {same}, {order}, count(*) OVER (PARTITION BY {same}) AS many,"
            f" row_number() OVER (PARTITION BY {same} ORDER BY {order}) - 1 AS place"
            f" FROM {_name(self.target)}),"
            f" done AS (UPDATE {_name(self.table)} c SET {changed}"
            f" FROM lost, known WHERE c.tableoid = lost.t AND c.ctid = lost.r"
            f" AND {' AND '.join(f'lost.{a} = known.{b}' for a, b in held)}"
            f" AND known.place = lost.n % known.many"
            f" RETURNING lost.r AS old, c.ctid AS new) INSERT INTO {_MOVED} SELECT * FROM done"
        )

    @property
    def emptied(self) -> str:
        """SQL that makes them point nowhere on purpose; empty: no column may be NULL."""
        for name in sorted(self.constraint.columns, key=lambda name: name in self.held):
            column = self.table.column(name)
            if column is not None and not column.not_null:
                return (
                    f"UPDATE {_name(self.table)} SET {quoted(name)} = NULL"  # noqa: S608 -- names are quoted
                    f" WHERE (tableoid, ctid) IN (SELECT c.tableoid, c.ctid {self.orphans})"
                )
        return ""

    @property
    def removed(self) -> str:
        """SQL that deletes them."""
        return (
            f"DELETE FROM {_name(self.table)}"  # noqa: S608 -- names are quoted
            f" WHERE (tableoid, ctid) IN (SELECT c.tableoid, c.ctid {self.orphans})"
        )


def uncertain(catalog: Catalog, expressions: RowExpressions, short: set[str]) -> list[Reference]:
    """Foreign keys whose rows may point nowhere; pure.

    Args:
        catalog: The schema.
        expressions: What the rows were made with.
        short: Tables that have fewer rows than they should.
    """
    found: list[Reference] = []
    for _, table in sorted(catalog.tables.items()):
        if table.partition_bound is not None:  # its parent's are looked after
            continue
        foreign = [one for one in table.constraints if one.kind == "f" and one.references]
        for constraint in foreign:
            target = catalog.tables.get(constraint.references or "")
            if target is None:
                continue
            plain = table.kind == "r" and target.qualified not in short
            if plain and expressions.is_sound(table, constraint.name):
                continue
            others = {name for one in foreign if one is not constraint for name in one.columns}
            held = frozenset(others & set(constraint.columns))
            found.append(Reference(table, constraint, target, held))
    return found


def mend_references(
    connection: psycopg.Connection[Any],
    catalog: Catalog,
    expressions: RowExpressions,
    short: set[str],
    progress: Callable[[str], None],
) -> list[str]:
    """Makes every foreign key valid; a sentence for each that cost rows or values."""
    references = uncertain(catalog, expressions, short)
    notes: dict[str, None] = {}
    if not references:
        return []
    # nothing is analysed yet: joins are told not to go row by row
    connection.execute("SET LOCAL enable_nestloop = off")
    for _ in range(_ROUNDS):
        lost = [one for one in references if _is_broken(connection, one)]
        if not lost:
            break
        for one in lost:
            progress(f"loading rows: {one.table.qualified}, foreign key {one.constraint.name}")
            _mend(connection, one, notes)
    connection.execute("SET LOCAL enable_nestloop = on")
    return list(notes)


def _is_broken(connection: psycopg.Connection[Any], one: Reference) -> bool:
    row = connection.execute(f"SELECT EXISTS (SELECT {one.orphans})".encode()).fetchone()
    return bool(row and row[0])


def _mend(connection: psycopg.Connection[Any], one: Reference, notes: dict[str, None]) -> None:
    """Points the rows elsewhere, else empties the key, else deletes them."""
    _move(connection, one)
    name, key = one.table.qualified, one.constraint.name
    if (count := _attempt(connection, one.emptied)) > 0:
        notes[f"{count:,} rows made for {name} have no {_list(one)}: {key} had no row for them"] = (
            None
        )
    if (count := _attempt(connection, one.removed)) > 0:
        notes[f"{name} lost {count:,} rows that {key} had no row for"] = None


def _move(connection: psycopg.Connection[Any], one: Reference) -> None:
    """Points the rows elsewhere, and leaves them where they lie."""
    if not one.moved:
        return
    connection.execute(f"CREATE TEMP TABLE {_MOVED} (old tid, new tid) ON COMMIT DROP")
    count = _attempt(connection, one.moved)
    if count and one.table.kind == "r":
        queries = named_queries(__package__, "generated.sql")
        put_back_in_order(connection, queries, one.table, _MOVED)
    connection.execute(f"DROP TABLE {_MOVED}")


def _attempt(connection: psycopg.Connection[Any], statement: str) -> int:
    """Rows it changed; none where a key of the table does not allow it."""
    import psycopg

    if not statement:
        return 0
    try:
        with connection.transaction():
            return connection.execute(statement.encode()).rowcount
    except psycopg.IntegrityError:
        return 0


def _list(one: Reference) -> str:
    names: Sequence[str] = one.constraint.columns
    return ", ".join(names)


def _name(table: Table) -> str:
    return f"{quoted(table.schema)}.{quoted(table.name)}"
