"""Leaves detail out of statistics, the least needed first, until their file is small enough.

Exact detail costs about a kilobyte for each histogram. Planning needs it most for columns that
conditions use, and those are in an index or a constraint as a rule; and for large tables. Of
these columns an outline always stays, however large the file is: without any values a plan is a
guess. Digits go before values: four of them move a cost by a two thousandth.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import TypeVar

import msgspec

from pytest_planguard.fixturedb.scale.statistics_file import encode
from pytest_planguard.model.statistics import (
    ColumnStatistics,
    ExtendedNumbers,
    ExtendedStatistics,
    IndexStatistics,
    ProductionCall,
    Statistics,
    TableStatistics,
)

SMALLEST_LIMIT = 1_000_000
BYTES_A_TABLE = 2_000
CALLS_LIMIT = 200_000
"""Bytes of production's statements, beside all else: no plan depends on them."""

_WEAK = 0.3
"""The planner goes by a correlation's square (``cost_index``), and only for columns of indexes."""

_T = TypeVar("_T")
_Columns = dict[str, ColumnStatistics]
_WORD = re.compile(r'"((?:[^"]|"")+)"|([A-Za-z_][\w$]*)')


class _Step(msgspec.Struct, frozen=True):
    """What is shortened, to how much."""

    used: bool
    """Also columns an index or a constraint has; else the others only."""
    bounds: int | None = None
    """Of histograms, at most."""
    common: int | None = None
    """Most common values, elements or combinations, at most."""
    digits: int | None = None
    """Of frequencies, shares and correlations, at most."""
    weak: bool = False
    """Without weak correlations."""


_STEPS = (
    _Step(False, digits=4),
    *(_Step(False, bounds=most) for most in (51, 21, 11, 6)),
    *(_Step(False, common=most) for most in (50, 20, 10, 5)),
    _Step(True, digits=4),
    *(_Step(True, bounds=most) for most in (51, 21, 11)),
    *(_Step(True, common=most) for most in (50, 20, 10)),
    _Step(False, bounds=2, common=2),
    _Step(False, bounds=0, common=0, digits=3, weak=True),
    _Step(True, bounds=6, common=5),
    _Step(True, bounds=4, common=3, digits=3),
    _Step(True, bounds=2, common=2, weak=True),
    _Step(True, common=1),
)


def limit_for(statistics: Statistics) -> int:
    """Bytes the file should have without calls: 1 MB up to 500 tables, then 2 kB each."""
    return max(SMALLEST_LIMIT, BYTES_A_TABLE * len(statistics.tables))


def thinned(statistics: Statistics, limit: int | None = None) -> Statistics:
    """The statistics, with ``thinned`` telling what was left out, if anything.

    Calls have a limit of their own, and what they lack is told in ``besides``.

    Args:
        statistics: With all detail.
        limit: Bytes without calls, as far as can be; None: ``limit_for``.
    """
    statistics = _with_fewer_calls(statistics)
    limit = limit_for(statistics) if limit is None else limit
    tables = dict(statistics.tables)
    found = statistics
    steps = _steps(tables)
    while (left := float(_bytes(found) - limit)) > 0:
        tables, before = dict(tables), tables
        for name, smaller in steps:
            left -= _weight(tables[name]) - _weight(smaller)
            tables[name] = smaller
            if left <= 0:
                break
        if tables == before:
            break  # there is nothing more to leave out
        sentence = _sentence(statistics.tables, tables, limit)
        found = msgspec.structs.replace(statistics, tables=tables, thinned=sentence)
    return found


def _with_fewer_calls(statistics: Statistics) -> Statistics:
    """Those of most time, as many as have room."""
    left = CALLS_LIMIT
    kept = 0
    for call in statistics.calls:
        left -= _bytes_of_call(call)
        if left < 0:
            break
        kept += 1
    lost = len(statistics.calls) - kept
    if not lost:
        return statistics
    sentence = f"the {lost:,} calls of least time: all have {CALLS_LIMIT / 1e6:.1f} MB of the file"
    return msgspec.structs.replace(
        statistics,
        calls=statistics.calls[:kept],
        besides=(*statistics.besides, sentence),
    )


