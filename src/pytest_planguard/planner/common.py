"""Values production asks for and the tests do not: the most common ones, and the far ends.

They are drawn from the statistics, and only where they tell something: the column's values differ
so much in how many rows they have that a plan may turn, and the application can ask for any of
them. A parameter the tests give one state of a column of states (``status = 'open'``) is most
often a constant of the code, which no statistics may exchange; then nothing is drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from pytest_planguard.model.plan import Drawn
from pytest_planguard.model.query import Variant
from pytest_planguard.model.statistics import ColumnStatistics
from pytest_planguard.planner.classes import Classes, Relation, Relations
from pytest_planguard.planner.parameters import (
    LIMIT_CLASSES,
    Choice,
    Columns,
    Values,
    grouped,
    middle_end,
    readable,
    types_for,
)
from pytest_planguard.planner.selectivity import distinct_values, rows_selected
from pytest_planguard.sql.bindings import Binding
from pytest_planguard.sql.types import BOOLEAN

FEW = 100
"""Distinct values that may all be states. ANALYZE keeps as many as common ones
(``default_statistics_target``); who is one of more than that (a customer, a tenant) is nobody's
constant."""

MANY_ROWS = 1_000.0
"""Of a value, below which no plan is worth another: a few dozen pages, however they are found."""

TIMES = 10.0
"""As often as the typical one a value must be: plans change over orders of magnitude, and an index
that is right for a row is right for ten."""

_RANGES = frozenset({"<", "<=", ">", ">="})
_PAGE = str(LIMIT_CLASSES[2])
_LONGEST = 40
"""Of a value in a sentence, in letters."""


class Common(msgspec.Struct, frozen=True):
    """Values to plan with, and what they are."""

    choice: Choice
    drawn: Drawn


class _Offer(msgspec.Struct, frozen=True):
    """What the statistics offer for one parameter."""

    number: int
    extreme: str
    typical: str
    extreme_kind: str
    """``the most common value of public.orders.status ('delivered')``."""
    typical_kind: str
    stand_in: bool
    """The column's values are."""


class _Compared(msgspec.Struct, frozen=True):
    """A comparison whose column has statistics."""

    operator: str
    column: str
    """``public.orders.status``."""
    statistics: ColumnStatistics
    rows: float
    """Of the table."""


def common(
    variant: Variant,
    captured: Sequence[Choice],
    bound: Iterable[Binding],
    columns: Columns,
    relations: Relations,
) -> tuple[Common, ...]:
    """At most two: extreme values for all parameters that have any, and typical ones.

    What is of a captured choice's class is left out. Parameters nothing is drawn for keep the
    value of the captured choice that selects most; where nothing was captured, as for a statement
    somebody types in, they too are typical.

    Args:
        variant: With its samples as they were captured.
        captured: The captured choices that are planned.
        bound: What the parameters are compared with.
        columns: Statistics by (alias, column).
        relations: By alias.
    """
    bound = tuple(bound)
    classes = Classes(variant, bound, columns, relations)
    compared = {
        number: tuple(_comparisons(group, columns, relations))
        for number, group in sorted(grouped(bound).items())
    }
    base = _base(variant, captured, compared, classes)
    if base is None:
        return ()
    offers = [
        offer
        for number, comparisons in compared.items()
        if (offer := _offer(number, variant, captured, comparisons)) is not None
    ]
    offers = list(_apart(offers, base))
    if captured and not offers:
        return ()
    seen = {classes.of(choice) for choice in captured}
    found = []
    for one in _both(variant, base, offers):
        kind = classes.of(one.choice)
        if kind not in seen:
            seen.add(kind)
            found.append(one)
    return tuple(found)


def _comparisons(
    bound: Iterable[Binding], columns: Columns, relations: Relations
) -> Iterator[_Compared]:
    for one in bound:
        statistics = columns.get((one.alias, one.column))
        relation: Relation | None = relations.get(one.alias)
        if statistics is not None and relation is not None:
            name = f"{relation.name}.{one.column}"
            yield _Compared(one.operator, name, statistics, relation.rows)


def _both(variant: Variant, base: Values, offers: Sequence[_Offer]) -> Iterator[Common]:
    """The extreme values, where there are any, and the typical ones."""
    masked = any(one.stand_in for one in offers)
    extreme = {one.number: one.extreme for one in offers}
    typical = {one.number: one.typical for one in offers}
    kind = " and ".join(dict.fromkeys(one.typical_kind for one in offers)) or "typical values"
    if offers:
        most = " and ".join(dict.fromkeys(one.extreme_kind for one in offers))
        yield Common(_with(variant, base, extreme), Drawn(most, extreme=True, stand_in=masked))
    yield Common(_with(variant, base, typical), Drawn(kind, stand_in=masked))


