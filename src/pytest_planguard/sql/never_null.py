"""Whether an expression can be NULL, told from its text alone."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any

import msgspec
from pglast import parser
from pglast.parser import ParseError

_DECODER = msgspec.json.Decoder()

_OPERATORS = frozenset({"+", "-", "*", "/", "%", "||", "<", "<=", ">", ">=", "=", "<>"})
"""Of numbers, texts and instants: a value for every two values, or an error."""

_FUNCTIONS = frozenset(
    {
        "convert_to", "floor", "greatest", "least", "left", "lpad", "md5", "repeat", "round",
        "width_bucket",
    }
)  # fmt: skip
"""Of ``pg_catalog``, which every search path has first: a value for values, or an error."""


def is_never_null(expression: str, filled: AbstractSet[str]) -> bool:
    """Whether an expression has a value in every row; False where that is not certain.

    Args:
        expression: SQL.
        filled: Columns that are never NULL, as written in it.

    >>> is_never_null("('a' || (10 + (i - 1) * 7 % 12)::text)::varchar(9)", {"i"})
    True
    >>> is_never_null("CASE WHEN i < 5 THEN i ELSE 0 END", {"i"})
    True
    >>> is_never_null("CASE WHEN i < 5 THEN i END", {"i"})
    False
    >>> is_never_null("(ARRAY['a', 'b'])[i]", {"i"}) or is_never_null("k + 1", {"i"})
    False
    """
    try:
        parsed = _DECODER.decode(parser.parse_sql_json(f"SELECT {expression}"))
    except ParseError:
        return False
    targets = parsed["stmts"][0]["stmt"]["SelectStmt"].get("targetList", [])
    return len(targets) == 1 and _has_value(targets[0]["ResTarget"]["val"], filled)


def _has_value(node: dict[str, Any], filled: AbstractSet[str]) -> bool:
    ((kind, content),) = node.items()
    match kind:
        case "A_Const":
            return not content.get("isnull", False)
        case "ColumnRef":
            return _name(content["fields"]) in filled
        case "TypeCast":
            return _has_value(content["arg"], filled)
        case "A_Expr":
            sides = [content[side] for side in ("lexpr", "rexpr") if side in content]
            known = content["kind"] == "AEXPR_OP" and _name(content["name"]) in _OPERATORS
            return known and all(_has_value(side, filled) for side in sides)
        case "FuncCall":
            known = _name(content["funcname"]) in _FUNCTIONS
            return known and all(_has_value(one, filled) for one in content.get("args", []))
        case "MinMaxExpr":
            return any(_has_value(one, filled) for one in content["args"])
        case "CaseExpr":
            results = [when["CaseWhen"]["result"] for when in content["args"]]
            otherwise = content.get("defresult")
            return otherwise is not None and all(
                _has_value(one, filled) for one in (*results, otherwise)
            )
    return False


def _name(parts: list[dict[str, Any]]) -> str | None:
    """A name of one part; None for any other."""
    text = parts[0].get("String", {}).get("sval") if len(parts) == 1 else None
    return text if isinstance(text, str) else None
