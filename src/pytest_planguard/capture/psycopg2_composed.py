"""Queries of ``psycopg2.sql`` as text, without an adapter of the application's being run.

The library runs them when it sends the query, once; ours would be a second time, which the
application can tell. Only a ``Literal`` has one: its value is read off what was sent.
"""

from __future__ import annotations

import sys
from typing import Any


def text_of(query: Any, cursor: Any, *, literal: str | None = None) -> str | None:
    """The text of a composed query.

    Args:
        query: A ``Composable``.
        cursor: Whose quoting is asked.
        literal: What stands for a ``Literal``; None: there must be none.

    Returns:
        None where it holds a literal that may not, or a class of the application's own.
    """
    sql: Any = sys.modules["psycopg2.sql"]
    kind = type(query)
    if kind is sql.Composed:
        parts = [text_of(part, cursor, literal=literal) for part in query.seq]
        return None if None in parts else "".join(filter(None, parts))
    if kind in {sql.SQL, sql.Identifier, sql.Placeholder}:
        text: str = query.as_string(cursor)
        return text
    return literal if kind is sql.Literal else None
