"""What a rule is given: one context object, so that a new fact touches no rule."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import NamedTuple, Protocol

import msgspec

from pytest_planguard.model.baseline import World
from pytest_planguard.model.budget import Demand
from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.connections import Deployment, Held, Hold, Maker, Opened, Pool
from pytest_planguard.model.finding import Advice, Candidate, RuleFacts, Severity
from pytest_planguard.model.growth import Growth
from pytest_planguard.model.plan import Plan, Planned, PlanNode, Unexplained
from pytest_planguard.model.query import Query
from pytest_planguard.model.report import Change
from pytest_planguard.model.spec import Thresholds
from pytest_planguard.model.statement import Origin
from pytest_planguard.model.statistics import ScaleSource, Statistics


class Read(msgspec.Struct, frozen=True):
    """How a scan node reads a large relation: what it reads, and what it keeps."""

    node: PlanNode
    relation: str
    """Schema-qualified; a partition counts as its root."""
    alias: str
    rows_read: float
    """Rows it looks at over all loops, as far as a LIMIT above lets it; partitions summed."""
    rows_kept: float
    """Rows that pass its conditions, over all loops."""
    bytes_read: float
    """Pages × 8192 for a full scan; rows × width where only some are read."""
    cost: float
    """Of the node over all loops, as far as a LIMIT above lets it run."""
    share: float
    """Of the whole plan's cost, 0 to 1."""
    loops: float
    limited: bool
    """A LIMIT above may stop it early."""
    conditions: tuple[str, ...] = ()
    """Its filter, split at AND, as EXPLAIN prints them; index conditions first."""
    filter: tuple[str, ...] = ()
    """The conditions that are applied to rows already read."""
    order: tuple[str, ...] = ()
    """Sort keys of a Sort above that only order-preserving nodes separate from it."""
    partitions: int = 1

    @property
    def kept_fraction(self) -> float:
        """Rows kept of rows read."""
        return self.rows_kept / self.rows_read if self.rows_read else 1.0


class Rewrite(msgspec.Struct, frozen=True):
    """The same query with one thing written differently, planned at scale."""

    rule: str
    """The code of the shape rule it belongs to: QRY002."""
    relation: str
    text: str
    """What to write instead, as advice to a person."""
    cost_before: float
    cost_after: float


class DeepPage(msgspec.Struct, frozen=True):
    """A query that pages by OFFSET, planned with a page far behind the first."""

    skipped: float
    """Rows read and thrown away before the page."""
    cost_before: float
    """Of the page the tests asked for."""
    cost: float
    order: tuple[tuple[str, bool], ...] = ()
    """What it is ordered by, as SQL, and whether descending."""
    columns: tuple[str, ...] = ()
    """Names of those that are plain columns."""
    relations: tuple[tuple[str, str], ...] = ()
    """Name and alias of the tables it is about."""


class ReferentialCheck(msgspec.Struct, frozen=True):
    """What PostgreSQL runs behind a DELETE or an update of a key, for one foreign key."""

    constraint: str
    columns: tuple[str, ...]
    """Of the foreign key, in the table that is looked up."""
    path: tuple[str, ...]
    """Tables from the statement's own to the one that is looked up, schema-qualified."""
    action: str
    """``no action`` (or restrict), ``cascade``, ``set null``, ``set default``."""
    deletes: bool
    """The statement deletes rows; else it sets their key."""
    times: float
    """How often it is run by one execution of the statement."""
    plan: Plan
    """Of one run; EXPLAIN of the statement does not show it."""
    reads: tuple[Read, ...]
    """Scans of large relations in that plan, costliest first."""
    advice: Advice | None = None
    """Verified, on the table that is looked up."""


