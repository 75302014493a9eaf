"""A column's statistics, from what is declared of it and what the schema says."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pytest_planguard.fixturedb.scale.numbers import Derived, column_statistics
from pytest_planguard.fixturedb.scale.partitions import Tree
from pytest_planguard.fixturedb.scale.rows import Rows
from pytest_planguard.fixturedb.scale.schema_facts import (
    MOST_LISTED,
    closed_list,
    foreign_key,
    looked_up_columns,
    set_on_insert,
    unique_columns,
)
from pytest_planguard.fixturedb.scale.spans import (
    histogram,
    whole_span,
)
from pytest_planguard.model.catalog import Catalog, Column, Table
from pytest_planguard.model.spec import ColumnDeclaration, TableDeclaration
from pytest_planguard.model.statistics import ColumnStatistics

ASSUMED_NULLS = 0.5
"""Of a nullable column without a default: neither ``IS NULL`` nor ``IS NOT NULL`` is rare."""

LOOKED_UP = 0.1
"""Distinct values of a column with an index of its own, as a share of the rows: ten rows a value.
From there on ANALYZE takes the number of values to grow with the table (analyze.c). PostgreSQL's
own guess, 200 whatever the size, would make an index of a large table one that finds thousands."""
_CODES = frozenset({"int2", "char"})
"""Types too short to tell many rows apart."""


class ColumnDeriver:
    """Derives columns of one catalog; a foreign key's depend on those of the table it points to.

    Args:
        catalog: The schema.
        declared: Declarations by schema-qualified name.
        rows: Rows by schema-qualified name.
        clock: The instant timestamps end at.
    """

    def __init__(
        self,
        catalog: Catalog,
        declared: Mapping[str, TableDeclaration],
        rows: Mapping[str, Rows],
        clock: str,
    ) -> None:
        self._catalog = catalog
        self._declared = declared
        self._rows = rows
        self._clock = clock
        self._tree = Tree(catalog)
        self._known: dict[tuple[str, str], Derived] = {}
        self._unique = unique_columns(catalog, self._tree)
        self._looked_up = looked_up_columns(catalog)

    def statistics(self, table: Table, column: Column) -> ColumnStatistics:
        """One column's row of ``pg_stats``; of a partitioned table, with all its partitions."""
        facts = self._derived(table, column)
        declaration = self._declaration(table, column.name)
        return column_statistics(column, facts, declaration, self._rows[table.qualified].count)

    def _declaration(self, table: Table, column: str) -> ColumnDeclaration:
        """What is declared of the column, of this table or of one it is a partition of."""
        for owner in (table, *self._tree.ancestors(table.qualified)):
            facts = self._declared.get(owner.qualified)
            if facts is not None and column in facts.columns:
                return facts.columns[column]
        return ColumnDeclaration()

    def _derived(self, table: Table, column: Column) -> Derived:
        """The facts, once for each column; a circle of foreign keys ends at the type's span."""
        key = (table.qualified, column.name)
        if key not in self._known:
            self._known[key] = self._by_type(table, column, unique=False)
            declaration = self._declaration(table, column.name)
            facts = self._partitioned(table, column, self._from_schema(table, column))
            nulls = 0.0 if table.kind == "m" else _nulls(column, declaration, facts)
            self._known[key] = msgspec.structs.replace(facts, nulls=nulls)
        return self._known[key]

    def _from_schema(self, table: Table, column: Column) -> Derived:
        """Unique, foreign key, boolean, enum, check, clock, index, in this order."""
        strict, meant = self._unique[table.qualified]
        foreign = foreign_key(table, column.name)
        if foreign is not None and (target := self._target(foreign, column)) is not None:
            return self._foreign(table, target, unique=column.name in strict)
        if column.name in strict | meant or self._is_sequence(table, column):
            return self._by_type(table, column, unique=True)
        shares = closed_list(table, column)
        if shares:
            return Derived(distinct=float(len(shares)), shares=shares)
        facts = self._by_type(table, column, unique=False)
        if facts.distinct is None and self._is_looked_up(table, column):
            rows = self._rows[table.qualified].count
            return msgspec.structs.replace(facts, distinct=max(1.0, LOOKED_UP * rows))
        return facts

    def _is_looked_up(self, table: Table, column: Column) -> bool:
        """Whether an index says that few rows have a value, and no declaration lists the values."""
        indexed = column.name in self._looked_up[table.qualified]
        listed = bool(self._declaration(table, column.name).values)
        return indexed and not listed and column.base_type not in _CODES

    def _by_type(self, table: Table, column: Column, *, unique: bool) -> Derived:
        """What type, default and name say."""
        rows = max(1.0, self._rows[table.qualified].count)
        kind, whole = column.base_type, None
        if kind in {"uuid", "timestamptz", "timestamp", "date"}:
            whole = whole_span(kind, self._clock, rows)
        elif unique:
            whole = whole_span(kind, self._clock, rows, 1 + round(self._before(table)))
        dated = kind in {"timestamptz", "timestamp", "date"}
        distinct = rows if unique or kind == "uuid" else None
        if dated and whole is not None and distinct is None:
            distinct = float(min(rows, whole.size))
        correlation = None
        if dated:
            correlation = 1.0 if set_on_insert(column) else 0.0
        elif kind == "uuid":
            correlation = 0.0
        elif unique and whole is not None:
            correlation = 1.0
        return Derived(span=whole, distinct=distinct, correlation=correlation)

    def _foreign(self, table: Table, target: tuple[Table, Column], *, unique: bool) -> Derived:
        """At most as many values as the table has that is pointed to, over the same range."""
        rows = max(1.0, self._rows[table.qualified].count)
        parent = self._derived(*target)
        there = max(1.0, self._rows[target[0].qualified].count)
        distinct = rows if unique else min(rows, parent.distinct or there)
        shares = parent.shares
        span = parent.span
        listed = span is not None and span.size <= MOST_LISTED and span.base_type != "uuid"
        if span is not None and listed and not unique and distinct >= span.size:
            bounds = histogram(span, span.size)  # so few that each is a common value
            shares = dict.fromkeys(bounds, 1 / len(bounds)) if len(bounds) == span.size else {}
        return Derived(span=span, distinct=distinct, shares=shares, correlation=0.0)

    def _target(self, foreign: tuple[str, str], column: Column) -> tuple[Table, Column] | None:
        """The column pointed to; None outside the schemas read, or where it is the same one."""
        table = self._catalog.tables.get(foreign[0])
        found = table.column(foreign[1]) if table is not None else None
        if table is None or found is None or found is column:
            return None
        return table, found

    def _partitioned(self, table: Table, column: Column, facts: Derived) -> Derived:
        """Facts narrowed by a partition's bounds, or joined over all partitions."""
        if table.kind != "p":
            return self._leaf(table, column, facts)
        leaves = [self._catalog.tables[name] for name in self._tree.leaves(table.qualified)]
        parts = [(leaf, self._leaf(leaf, column, facts)) for leaf in leaves]
        total = sum(self._rows[leaf.qualified].count for leaf in leaves) or 1.0
        if not any(narrowed is not facts for _, narrowed in parts):
            return facts
        if any(narrowed.shares for _, narrowed in parts):
            shares: dict[str, float] = {}
            for leaf, narrowed in parts:
                weight = self._rows[leaf.qualified].count / total
                for value, share in narrowed.shares.items():
                    shares[value] = shares.get(value, 0.0) + share * weight
            return Derived(distinct=float(len(shares)), shares=shares)
        spans = tuple(
            (narrowed.span, self._rows[leaf.qualified].count)
            for leaf, narrowed in parts
            if narrowed.span is not None
        )
        return msgspec.structs.replace(facts, parts=spans)

    def _leaf(self, table: Table, column: Column, facts: Derived) -> Derived:
        """Facts of a table's own rows, within the bounds of its partition."""
        whole = facts.span or whole_span(column.base_type, self._clock, 1)
        bound = self._tree.bound(table.qualified, column.name, whole)
        if bound is None:
            return facts
        if bound.span is not None:
            rows = self._rows[table.qualified].count
            distinct = float(min(max(1.0, rows), bound.span.size))
            return Derived(span=bound.span, distinct=distinct, correlation=facts.correlation)
        if not bound.values:
            return facts
        values = [value for value in bound.values if value is not None]
        nulls = 1 / len(bound.values) if None in bound.values else 0.0
        shares = dict.fromkeys(values, 1 / len(values)) if values else {}
        return Derived(distinct=float(len(values)), shares=shares, nulls=nulls)

    def _before(self, table: Table) -> float:
        """Rows of a range-partitioned table's earlier partitions: its sequence was there."""
        above = next(self._tree.ancestors(table.qualified), None)
        if above is None or not (above.partition_key or "").startswith("RANGE"):
            return 0.0
        column = above.column(above.partition_columns[0]) if above.partition_columns else None
        whole = whole_span(column.base_type, self._clock, 1) if column is not None else None
        if column is None or whole is None:
            return 0.0
        order: list[tuple[int, str]] = []
        for name in self._tree.children(above.qualified):
            bound = self._tree.bound(name, column.name, whole)
            low = bound.span.low if bound is not None and bound.span is not None else None
            order.append((whole.high if low is None else low, name))
        earlier = [name for _, name in sorted(order)]
        earlier = earlier[: earlier.index(table.qualified)]
        return sum(self._rows[name].count for name in earlier) + self._before(above)

    def _is_sequence(self, table: Table, column: Column) -> bool:
        """Whether each row gets the next number or a new uuid."""
        owners = (table, *self._tree.ancestors(table.qualified))
        found = [facts for owner in owners if (facts := owner.column(column.name)) is not None]
        return any(
            facts.identity
            or (facts.default or "").startswith("nextval(")
            or "uuid_generate_v" in (facts.default or "")
            or "gen_random_uuid()" in (facts.default or "")
            for facts in found
        )


def _nulls(column: Column, declared: ColumnDeclaration, facts: Derived) -> float:
    """Declared, or none where a default or NOT NULL fills the column, or half."""
    if declared.nulls is not None:
        return declared.nulls
    filled = column.default is not None and not column.default.startswith("NULL")
    if column.not_null or filled or declared.values or facts.nulls:
        return facts.nulls
    return ASSUMED_NULLS
