"""The planner's statistics of a whole database, as values: wherever they come from."""

from __future__ import annotations

import enum

import msgspec

SCHEMA_VERSION = 2
"""Of the file; 2: columns and indexes are a line each."""


class ScaleSource(enum.StrEnum):
    """Where a table's size comes from, most certain first."""

    PRODUCTION = "production"
    AS_IS = "as-is"
    """The database's own contents."""
    DECLARED = "declared"
    GENERATED = "generated"
    """Declared, and rows were really loaded."""
    ASSUMED = "assumed"


class ValuePolicy(enum.StrEnum):
    """What a statistics file holds of production's values."""

    MASKED = "masked"
    """Stand-ins of like type, length, order and frequency for whatever may be personal."""
    ALL = "all"
    NONE = "none"
    """No most common values, no histograms: counts, widths and correlations only."""


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
    range_length_histogram: tuple[float, ...] = ()
    range_empty_frac: float | None = None
    range_bounds_histogram: tuple[str, ...] = ()
    masked: bool = False
    """Some of the values are stand-ins, or they were left out."""


class ExtendedNumbers(msgspec.Struct, frozen=True, omit_defaults=True):
    """What ANALYZE found for ``CREATE STATISTICS``; columns and expressions by their text."""

    ndistinct: dict[str, float] = {}
    """Distinct combinations, by the columns joined with ``, `` in the object's order."""
    dependencies: dict[str, float] = {}
    """Degree of each functional dependency, 0 to 1, by ``a, b => c``."""
    values: tuple[tuple[str | None, ...], ...] = ()
    """Most common combinations, one value a column; None: NULL."""
    freqs: tuple[float, ...] = ()
    base_freqs: tuple[float, ...] = ()
    """Frequencies the combinations would have if their columns were independent."""
    expressions: dict[str, ColumnStatistics] = {}
    """By the expression's text."""
    masked: bool = False


class ExtendedStatistics(msgspec.Struct, frozen=True, omit_defaults=True):
    """One ``CREATE STATISTICS`` object."""

    definition: str
    """As ``pg_get_statisticsobjdef`` prints it."""
    columns: tuple[str, ...]
    """Column names, then the texts of expressions: the order of ``ExtendedNumbers.values``."""
    own: ExtendedNumbers | None = None
    inherited: ExtendedNumbers | None = None
    """Of the table with its children."""
    types: dict[str, str] = {}
    """Of its expressions, by their texts, as ``format_type`` prints them: ``text``."""
    collations: dict[str, str] = {}
    """Of its expressions, where they are not the database's, as in ``TableStatistics``."""


class GinPages(msgspec.Struct, frozen=True):
    """What a GIN index's first page tells the planner (``GinStatsData`` in ginblock.h)."""

    pending_pages: int
    total_pages: int
    """When it was last vacuumed: the planner scales the others by the file's real size."""
    entry_pages: int
    data_pages: int
    entries: int


class IndexStatistics(msgspec.Struct, frozen=True, omit_defaults=True):
    """An index's size, and the statistics of its expressions."""

    pages: int
    """Of 8 KiB."""
    tuples: float
    height: int | None = None
    """Levels of a btree above its leaves; None: derived from pages and key width."""
    expressions: dict[str, ColumnStatistics] = {}
    """By the name of the index's column (``pg_attribute.attname``: ``lower``, ``expr`` …)."""
    file_pages: int | None = None
    """The file's real size when it was read, where that is not ``pages``: the planner believes
    the file and scales ``tuples`` by it."""
    order: int = 0
    """Rank by age among its table's indexes, from 1: decides between equal costs; 0: unknown."""
    definition: str = ""
    """As ``pg_get_indexdef`` prints it at the source; empty: it was not read."""
    gin: GinPages | None = None
    types: dict[str, str] = {}
    """Of its expressions, by their columns' names as in ``expressions``, as ``format_type`` prints
    them; one that is missing loses its values where values are masked."""
    collations: dict[str, str] = {}
    """Of its expressions (``pg_attribute.attcollation``), as in ``TableStatistics``."""


