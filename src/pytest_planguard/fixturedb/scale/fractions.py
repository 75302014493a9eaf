"""The share of a table's rows a partial index holds, as far as its predicate is simple."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from pytest_planguard.model.statistics import ColumnStatistics
from pytest_planguard.sql.predicates import Condition, split_conditions

UNKNOWN = 0.5
"""Of a condition that is not understood; its index is then half as large as a full one."""

_DEFAULT_DISTINCT = 200
"""``DEFAULT_NUM_DISTINCT`` of selfuncs.h."""
_CONSTANT = re.compile(r"'((?:[^']|'')*)'|(?<![\w.])(-?\d[\d.]*)|\b(true|false)\b")
_LIST = re.compile(r"ARRAY\[(.*)\]|'\{(.*)\}'", re.DOTALL)


def kept_fraction(predicate: str, columns: Mapping[str, ColumnStatistics], rows: float) -> float:
    """The share of the rows for which the predicate holds, between 0 and 1.

    Conditions joined by AND are taken as independent; ``col = constant``, ``col <> constant``,
    ``col IN (…)``, ``col IS [NOT] NULL`` and plain booleans are understood, others are a half.

    Args:
        predicate: As ``pg_get_expr`` prints it.
        columns: Statistics of the table's columns, by name.
        rows: Of the table.
    """
    share = 1.0
    for condition in split_conditions(predicate):
        share *= _one(condition, columns, rows)
    return min(1.0, max(0.0, share))


def _one(condition: Condition, columns: Mapping[str, ColumnStatistics], rows: float) -> float:
    """One condition's share."""
    subject = condition.subject
    facts = columns.get(subject.column[1]) if subject is not None and subject.column else None
    if facts is None:
        return UNKNOWN
    present = 1 - facts.null_frac
    values = list(_constants(condition.value.text)) if condition.value is not None else []
    match condition.operator, values:
        case "IS NULL", []:
            return facts.null_frac
        case "IS NOT NULL", []:
            return present
        case "", []:
            return _equal(facts, "t", rows)
        case "NOT", []:
            return max(0.0, present - _equal(facts, "t", rows))
        case "=", [value]:
            return _equal(facts, value, rows)
        case "<>", [value]:
            return max(0.0, present - _equal(facts, value, rows))
        case "= ANY", [_, *_]:
            return min(present, sum(_equal(facts, value, rows) for value in values))
        case "<> ALL", [_, *_]:
            return max(0.0, present - sum(_equal(facts, value, rows) for value in values))
    return UNKNOWN


def _equal(facts: ColumnStatistics, value: str, rows: float) -> float:
    """Share of the rows with that value, as ``var_eq_const`` of the server estimates it."""
    value = {"true": "t", "false": "f"}.get(value, value).rstrip(" ")
    # a char(n) is padded in statistics, and in a predicate it is not
    known = (common.rstrip(" ") for common in facts.most_common_values)
    listed = dict(zip(known, facts.most_common_freqs, strict=True))
    if value in listed:
        return listed[value]
    distinct = facts.n_distinct if facts.n_distinct >= 0 else -facts.n_distinct * rows
    others = max(1.0, (distinct or _DEFAULT_DISTINCT) - len(listed))
    return max(0.0, 1 - facts.null_frac - sum(listed.values())) / others


def _constants(text: str) -> Iterator[str]:
    """The constants in a value or an array, unquoted, without their casts."""
    array = _LIST.search(text)
    if array is not None and array[2] is not None:
        yield from (part.strip().strip('"') for part in array[2].split(","))
        return
    for quoted, number, word in _CONSTANT.findall(array[1] if array is not None else text):
        yield number or word or quoted.replace("''", "'")
