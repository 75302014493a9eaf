"""What the suite and production say beside the plans: what is written, and how rows lie."""

from __future__ import annotations

import enum
from collections.abc import Mapping

import msgspec

from pytest_planguard.model.capture import DjangoModel
from pytest_planguard.model.statistics import ColumnStatistics, Statistics


class Tool(enum.StrEnum):
    """What migrates a project's databases."""

    ALEMBIC = "alembic"
    DJANGO = "django"


class Suite(msgspec.Struct, frozen=True):
    """Facts that decide between candidates which the planner thinks equally good."""

    writes: Mapping[str, float] = {}
    """How often the suite writes each table."""
    updated: Mapping[str, frozenset[str]] = {}
    """By table: columns that its updates set."""
    statistics: Statistics | None = None
    """Of the fixture database; None: nothing is known of how rows lie."""
    tools: frozenset[Tool] = frozenset()
    """That the project migrates with."""
    models: Mapping[str, DjangoModel] = {}
    """By schema-qualified table."""

    def column(self, relation: str, name: str) -> ColumnStatistics | None:
        """A column's statistics, of a partitioned table those of all partitions together."""
        table = self.statistics.tables.get(relation) if self.statistics is not None else None
        return (table.columns.get(name) or table.inherited.get(name)) if table else None
