"""Which values a query is planned with.

Values captured from a test are snapped to the statistics, so that random test data (Faker,
uuid4, sequences, clocks) can't move a plan: a most common value stays itself, any other becomes
the typical other one, the end of a range the nearest decile, a pattern one of like shape.
"""

from __future__ import annotations

import bisect
import datetime as dt
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from pytest_planguard.model.query import Variant
from pytest_planguard.model.statement import Sample
from pytest_planguard.model.statistics import ColumnStatistics
from pytest_planguard.planner.binary import text_of
from pytest_planguard.planner.instants import SPANS, instant, rendered, usual
from pytest_planguard.planner.redacted import in_the_middle
from pytest_planguard.planner.selectivity import LIST_ITEM, is_common, place_among
from pytest_planguard.planner.windows import opened
from pytest_planguard.sql.bindings import Binding
from pytest_planguard.sql.types import INTEGER_ARRAYS, INTEGERS, integer_for

LIMIT_CLASSES = (0, 1, 20, 100, 1_000, 10_000, 100_000, 1_000_000)
"""What a LIMIT or an OFFSET sent as a parameter is rounded up to: a page of 20 is what most ask
for, and a test that makes 3 rows and asks for 2 of them is not to be planned otherwise."""

LIST_CLASSES = (1, 5, 20, 100, 1_000, 10_000)
"""What the length of a list is rounded up to; the first three as in the normal form of IN lists."""

_INSTANTS = frozenset({"1082", "1114", "1184"})
"""OIDs of date, timestamp and timestamptz."""

Values = tuple[str | None, ...]


class Clock(msgspec.Struct, frozen=True):
    """Two instants: the statistics', and the one the values were captured at."""

    statistics: dt.datetime
    captured: dt.datetime


class Choice(msgspec.Struct, frozen=True):
    """One list of values to plan with."""

    values: Values
    types: tuple[str | None, ...]
    """As sent, but an integer as wide as its value needs."""


Columns = Mapping[tuple[str, str], ColumnStatistics]
"""Statistics by (alias, column)."""


def readable(sample: Sample, types: Sequence[str | None]) -> Values | None:
    """The text of a sample's values; None where a binary value can't be read."""
    if not sample.binary:
        return sample.values
    values = list(sample.values)
    for position in sample.binary:
        raw, oid = values[position], types[position]
        if raw is None:
            continue
        text = text_of(bytes.fromhex(raw), int(oid)) if oid and oid.isdigit() else None
        if text is None:
            return None
        values[position] = text
    return tuple(values)


def choose(
    variant: Variant, bound: Iterable[Binding], columns: Columns, clock: Clock
) -> tuple[Choice, ...]:
    """The captured values as they may be planned with: distinct once snapped."""
    by_parameter = grouped(bound)
    chosen: set[Choice] = set()
    for sample in variant.samples:
        values = readable(sample, variant.parameter_types)
        if values is None:
            continue
        values = in_the_middle(values, variant.redacted, by_parameter, columns)
        snapped = tuple(
            to_class(value, LIMIT_CLASSES)
            if number in variant.literal
            else _snap(value, name, by_parameter.get(number, ()), columns, clock)
            for number, (value, name) in enumerate(
                zip(values, variant.parameter_types, strict=False), 1
            )
        )
        snapped = _kept_apart(values, snapped, by_parameter, columns)
        snapped = opened(values, snapped, by_parameter, columns)
        chosen.add(Choice(snapped, types_for(variant.parameter_types, snapped)))
    return tuple(sorted(chosen, key=order))


def grouped(bound: Iterable[Binding]) -> dict[int, list[Binding]]:
    """Comparisons by the number of their parameter."""
    by_parameter: dict[int, list[Binding]] = {}
    for binding in bound:
        by_parameter.setdefault(binding.parameter, []).append(binding)
    return by_parameter


def beside(statistics: ColumnStatistics, predicates: Sequence[str]) -> ColumnStatistics:
    """Masked statistics, for a column that predicates of indexes compare with values.

    Those values were kept and stay themselves; a captured value that is none of them becomes a
    stand-in, and never one that a predicate names.
    """
    named = [
        value
        for value in statistics.most_common_values
        if any("'" + value.replace("'", "''") + "'" in predicate for predicate in predicates)
    ]
    others = [value for value in statistics.most_common_values if value not in named]
    bounds = statistics.histogram_bounds or tuple(others)
    return msgspec.structs.replace(
        statistics, most_common_values=tuple(named), histogram_bounds=bounds
    )


def _kept_apart(
    values: Values,
    snapped: Values,
    by_parameter: Mapping[int, Sequence[Binding]],
    columns: Columns,
) -> Values:
    """Different values of one column stay different: equal ones would join what they select.

    ``a.name = $1 AND b.name = $2`` with the same value twice makes the planner infer that the
    names are equal, and ``IN ($1, $2)`` becomes one value.
    """
    used: dict[tuple[str, str], dict[str, str]] = {}
    apart = list(snapped)
    for number, (value, chosen) in enumerate(zip(values, snapped, strict=False), 1):
        found = _compared_column(by_parameter.get(number, ()), columns)
        if value is None or chosen is None or found is None:
            continue
        where, statistics = found
        by_value = used.setdefault(where, {})
        if value not in by_value:
            by_value[value] = _unused(chosen, by_value.values(), statistics)
        apart[number - 1] = by_value[value]
    return tuple(apart)