class TableStatistics(msgspec.Struct, frozen=True, omit_defaults=True):
    """A table's size and its columns'; partitions and their parents each have their own."""

    rows: float
    """``reltuples``; at the source -1 where it was never analysed."""
    pages: int
    """``relpages`` of 8 KiB; 0 for a partitioned table."""
    source: ScaleSource = ScaleSource.PRODUCTION
    all_visible: int = 0
    """``relallvisible``, in pages."""
    columns: dict[str, ColumnStatistics] = {}
    inherited: dict[str, ColumnStatistics] = {}
    """Of the table with its children (``stainherit``): partitioned tables have only these."""
    indexes: dict[str, IndexStatistics] = {}
    """By index name, without the schema."""
    extended: dict[str, ExtendedStatistics] = {}
    """By the schema-qualified name of the statistics object."""
    file_pages: int | None = None
    """As of an index."""
    toast_pages: int = 0
    """Of the table's TOAST relation; the planner never looks at them, reports do."""
    kind: str = "r"
    """``relkind``: r, p, m, f."""
    types: dict[str, str] = {}
    """All columns at the source by name, as ``bigint not null``; empty: it was not read. Types are
    as ``format_type`` prints them, so that ``Statistics.types`` knows those not built in."""
    collations: dict[str, str] = {}
    """Of the columns whose collation is not the database's default, by their names: ``C``,
    ``app."german"`` … as ``regcollation`` prints them."""
    partition_bound: str = ""
    """Of a partition, as ``pg_get_expr(relpartbound, oid)`` prints it."""
    constraints: dict[str, str] = {}
    """Definitions by name, as ``pg_get_constraintdef`` prints them at the source; empty: one was
    not read."""
    parents: tuple[str, ...] = ()
    """What it is a partition of, or inherits from."""
    order: int = 0
    """Rank by age among the tables that inherit from the same one, from 1: the planner reads them
    in this order; 0: it inherits from none, or is a partition, which goes by its bounds."""
    analyzed: str = ""
    """When it was last analysed, ISO 8601; empty: never, or unknown."""


class TypeFacts(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a type that is not built in comes down to."""

    base: str
    """``enum``; ``composite``; a domain's base type, through all domains, as ``format_type``
    prints it without length (``text``, ``character varying``, ``app.status`` for a domain over an
    enum); ``range of <subtype>`` for a range and its multirange, the subtype resolved likewise;
    the bare name of an extension's type (``citext``, ``hstore``); empty for any other."""
    checks: tuple[str, ...] = ()
    """Of a domain and the domains below it, as ``pg_get_constraintdef`` prints them."""


class ProductionCall(msgspec.Struct, frozen=True):
    """One statement of production's ``pg_stat_statements``."""

    sql: str
    """As the extension shows it where all values are wanted, else in planguard's normal form:
    constants are ``$n``, comments are gone."""
    calls: int
    mean_ms: float
    rows: int


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
    collation_provider: str = ""
    """libc, icu or builtin; empty: it was not read."""
    settings: dict[str, str] = {}
    """Planner settings of the source."""
    encoding: str = ""
    types: dict[str, TypeFacts] = {}
    """Types outside of ``pg_catalog`` that columns and expressions have, by the name
    ``format_type(oid, NULL)`` prints; of an array, its element's type."""
    values: ValuePolicy = ValuePolicy.ALL
    kept: tuple[str, ...] = ()
    """``table.column`` whose values were kept although others are masked."""
    unseen: tuple[str, ...] = ()
    """What the role that read them was not allowed to see, whose values were left out because no
    stand-ins can be made, and what of the source no fixture repeats (settings of roles, of
    tablespaces); one sentence each."""
    thinned: str = ""
    """One sentence, where detail was left out to keep the file small."""
    grown: float = 1.0
    """By which factor they were scaled since they were read."""
    calls: tuple[ProductionCall, ...] = ()
    """Most time first."""
    besides: tuple[str, ...] = ()
    """What else could not be seen, one sentence each: no plan depends on it."""
