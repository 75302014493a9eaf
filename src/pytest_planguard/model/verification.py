"""What a real database says of the plans made here."""

from __future__ import annotations

import enum

import msgspec

from pytest_planguard.model.plan import Plan
from pytest_planguard.model.query import Query

COST_TOLERANCE = 0.01
"""By which costs may differ and still be called the same; sampling moves more than that."""

_PRINTED = 0.011
"""EXPLAIN prints two digits: below a cost of 1 its rounding alone is more than a hundredth."""


class Likeness(enum.StrEnum):
    """How alike two plans are, best first."""

    IDENTICAL = "identical"
    """The same shape, and costs within ``COST_TOLERANCE``."""
    COST = "same plan, other cost"
    DIFFERENT = "another plan"
    REFUSED = "not planned there"

    @property
    def rank(self) -> int:
        """0 is best."""
        return list(Likeness).index(self)


class Comparison(msgspec.Struct, frozen=True):
    """One plan made here, and the one of the same statement, types and values there."""

    here: Plan
    there: Plan | None
    refusal: str = ""
    """The server's message, where there is no plan."""
    reasons: tuple[str, ...] = ()
    """Why they differ as far as is known, one sentence each, the surest first."""

    @property
    def likeness(self) -> Likeness:
        """How alike they are."""
        if self.there is None:
            return Likeness.REFUSED
        if self.here.shape != self.there.shape:
            return Likeness.DIFFERENT
        here, there = self.here.cost, self.there.cost
        apart = abs(here - there)
        same = apart <= max(_PRINTED, COST_TOLERANCE * max(here, there))
        return Likeness.IDENTICAL if same else Likeness.COST


class VerifiedQuery(msgspec.Struct, frozen=True):
    """A query with its plans, worst first."""

    query: Query
    comparisons: tuple[Comparison, ...]

    @property
    def likeness(self) -> Likeness:
        """Of the plans that differ most."""
        return max((one.likeness for one in self.comparisons), key=lambda one: one.rank)


class Verification(msgspec.Struct, frozen=True):
    """All queries of one database."""

    here: str
    """Version of the server plans are made on: ``18.6``."""
    there: str
    """Version of the real one."""
    in_recovery: bool
    """It is a standby."""
    clock: str
    """The instant of the statistics plans are made with here."""
    queries: tuple[VerifiedQuery, ...]
    unplanned: dict[str, int] = {}
    """Queries that have no plan here either, by reason."""
    settings: tuple[tuple[str, str, str], ...] = ()
    """Planner settings that differ: name, value here, value there."""
    incomplete: str = ""
    """Why the comparison stopped early; empty: it did not."""

    def count(self, likeness: Likeness) -> int:
        """Queries that are so alike."""
        return sum(one.likeness is likeness for one in self.queries)

    @property
    def exit_status(self) -> int:
        """0 all identical, 1 some differ, 3 some could not be compared."""
        if self.count(Likeness.COST) or self.count(Likeness.DIFFERENT):
            return 1
        return 3 if self.incomplete or self.count(Likeness.REFUSED) or not self.queries else 0
