"""A statement as the user wrote it → the statements that come to the same without stopping anybody.

The user's own text is parsed, changed and printed, so that names, types and conditions are theirs.
Each way is the manual's own: CREATE INDEX (Building Indexes Concurrently), ALTER TABLE (Notes, on
NOT VALID), and release note E.1 of PostgreSQL 18 on NOT NULL … NOT VALID.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pglast import ast, enums, parse_sql
from pglast.parser import ParseError
from pglast.stream import RawStream

from pytest_planguard.model.catalog import Catalog, Table
from pytest_planguard.model.ports import quoted
from pytest_planguard.sql.safe.alterations import alteration_parts
from pytest_planguard.sql.safe.parts import BATCH, Batches, IndexParts, Part, Recipe


def recipe(text: str, catalog: Catalog, major: int) -> Recipe | None:
    """What to send instead of a statement; None where there is no better way that words can't say.

    Args:
        text: One statement.
        catalog: Before the migration.
        major: The server's: newer ones have shorter ways.
    """
    node = _parsed(text)
    match node:
        case ast.IndexStmt():
            parts = list(_index(node, catalog))
        case ast.AlterTableStmt():
            parts = list(alteration_parts(node, catalog, major))
        case ast.ReindexStmt() | ast.DropStmt() | ast.RefreshMatViewStmt():
            parts = list(_concurrently(node, text))
        case ast.UpdateStmt() | ast.DeleteStmt():
            parts = list(_batched(node, catalog))
        case _:
            return None
    return Recipe(tuple(parts)) if parts else None


def outside(text: str) -> Recipe:
    """The same statement, by itself."""
    node = _parsed(text)
    index = _index_parts(node) if isinstance(node, ast.IndexStmt) else None
    return Recipe((Part(" ".join(text.split()), alone=True, index=index),))


def batches(text: str, catalog: Catalog) -> Recipe | None:
    """A writing statement in batches; None where its table has no integer key, or none is seen."""
    node = _parsed(text)
    if not isinstance(node, ast.UpdateStmt | ast.DeleteStmt):
        return None
    parts = tuple(_batched(node, catalog))
    return Recipe(parts) if parts else None


def _parsed(text: str) -> Any:
    try:
        return parse_sql(text)[0].stmt
    except (ParseError, IndexError):
        return None


def printed(node: Any) -> str:
    """A statement of a changed tree, on one line."""
    return str(RawStream()(node))


def _index(node: Any, catalog: Catalog) -> Iterator[Part]:
    """CONCURRENTLY; on a partitioned table each partition by itself, then attached."""
    if not node.idxname:
        columns = "_".join(key.name or "expr" for key in node.indexParams)
        node.idxname = f"{node.relation.relname}_{columns}_idx"[:63]
    table = find(node.relation, catalog)
    if table is not None and table.kind == "p":
        yield from _on_partitions(node, table, catalog)
        return
    node.concurrent = True
    yield Part(printed(node), alone=True, index=_index_parts(node))


def _on_partitions(node: Any, table: Table, catalog: Catalog) -> Iterator[Part]:
    parts = [
        one for _, one in sorted(catalog.tables.items()) if one.parents[:1] == (table.qualified,)
    ]
    name = node.idxname
    text = printed(node)
    on = f" ON {_named(node.relation)}"
    yield Part(text.replace(on, f" ON ONLY {_named(node.relation)}", 1))
    for part in parts:
        own = f"{part.name}_{name.removeprefix(table.name).strip('_')}"[:63]
        made = text.replace(f" {quoted(name)} ", f" CONCURRENTLY {quoted(own)} ", 1)
        target = f"{quoted(part.schema)}.{quoted(part.name)}"
        yield Part(made.replace(on, f" ON {target}", 1), alone=True)
        schema = quoted(part.schema)
        yield Part(
            f"ALTER INDEX {quoted(table.schema)}.{quoted(name)} "
            f"ATTACH PARTITION {schema}.{quoted(own)}",
            alone=True,
        )


def _index_parts(node: Any) -> IndexParts | None:
    """What a tool's own operation can say: plain columns of a btree without a condition."""
    plain = all(
        key.name and not key.opclass and not key.ordering and not key.nulls_ordering
        for key in node.indexParams
    )
    if not plain or node.whereClause or node.indexIncludingParams or not node.idxname:
        return None
    if node.accessMethod not in (None, "", "btree"):
        return None
    columns = tuple(key.name for key in node.indexParams)
    relation = node.relation
    return IndexParts(
        node.idxname, relation.schemaname or "", relation.relname, columns, bool(node.unique)
    )


def _concurrently(node: Any, text: str) -> Iterator[Part]:
    """The CONCURRENTLY form of statements that have one."""
    if isinstance(node, ast.RefreshMatViewStmt):
        yield Part(
            f"REFRESH MATERIALIZED VIEW CONCURRENTLY {_named(node.relation)}",
            comment="needs a unique index on the view; reads go on meanwhile",
        )
    elif isinstance(node, ast.DropStmt):
        if node.removeType == enums.ObjectType.OBJECT_INDEX and not node.concurrent:
            node.concurrent = True
            yield Part(printed(node), alone=True)
    else:
        words = " ".join(text.split()).split(" ")
        kind = next((n for n, word in enumerate(words) if word.upper() in _REINDEXED), None)
        if kind is not None and "CONCURRENTLY" not in text.upper():
            words.insert(kind + 1, "CONCURRENTLY")
            yield Part(" ".join(words), alone=True)


_REINDEXED = frozenset({"TABLE", "INDEX", "SCHEMA", "DATABASE"})


def _batched(node: Any, catalog: Catalog) -> Iterator[Part]:
    """A range of the primary key at a time."""
    table = find(node.relation, catalog)
    key = integer_key(table)
    if table is None or key is None:
        return
    called = node.relation.alias.aliasname if node.relation.alias else ""
    column = f"{quoted(called)}.{quoted(key)}" if called else quoted(key)
    range_ = f"{column} > :last AND {column} <= :next"
    condition = f"{range_} AND ({printed(node.whereClause)})" if node.whereClause else range_
    marked: Any = parse_sql("SELECT 1 WHERE planguard_range")[0].stmt
    node.whereClause = marked.whereClause
    statement = printed(node).replace("planguard_range", condition, 1)
    named = _named(node.relation)
    yield Part(comment=f"{BATCH:,} rows at a time", batches=Batches(statement, named, quoted(key)))


def integer_key(table: Table | None) -> str | None:
    """The primary key's column, where it is one integer."""
    if table is None:
        return None
    keys = next((one.columns for one in table.constraints if one.kind == "p"), ())
    column = table.column(keys[0]) if len(keys) == 1 else None
    return column.name if column is not None and column.base_type in _INTEGERS else None


_INTEGERS = frozenset({"int2", "int4", "int8"})


def find(relation: Any, catalog: Catalog) -> Table | None:
    """The table a statement names; without a schema, ``public``'s or the only one of that name."""
    if relation.schemaname:
        return catalog.tables.get(f"{relation.schemaname}.{relation.relname}")
    if (public := catalog.tables.get(f"public.{relation.relname}")) is not None:
        return public
    found = [one for one in catalog.tables.values() if one.name == relation.relname]
    return found[0] if len(found) == 1 else None


def _named(relation: Any) -> str:
    name = quoted(relation.relname)
    return f"{quoted(relation.schemaname)}.{name}" if relation.schemaname else name