def _compared_column(
    bound: Iterable[Binding], columns: Columns
) -> tuple[tuple[str, str], ColumnStatistics] | None:
    """The column a parameter is compared with for equality, and its statistics."""
    for binding in bound:
        statistics = columns.get((binding.alias, binding.column))
        if statistics is not None and binding.operator in {"=", "<>"}:
            return (binding.relation, binding.column), statistics
    return None


def _unused(chosen: str, used: Iterable[str], statistics: ColumnStatistics) -> str:
    """The value, or where it stands for another one already, the next that stands for none."""
    taken = set(used)
    common = statistics.most_common_values if statistics.masked else ()
    others = statistics.histogram_bounds or common
    if chosen not in taken or chosen not in others:
        return chosen
    start = others.index(chosen)
    following = (*others[start:], *others[:start])
    return next((one for one in following if one not in taken), chosen)


def order(choice: Choice) -> tuple[object, ...]:
    """Sorts choices by their values, NULLs last."""
    return tuple((value is None, value or "") for value in choice.values)


def types_for(types: Sequence[str | None], values: Values) -> tuple[str | None, ...]:
    """The types as sent, but an integer as wide as its value needs."""
    return tuple(
        integer_for(value, name)
        if name in INTEGERS and value is not None
        else ("1016" if name in INTEGER_ARRAYS else name)
        for name, value in zip(types, values, strict=False)
    )


def _snap(
    value: str | None,
    type_name: str | None,
    bound: Sequence[Binding],
    columns: Columns,
    clock: Clock,
) -> str | None:
    if value is None:
        return None
    for binding in bound:
        statistics = columns.get((binding.alias, binding.column))
        if statistics is not None or "~~" in binding.operator:
            return _snap_to(value, binding.operator, statistics or ColumnStatistics(), clock)
    moment = instant(value) if type_name in _INSTANTS else None
    return value if moment is None else _snap_instant(value, moment, (), clock)


def _snap_to(value: str, operator: str, statistics: ColumnStatistics, clock: Clock) -> str:
    if operator in {"=", "<>"}:
        return _typical(value, statistics)
    if operator.endswith(" ANY") and value.startswith("{"):
        return _typical_list(value, statistics)
    if operator in {"<", "<=", ">", ">="}:
        return _range_end(value, operator, statistics, clock)
    if "~~" in operator:
        return _pattern(value, statistics)
    return value


