"""SQL expressions that make a column's values from a row's number."""

from __future__ import annotations

from pytest_planguard.fixturedb.scale.spans import parse, render
from pytest_planguard.model.catalog import Catalog, Column, Table
from pytest_planguard.model.ports import quoted
from pytest_planguard.model.statistics import ColumnStatistics, Statistics, TableStatistics

_DISTINCT = 200
"""Values of a column whose number is unknown: the planner assumes as many."""

_INTEGERS = frozenset({"int2", "int4", "int8", "oid"})
_NUMBERS = _INTEGERS | {"numeric", "float4", "float8", "money"}
_TEXTS = frozenset({"text", "varchar", "bpchar", "name", "citext"})
_MIXER = 2_654_435_761
"""Knuth's multiplier: columns whose names differ little get seeds that differ much."""
_MASK = 2**30 - 1
_DEPTH = 5
"""Foreign keys to foreign keys that are followed."""


class RowExpressions:
    """Makes expressions for one schema; ``i`` numbers the rows of a table from 1."""

    def __init__(self, catalog: Catalog, statistics: Statistics, seed: int) -> None:
        self._catalog = catalog
        self._statistics = statistics
        self._seed = seed
        self._unique = _unique_keys(catalog)

    def value(self, table: Table, column: Column, i: str, depth: int = 0) -> str:
        """The column's value in row ``i``, cast to its type."""
        facts = self._facts(table, column)
        salt = f"{table.name}.{column.name}"
        text = self._present(table, column, facts, i, salt, depth)
        if facts.null_frac > 0:
            text = f"CASE WHEN {self._random(i, salt + '?')} >= {facts.null_frac!r} THEN {text} END"
        return text

    def _present(
        self, table: Table, column: Column, facts: ColumnStatistics, i: str, salt: str, depth: int
    ) -> str:
        """A value that is not NULL."""
        other = self._other(table, column, facts, i, salt, depth)
        if not facts.most_common_values:
            return other
        scale = 1 - facts.null_frac or 1.0
        random, total = self._random(i, salt), 0.0
        cases: list[str] = []
        listed = list(zip(facts.most_common_values, facts.most_common_freqs, strict=True))
        full = sum(share for _, share in listed) / scale > 1 - 1e-6
        for number, (value, share) in enumerate(listed, 1):
            total += share / scale
            literal = _literal(value, column)
            if full and number == len(listed):
                return f"CASE {' '.join(cases)} ELSE {literal} END" if cases else literal
            cases.append(f"WHEN {random} < {total!r} THEN {literal}")
        return f"CASE {' '.join(cases)} ELSE {other} END"

    def _other(
        self, table: Table, column: Column, facts: ColumnStatistics, i: str, salt: str, depth: int
    ) -> str:
        """A value that is none of the most common."""
        place = self._unique.get((table.qualified, column.name))
        target = _target(self._catalog, table, column)
        if target is not None and depth < _DEPTH:
            there = max(1, round(self._statistics.tables[target[0].qualified].rows))
            return self.value(*target, self._parent_row(i, salt, there, place), depth + 1)
        rows = max(1, round(self._rows(table)))
        bounds = facts.histogram_bounds
        low, high = (
            (parse(column.base_type, bounds[n]) for n in (0, -1)) if bounds else (None, None)
        )
        if low is not None and high is not None and column.base_type != "uuid":
            ordered = (facts.correlation or 0.0) > 0.5 or place == 0
            share = f"(({i} - 1)::float8 / {max(1, rows - 1)})"
            return _between(column, low, high, share if ordered else self._random(i, salt))
        if place:  # a later column of a key: it counts where the first begins again
            return _made(column, f"(({i} - 1) / {self._period(table)} + 1)", facts)
        if place == 0 or column.base_type == "uuid":
            return _made(column, f"({i})", facts, salt=f"{self._seed}{salt}")
        distinct = facts.n_distinct if facts.n_distinct >= 0 else -facts.n_distinct * rows
        count = max(1, round(distinct or _DISTINCT))
        return _made(column, f"(1 + floor({self._random(i, salt)} * {count})::bigint)", facts)

    def _parent_row(self, i: str, salt: str, there: int, place: int | None) -> str:
        """The row of the other table this row points to."""
        if place is None:
            return f"(1 + floor({self._random(i, salt)} * {there})::bigint)"
        if place == 0:
            return f"((({i}) - 1) % {there} + 1)"
        return f"(((({i}) - 1) % {there} + (({i}) - 1) / {there}) % {there} + 1)"

    def _period(self, table: Table) -> int:
        """Rows after which the first column of a table's key has had all its values."""
        for column in table.columns:
            target = _target(self._catalog, table, column)
            if target is not None and self._unique.get((table.qualified, column.name)) == 0:
                return max(1, round(self._statistics.tables[target[0].qualified].rows))
        return 1

    def _random(self, i: str, salt: str) -> str:
        """A number from 0 up to 1, always the same for a row, a column and a seed."""
        number = int.from_bytes(f"{self._seed}{salt}".encode()[-8:], "big") % 2**62
        mixed = sum((place + 1) * letter for place, letter in enumerate(salt.encode()))
        hashed = f"hashint8extended({i}, {number ^ mixed * _MIXER})"
        return f"(({hashed} & {_MASK}) / {_MASK + 1}.0::float8)"

    def _facts(self, table: Table, column: Column) -> ColumnStatistics:
        own: TableStatistics = self._statistics.tables[table.qualified]
        found = own.inherited.get(column.name) or own.columns.get(column.name)
        return found or ColumnStatistics()

    def _rows(self, table: Table) -> float:
        return self._statistics.tables[table.qualified].rows


