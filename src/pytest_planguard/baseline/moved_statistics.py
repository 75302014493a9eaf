"""Sizes and distributions that moved between two worlds, and what puts them back."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from pytest_planguard.baseline.column_changes import Sizes, former_facts, told
from pytest_planguard.baseline.distributions import known_facts
from pytest_planguard.model.baseline import World
from pytest_planguard.model.moved import Moved, Part, Undo
from pytest_planguard.model.statistics import ColumnStatistics, ScaleSource

ROWS_MOVED = 0.10
"""Share by which a table's size must move to be named (planning.md: ties are within 10 %)."""


def statistics_moved(
    touched: AbstractSet[str], shape: str, old: World, now: World
) -> Iterator[Moved]:
    """Sizes, then distributions.

    Args:
        touched: The query's tables.
        shape: Of its plans, then and now: columns these name come first.
        old: The world of the old plan.
        now: Today's.
    """
    yield from _sizes(touched, old, now)
    yield from _distributions(touched, shape, old, now)


def _sizes(touched: AbstractSet[str], old: World, now: World) -> Iterator[Moved]:
    """Sizes of the query's tables, the one that moved most first; all others go back with them."""
    moved = factors(old, now)
    own = sorted(touched & moved.keys(), key=lambda one: (-abs(math.log(moved[one])), one))
    if own:
        sentences = tuple(_size(name, old.rows[name], now.rows[name]) for name in own)
        distinct = _former_distinct(moved.keys(), old, now)
        yield Moved(Part.SIZES, sentences, Undo(rows=moved, distinct=distinct))


def factors(old: World, now: World) -> dict[str, float]:
    """Rows that tables had whose size moved, in times of today's; by table."""
    return {
        name: max(was, 1.0) / max(now.rows[name], 1.0)
        for name, was in old.rows.items()
        if name in now.rows and abs(now.rows[name] - was) > ROWS_MOVED * was
    }


def other_distributions(old: World, now: World) -> frozenset[str]:
    """Tables whose columns' statistics are others, as far as they are known in both worlds.

    Where a run makes them itself, from rows it samples or from declared sizes, they are others
    with every sample and every size: there a column has to move.
    """
    both = old.digests.keys() & now.digests.keys()
    other = [name for name in both if old.digests[name] != now.digests[name]]
    return frozenset(name for name in other if not _hold_still(name, old, now))


def are_made(world: World) -> bool:
    """Whether its statistics are a run's own; production's have histograms no line tells of."""
    return world.scale_source != ScaleSource.PRODUCTION.value


def _hold_still(table: str, old: World, now: World) -> bool:
    """Whether they are a run's own, and no column moved; one that came or went is the schema's."""
    was, is_now = old.statistics.get(table, {}), now.statistics.get(table, {})
    if not was or not is_now or None in map(known_facts, (*was.values(), *is_now.values())):
        return False  # what is not known may have moved
    return are_made(now) and not any(told(was, is_now, _rows(table, old, now)))


def _size(name: str, was: float, is_now: float) -> str:
    verb = "grew" if is_now > was else "shrank"
    return f"{name} {verb} from {was:,.0f} to {is_now:,.0f} rows"


def _distributions(
    touched: AbstractSet[str], shape: str, old: World, now: World
) -> Iterator[Moved]:
    """Columns of the query's tables, those its plans name first; all others go back with them."""
    tables = sorted(touched & other_distributions(old, now))
    if not tables:
        return
    found = [(one, f"{table}.{one.column}: {one.words}") for table in tables
             for one in told(old.statistics.get(table, {}), now.statistics.get(table, {}),
                             _rows(table, old, now))]  # fmt: skip
    found.sort(key=lambda each: (not _is_named(each[0].column, shape), -each[0].times, each[1]))
    columns = _former_columns(old, now)
    sentences = tuple(text for _, text in found)
    little = "the statistics of its columns changed" + (", none of them by much" if columns else "")
    yield Moved(
        Part.DISTRIBUTIONS, sentences or (little,), Undo(columns=columns) if columns else None
    )


def _is_named(column: str, shape: str) -> bool:
    return re.search(rf"\b{re.escape(column)}\b", shape) is not None


def _rows(table: str, old: World, now: World) -> Sizes:
    return Sizes(old.rows.get(table, 0.0), now.rows.get(table, 0.0))


def _former_columns(old: World, now: World) -> dict[str, dict[str, ColumnStatistics]]:
    """What of today's columns was otherwise, by as little as it may be."""
    found: dict[str, dict[str, ColumnStatistics]] = {}
    for table, name, was, is_now in _changed_lines(old, now):
        facts = former_facts(was, is_now, _rows(table, old, now))
        if facts is not None:
            found.setdefault(table, {})[name] = facts
    return found


def _former_distinct(
    tables: AbstractSet[str], old: World, now: World
) -> dict[str, dict[str, float]]:
    """Distinct values of tables that had another size; as many as now, or as large a share."""
    found: dict[str, dict[str, float]] = {}
    for table, name, was, is_now in _changed_lines(old, now):
        facts = known_facts(was)
        apart = former_facts(was, is_now, _rows(table, old, now))
        if table in tables and facts and facts.n_distinct and apart and not apart.n_distinct:
            found.setdefault(table, {})[name] = facts.n_distinct
    return found


def _changed_lines(old: World, now: World) -> Iterator[tuple[str, str, str, str]]:
    """(table, column, its line then, its line now)."""
    for table in sorted(old.statistics.keys() & now.statistics.keys()):
        was, is_now = old.statistics[table], now.statistics[table]
        for name in sorted(was.keys() & is_now.keys()):
            if was[name] != is_now[name]:
                yield table, name, was[name], is_now[name]
