"""Plans as PostgreSQL's ``EXPLAIN (FORMAT JSON, VERBOSE)`` prints them, and what has none."""

from __future__ import annotations

import enum
from collections.abc import Iterator

import msgspec
from msgspec import field


class Access(enum.StrEnum):
    """How a relation is read, best first."""

    NONE = "none"
    """Not read: pruned, or a constant result."""
    INDEX_ONLY = "index-only"
    INDEX = "index"
    BITMAP = "bitmap"
    INDEX_FILTER = "index-filter"
    """Through an index, but a filter throws most rows away."""
    SEQ = "seq"
    OTHER = "other"
    """Functions, foreign tables, VALUES, sample scans."""


FOUND = frozenset({Access.INDEX_ONLY, Access.INDEX, Access.BITMAP})
"""Few more rows are read than are wanted."""

SEARCHED = frozenset({Access.INDEX_FILTER, Access.SEQ})
"""Rows are read that are not wanted: most of a range, or of the table."""


class SampleKind(enum.StrEnum):
    """Where the parameter values of a plan come from."""

    CAPTURED = "captured"
    """From a test, snapped to the statistics."""
    GENERIC = "generic"
    """No values: what the server falls back to for statements prepared and used often."""
    COMMON = "common"
    """From the statistics: the most common value, the middle of a range."""


class PlanNode(msgspec.Struct, frozen=True, kw_only=True):
    """One node; field names follow EXPLAIN's, fields we do not know are ignored."""

    node_type: str = field(name="Node Type")
    startup_cost: float = field(name="Startup Cost", default=0.0)
    total_cost: float = field(name="Total Cost", default=0.0)
    rows: float = field(name="Plan Rows", default=0.0)
    """Estimated rows per loop."""
    width: int = field(name="Plan Width", default=0)
    """Bytes per row."""
    relation_name: str | None = field(name="Relation Name", default=None)
    schema: str | None = field(name="Schema", default=None)
    alias: str | None = field(name="Alias", default=None)
    index: str | None = field(name="Index Name", default=None)
    scan_direction: str | None = field(name="Scan Direction", default=None)
    operation: str | None = field(name="Operation", default=None)
    join_type: str | None = field(name="Join Type", default=None)
    inner_unique: bool | None = field(name="Inner Unique", default=None)
    strategy: str | None = field(name="Strategy", default=None)
    parallel_aware: bool = field(name="Parallel Aware", default=False)
    """The node's work is divided among the processes below a Gather."""
    partial_mode: str | None = field(name="Partial Mode", default=None)
    parent_relationship: str | None = field(name="Parent Relationship", default=None)
    subplan_name: str | None = field(name="Subplan Name", default=None)
    cte_name: str | None = field(name="CTE Name", default=None)
    function_name: str | None = field(name="Function Name", default=None)
    filter: str | None = field(name="Filter", default=None)
    index_cond: str | None = field(name="Index Cond", default=None)
    recheck_cond: str | None = field(name="Recheck Cond", default=None)
    join_filter: str | None = field(name="Join Filter", default=None)
    hash_cond: str | None = field(name="Hash Cond", default=None)
    merge_cond: str | None = field(name="Merge Cond", default=None)
    order_by: str | None = field(name="Order By", default=None)
    one_time_filter: str | None = field(name="One-Time Filter", default=None)
    tid_cond: str | None = field(name="TID Cond", default=None)
    cache_key: str | None = field(name="Cache Key", default=None)
    sort_key: tuple[str, ...] = field(name="Sort Key", default=())
    presorted_key: tuple[str, ...] = field(name="Presorted Key", default=())
    group_key: tuple[str, ...] = field(name="Group Key", default=())
    output: tuple[str, ...] = field(name="Output", default=())
    workers_planned: int | None = field(name="Workers Planned", default=None)
    subplans_removed: int | None = field(name="Subplans Removed", default=None)
    conflict_resolution: str | None = field(name="Conflict Resolution", default=None)
    children: tuple[PlanNode, ...] = field(name="Plans", default=())

    @property
    def relation(self) -> str | None:
        """Schema-qualified, as in ``public.orders``; None where no table is read."""
        if self.relation_name is None:
            return None
        return f"{self.schema}.{self.relation_name}" if self.schema else self.relation_name

    def walk(self) -> Iterator[PlanNode]:
        """This node and all below it, parents first."""
        yield self
        for child in self.children:
            yield from child.walk()


class Drawn(msgspec.Struct, frozen=True):
    """What values drawn from the statistics are."""

    kind: str
    """``the most common value of public.orders.status``, ``the middle of public.events.at``."""
    extreme: bool = False
    """No others select more; else they are typical ones."""
    stand_in: bool = False
    """Some are stand-ins: they are common here and mean nothing to the real database."""


class AccessPath(msgspec.Struct, frozen=True):
    """How one relation, under one alias, is read in a plan."""

    relation: str
    """Schema-qualified; a partition counts as its root."""
    access: Access
    indexes: tuple[str, ...] = ()


class Plan(msgspec.Struct, frozen=True):
    """One plan of one query."""

    sample: SampleKind
    root: PlanNode
    access: dict[str, AccessPath] = {}
    """By alias (or the relation's name); partitions as their parent, the worst one."""
    shape: tuple[str, ...] = ()
    """One line a node, indented, without values, costs and row counts."""
    settings: dict[str, str] = {}
    variant: int = 0
    """Index into the query's variants."""
    values: tuple[str | None, ...] | None = None
    """The text of the parameter values it was planned with; None for a generic plan."""
    types: tuple[str | None, ...] = ()
    """The types it was prepared with, as in ``Variant.parameter_types``."""
    sizes: str = ""
    """Classes of the LIMIT, OFFSET and list lengths among its values: plans for a page and for a
    thousand rows are not to be compared by cost."""
    probes: tuple[tuple[int, float], ...] = ()
    """(position in the walk, rows): what an index condition selects before a filter follows, or
    before the part of it that bounds nothing."""
    approximate: tuple[str, ...] = ()
    """Why the estimate may differ from production's, one sentence each."""
    drawn: Drawn | None = None
    """What its values are, where they are common ones."""

    @property
    def cost(self) -> float:
        """The planner's total cost, in its own units."""
        return self.root.total_cost

    @property
    def rows(self) -> float:
        """Rows the top node returns."""
        return self.root.rows

    def access_of(self, relation: str) -> Access:
        """The worst way a relation is read, under whatever alias."""
        ways = (path.access for path in self.access.values() if path.relation == relation)
        return max(ways, key=list(Access).index, default=Access.NONE)


class Unexplained(msgspec.Struct, frozen=True):
    """A query that has no plan, and why."""

    reason: str


class Planned(msgspec.Struct, frozen=True):
    """A query's plans, worst first; they are never empty."""

    plans: tuple[Plan, ...]

    @property
    def worst(self) -> Plan:
        """The plan that decides what is reported."""
        return self.plans[0]

    @property
    def relations(self) -> frozenset[str]:
        """What the plans read, partitions as their root."""
        return frozenset(path.relation for one in self.plans for path in one.access.values())