def _between(column: Column, low: int, high: int, share: str) -> str:
    """A value that share of the way from low to high."""
    if column.base_type in _NUMBERS:
        return f"({low} + round({share} * {high - low}))::{column.type}"
    first, last = render(column.base_type, low), render(column.base_type, high)
    if column.base_type == "date":
        return f"(date '{first}' + round({share} * {high - low})::int)::{column.type}"
    kind = "timestamptz" if column.base_type == "timestamptz" else "timestamp"
    span = f"({kind} '{last}' - {kind} '{first}')"
    return f"({kind} '{first}' + {share} * {span})::{column.type}"


_MODIFIER_HEADER = 4
"""``VARHDRSZ``, which ``atttypmod`` counts in (utils/numeric.h)."""

_FROM_NUMBER = {
    "bool": "({n} % 2 = 0)",
    "uuid": "md5('{salt}' || {n})::uuid",
    "bytea": "convert_to(rpad({n}::text, greatest(8, {width}), 'x'), 'UTF8')",
    "inet": "('10.0.0.0'::inet + ({n} % 16777216))",
    "tsvector": "to_tsvector('simple', 'word' || {n})",
    **dict.fromkeys(
        ("json", "jsonb"),
        "jsonb_build_object('key', {n}, 'text', repeat('x', greatest(0, {width} - 30)))",
    ),
    **dict.fromkeys(
        ("timestamptz", "timestamp", "date"),
        "(timestamptz '2020-01-01 00:00:00+00' + {n} * interval '1 minute')",
    ),
    **dict.fromkeys(("time", "interval"), "(({n} % 86400) * interval '1 second')"),
    **dict.fromkeys(_NUMBERS, "({n})"),
    "int2": "({n} % 32767)",
    "int4": "({n} % 2147483647)",
}
"""By base type; ``n`` is the number's expression, ``width`` the average width."""


def _made(column: Column, number: str, facts: ColumnStatistics, salt: str = "") -> str:
    """A value made from a number, equal numbers giving equal values."""
    if column.base_type in _TEXTS:
        return _text(column, number, facts)
    template = _FROM_NUMBER.get(column.base_type)
    if template is None and column.category == "A":
        template = "('{{' || {n} || '}}')"
    if template is None:
        return column.default or f"({number}::text)::{column.type}"
    if (limit := _whole_limit(column)) is not None:
        number = f"({number} % {limit})"
    made = template.format(n=number, width=facts.avg_width, salt=salt.replace("'", ""))
    return f"{made}::{column.type}"


def _whole_limit(column: Column) -> int | None:
    """What the whole part of a ``numeric(p, s)`` stays below; None where nothing limits it."""
    if column.base_type != "numeric" or column.modifier < _MODIFIER_HEADER:
        return None
    packed = column.modifier - _MODIFIER_HEADER
    precision, scale = packed >> 16 & 0xFFFF, packed & 0x7FF
    if scale >= 1 << 10:  # negative since PostgreSQL 15: eleven bits, two's complement
        scale -= 1 << 11
    return int(10 ** max(0, precision - scale))


def _text(column: Column, number: str, facts: ColumnStatistics) -> str:
    """Text of about the average width, as an address where the name says so."""
    limit = column.modifier - 4 if column.modifier > 4 else 10**6
    width = min(limit, max(1, facts.avg_width - 1))
    if "mail" in column.name:
        return f"('u' || {number} || '@example.org')::{column.type}"
    digits = f"{number}::text"
    return f"(lpad({digits}, greatest({width}, length({digits})), 'x'))::{column.type}"


def _literal(value: str, column: Column) -> str:
    escaped = value.replace("'", "''")
    return f"'{escaped}'::{column.type}"


def _target(catalog: Catalog, table: Table, column: Column) -> tuple[Table, Column] | None:
    """The column a foreign key points to."""
    for constraint in table.constraints:
        if constraint.kind == "f" and column.name in constraint.columns and constraint.references:
            place = constraint.columns.index(column.name)
            target = catalog.tables.get(constraint.references)
            found = target and target.column(constraint.referenced_columns[place])
            if target and found and found is not column:
                return target, found
    return None


def _unique_keys(catalog: Catalog) -> dict[tuple[str, str], int]:
    """The place each column has in a unique key of its table; 0: the first, or the only one."""
    found: dict[tuple[str, str], int] = {}
    for index in catalog.indexes.values():
        table = catalog.tables.get(index.table)
        if table is None or not index.unique:
            continue
        names = {quoted(column.name): column.name for column in table.columns}
        for place, key in enumerate(index.keys):
            if key in names:
                name = (table.qualified, names[key])
                found[name] = min(place, found.get(name, place))
    return found
