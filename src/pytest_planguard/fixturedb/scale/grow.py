"""The same database with more rows, or fewer: what production's statistics would say then."""

from __future__ import annotations

import math

import msgspec

from pytest_planguard.errors import ConfigurationError
from pytest_planguard.fixturedb.scale.spans import float4
from pytest_planguard.model.statistics import (
    ColumnStatistics,
    ExtendedNumbers,
    ExtendedStatistics,
    GinPages,
    IndexStatistics,
    Statistics,
    TableStatistics,
)

FEW = 1_000
"""Distinct values that stay as many: states, categories, countries. ANALYZE gives an absolute
number where it found up to a tenth of the rows (``compute_scalar_stats``): customers of orders,
which grow, and their states, which don't."""

LARGEST = 1e9
"""Pages of a file are a number of 32 bits: a table of 8 kB grown further has no file."""
_MOST_PAGES = 2**32 - 2

_FAN_OUT = 285
"""Of an inner btree page: 8,160 bytes, 70 % full, by the 20 of a pointer with an 8-byte key."""


def grown(statistics: Statistics, factor: float) -> Statistics:
    """Statistics with ``factor`` times the rows.

    Fractions, frequencies and quantiles stay: a distribution keeps its shape. Distinct values
    that are a share of the rows grow with them by their own definition.

    Raises:
        ConfigurationError: The factor is no positive number.
    """
    if not (math.isfinite(factor) and 0 < factor <= LARGEST):
        raise ConfigurationError(
            f"the factor is {factor:g}, wanted a positive number",
            hint="pytest-planguard statistics scale 10",
        )
    tables = {name: _table(table, factor) for name, table in statistics.tables.items()}
    return msgspec.structs.replace(
        statistics, tables=tables, grown=float(f"{statistics.grown * factor:.12g}")
    )


def _table(table: TableStatistics, factor: float) -> TableStatistics:
    rows = _rows(table.rows, factor)
    pages = _pages(table.pages, factor)
    return msgspec.structs.replace(
        table,
        rows=rows,
        pages=pages,
        all_visible=min(pages, round(table.all_visible * factor)),
        file_pages=None if table.file_pages is None else _pages(table.file_pages, factor),
        toast_pages=_pages(table.toast_pages, factor),
        columns={name: _column(one, factor, rows) for name, one in table.columns.items()},
        inherited={name: _column(one, factor, None) for name, one in table.inherited.items()},
        indexes={name: _index(index, factor, rows) for name, index in table.indexes.items()},
        extended={name: _extended(one, factor) for name, one in table.extended.items()},
    )


def _rows(rows: float, factor: float) -> float:
    """Whole rows as ``reltuples`` keeps them; -1, never analysed, stays."""
    return rows if rows < 0 else float4(float(round(rows * factor)))


def _pages(pages: int, factor: float) -> int:
    """At least one page of a file that has any."""
    return min(_MOST_PAGES, math.ceil(pages * factor)) if pages else 0


def _column(facts: ColumnStatistics, factor: float, rows: float | None) -> ColumnStatistics:
    """A column's, of a table that has so many rows then; None: unknown."""
    return msgspec.structs.replace(facts, n_distinct=_distinct(facts.n_distinct, factor, rows))


def _distinct(count: float, factor: float, rows: float | None) -> float:
    """An absolute number of distinct values after the growth.

    >>> _distinct(5.0, 10, 1e6), _distinct(50_000.0, 10, 1e7), _distinct(-1.0, 10, 1e6)
    (5.0, 500000.0, -1.0)
    >>> _distinct(50_000.0, 0.1, 1e5), _distinct(800.0, 0.001, 100.0)
    (5000.0, 100.0)
    """
    if count <= 0:
        return count
    count = count if count <= FEW else max(float(FEW), float(round(count * factor)))
    return float4(max(1.0, min(count, rows)) if rows is not None and rows >= 0 else count)


def _index(index: IndexStatistics, factor: float, rows: float) -> IndexStatistics:
    file_pages = None if index.file_pages is None else _index_pages(index.file_pages, factor)
    before = index.pages if index.file_pages is None else index.file_pages
    after = _index_pages(before, factor)
    return msgspec.structs.replace(
        index,
        pages=_index_pages(index.pages, factor),
        tuples=_rows(index.tuples, factor),
        height=None if index.height is None else grown_height(index.height, before, after),
        file_pages=file_pages,
        expressions={name: _column(one, factor, rows) for name, one in index.expressions.items()},
        gin=None if index.gin is None else _gin(index.gin, factor),
    )


def _index_pages(pages: int, factor: float) -> int:
    """The first page, of every access method's own, does not grow."""
    return 1 + _pages(pages - 1, factor) if pages > 1 else pages


def grown_height(height: int, pages: int, now: int) -> int:
    """A btree's height when its file has ``now`` pages instead of ``pages``.

    The fan-out is a usual one, as far as the tree that is there does not prove another.

    >>> grown_height(1, 275, 2741), grown_height(2, 2745, 2745), grown_height(0, 2, 11)
    (2, 2, 1)
    >>> grown_height(2, 128_000, 12_800), grown_height(2, 128_000, 2)
    (2, 0)
    """
    if now == pages:
        return height
    leaves = max(1, pages - 1)
    fan_out = float(_FAN_OUT)
    if height >= 1:
        fan_out = max(fan_out, leaves ** (1 / height))
    if height >= 2:  # one level less was not enough
        fan_out = max(2.0, min(fan_out, leaves ** (1 / (height - 1)) - 1))
    level, levels = float(max(1, now - 1)), 0
    while level > 1:
        level = math.ceil(level / fan_out - 1e-9)
        levels += 1
    return max(levels, height) if now >= pages else min(levels, height)


def _gin(gin: GinPages, factor: float) -> GinPages:
    """As the planner itself scales them with the file; the pending list has its own size."""
    return GinPages(
        pending_pages=gin.pending_pages,
        total_pages=_pages(gin.total_pages, factor),
        entry_pages=_pages(gin.entry_pages, factor),
        data_pages=_pages(gin.data_pages, factor),
        entries=round(gin.entries * factor),
    )


def _extended(one: ExtendedStatistics, factor: float) -> ExtendedStatistics:
    own, inherited = (
        None if numbers is None else _numbers(numbers, factor)
        for numbers in (one.own, one.inherited)
    )
    return msgspec.structs.replace(one, own=own, inherited=inherited)


def _numbers(numbers: ExtendedNumbers, factor: float) -> ExtendedNumbers:
    return msgspec.structs.replace(
        numbers,
        ndistinct={key: _distinct(n, factor, None) for key, n in numbers.ndistinct.items()},
        expressions={name: _column(c, factor, None) for name, c in numbers.expressions.items()},
    )
