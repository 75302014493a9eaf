"""Which columns an INSERT gives values to."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import msgspec
from pglast import parser
from pglast.parser import ParseError

from pytest_planguard.sql.operands import tagged

_DECODER = msgspec.json.Decoder()


class Insert(msgspec.Struct, frozen=True):
    """One INSERT within a statement."""

    relation: str
    """As the statement names it, without its schema."""
    schema: str
    """Empty: it leaves that to the search_path."""
    columns: tuple[str, ...] | None
    """None: it names none, and gives values to the first ones."""
    values: int | None = None
    """How many it gives to each row, where that is seen."""


@functools.lru_cache(maxsize=4096)
def inserts(sql: str) -> tuple[Insert, ...]:
    """The INSERTs of a statement; none where it can't be parsed.

    >>> inserts("INSERT INTO app.orders (id, note) VALUES ($1, $2)")[0].columns
    ('id', 'note')
    """
    try:
        tree: Any = _DECODER.decode(parser.parse_sql_json(sql))
    except (ParseError, UnicodeError):
        return ()
    return tuple(_inserts(tree))


def _inserts(tree: Any) -> Iterator[Insert]:
    for tag, node in tagged(tree):
        if tag != "InsertStmt":
            continue
        relation = node["relation"]
        named = tuple(one["ResTarget"]["name"] for one in node.get("cols", ()))
        select = node.get("selectStmt", {}).get("SelectStmt", {})
        yield Insert(
            relation["relname"], relation.get("schemaname", ""), named or None, _values(select)
        )


def _values(select: Any) -> int | None:
    """Of VALUES lists."""
    lists = select.get("valuesLists", ())
    return len(lists[0]["List"]["items"]) if lists else None
