"""What a test run sent of DDL: the statements that make a schema, one by one."""

from __future__ import annotations

from typing import Any

from pglast import ast, enums, parse_sql
from pglast.parser import ParseError

from pytest_planguard.errors import SchemaError
from pytest_planguard.sql.migration_text import MigrationStatement, migration_statement
from pytest_planguard.sql.script import split_script

_LEFT_OUT = frozenset({
    MigrationStatement.SERVER, MigrationStatement.RIGHTS,
    # which session was in a transaction is not captured: bounds without their statements
    MigrationStatement.BEGIN, MigrationStatement.END, MigrationStatement.SAVEPOINT,
})  # fmt: skip


def schema_statements(text: str) -> list[str]:
    """The single statements of a text that a migration may have sent.

    Roles and databases are the server's, and rights are no schema. Suites empty tables between
    tests, and temporary tables go with their session: neither leads from one release to the next.

    >>> schema_statements("CREATE TABLE t (a int); DROP DATABASE shop; TRUNCATE t")
    ['CREATE TABLE t (a int)']
    """
    try:
        single = [one.text for one in split_script(text)]
    except SchemaError:  # a psql command, which no driver sends: the server shall say
        single = [text]
    return [one for one in single if _makes_schema(one)]


def takes_away(text: str) -> bool:
    """Whether a statement only takes away what another one made.

    >>> [takes_away(one) for one in ("DROP INDEX i", "ALTER TABLE t DROP a, ADD b int")]
    [True, False]
    """
    try:
        node: Any = parse_sql(text)[0].stmt
    except (ParseError, IndexError):
        return False
    if not isinstance(node, ast.AlterTableStmt):
        return isinstance(node, ast.DropStmt)
    changes: Any = node.cmds
    kinds = (enums.AlterTableType(one.subtype).name for one in changes)
    return all(kind.startswith("AT_Drop") for kind in kinds)


def _makes_schema(text: str) -> bool:
    if migration_statement(text) in _LEFT_OUT:
        return False
    try:
        node: Any = parse_sql(text)[0].stmt
    except (ParseError, IndexError):
        return True  # of a newer PostgreSQL: both kinds are older than this parser
    return not isinstance(node, ast.TruncateStmt) and not _is_temporary(node)


def _is_temporary(node: Any) -> bool:
    into = getattr(node, "into", None) or getattr(node, "intoClause", None)
    holders = (into and into.rel, *(getattr(node, name, None) for name in _RELATIONS))
    made = next((one for one in holders if isinstance(one, ast.RangeVar)), None)
    return made is not None and (made.relpersistence == "t" or made.schemaname == "pg_temp")


_RELATIONS = ("relation", "view", "sequence")
"""Where statements keep the relation they make."""
