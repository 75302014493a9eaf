"""Conditions of a plan node: which column, which operator, which value.

What PostgreSQL prints is close to SQL again, so it is parsed as ``SELECT <condition>``; where it
is not (``(alternatives: SubPlan 1 or …)``), the condition is of kind ``OTHER`` and still knows
the columns it mentions.
"""

from __future__ import annotations

import enum
import functools
import re

import msgspec
from pglast.parser import ParseError, parse_sql_json

from pytest_planguard.sql.operands import Node, Operand, columns_in, operand
from pytest_planguard.sql.printed import conjuncts, named_columns, normalise_condition, unwrapped

__all__ = [
    "Condition",
    "Kind",
    "Operand",
    "columns_of",
    "normalise_condition",
    "oriented",
    "parsed_condition",
    "split_conditions",
]

_SELECT = "SELECT "
_PLAN_REFERENCE = re.compile(r"\((?:hashed )?(?:SubPlan|InitPlan) \d+\)")
_OPERATOR = re.compile(rb"OPERATOR\([^)]*\)|[-+*/<>=~!@#%^&|`?]+", re.IGNORECASE)
_QUANTIFIER = re.compile(r"\s*(ANY|ALL)\s", re.IGNORECASE)
_COMMUTED = {"=": "=", "<>": "<>", "<": ">", ">": "<", "<=": ">=", ">=": "<=", "<@": "@>",
             "@>": "<@", "&&": "&&", "<<": ">>", ">>": "<<", "<<=": ">>=",
             ">>=": "<<="}  # fmt: skip


class Kind(enum.StrEnum):
    """What an index can make of a condition."""

    EQUALITY = "equality"
    """``=``, ``= ANY (array)``, ``IS NULL``."""
    RANGE = "range"
    ROW = "row"
    """A comparison of rows, ``ROW(a, b) < ROW($1, $2)``: a range over several columns."""
    LIKE = "like"
    """LIKE, ILIKE, regular expressions and their opposites."""
    BOOLEAN = "boolean"
    """A boolean column by itself, or ``NOT`` before it."""
    CONTAINMENT = "containment"
    """Operators of GIN and GiST: ``@>``, ``?``, ``@@``, ``&&``, ``<<`` and kin."""
    OTHER = "other"


_KIND_OF = {
    "=": Kind.EQUALITY,
    **dict.fromkeys(("<", "<=", ">", ">="), Kind.RANGE),
    **dict.fromkeys(
        ("~~", "~~*", "!~~", "!~~*", "~", "~*", "!~", "!~*", "^@"),
        Kind.LIKE,
    ),
    **dict.fromkeys(
        ("@>", "<@", "?", "?|", "?&", "@@", "@?", "&&", "<<", "<<=", ">>", ">>="),
        Kind.CONTAINMENT,
    ),
}


class Condition(msgspec.Struct, frozen=True):
    """One condition, as AND separates them."""

    text: str
    """As printed."""
    kind: Kind = Kind.OTHER
    operator: str = ""
    """``=``, ``<``, ``~~`` …; ``= ANY``, ``<> ALL``; ``IS NULL``; ``NOT`` or empty for a boolean
    column; ``OR`` for alternatives."""
    columns: tuple[tuple[str, str], ...] = ()
    """Alias and name of every column in it."""
    subject: Operand | None = None
    """The side with columns."""
    value: Operand | None = None
    """The other side; None for IS NULL and boolean columns."""


@functools.lru_cache(maxsize=16384)
def split_conditions(text: str | None) -> tuple[Condition, ...]:
    """The conditions of a Filter, Index Cond, Hash Cond …, cut at AND; none for None.

    >>> [found.kind.value for found in split_conditions("((o.id = 4) AND (NOT o.archived))")]
    ['equality', 'boolean']
    """
    return tuple(_condition(part) for part in conjuncts(text)) if text else ()


def columns_of(conditions: tuple[Condition, ...], alias: str) -> tuple[str, ...]:
    """Names of the alias' columns in the conditions, in order of appearance."""
    found = (name for item in conditions for owner, name in item.columns if owner == alias)
    return tuple(dict.fromkeys(found))


def oriented(condition: Condition, alias: str) -> Condition | None:
    """The condition with the alias' columns on the subject's side and no other relation's there.

    Returns:
        None where the alias has no column in it, or both sides have.
    """
    sides = (condition.subject, condition.value)
    mine = [side is not None and any(owner == alias for owner, _ in side.columns) for side in sides]
    if mine == [True, False] and _only(condition.subject, alias):
        return condition
    commuted = _COMMUTED.get(condition.operator)
    if mine == [False, True] and commuted and _only(condition.value, alias):
        return msgspec.structs.replace(
            condition, operator=commuted, subject=condition.value, value=condition.subject
        )
    return None


