"""What becomes of a query when its tables grow: the same plan asked for at several sizes."""

from __future__ import annotations

import enum
import math

import msgspec

from pytest_planguard.model.plan import FOUND, SEARCHED, AccessPath, Plan

FACTORS = (3.0, 10.0, 100.0)
"""Sizes a query is planned at, in times of today's: what a growing application meets in a year or
two, in its success, and an order of magnitude beyond, where orders of growth are told apart."""


class Order(enum.StrEnum):
    """How the cost grows with the tables, best first."""

    CONSTANT = "constant"
    LOGARITHMIC = "logarithmic"
    LINEAR = "linear"
    WORSE = "worse than linear"


class Stage(msgspec.Struct, frozen=True):
    """The plan at one size."""

    factor: float
    """In times of today's size."""
    rows: float
    """Of the relation that is followed."""
    plan: Plan


class Growth(msgspec.Struct, frozen=True):
    """A query's plans from today's size on; only its worst sample is followed."""

    relation: str
    """The largest of its tables that grow, or the one whose reading turns."""
    stages: tuple[Stage, ...]
    """By factor, today first; at least two."""
    turn: Turn | None = None

    @property
    def order(self) -> Order:
        """Told from the first and the last stage."""
        first, last = self.stages[0], self.stages[-1]
        return order_of(first.plan.cost, last.plan.cost, last.factor / first.factor)


class Turn(msgspec.Struct, frozen=True):
    """Where a relation begins to be read in another way."""

    alias: str
    before: AccessPath
    after: AccessPath
    factor: float
    """The smallest size, in times of today's, that the new plan was seen at."""
    last: float
    """The largest one that the old plan was seen at."""
    rows: float
    """Of the relation at ``factor``."""

    @property
    def is_fall(self) -> bool:
        """Whether rows were found through an index before, and are searched for after."""
        return self.before.access in FOUND and self.after.access in SEARCHED


def order_of(cost: float, later: float, times: float) -> Order:
    """How a cost grew while the tables became ``times`` as large.

    The exponent of the growth decides: 0 is constant, 1 linear. At a hundred times the size the
    borders are 1.26 times the cost (one more level of a btree stays below), 4 times and 250 times
    (a sort's logarithm stays below).

    >>> order_of(8.58, 8.71, 100).value, order_of(10.0, 25.0, 100).value
    ('constant', 'logarithmic')
    >>> order_of(1_000, 101_000, 100).value, order_of(1_000, 9_000_000, 100).value
    ('linear', 'worse than linear')
    """
    exponent = math.log(max(later, 0.01) / max(cost, 0.01)) / math.log(times)
    borders = ((0.05, Order.CONSTANT), (0.3, Order.LOGARITHMIC), (1.2, Order.LINEAR))
    return next((order for most, order in borders if exponent <= most), Order.WORSE)
