"""Catalog facts, read once: eight queries whatever the number of tables, for servers 13 to 18."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import msgspec

from pytest_planguard.model.catalog import Catalog, Column, Constraint, Index, Server, Table

if TYPE_CHECKING:
    import psycopg
    from psycopg.rows import RowMaker

Row = tuple[Any, ...]


def read_catalog(connection: psycopg.Connection[Any]) -> Catalog:
    """Tables, indexes and planner settings of the connected database.

    Reads catalogs only, in one transaction (a savepoint where one is open). Temporary and system
    relations are left out, and the schema ``planguard``, which is the fixture's own.
    """
    queries = named_queries("queries.sql")
    queries["indexes"] = queries["indexes"].replace("{wanted}", "true")
    with connection.transaction(), connection.cursor(row_factory=_tuples) as cursor:
        cursor.execute(queries.pop("neutral"))
        rows = {name: cursor.execute(text).fetchall() for name, text in queries.items()}
    return _catalog(rows)


def read_indexes(connection: psycopg.Connection[Any], names: Sequence[str]) -> dict[str, Index]:
    """Indexes of the connected database, as ``read_catalog`` has them, whatever else it has.

    Args:
        connection: As of ``read_catalog``.
        names: Without schema; indexes of partitions attached to them are read, too.
    """
    queries = named_queries("queries.sql") | named_queries("queries_made.sql")
    text = queries["indexes"].replace("{wanted}", queries["wanted"])
    with connection.transaction(), connection.cursor(row_factory=_tuples) as cursor:
        cursor.execute(queries["neutral"])
        row = cursor.execute(queries["made"], {"names": list(names)}).fetchone()
        made = (row and row[0]) or []
        return _indexes(cursor.execute(text, {"made": made}).fetchall())


def named_queries(resource: str) -> dict[str, str]:
    """The queries of a ``.sql`` file beside this module, by their ``-- name:`` line, in order."""
    text = files(__package__).joinpath(resource).read_text(encoding="utf-8")
    parts = (part.partition("\n") for part in text.split("-- name: ")[1:])
    return {name.strip(): body.strip() for name, _, body in parts}


def _tuples(cursor: psycopg.Cursor[Any]) -> RowMaker[Row]:
    """Plain tuples, whatever row factory the connection has."""
    from psycopg.rows import tuple_row

    return tuple_row(cursor)


def _catalog(rows: dict[str, list[Row]]) -> Catalog:
    """Rows as the queries give them → values."""
    columns: dict[str, list[Column]] = defaultdict(list)
    for table, *facts in rows["columns"]:
        columns[table].append(_column(facts))
    constraints: dict[str, list[Constraint]] = defaultdict(list)
    named = {
        name: {column.number: column.name for column in found} for name, found in columns.items()
    }
    for table, *facts in rows["constraints"]:
        constraints[table].append(_constraint(table, facts, named))
    tables = {
        f"{schema}.{name}": Table(
            schema,
            name,
            kind,
            tuple(columns[f"{schema}.{name}"]),
            tuple(constraints[f"{schema}.{name}"]),
            *_lists_to_tuples(facts),
        )
        for schema, name, kind, *facts in rows["tables"]
    }
    return Catalog(
        server=_server(rows["server"][0], rows["settings"]),
        tables=_with_table_sums(tables),
        indexes=_indexes(rows["indexes"]),
        views={name: tuple(read) for name, read in _grouped(rows["views"]).items()},
        guarded=frozenset(name for (name,) in rows["guarded"]),
    )


def _grouped(pairs: list[Row]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for name, other in pairs:
        found[name].append(other)
    return found


def _server(row: Row, settings: list[Row]) -> Server:
    """The server's version, the database's collation and the planner's settings."""
    version, text, collation, provider = row
    return Server(version, text, collation or "", dict(settings), provider)


def _column(facts: list[Any]) -> Column:
    """One row of the query ``columns`` without the table."""
    (name, kind, number, not_null, default, identity, generated, *rest) = facts
    base_type, category, length, modifier, labels, collation = rest
    return Column(
        name=name,
        type=kind,
        number=number,
        not_null=not_null,
        default=default,
        identity=identity,
        generated=generated,
        base_type=base_type,
        category=category,
        length=length,
        modifier=modifier,
        labels=tuple(labels),
        collation=collation,
    )


def _constraint(table: str, facts: list[Any], named: Mapping[str, dict[int, str]]) -> Constraint:
    """One row of the query ``constraints``, its table apart; names of columns by number."""
    name, kind, columns, definition, references, referenced = facts
    return Constraint(
        name,
        kind,
        _named(columns, named.get(table, {})),
        definition,
        references,
        _named(referenced, named.get(references, {})),
    )


def _named(numbers: list[int], names: Mapping[int, str]) -> tuple[str, ...]:
    """Columns; an expression in an exclusion constraint has the number 0, and no name."""
    return tuple(names[number] for number in numbers if number in names)


def _indexes(rows: list[Row]) -> dict[str, Index]:
    """By schema-qualified name."""
    return _with_index_sums({f"{row[1]}.{row[0]}": Index(*_lists_to_tuples(row)) for row in rows})


def _lists_to_tuples(values: list[Any] | Row) -> list[Any]:
    """Arrays as the frozen tuples the model has; the rest as it is."""
    return [tuple(value) if isinstance(value, list) else value for value in values]


def _with_table_sums(tables: dict[str, Table]) -> dict[str, Table]:
    """Partitioned tables with the rows and pages of all leaves below them."""
    rows: dict[str, float] = defaultdict(float)
    pages: dict[str, int] = defaultdict(int)
    for table in tables.values():
        if table.kind == "p":
            continue
        for ancestor in _ancestors(table.qualified, tables):
            rows[ancestor] += table.rows
            pages[ancestor] += table.pages
    return {
        name: msgspec.structs.replace(table, rows=rows[name], pages=pages[name])
        if table.kind == "p"
        else table
        for name, table in tables.items()
    }


def _ancestors(name: str, tables: dict[str, Table]) -> list[str]:
    """The partitioned tables above a partition, nearest first."""
    found: list[str] = []
    table = tables.get(name)
    while table is not None and table.partition_bound and table.parents:
        found.append(table.parents[0])
        table = tables.get(table.parents[0])
    return found


def _with_index_sums(indexes: dict[str, Index]) -> dict[str, Index]:
    """Partitioned indexes with the pages and tuples of all attached to them."""
    parents = {index.parent for index in indexes.values() if index.parent}
    pages: dict[str, int] = defaultdict(int)
    tuples: dict[str, float] = defaultdict(float)
    for name, index in indexes.items():
        above = index.parent if name not in parents else None
        while above is not None and above in indexes:
            pages[above] += index.pages
            tuples[above] += index.tuples
            above = indexes[above].parent
    return {
        name: msgspec.structs.replace(index, pages=pages[name], tuples=tuples[name])
        if name in parents
        else index
        for name, index in indexes.items()
    }
