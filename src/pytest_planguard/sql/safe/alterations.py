"""ALTER TABLE, change by change: which of them has a way that makes nobody wait for long."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pglast import enums
from pglast.stream import RawStream

from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.ports import quoted
from pytest_planguard.sql.safe.altered import Altered, named
from pytest_planguard.sql.safe.columns import added_column
from pytest_planguard.sql.safe.constraints import constraint_parts, not_null
from pytest_planguard.sql.safe.parts import Part
from pytest_planguard.sql.safe.retyping import retyped

_Change = enums.AlterTableType


def alteration_parts(node: Any, catalog: Catalog, major: int) -> Iterator[Part]:
    """The parts of all changes; empty where none of them has a better way."""
    table = Altered(node.relation, catalog, major)
    if not node.relation.inh and table.has_children:
        return  # ONLY: the parts would be for the tables below it too
    changed = False
    parts: list[Part] = []
    for change in node.cmds:
        better = list(_better(change, table))
        changed = changed or bool(better)
        parts += better or [Part(_alone(node, change))]
    if changed:
        yield from parts


def _better(change: Any, table: Altered) -> Iterator[Part]:
    match change.subtype:
        case _Change.AT_AddConstraint:
            yield from constraint_parts(change.def_, table)
        case _Change.AT_SetNotNull:
            yield from not_null(change.name, table)
        case _Change.AT_AlterColumnType:
            yield from retyped(change, table)
        case _Change.AT_AddColumn:
            yield from added_column(change, table)
        case _Change.AT_DetachPartition if not change.def_.concurrent:
            part = named(change.def_.name)
            yield Part(f"ALTER TABLE {table.name} DETACH PARTITION {part} CONCURRENTLY", alone=True)
        case _Change.AT_AttachPartition:
            yield from _attached(change, table)


def _attached(change: Any, table: Altered) -> Iterator[Part]:
    """A validated CHECK that says what the bound says lets ATTACH believe it."""
    part = named(change.def_.name)
    columns = table.known.partition_columns if table.known else ()
    bound = change.def_.bound
    if len(columns) != 1 or not bound or not bound.lowerdatums or not bound.upperdatums:
        return
    low, high = (str(RawStream()(one[0])) for one in (bound.lowerdatums, bound.upperdatums))
    column, name = quoted(columns[0]), f"{change.def_.name.relname}_bound"[:63]
    said = f"{column} IS NOT NULL AND {column} >= {low} AND {column} < {high}"
    yield Part(f"ALTER TABLE {part} ADD CONSTRAINT {quoted(name)} CHECK ({said}) NOT VALID")
    yield Part(f"ALTER TABLE {part} VALIDATE CONSTRAINT {quoted(name)}", alone=True)
    limits = f"FROM ({low}) TO ({high})"
    yield Part(f"ALTER TABLE {table.name} ATTACH PARTITION {part} FOR VALUES {limits}", alone=True)
    yield Part(f"ALTER TABLE {part} DROP CONSTRAINT {quoted(name)}", alone=True)


def _alone(node: Any, change: Any) -> str:
    """One change of the statement, as a statement."""
    every = node.cmds
    node.cmds = (change,)
    text = str(RawStream()(node))
    node.cmds = every
    return text
