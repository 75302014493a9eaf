"""The relations a statement names, as it names them."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from pglast import parser

from pytest_planguard.sql.operands import Node, tagged

_DECODER = msgspec.json.Decoder()


def named_relations(text: str) -> tuple[tuple[str, str], ...]:
    """Schema (empty where none is written) and name, in the order of the text, each once.

    >>> named_relations('SELECT 1 FROM orders o JOIN audit."Log" l ON l.id = o.id')
    (('', 'orders'), ('audit', 'Log'))
    """
    try:
        tree = _DECODER.decode(parser.parse_sql_json(text))["stmts"]
    except (parser.ParseError, RecursionError):
        return ()
    found = (node for tag, node in tagged(tree) if tag == "RangeVar")
    return tuple(dict.fromkeys((one.get("schemaname", ""), one["relname"]) for one in found))


def locked_names(text: str) -> frozenset[str]:
    """What the statement calls the tables whose rows it locks; of a view the view's name.

    >>> sorted(locked_names("SELECT 1 FROM a JOIN b y ON true FOR UPDATE"))
    ['a', 'y']
    >>> locked_names("DELETE FROM a WHERE id IN (SELECT b.id FROM b, c FOR SHARE OF b)")
    frozenset({'b'})
    """
    try:
        tree = _DECODER.decode(parser.parse_sql_json(text))["stmts"]
    except (parser.ParseError, RecursionError):
        return frozenset()
    selects = (node for tag, node in tagged(tree) if tag == "SelectStmt")
    return frozenset(name for one in selects for name in _locked(one))


def _locked(select: Node) -> Iterator[str]:
    """The tables a SELECT's own locking clauses name; all of its FROM where one names none."""
    for tag, clause in tagged(select.get("lockingClause", ())):
        if tag == "LockingClause":
            meant = clause.get("lockedRels") or select.get("fromClause", ())
            for kind, table in tagged(meant):
                if kind == "RangeVar":
                    yield table.get("alias", {}).get("aliasname") or table["relname"]
