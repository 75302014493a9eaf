"""The fixture's tables: from an SQL file, a command, SQLAlchemy metadata, or cloned."""

from __future__ import annotations

from typing import Any

import msgspec

from pytest_planguard.errors import SchemaError
from pytest_planguard.fixturedb.connection import connect
from pytest_planguard.fixturedb.schema import command, inputs, metadata, restore
from pytest_planguard.fixturedb.schema.rows import empty_tables
from pytest_planguard.model.ports import Needs
from pytest_planguard.model.schema import Schema
from pytest_planguard.model.spec import DatabaseSpec

__all__ = ["SchemaResult", "build_schema", "needs_of", "schema_inputs"]


class SchemaResult(msgspec.Struct, frozen=True):
    """What became of a schema."""

    lacking: tuple[str, ...] = ()
    """What could not be made, or by which stand-in, one sentence each."""


def build_schema(
    spec: DatabaseSpec, server: Any, database: str, schema: Schema | None
) -> SchemaResult:
    """Makes the schema in an empty database, without rows.

    Args:
        spec: Says how: a file, ``command: …``, ``metadata: module:attribute`` or ``clone``.
        server: Obeys ``model.ports.PostgresServer``; commands and metadata use its
            ``url(database)``.
        database: An existing, empty one.
        schema: What was cloned; only for ``clone``.

    Raises:
        SchemaError: It cannot be made.
        ServerError: The server cannot be reached.
    """
    kind, _, rest = spec.schema.partition(":")
    lacking: tuple[str, ...] = ()
    if kind == "command":
        command.run(rest.strip(), spec.root, server.url(database), server.conninfo(database))
    elif kind == "metadata":
        metadata.create_all(
            rest.strip(), spec.root, server.url(database), server.conninfo(database)
        )
    ours = server.provider != "url"
    with connect(server, database) as connection:
        if spec.schema == "clone":
            lacking = restore.restore(connection, _cloned(schema), ours=ours)
        elif kind not in {"command", "metadata"}:
            from pytest_planguard.fixturedb.schema import sql_file  # the parser, only for files

            lacking = sql_file.execute(connection, spec.root, spec.schema, ours=ours)
        empty_tables(connection)
    return SchemaResult(lacking)


def schema_inputs(spec: DatabaseSpec, schema: Schema | None) -> bytes:
    """All that the schema is made from, to tell whether a template still stands for it.

    Raises:
        SchemaError: A schema file is not there, or nothing was cloned.
    """
    if spec.schema == "clone":
        return inputs.of_clone(_cloned(schema))
    kind, _, _ = spec.schema.partition(":")
    if kind == "command":
        return inputs.of_folder(spec.schema, spec.root, (".py", ".sql"))
    if kind == "metadata":
        return inputs.of_folder(spec.schema, spec.root, (".py",))
    from pytest_planguard.fixturedb.schema import sql_file

    return sql_file.read(spec.root, spec.schema).encode()


def needs_of(spec: DatabaseSpec, schema: Schema | None) -> Needs:
    """What the server must have; nothing where only running the schema would tell.

    Raises:
        SchemaError: A schema file is not there or not understood, or nothing was cloned.
    """
    if spec.schema == "clone":
        return restore.needs(_cloned(schema))
    kind, _, _ = spec.schema.partition(":")
    if kind in {"command", "metadata"}:
        return Needs()
    from pytest_planguard.fixturedb.schema import sql_file

    return sql_file.needs(spec.root, spec.schema)


def _cloned(schema: Schema | None) -> Schema:
    if schema is not None:
        return schema
    raise SchemaError(
        'schema = "clone", and no database of the tests was read',
        hint='set schema = "schema.sql", "command: …" or "metadata: module:Base" '
        "in [tool.pytest-planguard.database]",
    )