@functools.lru_cache(maxsize=4096)
def parsed_condition(text: str) -> Node | None:
    """The parse tree of a whole condition as printed; None where it is no SQL."""
    return _parsed(_without_plans(text))


def _only(side: Operand | None, alias: str) -> bool:
    return side is not None and all(owner == alias for owner, _ in side.columns)


@functools.lru_cache(maxsize=16384)
def _condition(text: str) -> Condition:
    inner = unwrapped(text)
    source = _without_plans(inner)
    tree = _parsed(source)
    if tree is None:
        return Condition(text, columns=named_columns(inner))
    (tag, node), *_ = tree.items()
    condition = _READERS.get(tag, _other)(node, source)
    return msgspec.structs.replace(
        condition, text=text.strip(), columns=tuple(dict.fromkeys(columns_in(tree)))
    )


def _without_plans(text: str) -> str:
    """References to other plans are no SQL; underscores make them a name of the same length."""
    return _PLAN_REFERENCE.sub(lambda found: found[0].replace(" ", "_"), text)


def _parsed(expression: str) -> Node | None:
    try:
        tree: Node = msgspec.json.decode(parse_sql_json(_SELECT + expression))
    except (ParseError, UnicodeError, RecursionError):
        return None
    if len(tree["stmts"]) != 1:
        return None
    targets = tree["stmts"][0]["stmt"].get("SelectStmt", {}).get("targetList", ())
    if len(targets) != 1:
        return None
    value: Node | None = targets[0]["ResTarget"].get("val")
    return value


def _expression(node: Node, source: str) -> Condition:
    """An operator between two sides; the parser says where the operator stands."""
    name = node["name"][-1]["String"]["sval"]
    kind = node.get("kind")
    encoded = source.encode()
    at = node.get("location", 0) - len(_SELECT)
    found = _OPERATOR.match(encoded, at)
    if found is None or "lexpr" not in node or "rexpr" not in node:
        return Condition(source, operator=name)
    left = encoded[:at].decode()
    right = encoded[found.end() :].decode()
    operator = name
    if kind in ("AEXPR_OP_ANY", "AEXPR_OP_ALL"):
        operator = f"{name} {'ANY' if kind == 'AEXPR_OP_ANY' else 'ALL'}"
        right = _QUANTIFIER.sub("", right, count=1)
    elif kind != "AEXPR_OP":
        return Condition(source, operator=name)
    subject, value = operand(left, node["lexpr"]), operand(right, node["rexpr"])
    if not subject.columns and value.columns and operator in _COMMUTED:
        subject, value, operator = value, subject, _COMMUTED[operator]
    return Condition(source, _kind_of(operator, subject), operator, subject=subject, value=value)


def _kind_of(operator: str, subject: Operand) -> Kind:
    if operator == "= ANY":
        return Kind.EQUALITY
    kind = _KIND_OF.get(operator, Kind.OTHER)
    if subject.fields:
        return Kind.ROW if kind is Kind.RANGE else Kind.OTHER
    return kind


def _null_test(node: Node, source: str) -> Condition:
    is_null = node["nulltesttype"] == "IS_NULL"
    operator = "IS NULL" if is_null else "IS NOT NULL"
    end = node["location"] - len(_SELECT)
    subject = operand(source.encode()[:end].decode(), node["arg"])
    return Condition(source, Kind.EQUALITY if is_null else Kind.OTHER, operator, subject=subject)


_TRUTH = {"IS_TRUE": "", "IS_FALSE": "NOT"}


def _boolean_test(node: Node, source: str) -> Condition:
    test = node["booltesttype"]
    end = node["location"] - len(_SELECT)
    subject = operand(source.encode()[:end].decode(), node["arg"])
    if test not in _TRUTH:
        return Condition(source, operator=test.replace("_", " "), subject=subject)
    return Condition(source, Kind.BOOLEAN, _TRUTH[test], subject=subject)


def _boolean_operation(node: Node, source: str) -> Condition:
    if node["boolop"] == "OR_EXPR":
        return Condition(source, operator="OR")
    argument = node["args"][0]
    if node["boolop"] == "NOT_EXPR" and "ColumnRef" in argument:
        subject = operand(source.partition("NOT ")[2], argument)
        return Condition(source, Kind.BOOLEAN, "NOT", subject=subject)
    return Condition(source, operator="NOT")


def _column(node: Node, source: str) -> Condition:
    tree = {"ColumnRef": node}
    if next(columns_in(tree), None) is None:  # a SubPlan's result
        return Condition(source)
    return Condition(source, Kind.BOOLEAN, "", subject=operand(source, tree))


def _other(_: Node, source: str) -> Condition:
    return Condition(source)


_READERS = {
    "A_Expr": _expression,
    "NullTest": _null_test,
    "BooleanTest": _boolean_test,
    "BoolExpr": _boolean_operation,
    "ColumnRef": _column,
}
