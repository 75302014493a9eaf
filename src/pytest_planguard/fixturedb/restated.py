"""Statistics with the numbers some columns had: how many values, how often, in what order."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pytest_planguard.fixturedb.scale.thin import evenly
from pytest_planguard.model.statistics import ColumnStatistics, Statistics, TableStatistics

_Columns = Mapping[str, ColumnStatistics]


def restated(
    statistics: Statistics,
    distinct: Mapping[str, Mapping[str, float]],
    columns: Mapping[str, _Columns],
) -> Statistics:
    """The statistics with former numbers of some columns; pure.

    Frequencies come without their values: the most common value then gets those of today's, and so
    on; where today has fewer, bounds of its histogram stand for the others.

    Args:
        statistics: Of today.
        distinct: By table and column: ``n_distinct``, as ``pg_stats`` has it.
        columns: By table and column: what is to be as it was; zero ``n_distinct`` is not known.
    """
    tables = dict(statistics.tables)
    for name in distinct.keys() | columns.keys():
        if name in tables:
            tables[name] = _table(tables[name], distinct.get(name, {}), columns.get(name, {}))
    return msgspec.structs.replace(statistics, tables=tables)


def _table(
    table: TableStatistics, distinct: Mapping[str, float], columns: _Columns
) -> TableStatistics:
    """A table's own; those with its partitions where it has no other."""
    which = "columns" if table.columns else "inherited"
    facts: dict[str, ColumnStatistics] = dict(getattr(table, which))
    for name, count in distinct.items():
        if name in facts:
            facts[name] = msgspec.structs.replace(facts[name], n_distinct=count)
    for name, former in columns.items():
        if name in facts:
            facts[name] = _column(facts[name], former)
    return msgspec.structs.replace(table, **{which: facts})


def _column(today: ColumnStatistics, former: ColumnStatistics) -> ColumnStatistics:
    wanted = len(former.most_common_freqs)
    values = today.most_common_values[:wanted]
    others = [one for one in dict.fromkeys(today.histogram_bounds) if one not in values]
    missing = wanted - len(values)
    values += evenly(others, missing) if missing > 1 else tuple(others[:missing])
    freqs = former.most_common_freqs[: len(values)]
    distinct = former.n_distinct or today.n_distinct
    are_all = bool(freqs) and distinct == len(freqs)
    return msgspec.structs.replace(
        today,
        null_frac=former.null_frac,
        avg_width=former.avg_width,
        n_distinct=distinct,
        correlation=former.correlation,
        range_empty_frac=former.range_empty_frac,
        most_common_values=values,
        most_common_freqs=freqs,
        histogram_bounds=() if are_all else today.histogram_bounds,
    )
