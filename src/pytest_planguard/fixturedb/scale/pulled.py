"""Rows of the source's catalogs → statistics; nothing here asks a server."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from typing import Any

import msgspec

from pytest_planguard.fixturedb.scale.heights import Trees
from pytest_planguard.model.statistics import (
    ColumnStatistics,
    ExtendedNumbers,
    ExtendedStatistics,
    IndexStatistics,
    ScaleSource,
    Statistics,
    TableStatistics,
    TypeFacts,
)

Row = tuple[Any, ...]
_Columns = dict[tuple[str, bool], dict[str, ColumnStatistics]]
_LENGTHS = 6
"""STATISTIC_KIND_RANGE_LENGTH_HISTOGRAM; bounds are 7 (pg_statistic.h)."""
_PAGE_COSTS = ("seq_page_cost", "random_page_cost", "effective_io_concurrency")


class Facts(msgspec.Struct, frozen=True):
    """What the queries of ``pull.sql`` answered, and what the role may do."""

    rows: dict[str, list[Row]]
    expression_types: dict[str, dict[str, str]]
    """Of extended statistics, by name and text."""
    superuser: bool
    may_read_statistic: bool
    """``pg_statistic`` itself."""
    may_read_files: bool
    standby: bool


class _Sizes(msgspec.Struct, frozen=True):
    """Real sizes by relation, in pages; what is locked is missing."""

    files: dict[str, int]
    toast: dict[str, int]

    def differing(self, relation: str, pages: int) -> int | None:
        """The file's pages where they are not ``relpages``."""
        found = self.files.get(relation)
        return None if found == pages else found


def statistics(facts: Facts, trees: Trees) -> Statistics:
    """All tables of the source, with all values."""
    version, collation, provider, encoding, clock, costs, _ = facts.rows["database"][0]
    sizes = _Sizes(
        {name: pages for name, pages, _ in facts.rows["sizes"]},
        {name: toast for name, _, toast in facts.rows["sizes"]},
    )
    settings = {name: value for name, value, _ in facts.rows["settings"]}
    settings |= tablespace_costs(costs)
    return Statistics(
        tables=_tables(facts, sizes, trees),
        clock=clock,
        source=ScaleSource.PRODUCTION,
        server_version=version,
        collation=collation or "",
        collation_provider=provider,
        settings=dict(sorted(settings.items())),
        encoding=encoding,
        types={name: TypeFacts(base, tuple(checks)) for name, base, checks in facts.rows["types"]},
    )


def tablespace_costs(options: list[str] | None) -> dict[str, str]:
    """Page costs of a tablespace: they hold instead of the settings (spccache.c)."""
    pairs = (option.partition("=") for option in options or ())
    return {name: value for name, _, value in pairs if name in _PAGE_COSTS}


def _tables(facts: Facts, sizes: _Sizes, trees: Trees) -> dict[str, TableStatistics]:
    columns = _columns(facts)
    types, collations = _types(facts.rows["columns"])
    constraints: dict[str, dict[str, str]] = defaultdict(dict)
    for table, name, definition in facts.rows["constraints"]:
        constraints[table][name] = definition
    indexes = _indexes(facts, sizes, trees, columns)
    extended = _extended(facts)
    return {
        name: TableStatistics(
            rows=float(rows),
            pages=0 if kind in {"p", "f"} else pages,
            all_visible=visible,
            columns=columns.get((name, False), {}),
            inherited=columns.get((name, True), {}),
            indexes=indexes.get(name, {}),
            extended=extended.get(name, {}),
            file_pages=None if kind in {"p", "f"} else sizes.differing(name, pages),
            toast_pages=sizes.toast.get(name, 0),
            kind=kind,
            types=types.get(name, {}),
            collations=collations.get(name, {}),
            constraints=constraints.get(name, {}),
            parents=tuple(parents),
            analyzed=analyzed,
            partition_bound=bound,
            order=order,
        )
        for name, kind, rows, pages, visible, parents, analyzed, bound, order in facts.rows[
            "tables"
        ]
    }


def _types(rows: list[Row]) -> tuple[dict[str, dict[str, str]], dict[str, dict[str, str]]]:
    """Types and collations by relation and column."""
    types: dict[str, dict[str, str]] = defaultdict(dict)
    collations: dict[str, dict[str, str]] = defaultdict(dict)
    for relation, column, kind, collation in rows:
        types[relation][column] = kind
        if collation:
            collations[relation][column] = collation
    return types, collations


