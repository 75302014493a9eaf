"""Template strings as queries (psycopg 3.3 on Python 3.14), where psycopg's internals moved.

They are known by what they have, not by their class: before Python 3.14 there is none. What the
format of an interpolation means is psycopg's (its documentation, "Template string queries").
"""

from __future__ import annotations

from typing import Any

_IDENTIFIER, _LITERAL, _SQL = "i", "l", "q"


def is_template(query: Any) -> bool:
    """Whether a query is one."""
    kind = type(query)
    return hasattr(kind, "interpolations") and hasattr(kind, "strings")


def converted(cursor: Any, template: Any) -> tuple[str, list[Any]]:
    """The text with ``$n`` placeholders, and the values in their order.

    Raises:
        Exception: It is not one that psycopg takes; psycopg will say so itself.
    """
    pieces: list[str] = []
    values: list[Any] = []
    _convert(cursor, template, pieces, values)
    return "".join(pieces), values


def _convert(cursor: Any, template: Any, pieces: list[str], values: list[Any]) -> None:
    from psycopg import sql

    for item in template:
        if isinstance(item, str):
            pieces.append(item)
        elif is_template(item.value):
            _convert(cursor, item.value, pieces, values)
        elif isinstance(item.value, sql.Composable):
            pieces.append(item.value.as_string(cursor))
        elif item.format_spec == _IDENTIFIER:
            pieces.append(sql.Identifier(item.value).as_string(cursor))
        elif item.format_spec == _LITERAL:
            pieces.append(sql.Literal(item.value).as_string(cursor))
        elif item.format_spec == _SQL or item.conversion:
            raise TypeError(item.format_spec)
        else:
            values.append(item.value)
            pieces.append(f"${len(values)}")
