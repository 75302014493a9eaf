"""Findings: what a rule has to say about a query, and what would help."""

from __future__ import annotations

import enum

import msgspec

from pytest_planguard.model.plan import PlanNode
from pytest_planguard.model.statement import Origin


class Severity(enum.StrEnum):
    """How bad; ``rank`` orders them."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 is worst."""
        return list(Severity).index(self)


class Advice(msgspec.Struct, frozen=True):
    """An index that helps, proven by the planner at scale."""

    ddl: tuple[str, ...]
    """To run in this order, outside of a transaction."""
    cost_before: float
    cost_after: float
    size_bytes: int
    """Of the index, estimated at production's row count."""
    also_helps: tuple[str, ...] = ()
    """Keys of other queries whose cost falls."""
    indexes: int = 1
    """How many there are: several that only help together, as one for each side of an OR."""
    writes: tuple[str, ...] = ()
    """What writes pay for it, one sentence each."""
    notes: tuple[str, ...] = ()
    """Why indexes that are there do not serve, and which of them can go then, one sentence each."""
    operations: dict[str, tuple[str, ...]] = {}
    """The same as lines of a migration, by the tool the project migrates with: alembic, django."""
    rank: int = 0
    """Its place among all that is advised in the run, from 1: who makes only some indexes takes
    the first. 0: it was not ranked."""
    plan: PlanNode | None = None
    """Of the query with all that is advised in the run, the indexes by the names they are advised
    by; of the worst of the plans that cost ``cost_before``. None: it was not kept."""


class Suppressed(msgspec.Struct, frozen=True):
    """Why a finding does not count."""

    reason: str


class Candidate(msgspec.Struct, frozen=True):
    """What one rule says about one query; not yet settled against the others."""

    rule: str
    """Code."""
    key: str
    database: str
    relation: str | None
    """Schema-qualified; None where the query as a whole is meant."""
    severity: Severity
    message: str
    """One sentence with numbers: rows and bytes first, then cost."""
    remedy: str
    """What to do, concretely; may be several lines."""
    rows: float = 0.0
    """Of the relation at scale; of the result where there is no relation."""
    evidence: dict[str, float] = {}
    verified: bool = False
    """A remedy was proven by the planner: an index, or a rewrite planned at scale."""
    advice: Advice | None = None
    least_rows: float = 0.0
    """Of a relation of assumed size: from how many rows on this holds; 0: large-table-rows."""
    names_values: bool = False
    """The message says itself with which values it holds, as where several plans are compared."""
    origins: tuple[Origin, ...] = ()
    """Lines of the project's own, where no query is meant (a pool, a migration's statement); else
    the query's count."""
    tests: tuple[str, ...] = ()
    """Likewise."""
    step: int | None = None
    """Of a migration's statement: its position."""


class Finding(msgspec.Struct, frozen=True):
    """A settled finding; field for field what the JSON report shows."""

    rule: str
    name: str
    severity: Severity
    key: str
    database: str
    relation: str | None
    rows: float
    message: str
    remedy: str
    evidence: dict[str, float]
    explained_by: tuple[str, ...]
    advice: Advice | None
    origins: tuple[Origin, ...]
    tests: tuple[str, ...]
    suppressed: Suppressed | None
    is_new: bool
    """Not in the baseline, or worse than there."""
    fails: bool


class RuleFacts(msgspec.Struct, frozen=True):
    """What a rule is, as data; every report places it its own way."""

    code: str
    """Stable, never reused: PLN001."""
    name: str
    """kebab-case: seq-scan-large-table."""
    severity: Severity
    """The worst it gives."""
    condition: str
    """When it fires."""
    effect: str
    """What happens in production then."""
    remedy: str
    """What to do."""
    source: str
    """Where the condition and its numbers come from."""
    explains: bool = False
    """A shape rule: it explains a plan finding and never stands alone."""
