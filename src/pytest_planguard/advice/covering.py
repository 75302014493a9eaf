"""Index-only scans: a candidate that holds all a query reads of its table.

The table is then not read at all where its pages are known to be visible to all; how many are,
the statistics say, and the planner reckons with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from pytest_planguard.advice.naming import plain_key
from pytest_planguard.advice.place import Place
from pytest_planguard.model.catalog import Column
from pytest_planguard.model.ports import HypotheticalIndex, quoted
from pytest_planguard.sql.needs import needs

WIDEST = 32
"""Bytes of a column that is worth a copy in an index; an index tuple must also fit a third of a
page (2,704 bytes), and a text that does not makes writes fail."""


def covering(
    candidates: Sequence[HypotheticalIndex], place: Place, most: int
) -> Iterator[HypotheticalIndex]:
    """The candidates with what else the plan reads of the table, where that is little.

    Columns that the suite updates are not copied: each update would have to write the index, and
    the pages it touches are not all-visible for long.

    Args:
        candidates: Plain btrees; one that only begins another is left out.
        place: What is read, in which plan.
        most: Columns of an index.
    """
    columns = _columns(place)
    for index in candidates if columns else ():
        keys = [plain_key(key) for key in index.columns]
        rest = [one for one in columns if quoted(one.name) not in keys]
        if not rest or len(keys) + len(rest) > most or _begins_another(index, candidates):
            continue
        if any(key.startswith("(") for key in index.columns):
            continue  # of a computed key the planner guesses how many rows it finds
        if all(_is_worth_a_copy(one, place) for one in rest):
            yield msgspec.structs.replace(index, include=tuple(quoted(one.name) for one in rest))


def _columns(place: Place) -> list[Column]:
    """What the plan reads of the table; nothing where it is the row itself, or a system column."""
    found = next(
        (one for one in needs(place.plan.root, place.catalog) if one.alias == place.read.alias),
        None,
    )
    columns = [place.table.column(name) for name in sorted(found.columns if found else ())]
    return [] if None in columns else [one for one in columns if one is not None]


def _begins_another(index: HypotheticalIndex, candidates: Sequence[HypotheticalIndex]) -> bool:
    size = len(index.columns)
    return any(
        one.columns[:size] == index.columns and len(one.columns) > size for one in candidates
    )


def _is_worth_a_copy(column: Column, place: Place) -> bool:
    """Whether it is narrow, and stays as it is."""
    relation, suite = place.read.relation, place.suite
    if column.name in suite.updated.get(relation, ()):
        return False
    if column.length > 0:
        return column.length <= WIDEST
    bounded = column.base_type == "numeric" or (column.modifier >= 0 and column.category == "S")
    facts = suite.column(relation, column.name)
    return bounded and (facts.avg_width if facts is not None else column.modifier) <= WIDEST
