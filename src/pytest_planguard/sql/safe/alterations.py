"""ALTER TABLE, change by change: which of them has a way that makes nobody wait for long."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pglast import enums
from pglast.stream import RawStream

from pytest_planguard.model.catalog import Catalog, Table
from pytest_planguard.model.ports import quoted
from pytest_planguard.sql.safe.parts import BATCH, Batches, IndexParts, Part

_NOT_NULL_NOT_VALID = 18
"""Major from which NOT NULL can be added NOT VALID (release notes of PostgreSQL 18, E.1.3.4)."""

_Change = enums.AlterTableType
_Kind = enums.ConstrType


class _Table:
    """The table a statement alters, as it names it."""

    def __init__(self, relation: Any, catalog: Catalog, major: int) -> None:
        self.relation = relation
        self.name = quoted(relation.relname)
        if relation.schemaname:
            self.name = f"{quoted(relation.schemaname)}.{self.name}"
        self.bare = relation.relname
        self.schema = relation.schemaname or ""
        self.known: Table | None = catalog.tables.get(
            f"{relation.schemaname or 'public'}.{relation.relname}"
        )
        self.catalog = catalog
        self.major = major


def alteration_parts(node: Any, catalog: Catalog, major: int) -> Iterator[Part]:
    """The parts of all changes; empty where none of them has a better way."""
    table = _Table(node.relation, catalog, major)
    changed = False
    parts: list[Part] = []
    for change in node.cmds:
        better = list(_better(change, table))
        changed = changed or bool(better)
        parts += better or [Part(_alone(node, change))]
    if changed:
        yield from parts


def _better(change: Any, table: _Table) -> Iterator[Part]:
    match change.subtype:
        case _Change.AT_AddConstraint:
            yield from _constraint(change.def_, table)
        case _Change.AT_SetNotNull:
            yield from not_null(change.name, table)
        case _Change.AT_AlterColumnType:
            yield from _retyped(change, table)
        case _Change.AT_AddColumn:
            yield from _column(change.def_, table)
        case _Change.AT_DetachPartition if not change.def_.concurrent:
            part = _named(change.def_.name)
            yield Part(f"ALTER TABLE {table.name} DETACH PARTITION {part} CONCURRENTLY", alone=True)
        case _Change.AT_AttachPartition:
            yield from _attached(change, table)


def _constraint(constraint: Any, table: _Table) -> Iterator[Part]:
    kind = constraint.contype
    if kind in (_Kind.CONSTR_FOREIGN, _Kind.CONSTR_CHECK) and not constraint.skip_validation:
        yield from _validated_later(constraint, table)
    elif kind in (_Kind.CONSTR_UNIQUE, _Kind.CONSTR_PRIMARY) and not constraint.indexname:
        yield from _by_index(constraint, table)


def _validated_later(constraint: Any, table: _Table) -> Iterator[Part]:
    """Added NOT VALID in an instant; validated under a lock that lets reads and writes go on."""
    if not constraint.conname:
        constraint.conname = _constraint_name(constraint, table)
    constraint.skip_validation, constraint.initially_valid = True, False
    text = " ".join(str(RawStream()(constraint)).split())
    constraint.skip_validation, constraint.initially_valid = False, True
    text = text if text.upper().endswith("NOT VALID") else f"{text} NOT VALID"
    yield Part(f"ALTER TABLE {table.name} ADD {text}")
    yield _validate(table, constraint.conname)


def _validate(table: _Table, constraint: str) -> Part:
    return Part(f"ALTER TABLE {table.name} VALIDATE CONSTRAINT {quoted(constraint)}", alone=True)


def _constraint_name(constraint: Any, table: _Table) -> str:
    """As PostgreSQL would name it."""
    if constraint.contype == _Kind.CONSTR_CHECK:
        return f"{table.bare}_check"
    columns = "_".join(one.sval for one in constraint.fk_attrs or ())
    return f"{table.bare}_{columns}_fkey"[:63]


def _by_index(constraint: Any, table: _Table) -> Iterator[Part]:
    """The index first, concurrently; the constraint then takes it over."""
    columns = tuple(one.sval for one in constraint.keys or ())
    primary = constraint.contype == _Kind.CONSTR_PRIMARY
    ending = "pkey" if primary else f"{'_'.join(columns)}_key"
    name = (constraint.conname or f"{table.bare}_{ending}")[:63]
    keys = ", ".join(map(quoted, columns))
    if primary:
        for column in columns:
            known = table.known.column(column) if table.known else None
            if known is not None and not known.not_null:
                yield from not_null(column, table)
    yield Part(
        f"CREATE UNIQUE INDEX CONCURRENTLY {quoted(name)} ON {table.name} ({keys})",
        alone=True,
        index=IndexParts(name, table.schema, table.bare, columns, unique=True),
    )
    word = "PRIMARY KEY" if primary else "UNIQUE"
    yield Part(
        f"ALTER TABLE {table.name} ADD CONSTRAINT {quoted(name)} {word} USING INDEX {quoted(name)}",
        alone=True,
    )


def not_null(column: str, table: _Table) -> Iterator[Part]:
    """A validated constraint lets SET NOT NULL believe it without reading the table."""
    name = f"{table.bare}_{column}_not_null"[:63]
    if table.major >= _NOT_NULL_NOT_VALID:
        yield Part(
            f"ALTER TABLE {table.name} ADD CONSTRAINT {quoted(name)} "
            f"NOT NULL {quoted(column)} NOT VALID"
        )
        yield _validate(table, name)
        return
    yield Part(
        f"ALTER TABLE {table.name} ADD CONSTRAINT {quoted(name)} "
        f"CHECK ({quoted(column)} IS NOT NULL) NOT VALID"
    )
    yield _validate(table, name)
    yield Part(f"ALTER TABLE {table.name} ALTER COLUMN {quoted(column)} SET NOT NULL", alone=True)
    yield Part(f"ALTER TABLE {table.name} DROP CONSTRAINT {quoted(name)}", alone=True)


def _retyped(change: Any, table: _Table) -> Iterator[Part]:
    """A new column beside the old one, filled in batches, then in its place."""
    column, kind = change.name, str(RawStream()(change.def_.typeName))
    new = f"{column}_new"[:63]
    using = change.def_.raw_default
    value = str(RawStream()(using)) if using else f"{quoted(column)}::{kind}"
    yield Part(f"ALTER TABLE {table.name} ADD COLUMN {quoted(new)} {kind}")
    yield Part(comment=f"from here on the application, or a trigger, writes {column} and {new}")
    yield from _filled(table, new, value)
    for text in _indexes_on(table, column, new):
        yield Part(text, alone=True)
    yield Part(comment="in a migration of its own, when every release reads the new one:")
    yield Part(f"ALTER TABLE {table.name} DROP COLUMN {quoted(column)}")
    yield Part(f"ALTER TABLE {table.name} RENAME COLUMN {quoted(new)} TO {quoted(column)}")


def _indexes_on(table: _Table, column: str, new: str) -> Iterator[str]:
    """Indexes that go with the old column, on the new one."""
    if table.known is None:
        return
    for index in table.catalog.indexes_of(table.known.qualified):
        if column in index.keys and index.definition and not index.constraint:
            name = f"{index.name}_new"[:63]
            made = index.definition.replace(
                f"INDEX {quoted(index.name)} ", f"INDEX {quoted(name)} ", 1
            )
            head, _, keys = made.partition(" USING ")
            keys = _renamed_key(keys, quoted(column), quoted(new))
            yield f"{head} USING {keys}".replace("INDEX ", "INDEX CONCURRENTLY ", 1)


def _renamed_key(keys: str, old: str, new: str) -> str:
    import re

    return re.sub(rf"(?<![\w\".]){re.escape(old)}(?![\w\"])", new, keys)


def _column(column: Any, table: _Table) -> Iterator[Part]:
    """Without what reads or writes every row; that comes after, without the lock."""
    constraints = {one.contype: one for one in column.constraints or ()}
    default = constraints.get(_Kind.CONSTR_DEFAULT)
    foreign = constraints.get(_Kind.CONSTR_FOREIGN)
    if _Kind.CONSTR_GENERATED in constraints or _Kind.CONSTR_IDENTITY in constraints:
        return
    if default is None and foreign is None:
        return
    name, kind = quoted(column.colname), str(RawStream()(column.typeName))
    yield Part(f"ALTER TABLE {table.name} ADD COLUMN {name} {kind}")
    if default is not None:
        value = str(RawStream()(default.raw_expr))
        yield Part(f"ALTER TABLE {table.name} ALTER COLUMN {name} SET DEFAULT {value}")
        yield from _filled(table, column.colname, value)
    if _Kind.CONSTR_NOTNULL in constraints:
        yield from not_null(column.colname, table)
    if foreign is not None:
        key = f"{table.bare}_{column.colname}_fkey"[:63]
        target = _named(foreign.pktable)
        columns = ", ".join(quoted(one.sval) for one in foreign.pk_attrs or ())
        yield Part(
            f"ALTER TABLE {table.name} ADD CONSTRAINT {quoted(key)} FOREIGN KEY ({name}) "
            f"REFERENCES {target}{f' ({columns})' if columns else ''} NOT VALID"
        )
        yield _validate(table, key)


def _filled(table: _Table, column: str, value: str) -> Iterator[Part]:
    """The rows that are there, a range of the key at a time."""
    keys: tuple[str, ...] = ()
    if table.known is not None:
        keys = next((one.columns for one in table.known.constraints if one.kind == "p"), ())
    text = f"UPDATE {table.name} SET {quoted(column)} = {value}"  # noqa: S608 - words for a person
    if len(keys) != 1:
        yield Part(comment=f"in batches, each committed: {text} WHERE {quoted(column)} IS NULL")
        return
    key = quoted(keys[0])
    condition = f"{key} > :last AND {key} <= :next AND {quoted(column)} IS NULL"
    yield Part(
        comment=f"{BATCH:,} rows at a time",
        batches=Batches(f"{text} WHERE {condition}", table.name, key),
    )


def _attached(change: Any, table: _Table) -> Iterator[Part]:
    """A validated CHECK that says what the bound says lets ATTACH believe it."""
    part = _named(change.def_.name)
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


def _named(relation: Any) -> str:
    name = quoted(relation.relname)
    return f"{quoted(relation.schemaname)}.{name}" if relation.schemaname else name
