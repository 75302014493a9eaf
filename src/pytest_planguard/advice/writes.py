"""What an index costs whoever writes: bytes for each row, and updates that are no longer HOT."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_planguard.advice.naming import names_of
from pytest_planguard.advice.suite import Suite
from pytest_planguard.model import words
from pytest_planguard.model.catalog import Catalog, Table
from pytest_planguard.model.ports import HypotheticalIndex

PAGE = 8192

_SUMMARIZING = frozenset({"brin"})
"""Methods that do not end heap-only updates (``amsummarizing``)."""
_SUMMARIZING_SINCE = 16


def price(
    indexes: Iterable[HypotheticalIndex], sizes: dict[str, int], catalog: Catalog, suite: Suite
) -> tuple[str, ...]:
    """What writes pay, one sentence an index; nothing where no size is known."""
    every = tuple(indexes)
    several = len({index.table for index in every}) > 1
    return tuple(
        text
        for index in every
        if (table := catalog.tables.get(index.table)) is not None
        for text in _sentences(
            index,
            table,
            sizes.get(index.name, 0),
            catalog,
            suite,
            f" to {table.qualified}" if several else "",
        )
    )


def _sentences(
    index: HypotheticalIndex, table: Table, size: int, catalog: Catalog, suite: Suite, where: str
) -> Iterable[str]:
    if table.rows and table.pages and size:
        entry, row = size / table.rows, table.pages * PAGE / table.rows
        each = f"{entry:.0f} bytes" if entry >= 1 else "less than a byte"
        yield f"writes{where} pay {each} a row, beside {row:.0f} of the row itself"
    moved = sorted(ends_hot(index, table, catalog, suite))
    if moved:
        yield f"updates that change {words.listed(moved)} can no longer be heap-only (HOT)"


def ends_hot(
    index: HypotheticalIndex, table: Table, catalog: Catalog, suite: Suite
) -> frozenset[str]:
    """Columns the suite updates that no index held before: their updates were HOT until now."""
    summarizing = _SUMMARIZING if catalog.server.major >= _SUMMARIZING_SINCE else frozenset()
    if index.method in summarizing:
        return frozenset()
    held = names_of((*index.columns, *index.include), index.predicate)
    known = frozenset().union(
        *(
            names_of((*one.keys, *one.include), one.predicate or "")
            for one in catalog.indexes_of(table.qualified)
            if one.method not in summarizing
        )
    )
    return (suite.updated.get(table.qualified, frozenset()) & held) - known
