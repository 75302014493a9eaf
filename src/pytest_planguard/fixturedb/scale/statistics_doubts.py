"""What is wrong with statistics that the types allow: numbers that contradict each other."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator

from pytest_planguard.model.statistics import (
    ColumnStatistics,
    ExtendedNumbers,
    Statistics,
    TableStatistics,
)


def doubts(statistics: Statistics) -> Iterator[str]:
    """A sentence about each contradiction."""
    try:
        dt.datetime.fromisoformat(statistics.clock)
    except ValueError:
        yield f'the clock is "{statistics.clock}", wanted an instant in ISO 8601'
    for name, table in statistics.tables.items():
        yield from _doubts_of_table(name, table)


def _doubts_of_table(name: str, table: TableStatistics) -> Iterator[str]:
    if not (math.isfinite(table.rows) and table.pages >= 0):
        yield f"{name} has {table.rows} rows in {table.pages} pages"
    for where, facts in _all_columns(name, table):
        if (sentence := _mismatch(facts)) is not None:
            yield f"{where} has {sentence}"
    for key, index in table.indexes.items():
        if not (math.isfinite(index.tuples) and index.pages >= 0):
            yield f"the index {key} has {index.tuples} rows in {index.pages} pages"
    for key, item in table.extended.items():
        for numbers in (item.own, item.inherited):
            if numbers and (sentence := _uneven(numbers, len(item.columns))) is not None:
                yield f"{key} has {sentence}"


def _all_columns(name: str, table: TableStatistics) -> Iterator[tuple[str, ColumnStatistics]]:
    """Of columns and expressions, with what they are called."""
    for columns in (table.columns, table.inherited):
        yield from ((f"{name}.{column}", facts) for column, facts in columns.items())
    for key, index in table.indexes.items():
        yield from ((f"the index {key}, {one},", facts) for one, facts in index.expressions.items())
    for key, item in table.extended.items():
        for numbers in (item.own, item.inherited):
            found = numbers.expressions if numbers else {}
            yield from ((f"{key}, {text},", facts) for text, facts in found.items())


def _mismatch(facts: ColumnStatistics) -> str | None:
    values, freqs = len(facts.most_common_values), len(facts.most_common_freqs)
    if values != freqs:
        return f"{values} most common values with {freqs} frequencies"
    elements, freqs = len(facts.most_common_elems), len(facts.most_common_elem_freqs)
    if elements > freqs:
        return f"{elements} most common elements with {freqs} frequencies"
    numbers = (
        facts.null_frac,
        facts.n_distinct,
        facts.correlation or 0.0,
        facts.range_empty_frac or 0.0,
        *facts.most_common_freqs,
        *facts.most_common_elem_freqs,
        *facts.elem_count_histogram,
    )
    return None if all(map(math.isfinite, numbers)) else "an infinite number"


def _uneven(numbers: ExtendedNumbers, width: int) -> str | None:
    values, freqs, bases = map(len, (numbers.values, numbers.freqs, numbers.base_freqs))
    if not values == freqs == bases:
        return f"{values} most common combinations with {freqs} and {bases} frequencies"
    for combination in numbers.values:
        if len(combination) != width:
            return f"a most common combination of {len(combination)} values, wanted {width}"
    every = (*numbers.ndistinct.values(), *numbers.dependencies.values(), *numbers.freqs)
    finite = all(map(math.isfinite, (*every, *numbers.base_freqs)))
    return None if finite else "an infinite number"
