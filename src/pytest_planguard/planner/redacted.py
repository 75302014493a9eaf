"""Ends of ranges that nobody may know: the middle of the column stands for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pytest_planguard.model.statistics import ColumnStatistics
from pytest_planguard.sql.bindings import Binding

_RANGES = frozenset({"<", "<=", ">", ">="})


def in_the_middle(
    values: Sequence[str | None],
    redacted: Sequence[int],
    bound: Mapping[int, Sequence[Binding]],
    columns: Mapping[tuple[str, str], ColumnStatistics],
) -> tuple[str | None, ...]:
    """The values with the middle of a column's histogram for stand-ins that end a range.

    A stand-in is next to nowhere among a column's values: it would select all rows or none. For an
    equality that is right, it is a value like any other; instants that are older than all rows are
    taken for the middle anyway. A lower end lies below an upper one, so that a range stays narrow.

    Args:
        values: Of one sample.
        redacted: Numbers of the parameters whose values are stand-ins.
        bound: What each parameter is compared with.
        columns: Statistics by (alias, column).
    """
    found = list(values)
    for number in redacted:
        for one in bound.get(number, ()):
            known = columns.get((one.alias, one.column))
            bounds = known.histogram_bounds if known is not None else ()
            is_known = number <= len(found) and found[number - 1] is not None
            if bounds and is_known and one.operator in _RANGES:
                middle = len(bounds) // 2 - one.operator.startswith(">")
                found[number - 1] = bounds[max(0, middle)]
    return tuple(found)
