"""How much a page holds: a report of any size must stay one that opens at once."""

from __future__ import annotations

import msgspec


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
    quiet_plans: bool = True
    """With the plans of queries nothing is said about."""

    def smaller(self) -> Room:
        """First without what is the least missed, then half of everything."""
        if self.quiet_plans:
            return msgspec.structs.replace(self, quiet_plans=False)
        halves = {
            name: max(1, value // 2)
            for name in self.__struct_fields__
            if not isinstance(value := getattr(self, name), bool)
        }
        return Room(**halves, quiet_plans=False)