def _typical(value: str, statistics: ColumnStatistics) -> str:
    """A most common value stays; any other is as good as the middle of the histogram.

    Where the column's values are stand-ins and all of them are most common ones, no captured value
    is among them: then it is the one of middling frequency, and not one the column does not have.
    """
    if is_common(value, statistics.most_common_values):
        return value
    others = _others(statistics)
    return others[len(others) // 2] if others else value


def _others(statistics: ColumnStatistics) -> Sequence[str]:
    """What stands for values that are not among the most common ones."""
    if statistics.masked and not statistics.histogram_bounds:
        return statistics.most_common_values
    return statistics.histogram_bounds


def sizes_of(values: Values, limits: Sequence[int]) -> str:
    """What of a plan's values is a size: LIMIT and OFFSET, and how long lists are.

    >>> sizes_of(("7", "20", "{1,2,3,4,5}"), (2,))
    'limit 20, list of 5'
    """
    found = []
    for number, value in enumerate(values, 1):
        if value is not None and number in limits:
            found.append(f"limit {value}")
        elif value is not None and value.startswith("{") and value.endswith("}"):
            found.append(f"list of {len(LIST_ITEM.findall(value))}")
    return ", ".join(found)


def to_class(value: str | None, classes: Sequence[int]) -> str | None:
    """A number rounded up to its class; anything else stays."""
    if value is None or not value.isdigit():
        return value
    return str(next((size for size in classes if int(value) <= size), value))


def _typical_list(value: str, statistics: ColumnStatistics) -> str:
    items = LIST_ITEM.findall(value)
    bounds = _others(statistics)
    if not items:
        return value
    length = next((size for size in LIST_CLASSES if len(items) <= size), len(items))
    items = [items[n % len(items)] for n in range(length)]
    if not bounds:
        return "{" + ",".join(items) + "}"
    others = 0
    out = []
    for item in items:
        if is_common(item.strip('"'), statistics.most_common_values):
            out.append(item)
        else:
            out.append('"' + bounds[others % len(bounds)] + '"')
            others += 1
    return "{" + ",".join(sorted(out)) + "}"


def _range_end(value: str, operator: str, statistics: ColumnStatistics, clock: Clock) -> str:
    bounds = statistics.histogram_bounds
    if len(bounds) < 2:
        return value
    moment = instant(value)
    if moment is not None and instant(bounds[-1]) is not None:
        if moment < clock.captured - (clock.statistics - _as_utc(bounds[0])):
            return middle_end(operator, bounds)
        return _snap_instant(value, moment, bounds, clock)
    last = len(bounds) - 1
    return bounds[round(round(place_among(value, bounds) / last * 10) / 10 * last)]


def middle_end(operator: str, bounds: Sequence[str]) -> str:
    """The middle, as for an instant from before there were any rows.

    Tests freeze the clock at a date long ago, or invent one: such a value would match all rows or
    none, and says nothing of what production asks. A lower end lies just below the middle and
    an upper one just above, so that a range between two of them stays a narrow one.
    """
    middle = len(bounds) // 2
    return bounds[max(0, middle - 1) if operator.startswith(">") else middle]


def _snap_instant(value: str, moment: dt.datetime, bounds: Sequence[str], clock: Clock) -> str:
    """Moves an instant along with the statistics' clock, to a round age."""
    age = clock.captured - moment
    if age <= SPANS[0] / 2:
        return rendered(clock.statistics, value)
    if age <= SPANS[-1] * 1.5:
        return rendered(clock.statistics - usual(age), value)
    if not bounds:
        years = round(age / SPANS[-1])
        return rendered(clock.statistics - years * SPANS[-1], value)
    known = sorted(map(_as_utc, bounds))
    last = len(known) - 1
    place = min(bisect.bisect_left(known, clock.statistics - age), last)
    return bounds[round(round(place / last * 10) / 10 * last)]


def _as_utc(value: str) -> dt.datetime:
    return instant(value) or dt.datetime.max.replace(tzinfo=dt.UTC)


_LITERAL_RUN = re.compile(r"[^%_]+")


def _pattern(value: str, statistics: ColumnStatistics) -> str:
    """A pattern of like shape: the same wildcards, as many letters, of a typical value.

    What ends a pattern is taken from the value's end: its beginning ends few values or none. Of
    stand-ins, which have no words, see ``_among_stand_ins``.
    """
    if statistics.masked and (like := _among_stand_ins(value, statistics)):
        return like
    bounds = statistics.histogram_bounds
    typical = bounds[len(bounds) // 2] if bounds else "x"
    typical = re.sub(r"[%_\\]", "x", typical) or "x"

    def run(match: re.Match[str]) -> str:
        length = min(len(match.group()), 8)
        letters = typical * (length // len(typical) + 1)
        is_end = match.start() > 0 and match.end() == len(value)
        return letters[-length:] if is_end and not statistics.masked else letters[:length]

    return _LITERAL_RUN.sub(run, value)


_INNER = re.compile(r"%[^%_]+%?")
"""A pattern that finds a word anywhere, or at the end."""
_BEGINNING = re.compile(r"[^%_]+%")

WORD_SHARE = 0.05
"""Of the values, that have a word one looks for: a name of part holds one colour of TPC-H's in
5.4 % of all parts, a kind of part one metal in 20 %. PostgreSQL's own guess for such a pattern is
0.5 % (``DEFAULT_MATCH_SEL``): with it large joins look small, and bad plans good."""

_LONGEST_PART = 3


def _among_stand_ins(value: str, statistics: ColumnStatistics) -> str:
    """A pattern that finds as many stand-ins as one of its kind finds texts; empty: none known.

    A word stands in ``WORD_SHARE`` of them, anywhere: ends of stand-ins are all alike. A beginning
    is as long as a value: one that finds more than a bound of the histogram is for few searches.
    """
    inner = _INNER.fullmatch(value)
    if inner is not None:
        part = _common_part(statistics)
        return f"%{part}%" if part else ""
    bounds = statistics.histogram_bounds
    if not bounds or not _BEGINNING.fullmatch(value):
        return ""
    return f"{bounds[len(bounds) // 2]}%"


def _common_part(statistics: ColumnStatistics) -> str:
    """Letters whose share of the column's values is nearest to ``WORD_SHARE``; empty: none are."""
    common = dict(zip(statistics.most_common_values, statistics.most_common_freqs, strict=False))
    rest = max(0.0, 1.0 - statistics.null_frac - sum(common.values()))
    bounds = statistics.histogram_bounds
    weights = {**dict.fromkeys(bounds, rest / max(1, len(bounds))), **common}
    shares: dict[str, float] = defaultdict(float)
    for value, weight in weights.items():
        for part in _parts_of(value):
            shares[part] += weight
    fitting = (part for part in shares if not set(part) & set("%_\\"))
    return min(fitting, key=lambda part: (abs(shares[part] - WORD_SHARE), part), default="")


def _parts_of(value: str) -> set[str]:
    """All runs of up to three letters."""
    sizes = range(1, min(_LONGEST_PART, len(value)) + 1)
    return {value[at : at + size] for size in sizes for at in range(len(value) - size + 1)}
