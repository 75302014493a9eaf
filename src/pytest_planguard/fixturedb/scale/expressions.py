"""SQL expressions that make a column's values from a row's number, as its statistics say.

A row has a place among the rows of its table for each column (``ranks``), and the place says the
value: the first places are the most common values', in their shares, the others are spread over
the histogram, or over the rows a foreign key points to. A foreign key's value is the very
expression of the other table's column, at the row pointed to.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import msgspec

from pytest_planguard.fixturedb.scale import ranks, values
from pytest_planguard.fixturedb.scale.partitions import Tree
from pytest_planguard.fixturedb.scale.units import (
    Unit,
    composite_keys,
    once_each,
    unique_alone,
    units_of,
)
from pytest_planguard.model.catalog import Catalog, Column, Table
from pytest_planguard.model.statistics import ColumnStatistics, Statistics

_DISTINCT = 200
"""Values of a column whose number is unknown: the planner assumes as many."""
_DEPTH = 5
"""Foreign keys to foreign keys that are followed."""
_NEARLY = 0.9
"""A column unique in some rows and with this share of different values is made unique in all."""
_IN_ORDER = 0.3
"""Correlation from which common values have to stand at their place among the others."""
_FEW = 6
"""Common values that are told apart by CASE; more are looked up."""


class TablePlan(msgspec.Struct):
    """How one table's columns hang together."""

    rows: int
    units: dict[str, Unit]
    distinct: dict[str, int]
    """By unit: values that differ among those that are not NULL."""
    key: tuple[str, ...] = ()
    """Units of a key whose combinations must differ, the one with most values first."""
    once: dict[str, str] = {}


class Place(msgspec.Struct, frozen=True):
    """Where a row stands in the order of a column's values."""

    rank: str
    """SQL, from 0 up to ``total`` - 1."""
    total: int
    absent: str = ""
    """SQL that holds where the value is NULL; empty: nowhere."""