def _with(variant: Variant, base: Values, drawn: dict[int, str]) -> Choice:
    values = tuple(drawn.get(number, value) for number, value in enumerate(base, 1))
    return Choice(values, types_for(variant.parameter_types, values))


def _apart(offers: Iterable[_Offer], base: Values) -> Iterator[_Offer]:
    """One value for one parameter: the items of a list must not become equal."""
    seen: set[str | None] = set()
    for one in offers:
        others = {value for number, value in enumerate(base, 1) if number != one.number}
        if one.extreme not in seen | others:
            seen.add(one.extreme)
            yield one


def _offer(
    number: int, variant: Variant, captured: Sequence[Choice], compared: Iterable[_Compared]
) -> _Offer | None:
    """What is worth planning for a parameter; None: nothing, or it is not the application's."""
    if number in variant.literal or variant.parameter_types[number - 1] == BOOLEAN:
        return None
    for one in compared:
        if one.operator == "=" and _may_be_any(number, variant, one):
            return _skewed(number, one)
        if one.operator in _RANGES and _varies(number, captured):
            return _range(number, one)
    return None


def _may_be_any(number: int, variant: Variant, compared: _Compared) -> bool:
    """Whether the application can ask for any value of a column.

    There are too many for a constant, or it was seen to ask for several, or nothing was seen.
    """
    if distinct_values(compared.statistics, compared.rows) > FEW:
        return True
    asked = {
        values[number - 1]
        for sample in variant.samples
        if (values := readable(sample, variant.parameter_types)) is not None
    }
    return len(asked) != 1


def _varies(number: int, captured: Sequence[Choice]) -> bool:
    """Whether ends of a range differ by more than the tests' clock and data."""
    return len({choice.values[number - 1] for choice in captured}) != 1


def _skewed(number: int, compared: _Compared) -> _Offer | None:
    """The most common value and a typical other one, where the first has many more rows."""
    statistics, column, rows = compared.statistics, compared.column, compared.rows
    values = _by_frequency(statistics)
    typical = _typical(statistics)
    if not values or not typical:
        return None
    most = rows_selected(values[0], "=", statistics, rows) or 0.0
    usual = rows_selected(typical, "=", statistics, rows) or 0.0
    if most < MANY_ROWS or most < TIMES * max(1.0, usual):
        return None
    is_shown = not statistics.masked and len(values[0]) <= _LONGEST
    kind = f"the most common value of {column}" + (f" ('{values[0]}')" if is_shown else "")
    other = f"a typical value of {column}"
    return _Offer(number, values[0], typical, kind, other, statistics.masked)


def _range(number: int, compared: _Compared) -> _Offer | None:
    """The far end, which keeps all rows, and the middle."""
    bounds, operator = compared.statistics.histogram_bounds, compared.operator
    if len(bounds) < 2 or compared.rows < MANY_ROWS:
        return None
    far = bounds[0] if operator.startswith(">") else bounds[-1]
    middle = middle_end(operator, bounds)
    kinds = (f"the far end of {compared.column}", f"the middle of {compared.column}")
    return _Offer(number, far, middle, *kinds, compared.statistics.masked)


def _by_frequency(statistics: ColumnStatistics) -> list[str]:
    """Most common values; an empty text stands for what is not known, and nobody asks for it."""
    pairs = zip(statistics.most_common_freqs, statistics.most_common_values, strict=False)
    return [value for _, value in sorted(pairs, key=lambda pair: -pair[0]) if value]


def _typical(statistics: ColumnStatistics) -> str:
    """One that is not among the most common ones; where all are, one of middling frequency."""
    bounds, rest = statistics.histogram_bounds, _by_frequency(statistics)[1:]
    if bounds:
        return bounds[len(bounds) // 2]
    return rest[len(rest) // 2] if rest else ""


def _base(
    variant: Variant,
    captured: Sequence[Choice],
    compared: dict[int, tuple[_Compared, ...]],
    classes: Classes,
) -> Values | None:
    """What parameters have that nothing is drawn for; None: one of them has no value."""
    if captured:
        return max(captured, key=classes.weight).values
    if variant.samples:  # what was captured can't be read
        return None
    values = [
        _PAGE if n in variant.literal else _usual(compared.get(n, ()))
        for n in range(1, len(variant.parameter_types) + 1)
    ]
    return tuple(values) if all(values) else None


def _usual(compared: Iterable[_Compared]) -> str:
    """A typical value of the first column that has one; empty: there is none."""
    for one in compared:
        bounds = one.statistics.histogram_bounds
        if one.operator in _RANGES and len(bounds) > 1:
            return middle_end(one.operator, bounds)
        if one.operator == "=":
            only = one.statistics.most_common_values[:1]
            if found := _typical(one.statistics) or "".join(only):
                return found
    return ""
