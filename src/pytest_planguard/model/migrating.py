"""What a rule on migrations is given: the traced statements, and the schema on both sides."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from typing import Protocol

import msgspec

from pytest_planguard.model.capture import DjangoModel
from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.migration import Migration, Step
from pytest_planguard.model.spec import Thresholds
from pytest_planguard.model.statement import Origin


class Release(enum.StrEnum):
    """Whose statements do not fit the schema of the other side."""

    PREVIOUS = "previous"
    """The running release's, once the migration is applied."""
    NEXT = "next"
    """This branch's, as long as it is not."""


class Broken(msgspec.Struct, frozen=True):
    """A statement that works on its own side of the migration, and not on the other."""

    release: Release
    sql: str
    """Normalised."""
    where: str
    """``app/orders.py list_orders``."""
    message: str
    """The server's, or what an INSERT leaves out."""
    relation: str | None = None
    """The table it is about, where that is known."""


class Releases(msgspec.Struct, frozen=True):
    """What became of the statements of two releases on the schema of the other."""

    previous: int = 0
    """Statements of the baseline that were tried on the new schema."""
    next: int = 0
    """Statements of this branch that were tried on the old one."""
    broken: tuple[Broken, ...] = ()
    notes: tuple[str, ...] = ()
    """On statements that could not be tried, a sentence each."""

    def of(self, release: Release) -> tuple[Broken, ...]:
        """Those of one release."""
        return tuple(one for one in self.broken if one.release is release)


class LostPlan(msgspec.Struct, frozen=True):
    """A statement whose plan used an index that is dropped."""

    index: str
    """Schema-qualified."""
    relation: str
    sql: str
    where: str
    before: float
    """Cost at the schema before the migration."""
    after: float
    step: int


class IndexUse(msgspec.Struct, frozen=True):
    """What the statements known make of indexes that come and go."""

    looked_at: int = 0
    """Statements that were planned at the schema after the migration."""
    unplanned: int = 0
    """Statements the planner refused there."""
    new: dict[str, int] = {}
    """Indexes made on tables that were there, and the statement that makes each."""
    used: frozenset[str] = frozenset()
    """Indexes in the plans after it, by name without the schema."""
    lost: tuple[LostPlan, ...] = ()
    catalog: Catalog | None = None
    """After the migration, at production's size."""


class MigrationContext(msgspec.Struct, frozen=True):
    """One migration of one database with all that is known of it."""

    migration: Migration
    before: Catalog
    """The schema it starts from, at production's size."""
    thresholds: Thresholds
    after: Catalog | None = None
    """What it leads to; None: it failed on the way."""
    models: Mapping[str, DjangoModel] = {}
    releases: Releases = Releases()
    index_use: IndexUse | None = None
    """None: no index comes or goes, or no statement is known."""

    def is_large(self, relation: str, rows: float) -> bool:
        """Whether whoever uses a table notices that it is read as a whole."""
        return (
            rows >= self.thresholds.large_table_rows or relation in self.thresholds.critical_tables
        )

    def rows_of(self, relation: str) -> float:
        """Production's; 0: the table is not there before the migration."""
        table = self.before.tables.get(relation)
        return table.rows if table is not None else 0.0

    def holds_large(self, relation: str) -> bool:
        """Whether a table was there, and is large."""
        return self.is_large(relation, self.rows_of(relation))

    def candidate(
        self,
        facts: RuleFacts,
        severity: Severity,
        *,
        message: str,
        remedy: str,
        step: int | None = None,
        relation: str | None = None,
        rows: float = 0.0,
        evidence: dict[str, float] | None = None,
    ) -> Candidate:
        """What a rule says of one statement, or of the migration."""
        places: tuple[Origin, ...] = ()
        if step is not None:
            places = (self.migration.steps[step].place,)
        return Candidate(
            rule=facts.code,
            key="",
            database=self.migration.database,
            relation=relation,
            severity=severity,
            message=message,
            remedy=remedy,
            rows=rows,
            evidence=evidence or {},
            origins=places,
            step=step,
        )

    def numbered(self) -> Iterable[tuple[int, Step]]:
        """Statements with their positions; those the server refused did nothing."""
        steps = enumerate(self.migration.steps)
        return ((number, step) for number, step in steps if step.refusal is None)


class MigrationRule(Protocol):
    """A module under ``rules/`` that judges a migration."""

    FACTS: RuleFacts

    def check_migration(self, context: MigrationContext) -> Iterable[Candidate]:
        """What it has to say; candidates have an empty key."""