class RowExpressions:
    """Makes expressions for one schema; ``i`` numbers the rows of a table from 1."""

    def __init__(self, catalog: Catalog, statistics: Statistics, seed: int) -> None:
        self._catalog = catalog
        self._statistics = statistics
        self._seed = seed
        self._tree = Tree(catalog)
        self._plans: dict[str, TablePlan] = {}
        self._lent = self._borrowed()

    def value(self, table: Table, column: Column, i: str, depth: int = 0) -> str:
        """The column's value in row ``i``, cast to its type."""
        plan = self._plan(table)
        facts = self._facts(table, column)
        unit = plan.units[column.name]
        place = self._place(table, unit, column, i)
        if place.total == 0:
            return f"NULL::{column.type}"
        if unit.own and unit.target is not None and (there := unit.there(column)) is not None:
            text = self.value(unit.target, there, i, depth + 1) if depth < _DEPTH else "NULL"
        elif unit.name in plan.key:
            text = self._of_key(table, column, i, depth)
        elif column.name in plan.once:
            text = self._once(table, column, facts, i)
        else:
            text = self._of_rank(table, column, place, depth)
        return f"CASE WHEN NOT ({place.absent}) THEN {text} END" if place.absent else text

    def distinct(self, table: Table, column: Column) -> int:
        """How many values a column gets."""
        plan = self._plan(table)
        return plan.distinct[plan.units[column.name].name]

    def is_sound(self, table: Table, name: str) -> bool:
        """Whether the rows of a foreign key point to rows for certain, as they are made."""
        plan = self._plan(table)
        unit = next((one for one in plan.units.values() if one.name == name), None)
        if unit is None or unit.target is None or unit.target.kind != "r":
            return False
        there = unit.there(unit.lead)
        return (
            unit.constraint is not None
            and len(unit.constraint.columns) == 1
            and there is not None
            and self._facts(unit.target, there).null_frac == 0
            and self._plan(unit.target).units[there.name].target is None
        )

    def _plan(self, table: Table) -> TablePlan:
        """The table's plan, made once."""
        if table.qualified not in self._plans:
            units = units_of(self._catalog, table)
            plan = TablePlan(self._count(table), units, {}, once=once_each(self._catalog, table))
            self._plans[table.qualified] = plan
            strict, nearly = unique_alone(self._catalog, table)
            keys = list(composite_keys(self._catalog, table))
            together = {
                units[key[0]].name for key in keys if len({units[name].name for name in key}) == 1
            }
            for unit in {one.name: one for one in units.values()}.values():
                plan.distinct[unit.name] = self._distinct(
                    table, unit, unit.lead.name in strict or unit.name in together,
                    unit.lead.name in nearly,
                )  # fmt: skip
            open_units = {
                one.name
                for one in units.values()
                if one.target is None and not self._facts(table, one.lead).n_distinct
            }
            for key in keys:
                _make_room(plan, key, open_units)
            plan.key = _key_to_number(plan, keys)
        return self._plans[table.qualified]

    def _distinct(self, table: Table, unit: Unit, unique: bool, nearly: bool) -> int:
        """How many values a unit has."""
        facts, rows = self._facts(table, unit.lead), self._count(table)
        present = _present(rows, facts.null_frac)
        known = facts.n_distinct if facts.n_distinct >= 0 else -facts.n_distinct * rows
        there = self._count(unit.target) if unit.target is not None else None
        wanted = known or (there if there is not None else _DISTINCT)
        if unique or (nearly and (not known or wanted >= _NEARLY * present)):
            wanted = present
        if there is not None:
            wanted = min(wanted, there)
        return int(max(1, min(present, round(wanted))))

    def _place(self, table: Table, unit: Unit, column: Column, i: str) -> Place:
        """The row's place, NULLs last, or apart from it where places follow the rows."""
        rows = self._plan(table).rows
        facts = self._facts(table, column)
        present = _present(rows, facts.null_frac)
        if present == 0:
            return Place("0", 0)
        rank = self._rank(table, unit, i)
        if present == rows:
            return Place(rank, rows)
        loose = abs(self._correlation(table, unit)) < 0.5
        if loose and unit.constraint is None and unit.name not in self._plan(table).key:
            return Place(rank, present, f"{rank} >= {present}")
        start = ranks.offset(self._seed, f"{table.name}.{column.name}?", rows)
        return Place(rank, rows, f"{ranks.shuffled(i, rows, 2 * column.number + 1, start)}"
                                 f" >= {present}")  # fmt: skip

    def _rank(self, table: Table, unit: Unit, i: str) -> str:
        """The row's place in the order of the unit's values."""
        rows = self._plan(table).rows
        start = ranks.offset(self._seed, f"{table.name}.{unit.name}", rows)
        return ranks.rank(i, rows, self._correlation(table, unit), 2 * unit.lead.number, start)

    def _correlation(self, table: Table, unit: Unit) -> float:
        return self._facts(table, unit.lead).correlation or 0.0

    def _of_rank(self, table: Table, column: Column, place: Place, depth: int) -> str:
        """The value at a place: the most common ones first, then the others."""
        plan = self._plan(table)
        unit, facts = plan.units[column.name], self._facts(table, column)
        distinct = plan.distinct[unit.name]
        if place.absent and place.total == plan.rows and distinct * 2 > plan.rows:
            distinct = min(plan.rows, round(distinct / (1 - facts.null_frac)))
        ends = _ends(facts, place.total)
        if (woven := self._woven(table, column, place, ends, distinct)) is not None:
            return woven
        common = [
            self._common(table, column, number, value, depth)
            for number, value in enumerate(facts.most_common_values[: len(ends)])
        ]
        first = ends[-1] if ends else 0
        rest = place.total - first
        if rest <= 0:
            return _choose(place.rank, common, ends, "")
        count = max(1, min(rest, distinct - len(ends)))
        number = f"({place.rank} - {first})" if first else place.rank
        number = number if count == rest else f"({number} * {count} / {rest})"
        other = self._other(table, column, number, count, depth)
        return _choose(place.rank, common, ends, other)

    def _common(self, table: Table, column: Column, number: int, value: str, depth: int) -> str:
        """One of the most common values; a foreign key's is certain to be there, or another."""
        unit = self._plan(table).units[column.name]
        there = unit.there(column)
        if unit.target is None or there is None or self._has(unit.target, there, value):
            return values.literal(value, column)
        row = 1 + number * self._count(unit.target) // len(
            self._facts(table, column).most_common_values
        )
        return self._at(unit.target, there, f"{row}::bigint", depth + 1)

    def _other(self, table: Table, column: Column, number: str, count: int, depth: int) -> str:
        """One of ``count`` values that are none of the most common."""
        unit, facts = self._plan(table).units[column.name], self._facts(table, column)
        there = unit.there(column)
        if unit.target is not None and there is not None and depth < _DEPTH:
            rows = self._count(unit.target)
            row = number if count == rows else f"({number} * {rows} / {count})"
            return self._at(unit.target, there, values.plus(row, 1), depth + 1)
        texts = facts.histogram_bounds
        bounds = values.scaled(column.base_type, texts) if len(texts) > 1 else None
        if bounds is not None:
            spread = values.evenly if bounds.even else values.unevenly
            return values.rendered(column, spread(bounds, number, count), bounds.decimals)
        if len(texts) > 1 and values.is_text(column):
            where = f"(1 + {number} * {len(texts) - 1} / {count})::int"
            begun = values.listed(column, texts[:-1], where)
            return values.limited(column, f"{begun} || {number}") if count > len(texts) else begun
        salt = f"{self._seed}{table.name}.{column.name}"
        made = values.made(column, values.plus(number, 1), facts, count, salt)
        lent = self._lent.get((table.qualified, column.name), ())[:count]
        if not lent:
            return made
        known = values.listed(column, lent, f"({number} + 1)::int")
        return f"CASE WHEN {number} < {len(lent)} THEN {known} ELSE {made} END"

    def _of_key(self, table: Table, column: Column, i: str, depth: int) -> str:
        """The value of a column of a key: no combination comes twice.

        Rows with equal values of the first unit stand side by side; how many came before within
        them numbers the other units' combinations.
        """
        plan = self._plan(table)
        unit, facts = plan.units[column.name], self._facts(table, column)
        first = next(one for one in plan.units.values() if one.name == plan.key[0])
        count = plan.distinct[first.name]
        rank = self._rank(table, first, i)
        lead = f"({rank} * {count} / {plan.rows})"
        number, stride = lead, 1
        within = f"({rank} - ({lead} * {plan.rows} + {count - 1}) / {count})"
        for name in plan.key[1:]:
            count = plan.distinct[name]
            if name == unit.name:
                number = _mixed(within, stride, lead, count, unit.lead.number)
                break
            stride *= count
        count = plan.distinct[unit.name]
        common = [] if unit.target is not None else list(facts.most_common_values)[:count]
        if not common:
            return self._other(table, column, number, count, depth)
        known = values.listed(column, common, f"({number} + 1)::int")
        if len(common) >= count:
            return known
        other = self._other(
            table, column, f"({number} - {len(common)})", count - len(common), depth
        )
        return f"CASE WHEN {number} < {len(common)} THEN {known} ELSE {other} END"

    def _once(self, table: Table, column: Column, facts: ColumnStatistics, i: str) -> str:
        """A boolean that holds in at most one row for each value of another column."""
        plan = self._plan(table)
        unit = plan.units[plan.once[column.name]]
        count, rank = plan.distinct[unit.name], self._rank(table, unit, i)
        lead = f"({rank} * {count} / {plan.rows})"
        listed = dict(zip(facts.most_common_values, facts.most_common_freqs, strict=True))
        wanted = min(count, round(listed.get("t", 0.5) * plan.rows))
        start = ranks.offset(self._seed, f"{table.name}.{column.name}", count)
        chosen = ranks.shuffled(f"({lead} + 1)", count, 2 * column.number, start)
        begins = f"{rank} = ({lead} * {plan.rows} + {count - 1}) / {count}"
        return f"({begins} AND {chosen} < {wanted})::{column.type}"

    def _woven(
        self, table: Table, column: Column, place: Place, ends: Sequence[int], distinct: int
    ) -> str | None:
        """A value in order with common ones among the others; None where that need not be."""
        facts = self._facts(table, column)
        unit = self._plan(table).units[column.name]
        rest = place.total - (ends[-1] if ends else 0)
        bounds, common = facts.histogram_bounds, facts.most_common_values
        if (
            abs(self._correlation(table, unit)) < _IN_ORDER
            or unit.target is not None
            or not ends
            or rest <= 0
            or len(bounds) < 2
        ):
            return None
        known = values.scaled(column.base_type, [*bounds, *common])
        if known is None:
            return None
        lows = known.numbers[: len(bounds)]
        parts = len(lows) - 1
        cut = [rest * part // parts for part in range(parts + 1)]
        kinds = [(distinct - len(ends)) * part // parts for part in range(parts + 1)]
        items = [
            (low, high - low, cut[part + 1] - cut[part], max(1, kinds[part + 1] - kinds[part]))
            for part, (low, high) in enumerate(itertools.pairwise(lows))
        ]
        shares = [end - before for before, end in zip([0, *ends], ends, strict=False)]
        items += [(number, 0, share, 1) for number, share in zip(known.numbers[len(bounds):],
                                                                 shares, strict=False)]  # fmt: skip
        return values.rendered(column, _weave(sorted(items), place.rank), known.decimals)

    def _at(self, table: Table, column: Column, row: str, depth: int) -> str:
        """The value in a row of a table, or of the partition that row is in."""
        children = self._tree.children(table.qualified)
        if not children or (table.partition_key or "").startswith("HASH"):
            return self.value(table, column, row, depth)
        cases: list[str] = []
        before = 0
        for child in (self._catalog.tables[name] for name in children):
            found = child.column(column.name)
            rows = round(self._statistics.tables[child.qualified].rows)
            if found is None or rows == 0:
                continue
            text = self._at(child, found, f"({row} - {before})" if before else row, depth)
            before += rows
            cases.append(f"WHEN {row} <= {before} THEN {text}")
        return f"CASE {' '.join(cases)} END" if cases else f"NULL::{column.type}"

    def _has(self, table: Table, column: Column, value: str) -> bool:
        """Whether a table is certain to have a value."""
        facts = self._facts(table, column)
        if value in self._lent.get((table.qualified, column.name), ()):
            return True
        if value in facts.most_common_values:
            return True
        bounds = values.scaled(column.base_type, facts.histogram_bounds)
        number = values.scaled(column.base_type, [value])
        if bounds is None or number is None or len(bounds.numbers) < 2:
            return False
        plan = self._plan(table)
        low, high = bounds.numbers[0], bounds.numbers[-1]
        dense = high - low + 1 == plan.distinct[plan.units[column.name].name] == plan.rows
        return dense and bounds.decimals == 0 and low <= number.numbers[0] <= high

    def _borrowed(self) -> dict[tuple[str, str], tuple[str, ...]]:
        """Values that columns of tables pointed to need, since those that point there have them."""
        found: dict[tuple[str, str], dict[str, None]] = {}
        for _, table in sorted(self._catalog.tables.items()):
            for unit in {one.name: one for one in units_of(self._catalog, table).values()}.values():
                if unit.constraint is None or unit.target is None or table.kind == "m":
                    continue
                for name in unit.constraint.columns:
                    column = table.column(name)
                    there = unit.there(column) if column is not None else None
                    if column is None or there is None:
                        continue
                    facts = self._facts(unit.target, there)
                    if facts.histogram_bounds or facts.most_common_values:
                        continue
                    key = (unit.target.qualified, there.name)
                    common = self._facts(table, column).most_common_values
                    found[key] = found.get(key, {}) | dict.fromkeys(common)
        return {key: tuple(known) for key, known in found.items()}

    def _facts(self, table: Table, column: Column) -> ColumnStatistics:
        own = self._statistics.tables.get(table.qualified)
        if own is None:
            return ColumnStatistics()
        both = (own.inherited, own.columns) if table.kind == "p" else (own.columns, own.inherited)
        return both[0].get(column.name) or both[1].get(column.name) or ColumnStatistics()

    def _count(self, table: Table) -> int:
        own = self._statistics.tables.get(table.qualified)
        return max(1, round(own.rows)) if own is not None else 1


def _present(rows: int, null_frac: float) -> int:
    return rows - round(rows * null_frac)


def _key_to_number(plan: TablePlan, keys: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The first key none of whose units is unique by itself, the unit with most values first."""
    for key in keys:
        names = list(dict.fromkeys(plan.units[name].name for name in key))
        if len(names) < 2 or any(plan.distinct[name] >= plan.rows for name in names):
            continue
        return tuple(sorted(names, key=lambda name: (-plan.distinct[name], names.index(name))))
    return ()


def _make_room(plan: TablePlan, key: tuple[str, ...], open_units: set[str]) -> None:
    """Raises a number of values nobody knows until a key has enough combinations."""
    names = list(dict.fromkeys(plan.units[name].name for name in key))
    combinations = math.prod(plan.distinct[name] for name in names)
    grown = next((name for name in reversed(names) if name in open_units), None)
    if grown is not None and combinations < 2 * plan.rows:
        others = combinations // plan.distinct[grown]
        plan.distinct[grown] = min(plan.rows, -(-2 * plan.rows // others))


def _mixed(within: str, stride: int, lead: str, count: int, which: int) -> str:
    """A digit of a row's number within the rows of one first value, which moves it on."""
    digit = within if stride == 1 else f"({within} / {stride})"
    step = ranks.multiplier(count, 2 * which)
    move = ranks.multiplier(count, 2 * which + 1)
    return f"(({digit} * {step} + {lead} * {move}) % {count})"


def _ends(facts: ColumnStatistics, total: int) -> list[int]:
    """The place behind the last of each common value; places go up to ``total``."""
    scale = 1 - facts.null_frac or 1.0
    shares = list(itertools.accumulate(share / scale for share in facts.most_common_freqs))
    ends = [min(total, round(share * total)) for share in shares]
    if ends and shares[-1] > 1 - 1e-6:
        ends[-1] = total
    return ends


def _choose(rank: str, common: Sequence[str], ends: Sequence[int], other: str) -> str:
    """The common value a place lies in, or another one."""
    if not common:
        return other
    if len(common) <= _FEW:
        cases = [f"WHEN {rank} < {end} THEN {text}" for text, end in zip(common, ends, strict=True)]
        if not other:
            last = common[-1]
            return f"CASE {' '.join(cases[:-1])} ELSE {last} END" if cases[1:] else last
        return f"CASE {' '.join(cases)} ELSE {other} END"
    starts = ",".join(map(str, [0, *ends[:-1]]))
    found = (
        f"(ARRAY[{', '.join(common)}])[width_bucket(({rank})::bigint, '{{{starts}}}'::bigint[])]"
    )
    return f"CASE WHEN {rank} < {ends[-1]} THEN {found} ELSE {other} END" if other else found


def _weave(items: Sequence[tuple[int, int, int, int]], rank: str) -> str:
    """SQL for the integer at a place.

    Args:
        items: Low end, width, rows and values of each part, in order.
        rank: SQL of the place.
    """
    items = [item for item in items if item[2] > 0]
    starts = [0, *itertools.accumulate(item[2] for item in items)][:-1]
    part = f"width_bucket(({rank})::bigint, {_array(starts, 'bigint')})"
    kinds = [min(item[2], item[3]) for item in items]
    steps = [item[1] / count for item, count in zip(items, kinds, strict=True)]
    steps[-1] = items[-1][1] / max(1, kinds[-1] - 1)
    rates = [
        math.nextafter(count / item[2], math.inf) for item, count in zip(items, kinds, strict=True)
    ]
    into = f"{rank} - ({_array(starts, 'bigint')})[{part}]"
    into = f"floor(({into}) * ({_array(rates, 'float8')})[{part}])"
    return (
        f"(({_array([item[0] for item in items], 'bigint')})[{part}]"
        f" + round(({_array(steps, 'float8')})[{part}] * {into})::bigint)"
    )


def _array(numbers: Sequence[float], kind: str) -> str:
    return f"'{{{','.join(repr(number) for number in numbers)}}}'::{kind}[]"
