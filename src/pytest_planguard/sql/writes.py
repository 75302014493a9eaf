"""What a statement deletes, and which columns it sets; views and CTEs are looked into by name."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from pglast import parser
from pglast.parser import ParseError

from pytest_planguard.sql.operands import Node, tagged

_DECODER = msgspec.json.Decoder()


class Write(msgspec.Struct, frozen=True):
    """One DELETE or UPDATE within a statement, or a branch of MERGE or ON CONFLICT that does so."""

    relation: str
    """As the statement names it, without its schema."""
    columns: tuple[str, ...] | None = None
    """That are set to something else; None: rows are deleted."""
    schema: str = ""
    """As the statement names it; empty: it leaves that to the search_path."""


@functools.lru_cache(maxsize=4096)
def writes(sql: str) -> tuple[Write, ...]:
    """The deletes and updates of a statement; none where it can't be parsed."""
    try:
        tree: Any = _DECODER.decode(parser.parse_sql_json(sql))
    except (ParseError, UnicodeError):
        return ()
    return tuple(_writes(tree))


def of_relation(said: Sequence[Write], schema: str | None, name: str | None) -> list[Write]:
    """Those of one relation: by its schema, else of its name and no schema, else of its name.

    A statement may name another schema than the plan's: tenants' schemas stand for each other.

    Args:
        said: All of one statement.
        schema: The relation's, as its plan has it.
        name: Without the schema.
    """
    named = [one for one in said if one.relation == name]
    exact = [one for one in named if one.schema == schema]
    return exact or [one for one in named if not one.schema] or named


def _writes(tree: Any) -> Iterator[Write]:
    for tag, node in tagged(tree):
        if tag == "DeleteStmt":
            yield _write(node)
        elif tag == "UpdateStmt":
            yield _write(node, _set(node.get("targetList", ()), _own_names(node)))
        elif tag == "InsertStmt" and "onConflictClause" in node:
            yield _upsert(node)
        elif tag == "MergeStmt":
            for clause in node.get("mergeWhenClauses", ()):
                yield from _branch(node, clause["MergeWhenClause"])


def _upsert(node: Node) -> Write:
    """What is in conflict is equal already: to set it to the new row's value changes nothing."""
    clause = node["onConflictClause"]
    elements = clause.get("infer", {}).get("indexElems", ())
    equal = {element["IndexElem"].get("name") for element in elements}
    changed = _set(clause.get("targetList", ()), _own_names(node))
    return _write(node, tuple(name for name in changed if name not in equal))


def _branch(node: Node, clause: Node) -> Iterator[Write]:
    match clause.get("commandType"):
        case "CMD_DELETE":
            yield _write(node)
        case "CMD_UPDATE":
            yield _write(node, _set(clause.get("targetList", ()), _own_names(node)))


def _write(statement: Node, columns: tuple[str, ...] | None = None) -> Write:
    relation = statement["relation"]
    return Write(relation["relname"], columns, relation.get("schemaname", ""))


def _own_names(statement: Node) -> frozenset[str]:
    """What the statement calls the table it writes."""
    relation = statement["relation"]
    return frozenset({relation["relname"], relation.get("alias", {}).get("aliasname", "")})


def _set(targets: Any, own: frozenset[str]) -> tuple[str, ...]:
    """Columns that get another value; ``SET id = id`` gives none."""
    found = (target["ResTarget"] for target in targets)
    return tuple(one["name"] for one in found if not _is_itself(one, own))


def _is_itself(target: Node, own: frozenset[str]) -> bool:
    fields = target.get("val", {}).get("ColumnRef", {}).get("fields", ())
    names = [field.get("String", {}).get("sval") for field in fields]
    return names[-1:] == [target["name"]] and set(names[:-1]) <= own
