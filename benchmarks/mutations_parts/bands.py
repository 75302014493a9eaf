"""From which harm on a change is to fail, and up to which it must not.

The figures are planguard's own (``baseline.worse``: 1.5 times the cost, and 100 units more), in
blocks of rows that are there. A ratio needs no translation. A unit is a page read in order, and a
page at random is ``random_page_cost`` of them, 4 (PostgreSQL's documentation, Planner Cost
Constants): a hundred units are between 25 blocks, all at random, and 100, all in order. A query
that reads more by a number between the two may be worth 100 units, or not: blocks decide nothing
there, and it counts as neither right nor wrong. ``STRICT`` knows no such room, so that it hides
nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from mutations_parts.truth import Effect

RATIO = 1.5
UNITS = 100.0
RANDOM_PAGE_COST = 4.0

HARMFUL, BETWEEN, HARMLESS = "harmful", "in between", "harmless"


class Band(msgspec.Struct, frozen=True):
    """What counts as harm."""

    words: str
    least: float
    """Blocks more from which a query is worse for certain."""
    most: float
    """Blocks more below which it is not."""

    def harm(self, effects: Iterable[Effect]) -> str:
        """What a change does that has these effects."""
        known = list(effects)
        if any(one.grows_by(self.least, RATIO) for one in known):
            return HARMFUL
        return BETWEEN if any(one.grows_by(self.most, RATIO) for one in known) else HARMLESS


BY_PAGES = Band("harmful from 100 blocks more, harmless below 25", UNITS, UNITS / RANDOM_PAGE_COST)
STRICT = Band("harmful from 100 blocks more, harmless below", UNITS, UNITS)
