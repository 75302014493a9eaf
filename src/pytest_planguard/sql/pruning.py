"""Why all partitions of a table are read: what a condition must be like to leave some out.

The planner, and the executor for values it learns later, compare a condition with the bounds of
partitions only where it is ``key operator value`` with an operator of the partition key's
operator class (src/backend/partitioning/partprune.c, match_clause_to_partition_key). A function
or a cast on the key, a comparison of rows and a value that changes within the query are not.
"""

from __future__ import annotations

import re

import msgspec

from pytest_planguard.model.catalog import Catalog, Table
from pytest_planguard.model.judgement import Read
from pytest_planguard.sql.obstacles import column_of, conditions_of, real_cast
from pytest_planguard.sql.predicates import Condition, Kind, oriented
from pytest_planguard.sql.predicates import split_conditions as split
from pytest_planguard.sql.printed import alternatives

_EQUALITY = frozenset({"=", "= ANY", "IS NULL"})
_ORDER = frozenset({"<", "<=", ">", ">="})
_INEQUALITY = frozenset({"<>", "<> ALL", "IS NOT NULL"})
"""A list's partitions are left out by it, ranges are not."""
_OPERATORS = {
    "RANGE": _EQUALITY | _ORDER,
    "LIST": _EQUALITY | _ORDER | _INEQUALITY,
    "HASH": _EQUALITY,
}
_VOLATILE = frozenset({
    "clock_timestamp", "timeofday", "random", "gen_random_uuid", "nextval", "uuidv7",
})  # fmt: skip
"""Functions whose value changes within a query (pg_proc.provolatile = 'v')."""


class Unpruned(msgspec.Struct, frozen=True):
    """A read of every partition of a table, although it has conditions."""

    partitions: int
    key: str
    """The partition key, as the catalog prints it: ``RANGE (created_at)``."""
    columns: tuple[str, ...]
    """Of the key, at all levels; empty where it is an expression."""
    condition: Condition | None = None
    """One on the key that leaves no partition out; None: the key is not asked about."""
    why: str = ""
    """Why the condition does not; follows its text and a colon."""


def unpruned(read: Read, catalog: Catalog, settings: dict[str, str]) -> Unpruned | None:
    """What keeps a read from leaving partitions out; None where nothing does.

    A condition that could leave some out and does not (a range that covers them all, a value
    that is known at execution only, the parameter of a join) is no fault.

    Args:
        read: The scans of one reference to a table, as one.
        catalog: All partitions there are.
        settings: The planner's settings that are not the default, as the plan has them.
    """
    table = catalog.tables.get(read.relation)
    if table is None or table.kind != "p" or read.partitions < 2:
        return None
    own = [one for one in conditions_of(read.conditions) if _mentions(one, read.alias)]
    if not own or read.partitions < _leaves(table, catalog):
        return None
    levels = [table, *_divided(table, catalog)]
    columns = tuple(dict.fromkeys(name for one in levels for name in one.partition_columns))
    found = Unpruned(read.partitions, table.partition_key or "", columns)
    pruning = next(
        (one for one in own if any(_prunes(one, read, x, catalog) for x in levels)), None
    )
    if pruning is not None:
        if settings.get("enable_partition_pruning") != "off":
            return None
        why = "enable_partition_pruning is off"
        return msgspec.structs.replace(found, condition=pruning, why=why)
    on_key = next((one for one in own if {name for _, name in one.columns} & set(columns)), None)
    if on_key is None:
        return None if _asks_for_expression(own, levels) else found
    return msgspec.structs.replace(found, condition=on_key, why=_why(on_key, read, catalog))


def _leaves(table: Table, catalog: Catalog) -> int:
    return sum(
        one.partition_bound is not None
        and one.kind != "p"
        and catalog.root_of(name) == table.qualified
        for name, one in catalog.tables.items()
    )


def _divided(table: Table, catalog: Catalog) -> list[Table]:
    """Partitions that are partitioned themselves."""
    return [
        one
        for name, one in sorted(catalog.tables.items())
        if one.kind == "p" and one is not table and catalog.root_of(name) == table.qualified
    ]


def _mentions(condition: Condition, alias: str) -> bool:
    return any(owner in (alias, "") for owner, _ in condition.columns)


def _prunes(condition: Condition, read: Read, table: Table, catalog: Catalog) -> bool:
    """Whether a condition can be compared with the bounds of a table's partitions.

    Of several columns the first one must be asked about: bounds are compared from the left.
    """
    if condition.operator == "OR":
        return all(
            any(_prunes(part, read, table, catalog) for part in split(one))
            for one in alternatives(condition.text)
        )
    own = oriented(condition, read.alias)
    if own is None or own.subject is None or own.subject.column is None:
        return False
    name = own.subject.column[1]
    if name not in table.partition_columns[:1]:
        return False
    column = column_of(catalog, read.relation, name)
    if column is None or real_cast(column, own.subject):
        return False
    if own.kind is Kind.BOOLEAN:
        return True
    strategy = (table.partition_key or "").partition(" ")[0]
    return own.operator in _OPERATORS.get(strategy, frozenset()) and not _changes(own)


def _changes(condition: Condition) -> bool:
    value = condition.value
    return value is not None and bool(_VOLATILE.intersection(value.functions))


def _asks_for_expression(conditions: list[Condition], levels: list[Table]) -> bool:
    """Whether a key that is an expression may be asked about: its columns occur."""
    words = {
        word
        for table in levels
        if not table.partition_columns
        for word in re.findall(r"\w+", table.partition_key or "")
    }
    return any(name in words for condition in conditions for _, name in condition.columns)


def _why(condition: Condition, read: Read, catalog: Catalog) -> str:
    """Why a condition on the key leaves no partition out."""
    own = oriented(condition, read.alias)
    if condition.operator == "OR":
        return "an alternative says nothing of the key, and its rows may be anywhere"
    if own is None or own.subject is None:
        return "the key is compared with the row itself"
    if own.kind is Kind.ROW or own.subject.fields:
        return "rows are compared as a whole, which bounds of partitions are not"
    if own.subject.column is None:
        return f"{own.subject.text} is computed from the key, and bounds are of the key itself"
    column = column_of(catalog, read.relation, own.subject.column[1])
    if column is not None and (target := real_cast(column, own.subject)):
        return f"{column.name} is cast from {column.type} to {target}, and bounds are not"
    if _changes(own):
        return "its value changes while the query runs"
    return "the operator says nothing of where in the bounds a row is"
