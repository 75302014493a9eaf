"""Comparisons rewritten in words, so that the column stands alone."""

from __future__ import annotations

import re

_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_ARITHMETIC = frozenset({"+", "-"})
_UNITS = ("microseconds", "milliseconds", "second", "minute", "hour", "day", "week", "month",
          "quarter", "year", "decade", "century", "millennium")  # fmt: skip


def is_day(function: str, expression: str) -> bool:
    """Whether the expression cuts a timestamp down: ``date(…)``, ``…::date``, ``date_trunc``.

    >>> is_day("date_trunc", "date_trunc('month'::text, created_at)")
    True
    """
    return function in ("date", "date_trunc") or expression.endswith("::date")


def moved(function: str) -> bool:
    """Whether the expression is arithmetic that can stand on the other side."""
    return function in _ARITHMETIC


def alone(expression: str, column: str, operator: str) -> str:
    """The comparison with a sum or a difference moved to the other side; empty for anything else.

    A product is not moved: an integer division forgets, and a negative factor turns the sign.

    >>> alone("number - 1000", "number", "=")
    'number = <value> + 1000'
    >>> alone("30 - age", "age", "<")
    'age > 30 - <value>'
    >>> alone("a + b", "a", "=")
    ''
    """
    found = re.fullmatch(r"(\S+) ([+-]) (\S+)", expression)
    if found is None:
        return ""
    left, sign, right = found.groups()
    if left == column and right[0] in "'0123456789$":
        return f"{column} {operator} <value> {'+' if sign == '-' else '-'} {right}"
    if right == column and left[0] in "'0123456789$":
        if sign == "+":
            return f"{column} {operator} <value> - {left}"
        return f"{column} {_FLIPPED.get(operator, operator)} {left} - <value>"
    return ""


def day_range(expression: str, column: str, operator: str) -> str:
    """The half-open range that means the same as a comparison with a cut-down timestamp.

    >>> day_range("date(created_at)", "created_at", "=")
    'created_at >= <day> AND created_at < <day> + 1 day'
    >>> day_range("date_trunc('month'::text, at)", "at", "<=")
    'at < <month> + 1 month'
    """
    unit = "day"
    if expression.startswith("date_trunc("):
        named = expression.partition("'")[2].partition("'")[0].rstrip("s")
        unit = next((one for one in _UNITS if one.rstrip("s") == named), "unit")
    start, end = f"<{unit}>", f"<{unit}> + 1 {unit}"
    found = moment_range(column, operator, start, end)
    return found or f"{column} >= {start} AND {column} < {end}, once for each {unit}"


def moment_range(column: str, operator: str, start: str, end: str) -> str:
    """What a comparison with a unit from ``start`` to before ``end`` means; empty: no range."""
    return {
        "=": f"{column} >= {start} AND {column} < {end}",
        "<": f"{column} < {start}",
        "<=": f"{column} < {end}",
        ">": f"{column} >= {end}",
        ">=": f"{column} >= {start}",
        "<>": f"({column} < {start} OR {column} >= {end})",
    }.get(operator, "")
