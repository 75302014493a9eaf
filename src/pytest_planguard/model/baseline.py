"""The baseline: what was accepted, one entry a query, and the world it was made in."""

from __future__ import annotations

import msgspec

SCHEMA_VERSION = 3
"""2: a header has a file for each table. 3: the statistics of its columns stand there."""


class PlanEntry(msgspec.Struct, frozen=True):
    """One plan, as far as it is compared."""

    sample: str
    access: dict[str, str]
    """By alias: the access class."""
    relations: dict[str, str]
    """By alias: the schema-qualified relation."""
    indexes: dict[str, tuple[str, ...]]
    """By alias: the indexes used."""
    cost: float
    """To two significant digits."""
    shape: tuple[str, ...]
    sizes: str = ""
    """As ``Plan.sizes``."""


class Accepted(msgspec.Struct, frozen=True):
    """A finding that was there when the entry was written."""

    rule: str
    relation: str | None
    severity: str
    reason: str = ""
    """Given with --planguard-reason; empty for the first baseline."""


class Origin(msgspec.Struct, frozen=True):
    """Where the query came from, without a line number."""

    file: str
    function: str


class Entry(msgspec.Struct, frozen=True):
    """What is known of one query."""

    key: str
    database: str
    sql: str
    parameter_types: tuple[str, ...]
    origins: tuple[Origin, ...]
    tests: tuple[str, ...]
    plans: tuple[PlanEntry, ...]
    findings: tuple[Accepted, ...] = ()
    schema: int = SCHEMA_VERSION


class World(msgspec.Struct, frozen=True):
    """What plans depend on besides the SQL: enough to name what moved."""

    server_major: int
    collation: str
    settings: dict[str, str]
    tables: dict[str, tuple[str, ...]]
    """By table: its columns and constraints, one fact a line."""
    indexes: dict[str, str]
    """By schema-qualified name: the definition."""
    rows: dict[str, float]
    """By table: to two significant digits."""
    scale_source: str
    digests: dict[str, str]
    """By table: a digest of the statistics its plans were made with; those not known are left out.
    Of statistics a run makes itself, that of the first ones whose lines stand there."""
    schema: int = SCHEMA_VERSION
    connections: dict[str, tuple[str, ...]] = {}
    """What was accepted of the application's connections: by rule, ``file::function``."""
    statistics: dict[str, dict[str, str]] = {}
    """By table and column: a line of ``baseline.distributions``."""


class Baseline(msgspec.Struct, frozen=True):
    """All entries by database and key, and the world of each database."""

    entries: dict[tuple[str, str], Entry]
    """By (database, key)."""
    worlds: dict[str, World]
    """By database."""
    damaged: dict[str, str] = {}
    """By database: what its header lacks, where it is not whole and therefore not used."""