class Context(msgspec.Struct, frozen=True):
    """One query with all that is known of it."""

    query: Query
    planned: Planned
    catalog: Catalog
    thresholds: Thresholds
    reads: dict[int, tuple[Read, ...]]
    """By position of the plan in ``planned.plans``: scans of large relations, costliest first."""
    advice: dict[str, Advice] = {}
    """By relation: verified."""
    rewrites: tuple[Rewrite, ...] = ()
    """Verified."""
    change: Change | None = None
    deep_page: DeepPage | None = None
    """None: it does not page by OFFSET, or not through many rows."""
    checks: tuple[ReferentialCheck, ...] = ()
    """Run behind it, where it deletes rows or sets keys."""
    demands: tuple[Demand, ...] = ()
    """Budgets it is held to."""
    growth: Growth | None = None
    """None: it was not looked at, or nothing the query reads grows."""

    @property
    def plan(self) -> Plan:
        """The worst plan: the one that decides."""
        return self.planned.worst

    @property
    def worst_reads(self) -> tuple[Read, ...]:
        """Scans of large relations in the worst plan, costliest first."""
        return self.reads.get(0, ())

    def rewrite_of(self, relation: str, rule: str = "") -> Rewrite | None:
        """The first proven rewrite for a relation; of one rule, or of any."""
        found = (one for one in self.rewrites if rule in ("", one.rule))
        return next((one for one in found if one.relation == relation), None)

    def candidate(
        self,
        facts: RuleFacts,
        read: Read,
        severity: Severity,
        *,
        message: str,
        remedy: str,
        evidence: dict[str, float] | None = None,
        verified: bool = False,
        advice: Advice | None = None,
    ) -> Candidate:
        """What a rule says of one read of this query."""
        table = self.catalog.tables.get(read.relation)
        return Candidate(
            rule=facts.code,
            key=self.query.key,
            database=self.query.database,
            relation=read.relation,
            severity=severity,
            message=message,
            remedy=remedy,
            rows=table.rows if table is not None else read.rows_read,
            evidence=evidence or {},
            verified=verified,
            advice=advice,
        )


class RunContext(msgspec.Struct, frozen=True):
    """The whole run, for rules that speak of it and not of a query."""

    database: str
    outcomes: tuple[tuple[Query, Planned | Unexplained], ...]
    catalog: Catalog
    thresholds: Thresholds
    source: Statistics | None = None
    """What production's statistics file says; None: there is none."""
    sizes: dict[str, ScaleSource] = {}
    """By schema-qualified table: where its size in the fixture database comes from."""
    today: dt.date | None = None
    """The day of the run; None: nothing is called old."""
    before: World | None = None
    """What the baseline knows of the database; None: there is no baseline."""


class HoldingPlace(NamedTuple):
    """A line that takes what it should give back."""

    database: str
    origin: Origin
    maker: Maker
    first: Origin | None = None
    """Of a nested one: where the other was taken."""


class ConnectionsContext(msgspec.Struct, frozen=True):
    """The application's pools, and what tests left behind; databases by their configured names."""

    pools: tuple[Pool, ...] = ()
    opened: tuple[Opened, ...] = ()
    held: tuple[Held, ...] = ()
    deployment: Deployment = Deployment()
    timeouts: frozenset[str] = frozenset()
    """Those the server gives every connection, as the configuration and the migrations say."""

    def held_by_place(self, hold: Hold) -> dict[HoldingPlace, tuple[str, ...]]:
        """The tests that left something held, by the line that took it; both sorted."""
        found: dict[HoldingPlace, set[str]] = {}
        for one in self.held:
            if one.hold is hold:
                place = HoldingPlace(one.database, one.origin, one.maker, one.first)
                found.setdefault(place, set()).add(one.test)
        ordered = sorted(found.items(), key=lambda item: _order(item[0]))
        return {place: tuple(sorted(tests)) for place, tests in ordered}


def _order(place: HoldingPlace) -> tuple[object, ...]:
    return place.database, place.origin, place.maker, place.first or place.origin


class QueryRule(Protocol):
    """A module under ``rules/`` that judges one query at a time."""

    FACTS: RuleFacts

    def check(self, context: Context) -> Iterable[Candidate]:
        """What it has to say, at most one candidate a relation."""


class RunRule(Protocol):
    """A module under ``rules/`` that judges the run."""

    FACTS: RuleFacts

    def check_run(self, context: RunContext) -> Iterable[Candidate]:
        """What it has to say; candidates have an empty key."""


class ConnectionsRule(Protocol):
    """A module under ``rules/`` that judges the application's connections, once in a run."""

    FACTS: RuleFacts

    def check_connections(self, context: ConnectionsContext) -> Iterable[Candidate]:
        """What it has to say; candidates have an empty key and origins of their own."""
