"""What DDL renames: tables, columns, indexes and schemas, in the order it was sent."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from pglast import parser
from pglast.parser import ParseError

_DECODER = msgspec.json.Decoder()


class Renamed(enum.StrEnum):
    """What got another name."""

    RELATION = "relation"
    """A table, a materialised view or an index: ALTER TABLE takes them all."""
    COLUMN = "column"
    SCHEMA = "schema"
    MOVED = "moved"
    """A relation that went to another schema: ``new`` is the schema's name."""


class Rename(msgspec.Struct, frozen=True):
    """One rename, with names as they were before it."""

    what: Renamed
    schema: str
    """Of the relation; empty: the search path decided."""
    relation: str
    """Empty for a schema."""
    old: str
    new: str


_RELATIONS = frozenset({"OBJECT_TABLE", "OBJECT_INDEX", "OBJECT_MATVIEW", "OBJECT_FOREIGN_TABLE"})


def renames(ddl: Iterable[str]) -> tuple[Rename, ...]:
    """The renames in DDL texts; what the parser rejects, the server rejected too.

    Args:
        ddl: Texts in the order they were sent, of one or several statements each.

    >>> [(one.old, one.new) for one in renames(["ALTER TABLE a RENAME COLUMN x TO y"])]
    [('x', 'y')]
    """
    return tuple(one for text in ddl if _may_rename(text) for one in _of(text))


def _may_rename(text: str) -> bool:
    """Thousands of texts make a schema; few of them are worth parsing."""
    lowered = text.lower()
    return "alter" in lowered and ("rename" in lowered or "schema" in lowered)


def _of(text: str) -> Iterator[Rename]:
    try:
        statements = _DECODER.decode(parser.parse_sql_json(text)).get("stmts", [])
    except ParseError:
        return
    for statement in statements:
        ((kind, node),) = statement["stmt"].items()
        if kind == "RenameStmt":
            yield from _rename(node)
        elif kind == "AlterObjectSchemaStmt" and node.get("objectType") in _RELATIONS:
            schema, name = _relation(node)
            yield Rename(Renamed.MOVED, schema, name, name, node["newschema"])


def _rename(node: dict[str, Any]) -> Iterator[Rename]:
    kind, new = node.get("renameType"), node.get("newname", "")
    if kind == "OBJECT_SCHEMA":
        yield Rename(Renamed.SCHEMA, "", "", node.get("subname", ""), new)
    elif kind in _RELATIONS:
        schema, name = _relation(node)
        yield Rename(Renamed.RELATION, schema, name, name, new)
    elif kind == "OBJECT_COLUMN" and node.get("relationType") in _RELATIONS:
        schema, name = _relation(node)
        yield Rename(Renamed.COLUMN, schema, name, node.get("subname", ""), new)


def _relation(node: dict[str, Any]) -> tuple[str, str]:
    relation = node.get("relation", {})
    return relation.get("schemaname", ""), relation.get("relname", "")
