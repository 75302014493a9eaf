"""What somebody demands of a query's plans: cost, rows and ways of reading (PLN008)."""

from __future__ import annotations

import msgspec

from pytest_planguard.model.plan import Access

WAYS = tuple(access.value for access in Access if access is not Access.OTHER)
"""What may be demanded of a table, best first; a better way than the one named will do."""


class Demand(msgspec.Struct, frozen=True):
    """One budget that a query is held to."""

    who: str
    """Whose it is, for messages: ``tests/test_orders.py::test_list``, ``budget[0]``."""
    max_cost: float | None = None
    max_rows: float | None = None
    """That the query returns, or writes."""
    access: dict[str, str] = {}
    """By table (or alias): the worst of ``WAYS`` it may be read in."""