def _bytes_of_call(call: ProductionCall) -> int:
    """With the lines and the indents it is written in."""
    return len(msgspec.json.encode(call)) + 30


def _bytes(statistics: Statistics) -> int:
    bare = msgspec.structs.replace(statistics, calls=())
    return len(encode(bare).encode("utf-8", "backslashreplace"))


def _steps(tables: dict[str, TableStatistics]) -> Iterator[tuple[str, TableStatistics]]:
    """Tables that can be smaller, one after the other, in the order in which they should be."""
    latest = dict(tables)
    used = {name: _used(table) for name, table in tables.items()}
    order = sorted(tables, key=lambda name: (tables[name].rows, name))
    for step in _STEPS:
        for name in order:
            smaller = _table(latest[name], step, used[name])
            if smaller != latest[name]:
                latest[name] = smaller
                yield name, smaller


def _weight(table: TableStatistics) -> float:
    """Bytes that grow with detail, rather too many than too few: then the file is measured."""
    texts = (msgspec.json.encode(facts) for facts in (*_all_columns(table), *_combinations(table)))
    return 1.02 * sum(len(text) + text.count(b",") for text in texts)


def _combinations(table: TableStatistics) -> Iterator[ExtendedNumbers]:
    for one in table.extended.values():
        yield from (numbers for numbers in (one.own, one.inherited) if numbers is not None)


def _table(table: TableStatistics, step: _Step, used: frozenset[str]) -> TableStatistics:
    def shortened(columns: _Columns) -> _Columns:
        return {
            name: _column(facts, step) if step.used or name not in used else facts
            for name, facts in columns.items()
        }

    columns, inherited = shortened(table.columns), shortened(table.inherited)
    if not step.used:
        return msgspec.structs.replace(table, columns=columns, inherited=inherited)
    return msgspec.structs.replace(
        table,
        columns=columns,
        inherited=inherited,
        indexes={name: _index(index, step) for name, index in table.indexes.items()},
        extended={name: _extended(one, step) for name, one in table.extended.items()},
    )


def _used(table: TableStatistics) -> frozenset[str]:
    """Names that stand in the definition of an index, a constraint or extended statistics."""
    texts = (
        *(index.definition.partition(" USING ")[2] for index in table.indexes.values()),
        *table.constraints.values(),
        *(one.definition.partition(" ON ")[2] for one in table.extended.values()),
    )
    return frozenset(
        quoted.replace('""', '"') or plain
        for text in texts
        for quoted, plain in _WORD.findall(text)
    )


def _index(index: IndexStatistics, step: _Step) -> IndexStatistics:
    expressions = {name: _column(facts, step) for name, facts in index.expressions.items()}
    return msgspec.structs.replace(index, expressions=expressions)


def _extended(one: ExtendedStatistics, step: _Step) -> ExtendedStatistics:
    own, inherited = (
        None if numbers is None else _numbers(numbers, step) for numbers in (one.own, one.inherited)
    )
    return msgspec.structs.replace(one, own=own, inherited=inherited)


def _numbers(numbers: ExtendedNumbers, step: _Step) -> ExtendedNumbers:
    most = step.common
    return msgspec.structs.replace(
        numbers,
        values=numbers.values[:most],
        freqs=numbers.freqs[:most],
        base_freqs=numbers.base_freqs[:most],
        expressions={name: _column(one, step) for name, one in numbers.expressions.items()},
    )


