"""``[[tool.pytest-planguard.budget]]``: what the configuration demands of queries."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable

import msgspec

from pytest_planguard.config.checks import Mistakes, Reader, check_choice, shown
from pytest_planguard.model.budget import WAYS, Demand

_DEMANDS = ("max-cost", "max-rows", "access")


class ConfiguredBudget(msgspec.Struct, frozen=True):
    """Which queries are held to what; a selector that is empty leaves none out."""

    demand: Demand
    origin: str = ""
    """A shell pattern over ``file::function``."""
    query: str = ""
    """A key."""
    table: str = ""
    """With or without its schema; a shell pattern: queries that read the table."""

    def covers(self, key: str, places: Iterable[str], relations: Iterable[str]) -> bool:
        """Whether a query is one of those.

        Args:
            key: Its key.
            places: ``file::function`` of the lines that send it.
            relations: Schema-qualified tables it reads.
        """
        return (
            (not self.query or key == self.query)
            and (not self.origin or any(fnmatch.fnmatchcase(one, self.origin) for one in places))
            and (not self.table or any(_names(self.table, one) for one in relations))
        )


def read_budgets(readers: Iterable[Reader]) -> tuple[ConfiguredBudget, ...]:
    """All budgets; mistakes are noted."""
    return tuple(_budget(reader) for reader in readers)


def _budget(reader: Reader) -> ConfiguredBudget:
    selectors = {name: reader.text(name) for name in ("origin", "query", "table")}
    demand = Demand(
        who=reader.path,
        max_cost=reader.number("max-cost", None, 0),
        max_rows=reader.number("max-rows", None, 0),
        access=_access(reader.table("access")),
    )
    if not any(map(reader.has, _DEMANDS)):
        reader.wrong("max-cost", "missing, a budget needs max-cost, max-rows or access")
    reader.finish()
    return ConfiguredBudget(demand, **selectors)


def _access(reader: Reader) -> dict[str, str]:
    return {
        table: way
        for table, way in reader.values.items()
        if check_way(reader.mistakes, reader.name(table), way)
    }


def check_way(mistakes: Mistakes, name: str, way: object) -> bool:
    """Notes what is no way of reading a table; whether it is one."""
    if not isinstance(way, str):
        mistakes.add(name, f"found {shown(way)}, wanted one of {', '.join(WAYS)}")
        return False
    return check_choice(mistakes, name, way, WAYS)


def _names(pattern: str, relation: str) -> bool:
    name = relation if "." in pattern else relation.rpartition(".")[2]
    return fnmatch.fnmatchcase(name, pattern)
