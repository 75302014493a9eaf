"""The template a fixture database is copied from, kept between runs under a digest of its causes.

What is kept is small: the schema and its statistics, never an inflated file. It is made under
another name and renamed when it is complete, so that a name is a promise.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from pytest_planguard.errors import ScaleError
from pytest_planguard.fixturedb.inflate.files import RelationFile
from pytest_planguard.model.spec import ASSUMED_ROWS, DatabaseSpec
from pytest_planguard.model.statistics import Statistics

if TYPE_CHECKING:
    import psycopg

    from pytest_planguard.sql.renames import Rename

RECIPE = 9
"""Raised whenever the same inputs would make another template, or another copy of it with more
indexes: kept copies belong to one template."""

PREFIX = "planguard_template_"
KEPT = 3
"""Templates kept on a server besides those in use: of the last branches worked on."""

_USED_RECENTLY = "10 minutes"
_LISTED = (
    "SELECT d.datname FROM pg_catalog.pg_database d"
    " LEFT JOIN pg_catalog.pg_shdescription s"
    "   ON s.objoid = d.oid AND s.classoid = 'pg_catalog.pg_database'::regclass"
    " WHERE starts_with(d.datname::text, %(prefix)s)"
    "   AND coalesce(s.description, '2000-01-01')::timestamptz < now() - %(recent)s::interval"
    "   AND NOT EXISTS (SELECT FROM pg_catalog.pg_shdescription c"
    "                   WHERE c.classoid = 'pg_catalog.pg_database'::regclass"
    "                     AND c.description = d.datname::text)"
    " ORDER BY coalesce(s.description, '2000-01-01')::timestamptz DESC"
)


class TemplateRecord(msgspec.Struct, frozen=True):
    """What is to be known of a template without reading it again."""

    statistics: Statistics
    files: tuple[RelationFile, ...] = ()
    """Of its tables and indexes, with the size each should have; none with real rows."""
    lacking: tuple[str, ...] = ()


def template_name(
    spec: DatabaseSpec, server_version: int, schema_inputs: bytes, renames: Sequence[Rename] = ()
) -> str:
    """The template's name: the prefix and sixteen digits that change when an input does.

    Args:
        spec: Declarations, tenants, clock, scale, seed and statistics file count, no more.
        server_version: ``server_version_num``.
        schema_inputs: What the schema is made from.
        renames: What captured DDL renamed.
    """
    causes = (
        RECIPE,
        server_version,
        ASSUMED_ROWS,
        spec.tables,
        (spec.tenant_schemas, spec.tenant_model),
        renames,
        spec.clock,
        spec.scale,
        spec.seed if spec.scale == "rows" else 0,
    )
    digest = hashlib.sha256(msgspec.json.encode(causes, order="deterministic"))
    digest.update(schema_inputs)
    if spec.statistics is not None and (spec.root / spec.statistics).exists():
        digest.update((spec.root / spec.statistics).read_bytes())
    return PREFIX + digest.hexdigest()[:16]


def exists(connection: psycopg.Connection[Any], name: str) -> bool:
    """Whether the server has a database of that name."""
    query = "SELECT FROM pg_catalog.pg_database WHERE datname = %s"
    return connection.execute(query, [name]).fetchone() is not None


def names(connection: psycopg.Connection[Any]) -> list[str]:
    """Of all templates on the server."""
    query = "SELECT datname FROM pg_catalog.pg_database WHERE starts_with(datname::text, %s)"
    return [name for (name,) in connection.execute(query, [PREFIX])]


def write_record(connection: psycopg.Connection[Any], record: TemplateRecord) -> None:
    """Keeps the record in the template itself, as the comment of its own schema."""
    from psycopg import sql

    text = sql.Literal(record_text(record))
    connection.execute(sql.SQL("COMMENT ON SCHEMA planguard IS {}").format(text))


def read_record(connection: psycopg.Connection[Any]) -> TemplateRecord:
    """The record of the connected template.

    Raises:
        ScaleError: It has none, or one that cannot be read.
    """
    query = "SELECT obj_description(to_regnamespace('planguard'), 'pg_namespace')"
    row = connection.execute(query).fetchone()
    try:
        return record_from((row and row[0]) or "")
    except (ValueError, msgspec.MsgspecError) as error:
        raise ScaleError(
            f"the template in the database {connection.info.dbname} has no readable record",
            hint="make it anew with: pytest-planguard db down, then db build",
        ) from error


def record_text(record: TemplateRecord) -> str:
    """A record as JSON, with infinite lengths of ranges as ``Infinity``: strict JSON loses them."""
    return json.dumps(msgspec.to_builtins(record), ensure_ascii=False, separators=(",", ":"))


def record_from(text: str) -> TemplateRecord:
    """The record in a text of ``record_text``.

    Raises:
        ValueError: It is no JSON.
        msgspec.ValidationError: It is no record.
    """
    return msgspec.convert(json.loads(text), TemplateRecord)


def publish(connection: psycopg.Connection[Any], building: str, name: str) -> bool:
    """Renames a complete template; False where another run was faster."""
    import psycopg
    from psycopg import sql

    rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
    try:
        connection.execute(rename.format(sql.Identifier(building), sql.Identifier(name)))
    except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
        return False  # the latter where both did it at the very same time
    return True


def mark_used(connection: psycopg.Connection[Any], name: str) -> None:
    """Writes the time of use on the template, by which old ones are told."""
    import psycopg
    from psycopg import sql

    when = connection.execute("SELECT clock_timestamp()::text").fetchone()
    text = sql.SQL("COMMENT ON DATABASE {} IS {}")
    try:
        connection.execute(text.format(sql.Identifier(name), sql.Literal(when and when[0])))
    except psycopg.errors.InternalError:
        return  # "tuple concurrently updated": another run has just written the same


def mark_copy(connection: psycopg.Connection[Any], copy: str, template: str) -> None:
    """Writes on a run's database what it is a copy of: while it is there, the template stays."""
    from psycopg import sql

    text = sql.SQL("COMMENT ON DATABASE {} IS {}")
    connection.execute(text.format(sql.Identifier(copy), sql.Literal(template)))


def forgotten(connection: psycopg.Connection[Any]) -> list[str]:
    """Templates not used for a while, without the latest few; they may be dropped.

    Those of a run that lives are not among them, however long it has been planning: it copies
    its template once more for each candidate index.
    """
    parameters = {"prefix": PREFIX, "recent": _USED_RECENTLY}
    rows = connection.execute(_LISTED, parameters).fetchall()
    return [row[0] for row in rows[KEPT:]]
