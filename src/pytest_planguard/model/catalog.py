"""Facts about a database's objects, read once from its catalogs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from functools import cached_property

import msgspec


class Column(msgspec.Struct, frozen=True):
    """A table's column."""

    name: str
    type: str
    """As ``format_type`` prints it: ``bigint``, ``character varying(20)``, ``shop.status`` …"""
    number: int
    """``attnum``."""
    not_null: bool = False
    default: str | None = None
    identity: bool = False
    generated: bool = False
    """A stored or virtual generated column."""
    base_type: str = ""
    """Name of the type in ``pg_type`` after domains are resolved, e.g. ``int8``, ``varchar``."""
    category: str = ""
    """``typcategory``: N numeric, S string, D date and time, B boolean, E enum, A array, …"""
    length: int = -1
    """``typlen`` of the type: bytes, -1 for variable length."""
    modifier: int = -1
    """``atttypmod``."""
    labels: tuple[str, ...] = ()
    """Of an enum, in their order."""
    collation: str | None = None


class Constraint(msgspec.Struct, frozen=True):
    """A primary key, unique, foreign key, check, not-null or exclusion constraint."""

    name: str
    kind: str
    """``p``, ``u``, ``f``, ``c``, ``x``, ``n`` as in ``pg_constraint.contype``."""
    columns: tuple[str, ...]
    definition: str
    """As ``pg_get_constraintdef`` prints it."""
    references: str | None = None
    """The table a foreign key points to, schema-qualified."""
    referenced_columns: tuple[str, ...] = ()


class Index(msgspec.Struct, frozen=True):
    """An index, valid or not."""

    name: str
    """Without its schema, which is its table's."""
    schema: str
    table: str
    """Schema-qualified."""
    method: str
    keys: tuple[str, ...]
    """Key columns by name, or the expression's text; quoted as PostgreSQL prints them."""
    include: tuple[str, ...] = ()
    opclasses: tuple[str, ...] = ()
    descending: tuple[bool, ...] = ()
    collations: tuple[str | None, ...] = ()
    predicate: str | None = None
    unique: bool = False
    primary: bool = False
    valid: bool = True
    constraint: str | None = None
    """The constraint it backs."""
    parent: str | None = None
    """The partitioned index it is attached to."""
    definition: str = ""
    """As ``pg_get_indexdef`` prints it."""
    pages: int = 0
    tuples: float = 0.0
    attributes: tuple[str, ...] = ()
    """``pg_attribute.attname`` of each key: statistics of expressions go by it."""
    key_types: tuple[str, ...] = ()
    """Base type of each key, as ``Column.base_type``."""
    fillfactor: int | None = None
    """Of its storage parameters; None: the access method's default."""


class Table(msgspec.Struct, frozen=True):
    """A table, partitioned table, partition, materialised view or foreign table."""

    schema: str
    name: str
    kind: str
    """``relkind``: r, p, m, f."""
    columns: tuple[Column, ...]
    constraints: tuple[Constraint, ...] = ()
    rows: float = 0.0
    """In the fixture database; a partitioned table's is the sum of its leaves."""
    pages: int = 0
    """Of 8 KiB; a partitioned table's is the sum of its leaves."""
    parents: tuple[str, ...] = ()
    """The table it is a partition of (or inherits from), schema-qualified."""
    partition_key: str | None = None
    """Of a partitioned table, as in ``RANGE (created_at)``."""
    partition_columns: tuple[str, ...] = ()
    partition_bound: str | None = None
    """Of a partition, as in ``FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')``."""
    fillfactor: int | None = None
    """Of its storage parameters; None: 100."""

    @property
    def qualified(self) -> str:
        """``schema.name``, unquoted, as EXPLAIN's fields give them."""
        return f"{self.schema}.{self.name}"

    def column(self, name: str) -> Column | None:
        """The column of that name."""
        return next((column for column in self.columns if column.name == name), None)


class Server(msgspec.Struct, frozen=True):
    """The server a database is on."""

    version: int
    """``server_version_num``: 180006."""
    version_text: str
    """``18.6``."""
    collation: str = ""
    settings: dict[str, str] = {}
    """The planner's settings that differ from PostgreSQL's defaults."""
    collation_provider: str = ""
    """libc, icu or builtin; empty: it was not read."""

    @property
    def major(self) -> int:
        """``18``."""
        return self.version // 10000


class Catalog(msgspec.Struct, frozen=True, dict=True):
    """Tables and indexes of a database, without the system's."""

    server: Server
    tables: dict[str, Table]
    """By schema-qualified name."""
    indexes: dict[str, Index]
    """By schema-qualified name."""
    views: dict[str, tuple[str, ...]] = {}
    """By schema-qualified name: the tables a view reads, through other views too."""
    guarded: frozenset[str] = frozenset()
    """Tables with row-level security."""

    def root_of(self, relation: str) -> str:
        """The partitioned table a partition belongs to in the end, or the relation itself."""
        seen = {relation}
        while (table := self.tables.get(relation)) is not None and table.partition_bound:
            relation = table.parents[0]
            if relation in seen:  # a catalog never has one; a damaged snapshot must not hang us
                break
            seen.add(relation)
        return relation

    def with_parts(self, relations: AbstractSet[str]) -> frozenset[str]:
        """Tables with their partitions and whatever inherits from them."""
        found = set(relations)
        while True:
            more = {n for n, table in self.tables.items() if not found.isdisjoint(table.parents)}
            if more <= found:
                return frozenset(found)
            found |= more

    def indexes_of(self, relation: str) -> tuple[Index, ...]:
        """All indexes of a table, by name."""
        return self._by_table.get(relation, ())

    @cached_property
    def _by_table(self) -> Mapping[str, tuple[Index, ...]]:
        """Grouped once: every query asks for those of its tables, several times."""
        found: dict[str, list[Index]] = defaultdict(list)
        for _, index in sorted(self.indexes.items()):
            found[index.table].append(index)
        return {table: tuple(indexes) for table, indexes in found.items()}
