"""One read of one plan with all that is known around it: what candidates are made from."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pytest_planguard.advice.extremes import extreme_column
from pytest_planguard.advice.joins import join_conditions, path_to
from pytest_planguard.advice.keys import Key, Use, equality_keys, range_keys, sort_keys
from pytest_planguard.advice.suite import Suite
from pytest_planguard.model.catalog import Catalog, Table
from pytest_planguard.model.judgement import Read
from pytest_planguard.model.plan import Plan, PlanNode
from pytest_planguard.model.ports import quoted
from pytest_planguard.model.query import Query
from pytest_planguard.model.spec import Thresholds
from pytest_planguard.sql.predicates import Condition


class Place(msgspec.Struct, frozen=True):
    """A read in its query."""

    query: Query
    plan: Plan
    read: Read
    table: Table
    catalog: Catalog
    thresholds: Thresholds
    suite: Suite

    @property
    def path(self) -> tuple[PlanNode, ...]:
        """Nodes from the plan's root to the read's."""
        return path_to(self.plan.root, self.read.node)


class Keys(msgspec.Struct, frozen=True):
    """What a btree for a read could be keyed by."""

    equal: Sequence[Key]
    """Most selective first."""
    ranges: Sequence[Key]
    order: Sequence[Key]
    """The order rows are wanted in."""
    limited: bool
    """Only the first rows of that order are wanted."""


def keys_of(place: Place) -> Keys:
    """The keys of a read: its own conditions, joins with few rows, and the order above it."""
    path, read, catalog = place.path, place.read, place.catalog
    order = sort_keys(read, catalog)
    extreme = extreme_column(path, read) if not order else None
    if extreme is not None:
        order = [Key((quoted(extreme),), Use.SORT)]
    limited = read.limited or extreme is not None
    return Keys(
        equality_keys(read, catalog, few_rows_joins(place)),
        range_keys(read, catalog),
        order,
        limited or any(node.node_type == "Limit" for node in path),
    )


def few_rows_joins(place: Place) -> list[Condition]:
    """Conditions of joins whose other side has few rows beside what is read here."""
    small = place.thresholds.kept_fraction * place.read.rows_read
    return join_conditions(place.path, place.read, small)