def _column(facts: ColumnStatistics, step: _Step) -> ColumnStatistics:
    if step.bounds is not None:
        counts = facts.elem_count_histogram
        facts = msgspec.structs.replace(
            facts,
            histogram_bounds=evenly(facts.histogram_bounds, step.bounds),
            # its last number is the average count
            elem_count_histogram=(*evenly(counts[:-1], step.bounds), *counts[-1:])
            if step.bounds
            else (),
            range_length_histogram=evenly(facts.range_length_histogram, step.bounds),
            range_bounds_histogram=evenly(facts.range_bounds_histogram, step.bounds),
        )
    if step.common is not None:
        facts = msgspec.structs.replace(
            facts,
            most_common_values=facts.most_common_values[: step.common],
            most_common_freqs=facts.most_common_freqs[: step.common],
            **_elements(facts, step.common),
        )
    if step.weak and facts.correlation is not None and abs(facts.correlation) < _WEAK:
        facts = msgspec.structs.replace(facts, correlation=None)
    return facts if step.digits is None else _rounded(facts, step.digits)


def _rounded(facts: ColumnStatistics, digits: int) -> ColumnStatistics:
    """With so many significant digits; values stay as they are."""

    def rounded(number: float) -> float:
        return float(f"{number:.{digits}g}")

    return msgspec.structs.replace(
        facts,
        null_frac=rounded(facts.null_frac),
        n_distinct=rounded(facts.n_distinct) if facts.n_distinct < 0 else facts.n_distinct,
        correlation=None if facts.correlation is None else rounded(facts.correlation),
        most_common_freqs=tuple(map(rounded, facts.most_common_freqs)),
        most_common_elem_freqs=tuple(map(rounded, facts.most_common_elem_freqs)),
    )


def _elements(facts: ColumnStatistics, most: int) -> dict[str, tuple[str, ...] | tuple[float, ...]]:
    """The most frequent elements, still in the order of their values, as the planner wants them."""
    elements, freqs = facts.most_common_elems, facts.most_common_elem_freqs
    count = len(elements)
    if count <= most:
        return {}
    if not most:
        return {"most_common_elems": (), "most_common_elem_freqs": ()}
    kept = sorted(sorted(range(count), key=lambda n: (-freqs[n], n))[:most])
    shown = tuple(freqs[n] for n in kept)
    trailing = freqs[count:]
    return {
        "most_common_elems": tuple(elements[n] for n in kept),
        # the first trailing number is the smallest frequency
        "most_common_elem_freqs": (*shown, *((min(shown),) if trailing else ()), *trailing[1:]),
    }


def evenly(values: Sequence[_T], most: int) -> tuple[_T, ...]:
    """At most so many of the values, evenly chosen, with both ends.

    >>> evenly(range(101), 5), evenly("ab", 5), evenly("abc", 0)
    ((0, 25, 50, 75, 100), ('a', 'b'), ())
    """
    if len(values) <= most or not most:
        return tuple(values[:most])
    last = len(values) - 1
    return tuple(values[math.floor(n * last / (most - 1) + 0.5)] for n in range(most))


def _sentence(
    before: dict[str, TableStatistics], after: dict[str, TableStatistics], limit: int
) -> str:
    histograms = common = lost = 0
    for name, table in before.items():
        for old, new in zip(_all_columns(table), _all_columns(after[name]), strict=True):
            histograms += old.histogram_bounds != new.histogram_bounds
            common += (old.most_common_values, old.most_common_elems) != (
                new.most_common_values,
                new.most_common_elems,
            )
            lost += _has_values(old) and not _has_values(new)
    text = (
        f"to keep the file near {limit / 1e6:.1f} MB, numbers were rounded, and histograms of "
        f"{histograms:,} columns and most common values of {common:,} were shortened"
    )
    return f"{text}; {lost:,} columns of no index or constraint have none left" if lost else text


def _has_values(facts: ColumnStatistics) -> bool:
    return bool(facts.histogram_bounds or facts.most_common_values or facts.most_common_elems)


def _all_columns(table: TableStatistics) -> Iterator[ColumnStatistics]:
    yield from table.columns.values()
    yield from table.inherited.values()
    for index in table.indexes.values():
        yield from index.expressions.values()
