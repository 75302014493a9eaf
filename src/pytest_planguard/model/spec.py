"""What the configuration says a fixture database should be, as values the lower layers use."""

from __future__ import annotations

from pathlib import Path

import msgspec

DEFAULT_CLOCK = "2026-01-01T00:00:00+00:00"
"""The instant declared and assumed statistics end at. Any fixed one would do: captured
timestamps are moved along with it, so that a plan never depends on the day of the run."""

ASSUMED_ROWS = 1_000_000
"""Rows of a table nobody declared; large enough that a missing index shows."""


class ColumnDeclaration(msgspec.Struct, frozen=True):
    """What is declared of a column's distribution; None: derived from the schema."""

    values: dict[str, float] = {}
    """Most common values with the share of all rows each has."""
    distinct: int | float | None = None
    """Distinct values; a fraction of the rows where it is no integer and up to 1: 1.0 is a column
    whose values all differ, 1 a column of one value."""
    nulls: float | None = None
    """Share of NULLs, 0 to 1."""
    correlation: float | None = None
    """Between physical order and value order, -1 to 1."""
    width: int | None = None
    """Average bytes."""


class TableDeclaration(msgspec.Struct, frozen=True):
    """What is declared of a table."""

    rows: float | None = None
    columns: dict[str, ColumnDeclaration] = {}
    grows: bool = True
    """It has more rows in a year than today; countries do not."""


class DatabaseSpec(msgspec.Struct, frozen=True):
    """One fixture database, as configured."""

    name: str = "default"
    provider: str = "embedded"
    """embedded, container or url."""
    version: int | None = None
    """Major wanted; None: the provider's own choice."""
    source_major: int | None = None
    """The major of the server the statistics are from: taken where it is at hand."""
    bindir: Path | None = None
    """Folder with ``initdb`` and ``postgres``; None: looked for."""
    image: str = ""
    url: str = ""
    as_is: bool = False
    """The database at ``url`` is used with its own contents."""
    why_as_is: str = ""
    """Why it is, where the configuration does not say so: a sentence for reports."""
    server_only: bool = False
    """``url`` names a server; whatever databases are there already are not used."""
    schema: str = "clone"
    """A file, ``command: …``, ``metadata: module:attribute`` or ``clone``."""
    statistics: Path | None = None
    scale: str = "statistics"
    """statistics or rows."""
    seed: int = 1
    settings: dict[str, str] = {}
    clock: str = DEFAULT_CLOCK
    tables: dict[str, TableDeclaration] = {}
    """By name as configured, with or without the schema."""
    older: bool = False
    """The schema is not the configuration's own: one before a migration, or after it. Declarations
    of what it lacks are passed over."""
    tenant_schemas: str = ""
    """Shell pattern of the schemas of tenants: all are as large as ``tenant_model``."""
    tenant_model: str = ""
    root: Path = Path()
    """What relative paths start at, and where commands run."""
    cache: Path = Path(".planguard")


class Thresholds(msgspec.Struct, frozen=True):
    """Numbers rules judge by; each default names its source."""

    large_table_rows: float = 10_000
    """Other tools use 1,000 to 100,000; at 10,000 rows of 100 bytes a scan reads 1 MB."""
    kept_fraction: float = 0.05
    """A scan that keeps more than this is one PostgreSQL would often prefer anyway: random
    page reads cost four sequential ones (``random_page_cost``), over about 20 rows a page."""
    cost_share: float = 0.10
    """Of the query's cost, below which a scan is not what makes it slow."""
    minimum_gain: float = 0.30
    """Of the cost an index must save; other advisors use 5, 30 and 50 %."""
    minimum_gain_units: float = 100.0
    """Planner units an index must save: a hundred sequential page reads."""
    maximum_loss: float = 0.05
    """By which no other query of the suite may become more expensive."""
    unbounded_rows: float = 10_000
    """Rows of a result nobody reads as a whole."""
    loop_executions: int = 5
    """Of one query by one line in one test, with different values: a loop."""
    critical_tables: frozenset[str] = frozenset()
    """Schema-qualified; every scan with a predicate on one of them is judged."""
