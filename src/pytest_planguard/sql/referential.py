"""The statements PostgreSQL runs itself when a row that others refer to is deleted or its key set.

They are those of src/backend/utils/adt/ri_triggers.c: a lookup FOR KEY SHARE for NO ACTION and
RESTRICT, a DELETE for CASCADE, an UPDATE for SET NULL and SET DEFAULT, one for each row and each
foreign key, and those again for what they delete and set. EXPLAIN shows none of them.
"""

from __future__ import annotations

import enum
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

import msgspec

from pytest_planguard.model.catalog import Catalog, Constraint, Table
from pytest_planguard.model.ports import quoted

_ACTION = re.compile(r" ON (DELETE|UPDATE) (RESTRICT|CASCADE|SET NULL|SET DEFAULT)")
_NEVER_CHECKED = re.compile(r" NOT ENFORCED|\bPERIOD\b")
"""Constraints without triggers, and those over periods, whose check is another one."""

_LOOKUP = "SELECT 1 FROM {table} x WHERE {where} FOR KEY SHARE OF x"
_DELETE = "DELETE FROM {table} WHERE {where}"
_UPDATE = "UPDATE {table} SET {changes} WHERE {where}"

MOST_CHECKS = 50
"""Behind one statement; a schema where all refer to all has more than anybody reads."""


class Action(enum.StrEnum):
    """What happens to the rows that refer."""

    CHECK = "no action"
    """Looked for, and an error if there are any; RESTRICT does the same, at once."""
    CASCADE = "cascade"
    SET_NULL = "set null"
    SET_DEFAULT = "set default"


class Reference(msgspec.Struct, frozen=True):
    """A foreign key, from its own table's side."""

    name: str
    child: str
    """Schema-qualified; a partitioned table, not each of its partitions."""
    columns: tuple[str, ...]
    parent: str
    referenced: tuple[str, ...]
    on_delete: Action = Action.CHECK
    on_update: Action = Action.CHECK
    types: tuple[str | None, ...] = ()
    """Of the values looked for: the parent's, where the child's columns have others."""
    is_partitioned: bool = False


class Check(msgspec.Struct, frozen=True):
    """One statement that is run for each row deleted, or each key that is set."""

    reference: Reference
    action: Action
    sets: bool
    """The rows above it had their keys set; else they were deleted."""
    above: tuple[Check, ...] = ()
    """Those that lead to it, from the statement on; empty: the statement itself does."""

    @property
    def text(self) -> str:
        """The statement, ``$n`` for the n-th column of the key."""
        only = "" if self.reference.is_partitioned else "ONLY "
        table = f"{only}{_qualified(self.reference.child)}"
        names = [quoted(name) for name in self.reference.columns]
        where = " AND ".join(f"${n} = {name}" for n, name in enumerate(names, 1))
        if self.action is Action.CHECK:
            return _LOOKUP.format(table=table, where=where)
        if self.action is Action.CASCADE and not self.sets:
            return _DELETE.format(table=table, where=where)
        # a cascaded key is another value of the same type: its own value plans alike
        values = names if self.action is Action.CASCADE else ["NULL"] * len(names)
        changes = ", ".join(f"{n} = {v}" for n, v in zip(names, values, strict=True))
        return _UPDATE.format(table=table, changes=changes, where=where)

    @property
    def path(self) -> tuple[str, ...]:
        """Tables from the statement's to the one looked up, schema-qualified."""
        first = (self.above[0] if self.above else self).reference.parent
        return (first, *(one.reference.child for one in (*self.above, self)))


def references(catalog: Catalog) -> dict[str, tuple[Reference, ...]]:
    """Foreign keys by the table they refer to; a partition's own entry of its root's left out."""
    found: dict[str, list[Reference]] = defaultdict(list)
    for name, table in sorted(catalog.tables.items()):
        for one in table.constraints:
            if _is_checked(one) and not _is_of_root(one, name, catalog):
                reference = _reference(one, table, catalog)
                found[reference.parent].append(reference)
    return {parent: tuple(some) for parent, some in found.items()}


def checks(
    relation: str,
    known: Mapping[str, Sequence[Reference]],
    *,
    columns: Collection[str] | None = None,
) -> tuple[Check, ...]:
    """All that is run behind a DELETE from a table, or an UPDATE of some of its columns.

    Through cascades, nearest first; a circle of foreign keys is gone round once.

    Args:
        relation: The table, schema-qualified; a partition as its root.
        known: As of ``references``.
        columns: That are set; None: rows are deleted.
    """
    found: list[Check] = []
    seen: set[tuple[str, str, bool]] = set()
    waiting = [_Change(relation, columns)]
    while waiting and len(found) < MOST_CHECKS:
        change = waiting.pop(0)
        for reference in known.get(change.relation, ()):
            place = (reference.child, reference.name, change.columns is None)
            if change.touches(reference) and place not in seen:
                seen.add(place)
                check = _check(reference, change)
                found.append(check)
                waiting += _next(check)
    return tuple(found)


class _Change(msgspec.Struct, frozen=True):
    """Rows of a table that are deleted, or have columns set."""

    relation: str
    columns: Collection[str] | None
    above: tuple[Check, ...] = ()

    def touches(self, reference: Reference) -> bool:
        return self.columns is None or bool(set(reference.referenced) & set(self.columns))


def _check(reference: Reference, change: _Change) -> Check:
    deleted = change.columns is None
    action = reference.on_delete if deleted else reference.on_update
    return Check(reference, action, sets=not deleted, above=change.above)


def _next(check: Check) -> list[_Change]:
    """What a check changes in its turn."""
    if check.action is Action.CHECK:
        return []
    reference, above = check.reference, (*check.above, check)
    deletes = check.action is Action.CASCADE and not check.sets
    return [_Change(reference.child, None if deletes else reference.columns, above)]


def _is_checked(one: Constraint) -> bool:
    return one.kind == "f" and bool(one.references) and not _NEVER_CHECKED.search(one.definition)


def _is_of_root(one: Constraint, name: str, catalog: Catalog) -> bool:
    root = catalog.tables.get(catalog.root_of(name))
    if root is None or root.qualified == name:
        return False
    return any(
        other.kind == "f" and (other.columns, other.references) == (one.columns, one.references)
        for other in root.constraints
    )


def _reference(one: Constraint, table: Table, catalog: Catalog) -> Reference:
    actions = {event: Action(word.lower().replace("restrict", "no action"))
               for event, word in _ACTION.findall(one.definition)}  # fmt: skip
    parent = catalog.tables.get(one.references or "")
    return Reference(
        name=one.name,
        child=table.qualified,
        columns=one.columns,
        parent=catalog.root_of(one.references or ""),
        referenced=one.referenced_columns,
        on_delete=actions.get("DELETE", Action.CHECK),
        on_update=actions.get("UPDATE", Action.CHECK),
        types=tuple(_types(one, table, parent)),
        is_partitioned=table.kind == "p",
    )


def _types(one: Constraint, table: Table, parent: Table | None) -> Iterator[str | None]:
    """A value's type is its parent's; where the child has the same, the server takes that."""
    for own, other in zip(one.columns, one.referenced_columns, strict=True):
        mine = table.column(own)
        theirs = parent.column(other) if parent is not None else None
        differ = mine is not None and theirs is not None and mine.base_type != theirs.base_type
        yield theirs.type if differ and theirs is not None else None


def _qualified(name: str) -> str:
    schema, _, table = name.partition(".")
    return f"{quoted(schema)}.{quoted(table)}"
