"""The planner's statistics of a whole database, as values: wherever they come from."""

from __future__ import annotations

import enum

import msgspec

SCHEMA_VERSION = 1


class ScaleSource(enum.StrEnum):
    """Where a table's size comes from, most certain first."""

    PRODUCTION = "production"
    AS_IS = "as-is"
    """The database's own contents."""
    DECLARED = "declared"
    GENERATED = "generated"
    """Declared, and rows were really loaded."""
    ASSUMED = "assumed"


class ColumnStatistics(msgspec.Struct, frozen=True, omit_defaults=True):
    """One row of ``pg_stats``; values are in the text form of the column's type."""

    null_frac: float = 0.0
    avg_width: int = 0
    """Bytes."""
    n_distinct: float = 0.0
    """As in ``pg_stats``: below zero, a fraction of the rows; zero: unknown."""
    most_common_values: tuple[str, ...] = ()
    most_common_freqs: tuple[float, ...] = ()
    histogram_bounds: tuple[str, ...] = ()
    correlation: float | None = None
    most_common_elems: tuple[str, ...] = ()
    most_common_elem_freqs: tuple[float, ...] = ()
    """With the three (or four) trailing minimum, maximum and null entries of ``pg_stats``."""
    elem_count_histogram: tuple[float, ...] = ()


class IndexStatistics(msgspec.Struct, frozen=True, omit_defaults=True):
    """An index's size, and the statistics of its expressions."""

    pages: int
    """Of 8 KiB."""
    tuples: float
    height: int | None = None
    """Levels of a btree above its leaves; None: derived from pages and key width."""
    expressions: dict[str, ColumnStatistics] = {}
    """By the name of the index's column (``pg_attribute.attname``: ``lower``, ``expr`` …)."""


class TableStatistics(msgspec.Struct, frozen=True, omit_defaults=True):
    """A table's size and its columns'; partitions and their parents each have their own."""

    rows: float
    """``reltuples``."""
    pages: int
    """``relpages`` of 8 KiB; 0 for a partitioned table."""
    source: ScaleSource
    all_visible: int = 0
    """``relallvisible``, in pages."""
    columns: dict[str, ColumnStatistics] = {}
    inherited: dict[str, ColumnStatistics] = {}
    """Of the table with its children (``stainherit``): partitioned tables have only these."""
    indexes: dict[str, IndexStatistics] = {}
    """By index name, without the schema."""


class Statistics(msgspec.Struct, frozen=True, omit_defaults=True):
    """All tables of a database."""

    tables: dict[str, TableStatistics]
    """By schema-qualified name."""
    clock: str
    """The instant the statistics speak of, ISO 8601 in UTC; queries are planned at it."""
    source: ScaleSource
    """The least certain of the tables'."""
    schema: int = SCHEMA_VERSION
    server_version: int = 0
    """``server_version_num`` of the server they were read from; 0: they were not read."""
    collation: str = ""
    settings: dict[str, str] = {}
    """Planner settings of the source."""
