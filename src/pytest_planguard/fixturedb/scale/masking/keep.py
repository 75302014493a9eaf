"""Which columns ``--keep`` names; all mistakes at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from pytest_planguard.errors import ConfigurationError
from pytest_planguard.fixturedb.scale.declarations import did_you_mean
from pytest_planguard.model.statistics import Statistics, TableStatistics

Column = tuple[str, str]
"""Schema-qualified table, and column."""


def kept_columns(statistics: Statistics, names: Iterable[str]) -> frozenset[Column]:
    """The columns, and the same ones of partitions and children.

    Args:
        statistics: Of the source.
        names: ``table.column`` or ``schema.table.column``; without a schema, any schema's table,
            ``public``'s before others.

    Raises:
        ConfigurationError: A name fits nothing, or columns in more than one schema.
    """
    known = _known(statistics.tables)
    found: set[Column] = set()
    mistakes: list[str] = []
    for name in sorted(names):
        matches = known.get(name, [])
        public = [match for match in matches if match[0].startswith("public.")]
        matches = public if len(public) == 1 else matches
        if len(matches) == 1:
            found.add(matches[0])
        elif matches:
            tables = ", ".join(sorted(f"{table}.{column}" for table, column in matches))
            mistakes.append(f"--keep {name}: in more than one schema, say which: {tables}")
        else:
            mistakes.append(f"--keep {name}: no such column{did_you_mean(name, known)}")
    if mistakes:
        raise ConfigurationError(
            "\n".join(mistakes), hint="name columns of the source as TABLE.COLUMN"
        )
    return frozenset(found | _of_children(statistics.tables, found))


def columns_of(table: TableStatistics) -> frozenset[str]:
    """All that is known to exist."""
    return frozenset((*table.types, *table.columns, *table.inherited))


def _known(tables: Mapping[str, TableStatistics]) -> dict[str, list[Column]]:
    """Columns by the names they may be called."""
    known: dict[str, list[Column]] = defaultdict(list)
    for table, facts in tables.items():
        for column in columns_of(facts):
            names = {f"{table}.{column}", f"{table.partition('.')[2]}.{column}"}
            for name in sorted(names):
                known[name].append((table, column))
    return dict(known)


def _of_children(tables: Mapping[str, TableStatistics], kept: set[Column]) -> set[Column]:
    """The same columns of all tables below."""
    found = set(kept)
    for _ in tables:
        below = {
            (name, column)
            for name, table in tables.items()
            for parent in table.parents
            for column in columns_of(table)
            if (parent, column) in found
        }
        if below <= found:
            break
        found |= below
    return found
