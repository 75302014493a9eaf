"""Values production asks for and the tests do not: the most common ones, and the far ends.

They are drawn from the statistics, and only where they tell something: the column's values differ
so much in how many rows they have that a plan may turn, and the application can ask for any of
them. A parameter the tests give one state of a column of states (``status = 'open'``) is most
often a constant of the code, which no statistics may exchange; then nothing is drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from pytest_planguard.model.plan import Drawn
from pytest_planguard.model.query import Variant
from pytest_planguard.model.statistics import ColumnStatistics
from pytest_planguard.planner.classes import Class, Classes, Relations
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
    column: str
    """``public.orders.status``."""
    extreme: str
    typical: str
    words: tuple[str, str]
    """What the extreme and the typical one are: ``the most common value``, ``a typical value``."""
    shown: str = ""
    """The extreme one as reports may show it: `` ('delivered')``; empty where it is a stand-in."""


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
    bindings = grouped(bound)
    classes = Classes(variant, bound, columns, relations)
    base = _base(variant, captured, bindings, columns, classes)
    if base is None:
        return ()
    offers = [
        one
        for number in sorted(bindings)
        if (one := _offer(number, variant, captured, bindings[number], columns, relations))
    ]
    offers = list(_apart(offers, base))
    if captured and not offers:
        return ()
    extreme = Drawn(_kind(offers, extreme=True), extreme=True)
    typical = Drawn(_kind(offers, extreme=False))
    named = [(_with(base, {one.number: one.typical for one in offers}), typical)]
    if offers:
        named.insert(0, (_with(base, {one.number: one.extreme for one in offers}), extreme))
    return tuple(_new(variant, named, {classes.of(one) for one in captured}, classes))


def _apart(offers: Iterable[_Offer], base: Values) -> Iterator[_Offer]:
    """One value for one parameter: the items of a list must not become equal."""
    seen: set[str | None] = set()
    for one in offers:
        others = {value for number, value in enumerate(base, 1) if number != one.number}
        if one.extreme not in seen | others:
            seen.add(one.extreme)
            yield one


def _new(
    variant: Variant, named: Sequence[tuple[Values, Drawn]], seen: set[Class], classes: Classes
) -> Iterator[Common]:
    """Those of a class that is not planned yet."""
    for values, drawn in named:
        choice = Choice(values, types_for(variant.parameter_types, values))
        found = classes.of(choice)
        if found not in seen:
            seen.add(found)
            yield Common(choice, drawn)


def _with(base: Values, drawn: dict[int, str]) -> Values:
    return tuple(drawn.get(number, value) for number, value in enumerate(base, 1))


def _kind(drawn: Sequence[_Offer], *, extreme: bool) -> str:
    """``the most common value of public.orders.status and the far end of …``."""
    parts = [
        f"{one.words[0]} of {one.column}{one.shown}"
        if extreme
        else f"{one.words[1]} of {one.column}"
        for one in drawn
    ]
    return " and ".join(dict.fromkeys(parts)) or "typical values"


def _offer(
    number: int,
    variant: Variant,
    captured: Sequence[Choice],
    bound: Sequence[Binding],
    columns: Columns,
    relations: Relations,
) -> _Offer | None:
    """What is worth planning for a parameter; None: nothing, or it is not the application's."""
    if number in variant.literal or variant.parameter_types[number - 1] == BOOLEAN:
        return None
    for one in bound:
        statistics, relation = columns.get((one.alias, one.column)), relations.get(one.alias)
        if statistics is None or relation is None:
            continue
        column, rows = f"{relation.name}.{one.column}", relation.rows
        if one.operator == "=" and _may_be_any(number, variant, statistics, rows):
            return _skewed(number, column, statistics, rows)
        if one.operator in _RANGES and _varies(number, captured):
            return _range(number, column, one.operator, statistics, rows)
    return None


def _may_be_any(number: int, variant: Variant, statistics: ColumnStatistics, rows: float) -> bool:
    """Whether the application can ask for any value of a column.

    There are too many for a constant, or it was seen to ask for several, or nothing was seen.
    """
    if distinct_values(statistics, rows) > FEW:
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


def _skewed(number: int, column: str, statistics: ColumnStatistics, rows: float) -> _Offer | None:
    """The most common value and a typical other one, where the first has many more rows."""
    common = _by_frequency(statistics)
    typical = _typical(statistics, common)
    if not common or not typical:
        return None
    most = rows_selected(common[0], "=", statistics, rows) or 0.0
    usual = rows_selected(typical, "=", statistics, rows) or 0.0
    if most < MANY_ROWS or most < TIMES * max(1.0, usual):
        return None
    words = ("the most common value", "a typical value")
    shown = "" if statistics.masked or len(common[0]) > _LONGEST else f" ('{common[0]}')"
    return _Offer(number, column, common[0], typical, words, shown)


def _by_frequency(statistics: ColumnStatistics) -> list[str]:
    """Most common values; an empty text stands for what is not known, and nobody asks for it."""
    pairs = zip(statistics.most_common_freqs, statistics.most_common_values, strict=False)
    return [value for _, value in sorted(pairs, key=lambda pair: -pair[0]) if value]


def _typical(statistics: ColumnStatistics, common: Sequence[str]) -> str:
    """One that is not among the most common ones; where all are, one of middling frequency."""
    bounds, rest = statistics.histogram_bounds, common[1:]
    if bounds:
        return bounds[len(bounds) // 2]
    return rest[len(rest) // 2] if rest else ""


def _range(
    number: int, column: str, operator: str, statistics: ColumnStatistics, rows: float
) -> _Offer | None:
    """The far end, which keeps all rows, and the middle."""
    bounds = statistics.histogram_bounds
    if len(bounds) < 2 or rows < MANY_ROWS:
        return None
    far = bounds[0] if operator.startswith(">") else bounds[-1]
    return _Offer(number, column, far, middle_end(operator, bounds), ("the far end", "the middle"))


def _base(
    variant: Variant,
    captured: Sequence[Choice],
    bindings: Mapping[int, Sequence[Binding]],
    columns: Columns,
    classes: Classes,
) -> Values | None:
    """What parameters have that nothing is drawn for; None: one of them has no value."""
    if captured:
        return max(captured, key=classes.weight).values
    if variant.samples:  # what was captured can't be read
        return None
    values = [
        _PAGE if n in variant.literal else _usual(bindings.get(n, ()), columns)
        for n in range(1, len(variant.parameter_types) + 1)
    ]
    return None if not all(values) else tuple(values)


def _usual(bound: Sequence[Binding], columns: Columns) -> str:
    """A typical value of the first column that has statistics; empty: there is none."""
    for one in bound:
        statistics = columns.get((one.alias, one.column))
        if statistics is None:
            continue
        if one.operator in _RANGES and len(statistics.histogram_bounds) > 1:
            return middle_end(one.operator, statistics.histogram_bounds)
        common = _by_frequency(statistics)
        if one.operator == "=" and (found := _typical(statistics, common) or "".join(common[:1])):
            return found
    return ""
