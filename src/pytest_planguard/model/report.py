"""The outcome of a run as one value; every format renders it and nothing else."""

from __future__ import annotations

import enum

import msgspec

from pytest_planguard.model.catalog import Catalog, Server
from pytest_planguard.model.finding import Finding, RuleFacts, Severity
from pytest_planguard.model.growth import Growth
from pytest_planguard.model.migration import Migration
from pytest_planguard.model.plan import Planned, Unexplained
from pytest_planguard.model.query import Query
from pytest_planguard.model.statistics import ScaleSource


class ChangeKind(enum.StrEnum):
    """What became of a query since the baseline."""

    NEW = "new"
    SAME = "same"
    CHANGED = "changed"
    """Another shape at a like cost."""
    BETTER = "better"
    WORSE = "worse"
    GONE = "gone"
    NOT_RUN = "not_run"


class RelationChange(msgspec.Struct, frozen=True):
    """How the reading of one relation changed."""

    alias: str
    relation: str
    before: str
    after: str


class Change(msgspec.Struct, frozen=True):
    """One query against its baseline entry."""

    kind: ChangeKind
    key: str
    database: str
    relations: tuple[RelationChange, ...] = ()
    """Worst first; empty where only the cost moved."""
    cost_before: float | None = None
    """To two significant digits, as stored."""
    cost_after: float | None = None
    shape_before: tuple[str, ...] = ()
    shape_after: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    """``index orders_customer_id_idx is gone since the baseline``; empty: unknown."""
    statistics_only: bool = False
    """Of what its plans depend on only sizes and distributions moved, or matter: whatever is found
    of it is no failure unless growth is to be one."""
    sql: str = ""
    renamed_from: str = ""
    """The key its entry has, where the query was edited since; empty: the same."""
    sql_before: str = ""
    """The entry's, where the query was edited."""
    note: str = ""
    """Why a plan that differs is none the worse: ``a tie: …``; empty elsewhere."""


class TableScale(msgspec.Struct, frozen=True):
    """A table's size in the fixture database."""

    rows: float
    pages: int
    source: ScaleSource


class Fidelity(msgspec.Struct, frozen=True):
    """Whether plans are exactly production's, and if not, why."""

    exact: bool
    reasons: tuple[str, ...]


class SelfCheck(msgspec.Struct, frozen=True):
    """What was found to be as large as the statistics say, when the fixture was started."""

    tables: int
    """By rows and cost of a full scan, as the planner answers."""
    btrees: int
    """By height, as read from their files."""


class DatabaseReport(msgspec.Struct, frozen=True):
    """One fixture database."""

    server: Server
    provider: str
    source: ScaleSource
    tables: dict[str, TableScale]
    fidelity: Fidelity
    catalog: Catalog
    clock: str = ""
    checked: SelfCheck | None = None
    """None: the database is used with its own contents."""
    statistics_digests: dict[str, str] = {}
    """By table: changes when its columns' statistics do; empty: only the sizes are known."""
    distributions: dict[str, dict[str, str]] = {}
    """By table and column: its statistics as the baseline keeps them."""


class QueryReport(msgspec.Struct, frozen=True):
    """One query with its outcome."""

    query: Query
    outcome: Planned | Unexplained
    change: Change | None
    growth: Growth | None = None
    """None: it was not looked at, or nothing the query reads grows."""


class Totals(msgspec.Struct, frozen=True):
    """Counts over the run."""

    tests: int
    statements: int
    """Executions captured."""
    queries: int
    explained: int
    unexplained: int


class Status(enum.StrEnum):
    """The verdict in one word."""

    PASSED = "passed"
    FAILED = "failed"
    INCOMPLETE = "incomplete"


class Verdict(msgspec.Struct, frozen=True):
    """What the run comes to."""

    status: Status
    errors: int
    """Findings of that severity that are new and not suppressed."""
    warnings: int
    gated: bool = True
    """False without a baseline or at assumed sizes: findings are shown, nothing fails."""
    why_not_gated: str = ""
    fail_on: Severity | None = Severity.ERROR
    """None: nothing fails."""


class Report(msgspec.Struct, frozen=True):
    """Everything a reader may want to know of a run."""

    complete: bool
    databases: dict[str, DatabaseReport]
    totals: Totals
    queries: tuple[QueryReport, ...]
    """Sorted by database and key."""
    findings: tuple[Finding, ...]
    """Worst first."""
    changes: dict[str, int]
    """Counts by ``ChangeKind``."""
    gone: tuple[Change, ...]
    """Entries of the baseline without a query in this run (gone or not run)."""
    verdict: Verdict
    notes: tuple[str, ...] = ()
    """What could not be done, one sentence each."""
    incomplete_reason: str = ""
    baseline_found: bool = False
    accepted: int = 0
    """Entries written to the baseline by this run."""
    known: int = 0
    """Findings that the baseline knows."""
    cut_short: frozenset[str] = frozenset()
    """Tests that failed or were skipped: they might have sent more."""
    rules: tuple[RuleFacts, ...] = ()
    """What was looked for, by code."""
    migrations: tuple[Migration, ...] = ()
    """Traced in this run; formats show them first."""
    folder: str = ""
    """What files are relative to, from the top of the repository: ``services/shop``. Hosts of code
    show paths from there."""
