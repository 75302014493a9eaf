"""What psycopg's client-side cursors write into a text becomes parameters again.

Django uses these cursors by default. Left in the text, values would make a statement of every
execution, and the same query another one than over psycopg 2, whose values are told apart too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from pytest_planguard.capture.shapes import asked
from pytest_planguard.capture.texts import first_word


class Unbound(NamedTuple):
    """A query as psycopg's own class has it, with its values apart."""

    query: bytes
    types: tuple[int, ...]
    params: Sequence[bytes | None]
    formats: None = None


def unbound(query: Any) -> Any:
    """The query with its values apart; itself where they cannot be told, and of a COPY.

    Args:
        query: psycopg's ``PostgresClientQuery`` (3.1 and later) that was given values.
    """
    template = getattr(query, "template", None)
    if not isinstance(template, bytes) or first_word(template) == b"copy":
        return query
    text, types, values = asked(template).bound(query.query)
    return Unbound(text, types, values) if types else query
