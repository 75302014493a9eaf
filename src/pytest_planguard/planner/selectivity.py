"""How many rows a comparison with a value selects: roughly, to tell classes of values apart.

What is told from statistics here decides only which values are planned; how many rows each of
them selects is then for the planner to say (src/backend/utils/adt/selfuncs.c, which these few
lines follow).
"""

from __future__ import annotations

import bisect
import math
import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from pytest_planguard.model.statistics import ColumnStatistics
from pytest_planguard.planner.instants import instant

LIST_ITEM = re.compile(r'"(?:[^"\\]|\\.)*"|[^,{}]+')
"""An item of an array in its text form."""

_BOOLEANS = {"t": "true", "f": "false"}


def rows_selected(
    value: str, operator: str, statistics: ColumnStatistics, rows: float
) -> float | None:
    """Rows of a table a comparison with a value keeps; None: the statistics don't tell.

    Args:
        value: In the text form of the column's type.
        operator: As of ``Binding``: ``=``, ``<``, ``= ANY`` …
        statistics: Of the column.
        rows: Of the table.
    """
    share: float | None = None
    if operator == "=":
        share = _share_of([value], statistics, rows)
    elif operator == "= ANY" and value.startswith("{"):
        items = [item.strip('"') for item in LIST_ITEM.findall(value)]
        share = _share_of(items, statistics, rows)
    elif operator in {"<", "<=", ">", ">="}:
        share = _share_below(value, statistics)
        share = 1.0 - share if share is not None and operator.startswith(">") else share
    return None if share is None else share * rows


def half_decade(rows: float) -> int:
    """A number of rows to the next of 1, 3, 10, 30 …, as how many steps that is.

    Values of one class select about as many rows: less than 3.2 times as many, which is about
    what the baseline takes for the same cost.

    >>> half_decade(0.2), half_decade(1), half_decade(3), half_decade(10), half_decade(94_000)
    (0, 0, 1, 2, 10)
    """
    return math.ceil(2 * math.log10(max(1.0, rows)) - 1e-9)


def distinct_values(statistics: ColumnStatistics, rows: float) -> float:
    """How many there are; 0: unknown."""
    count = statistics.n_distinct
    return count if count >= 0 else -count * rows


def is_common(value: str, common: Sequence[str]) -> bool:
    """Whether it is one of the most common values; booleans in either spelling."""
    return _spelled(value) in {_spelled(item) for item in common}


def _spelled(value: str) -> str:
    return _BOOLEANS.get(value, value)


def _share_of(values: Sequence[str], statistics: ColumnStatistics, rows: float) -> float | None:
    """Of the rows that have one of the values (var_eq_const, scalararraysel).

    A common value has its own share, any other an even part of the rest.
    """
    names = map(_spelled, statistics.most_common_values)
    common = dict(zip(names, statistics.most_common_freqs, strict=False))
    known = [common.get(_spelled(value)) for value in values]
    count = distinct_values(statistics, rows)
    if not count and None in known:
        return None
    rest = max(0.0, 1.0 - statistics.null_frac - sum(common.values()))
    each = rest / max(1.0, count - len(common))
    return min(1.0, sum(each if share is None else share for share in known))


def _share_below(value: str, statistics: ColumnStatistics) -> float | None:
    """Of the rows that lie below a value, by the histogram alone."""
    bounds = statistics.histogram_bounds
    if len(bounds) < 2:
        return None
    return place_among(value, bounds) / (len(bounds) - 1)


def place_among(value: str, bounds: Sequence[str]) -> int:
    """How many bounds lie below the value: numbers and instants by size, all else by text."""
    last = len(bounds) - 1
    moment = instant(value) if "-" in value[1:] else None
    if moment is not None and (known := [instant(bound) for bound in bounds]) and all(known):
        return min(bisect.bisect_left([one for one in known if one is not None], moment), last)
    try:
        return min(bisect.bisect_left([Decimal(b) for b in bounds], Decimal(value)), last)
    except InvalidOperation:
        return min(bisect.bisect_left(sorted(bounds), value), last)
