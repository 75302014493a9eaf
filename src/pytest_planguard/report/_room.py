"""How much a page holds: a report of any size must stay one that opens at once."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

_QUIETER = (1_000, 250)
"""Steps of ``Room.quiet_plans``: each takes as long as writing the page anew."""

_SHORT = 200
"""Characters of a statement that are enough to know it by."""


class Room(msgspec.Struct, frozen=True):
    """The most of each thing that is shown."""

    sql: int = 8_000
    """Characters of a statement."""
    text: int = 4_000
    """Characters of any other foreign text."""
    nodes: int = 300
    """Lines of a plan."""
    listed: int = 50
    """Items of a list: tests, places, statements."""
    findings: int = 1_000
    queries: int = 20_000
    tables: int = 5_000
    quiet_plans: int = 20_000
    """Of so many of the costliest queries the plans are shown though nothing is said of them."""

    def smaller(self) -> Room:
        """First without what is the least missed, then shorter texts, then fewer of everything."""
        if self.quiet_plans:
            fewer = next((most for most in _QUIETER if most < self.quiet_plans), 0)
            return msgspec.structs.replace(self, quiet_plans=fewer)
        if self.sql > _SHORT:
            return self._divided(("sql", "text", "nodes", "listed"), 4)
        return self._divided(set(self.__struct_fields__) - {"quiet_plans"}, 2)

    def _divided(self, names: Iterable[str], by: int) -> Room:
        less = {name: max(1, getattr(self, name) // by) for name in names}
        return msgspec.structs.replace(self, **less)
