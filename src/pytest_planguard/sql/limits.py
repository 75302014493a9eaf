"""A statement without its LIMIT."""

from __future__ import annotations

from pytest_planguard.sql.tree import Statement, is_a, parsed, printed


def without_limit(text: str) -> Statement | None:
    """The SELECT without the LIMIT at its end; None where it has none, or an OFFSET besides.

    >>> found = without_limit("SELECT a FROM t WHERE b = $1 ORDER BY a LIMIT $2")
    >>> found and found.text
    'SELECT a FROM t WHERE b = $1 ORDER BY a'
    >>> without_limit("SELECT a FROM t LIMIT 5 OFFSET 10")
    """
    statement = parsed(text)
    if not is_a(statement, "SelectStmt") or statement.limitCount is None:
        return None
    if statement.limitOffset is not None:
        return None
    statement.limitCount = None
    return printed(statement)
