"""The two ends of a window are moved together: it stays about as wide as it was captured.

``at >= $1 AND at < $2`` with two Mondays of two months ago are 59 and 52 days: both are nearest to
the same round age. Planned with one moment twice, the window holds nothing: every estimate is one
row, and every partition is left out. Two of four years ago may come to lie in different tenths of
the table, and the week becomes a quarter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation

from pytest_planguard.model.statistics import ColumnStatistics
from pytest_planguard.planner.instants import instant, rendered, usual
from pytest_planguard.sql.bindings import Binding

_LOWER = frozenset({">", ">="})
_UPPER = frozenset({"<", "<="})

Values = tuple[str | None, ...]
Columns = Mapping[tuple[str, str], ColumnStatistics]


def opened(
    values: Values,
    snapped: Values,
    by_parameter: Mapping[int, Sequence[Binding]],
    columns: Columns,
) -> Values:
    """Snapped values, with windows as wide as they were captured.

    Args:
        values: As captured.
        snapped: The same, moved one by one.
        by_parameter: What each is compared with, by its number from 1.
        columns: Statistics by (alias, column).

    Returns:
        The upper end lies behind the lower one by the usual width nearest to the captured one: an
        hour, a day, a week …, or a power of ten.
    """
    apart = list(snapped)
    for (alias, column), (low, high) in _windows(by_parameter).items():
        captured, moved = (values[low - 1], values[high - 1]), (apart[low - 1], apart[high - 1])
        if None in captured or None in moved or not _is_open(*captured):
            continue
        statistics = columns.get((alias, column), ColumnStatistics())
        ends = _by_time(captured, moved)
        ends = ends or _by_number(captured, moved, statistics.histogram_bounds[-1:])
        if ends is not None:
            apart[low - 1], apart[high - 1] = ends
    return tuple(apart)


def _windows(by_parameter: Mapping[int, Sequence[Binding]]) -> dict[tuple[str, str], list[int]]:
    """Columns that one parameter bounds from below and one from above, with their numbers."""
    found: dict[tuple[str, str], tuple[list[int], list[int]]] = {}
    for number, bound in sorted(by_parameter.items()):
        for one in bound:
            ends = found.setdefault((one.alias, one.column), ([], []))
            if one.operator in _LOWER:
                ends[0].append(number)
            elif one.operator in _UPPER:
                ends[1].append(number)
    return {
        where: [*low, *high]
        for where, (low, high) in found.items()
        if len(low) == len(high) == 1 and low != high
    }


def _is_open(low: str | None, high: str | None) -> bool:
    first, second = instant(low), instant(high)
    if first is not None and second is not None:
        return first < second
    numbers = _number(low), _number(high)
    return None not in numbers and numbers[0] < numbers[1]  # type: ignore[operator]


def _by_time(
    captured: tuple[str | None, str | None], moved: tuple[str | None, str | None]
) -> tuple[str, str] | None:
    low, high = instant(moved[0]), instant(moved[1])
    first, second = instant(captured[0]), instant(captured[1])
    if low is None or high is None or first is None or second is None or moved == captured:
        return None
    width = usual(second - first)
    if moved[0] is None or (high > low and usual(high - low) == width):
        return None
    return moved[0], rendered(low + width, moved[0])


def _by_number(
    captured: tuple[str | None, str | None],
    moved: tuple[str | None, str | None],
    last: Sequence[str],
) -> tuple[str, str] | None:
    """As wide as the power of ten nearest to what was captured; before the last value there is."""
    low, high = _number(moved[0]), _number(moved[1])
    first, second = _number(captured[0]), _number(captured[1])
    if low is None or high is None or first is None or second is None or moved == captured:
        return None
    width = _power(second - first)
    if high > low and _power(high - low) == width:
        return None
    start = low - width if moved[0] in last else low
    return format(start, "f"), format(start + width, "f")


def _power(width: Decimal) -> Decimal:
    """The power of ten nearest to a width above nothing."""
    return Decimal(10) ** round(width.log10())


def _number(text: str | None) -> Decimal | None:
    try:
        found = Decimal(text or "")
    except InvalidOperation:
        return None
    return found if found.is_finite() else None
