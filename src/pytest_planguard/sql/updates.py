"""Columns that a statement sets in rows that are there already."""

from __future__ import annotations

import functools

import msgspec
from pglast.parser import ParseError, parse_sql_json

from pytest_planguard.sql.operands import tagged


@functools.lru_cache(maxsize=4096)
def updated_columns(sql: str) -> frozenset[tuple[str, str]]:
    """Table and column, both as written and without schema, that updates of a statement set.

    Those of UPDATE, of ON CONFLICT DO UPDATE and of MERGE, also inside of WITH. What is no SQL
    sets nothing.

    >>> sorted(updated_columns("UPDATE shop.orders SET state = $1, note = $2 WHERE id = $3"))
    [('orders', 'note'), ('orders', 'state')]
    """
    try:
        tree = msgspec.json.decode(parse_sql_json(sql))
    except (ParseError, UnicodeError):
        return frozenset()
    found: set[tuple[str, str]] = set()
    for tag, node in tagged(tree):
        table = node.get("relation", {}).get("relname", "")
        if tag == "UpdateStmt":
            targets = [node.get("targetList", ())]
        elif tag == "InsertStmt":
            targets = [node.get("onConflictClause", {}).get("targetList", ())]
        elif tag == "MergeStmt":
            clauses = (one["MergeWhenClause"] for one in node.get("mergeWhenClauses", ()))
            targets = [
                one.get("targetList", ())
                for one in clauses
                if one.get("commandType") == "CMD_UPDATE"
            ]
        else:
            continue
        found |= {(table, one["ResTarget"]["name"]) for each in targets for one in each}
    return frozenset(found)
