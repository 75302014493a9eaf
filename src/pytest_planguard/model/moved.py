"""What is not as it was when the baseline was made, and how it is put back to plan again."""

from __future__ import annotations

import enum

import msgspec

from pytest_planguard.model.statistics import ColumnStatistics


class Part(enum.Enum):
    """What plans depend on."""

    SCHEMA = "schema"
    SETTING = "setting"
    SIZES = "sizes"
    DISTRIBUTIONS = "distributions"
    SQL = "SQL"
    SERVER = "server"


STATISTICS = frozenset({Part.SIZES, Part.DISTRIBUTIONS})
"""What moves without anybody's change."""


class Undo(msgspec.Struct, frozen=True):
    """What makes one thing as it was, in a copy of today's fixture database."""

    statements: tuple[str, ...] = ()
    """DDL for columns and constraints."""
    tables: tuple[str, ...] = ()
    """Schema-qualified: what ``statements`` alter."""
    indexes: dict[str, str] = {}
    """Definitions of indexes that were there, by schema-qualified name."""
    hidden: tuple[str, ...] = ()
    """Indexes that came since, schema-qualified."""
    settings: dict[str, str | None] = {}
    """None: PostgreSQL's own default."""
    rows: dict[str, float] = {}
    """By table: the rows it had, in times of today's."""
    distinct: dict[str, dict[str, float]] = {}
    """By table and column: ``n_distinct`` as it was; it goes with the size."""
    columns: dict[str, dict[str, ColumnStatistics]] = {}
    """By table and column: what its statistics were; their lists hold frequencies and no values.
    Where ``n_distinct`` is zero it stays."""


class Moved(msgspec.Struct, frozen=True):
    """One thing that moved."""

    part: Part
    sentences: tuple[str, ...]
    """``index orders_customer_id_idx is gone since the baseline``."""
    undo: Undo | None = None
    """None: it cannot be put back; what is left when all else is put back is its doing."""


class FormerWorld(msgspec.Struct, frozen=True):
    """What a copy of a fixture database is to have of a former one."""

    indexes: dict[str, str] = {}
    """Statements that make indexes, by the names these get; in this order."""
    statements: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    rows: dict[str, float] = {}
    distinct: dict[str, dict[str, float]] = {}
    columns: dict[str, dict[str, ColumnStatistics]] = {}
    """All three as of ``Undo``."""
