"""Which columns an expression reads, as far as its text tells: rather too many than too few."""

from __future__ import annotations

import re
from collections.abc import Collection

_TOKEN = re.compile(
    r"""\"(?P<quoted>(?:[^"]|"")*)\"|'(?:[^']|'')*'|(?P<word>\w+)|(?P<row>\.\s*\*)|(?P<sign>[()])"""
)
"""A quoted name, a constant, a bare word, ``.*`` of a whole row, a parenthesis."""


def columns_read(expression: str, columns: Collection[str]) -> frozenset[str]:
    """Columns that an expression names; all of them where it reads a whole row.

    A word that happens to be a column's name counts as one.

    Args:
        expression: As the server prints it: a whole row is ``t.*`` there, whatever was written.
        columns: Of its table.

    >>> sorted(columns_read("(a || 'b'::text)", ["a", "b"]))
    ['a']
    >>> sorted(columns_read("f(t.*)", ["a", "b"]))
    ['a', 'b']
    """
    names: set[str] = set()
    for token in _TOKEN.finditer(expression):
        if token["row"] is not None:
            return frozenset(columns)
        if token["quoted"] is not None:
            names.add(token["quoted"].replace('""', '"'))
        elif token["word"] is not None:
            names.add(token["word"])
    return frozenset(names.intersection(columns))


def index_keys(definition: str) -> str:
    """What an index's keys are, without its predicate and the columns it includes.

    >>> index_keys("CREATE INDEX i ON t USING btree (lower(a), b) WHERE (c = ')'::text)")
    '(lower(a), b)'
    """
    depth = start = 0
    for token in _TOKEN.finditer(definition):
        if token["sign"] is None:
            continue
        if depth == 0:
            start = token.start()
        depth += 1 if token["sign"] == "(" else -1
        if depth <= 0:
            return definition[start : token.end()]
    return definition
