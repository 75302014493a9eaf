"""The relations a statement names, as it names them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from pglast import parser

from pytest_planguard.sql.operands import Node, tagged

_DECODER = msgspec.json.Decoder()


def named_relations(text: str) -> tuple[tuple[str, str], ...]:
    """Schema (empty where none is written) and name, in the order of the text, each once.

    >>> named_relations('SELECT 1 FROM orders o JOIN audit."Log" l ON l.id = o.id')
    (('', 'orders'), ('audit', 'Log'))
    """
    found = ((one.get("schemaname", ""), one["relname"]) for one in _relations(_tree(text)))
    return tuple(dict.fromkeys(found))


def locked_names(text: str) -> frozenset[str]:
    """What the statement calls the tables whose rows it locks; of a view the view's name.

    >>> sorted(locked_names("SELECT 1 FROM a JOIN b y ON true FOR UPDATE"))
    ['a', 'y']
    >>> locked_names("DELETE FROM a WHERE id IN (SELECT b.id FROM b, c FOR SHARE OF b)")
    frozenset({'b'})
    """
    selects = (node for tag, node in tagged(_tree(text)) if tag == "SelectStmt")
    return frozenset(name for one in selects for name in _locked(one))


def temporary_names(texts: Iterable[str]) -> frozenset[str]:
    """Tables and views that statements make for their own session.

    >>> made = ["CREATE TEMP TABLE basket (id int)", "CREATE TABLE pg_temp.b AS SELECT 1"]
    >>> sorted(temporary_names(made))
    ['b', 'basket']
    """
    return frozenset(
        node["relname"]
        for text in texts
        if "temp" in text.lower()
        for node in _relations(_tree(text))
        if node.get("relpersistence") == "t" or node.get("schemaname") == "pg_temp"
    )


def _relations(tree: Any) -> Iterator[Node]:
    """Every relation that is named, also where the parser's JSON says no tag before it."""
    if isinstance(tree, dict):
        if "relname" in tree:
            yield tree
        tree = list(tree.values())
    if isinstance(tree, list):
        for item in tree:
            yield from _relations(item)


def _tree(text: str) -> list[Node]:
    """A text's statements; none where the parser rejects it."""
    try:
        statements: list[Node] = _DECODER.decode(parser.parse_sql_json(text))["stmts"]
    except (parser.ParseError, RecursionError):
        return []
    return statements


def _locked(select: Node) -> Iterator[str]:
    """The tables a SELECT's own locking clauses name; all of its FROM where one names none."""
    for tag, clause in tagged(select.get("lockingClause", ())):
        if tag == "LockingClause":
            meant = clause.get("lockedRels") or select.get("fromClause", ())
            for kind, table in tagged(meant):
                if kind == "RangeVar":
                    yield table.get("alias", {}).get("aliasname") or table["relname"]