def _indexes(
    facts: Facts, sizes: _Sizes, trees: Trees, columns: _Columns
) -> dict[str, dict[str, IndexStatistics]]:
    """By table and name; those that are not valid serve no query."""
    found: dict[str, dict[str, IndexStatistics]] = defaultdict(dict)
    types, collations = _types(facts.rows["index_expressions"])
    for table, name, _, valid, pages, tuples, order, definition, schema in facts.rows["indexes"]:
        if not valid:
            continue
        qualified = f"{schema}.{name}"
        found[table][name] = IndexStatistics(
            pages=pages,
            tuples=float(tuples),
            height=trees.heights.get(qualified),
            expressions=columns.get((qualified, False), {}),
            file_pages=sizes.differing(qualified, pages),
            order=order,
            definition=definition,
            gin=trees.gin.get(qualified),
            types=types.get(qualified, {}),
            collations=collations.get(qualified, {}),
        )
    return found


def _columns(facts: Facts) -> _Columns:
    """By relation and whether its children count; an index's are its expressions'."""
    found: _Columns = defaultdict(dict)
    for relation, attribute, inherited, *numbers in facts.rows["statistics"]:
        found[relation, inherited][attribute] = _column(numbers)
    for relation, attribute, inherited, kind, numbers, listed in facts.rows["ranges"]:
        column = found[relation, inherited].get(attribute)
        if column is not None:
            found[relation, inherited][attribute] = _with_range(column, kind, numbers, listed)
    return found


def _column(numbers: list[Any]) -> ColumnStatistics:
    """One row of ``pg_stats``, from ``null_frac`` on."""
    nulls, width, distinct, values, freqs, bounds, correlation, elems, elem_freqs, counts = numbers[
        :10
    ]
    lengths, empty, range_bounds = numbers[10:] or (None, None, None)
    return ColumnStatistics(
        null_frac=nulls or 0.0,
        avg_width=width or 0,
        n_distinct=distinct or 0.0,
        most_common_values=tuple(values or ()),
        most_common_freqs=tuple(freqs or ()),
        histogram_bounds=tuple(bounds or ()),
        correlation=None if correlation is None or math.isnan(correlation) else correlation,
        most_common_elems=tuple(elems or ()),
        most_common_elem_freqs=tuple(elem_freqs or ()),
        elem_count_histogram=tuple(counts or ()),
        range_length_histogram=tuple(map(float, lengths or ())),
        range_empty_frac=empty,
        range_bounds_histogram=tuple(range_bounds or ()),
    )


def _with_range(
    column: ColumnStatistics, kind: int, numbers: list[float] | None, listed: list[str] | None
) -> ColumnStatistics:
    """The column with one slot of ``pg_statistic``."""
    if kind == _LENGTHS:
        return msgspec.structs.replace(
            column,
            range_length_histogram=tuple(map(float, listed or ())),
            range_empty_frac=numbers[0] if numbers else None,
        )
    return msgspec.structs.replace(column, range_bounds_histogram=tuple(listed or ()))


def _extended(facts: Facts) -> dict[str, dict[str, ExtendedStatistics]]:
    """By table and qualified name."""
    numbers = {(name, inherited): rest for name, inherited, *rest in facts.rows["extended_numbers"]}
    expressions: dict[tuple[str, bool], dict[str, ColumnStatistics]] = defaultdict(dict)
    for name, inherited, text, *rest in facts.rows["extended_expressions"]:
        expressions[name, inherited][text] = _column(rest)
    found: dict[str, dict[str, ExtendedStatistics]] = defaultdict(dict)
    for table, name, definition, keys, columns, texts, _ in facts.rows["extended"]:
        names = dict(zip(keys, columns, strict=True))
        names |= {-number: text for number, text in enumerate(texts or (), 1)}
        own, inherited = (
            _numbers(names, numbers.get((name, flag)), expressions.get((name, flag), {}))
            for flag in (False, True)
        )
        found[table][name] = ExtendedStatistics(
            definition,
            (*columns, *(texts or ())),
            own,
            inherited,
            types=facts.expression_types.get(name, {}),
        )
    return found


def _numbers(
    names: dict[int, str], row: list[Any] | None, expressions: dict[str, ColumnStatistics]
) -> ExtendedNumbers | None:
    """What ANALYZE found; None where there is nothing, or nothing to be seen."""
    distinct, dependencies, values, freqs, base_freqs = row or (None,) * 5
    if not (distinct or dependencies or values or expressions):
        return None
    return ExtendedNumbers(
        ndistinct={
            _joined(key, names): float(count) for key, count in json.loads(distinct or "{}").items()
        },
        dependencies={
            " => ".join(_joined(side, names) for side in key.split(" => ")): float(degree)
            for key, degree in json.loads(dependencies or "{}").items()
        },
        values=tuple(map(tuple, values or ())),
        freqs=tuple(freqs or ()),
        base_freqs=tuple(base_freqs or ()),
        expressions=expressions,
    )


def _joined(numbers: str, names: dict[int, str]) -> str:
    """``2, 3, -1`` → the columns' names and the expressions' texts.

    >>> _joined("2, -1", {2: "city", -1: "lower(zip)"})
    'city, lower(zip)'
    """
    return ", ".join(names[int(number)] for number in numbers.split(", "))
