"""What kind of statement a migration sends, as far as tracing has to know it."""

from __future__ import annotations

import enum
import re
from typing import Any

from pglast import ast, enums, parse_sql
from pglast.parser import ParseError

from pytest_planguard.sql.script import StatementUse, statement_use


class MigrationStatement(enum.StrEnum):
    """How a statement is traced."""

    BEGIN = "begin"
    END = "end"
    """COMMIT or ROLLBACK of the whole transaction."""
    SAVEPOINT = "savepoint"
    SETTING = "setting"
    DATA = "data"
    """It has a plan and writes: INSERT, UPDATE, DELETE, MERGE, also below WITH."""
    QUERY = "query"
    """It has a plan and writes nothing, unless through a function."""
    RIGHTS = "rights"
    """Of roles that may not be there."""
    SERVER = "server"
    """About roles or databases: it is never run here."""
    BLOCK = "block"
    """DO and CALL: what is inside is not seen."""
    OTHER = "other"
    """DDL, and whatever this parser does not know."""


_ENDS = frozenset({"TRANS_STMT_COMMIT", "TRANS_STMT_ROLLBACK"})
_BEGINS = frozenset({"TRANS_STMT_BEGIN", "TRANS_STMT_START"})
_DATA = (ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt, ast.MergeStmt)
_SUBSCRIPTIONS = (
    ast.CreateSubscriptionStmt,
    ast.AlterSubscriptionStmt,
    ast.DropSubscriptionStmt,
)
"""They connect to another server."""

_BY_WORD = (
    (
        re.compile(
            r"(create|alter|drop)\s+(database|role|user|group|tablespace|system|subscription)\b",
            re.IGNORECASE,
        ),
        MigrationStatement.SERVER,
    ),
    (re.compile(r"(begin|start\s+transaction)\b", re.IGNORECASE), MigrationStatement.BEGIN),
    (re.compile(r"(commit|end|rollback|abort)\s*$", re.IGNORECASE), MigrationStatement.END),
    (re.compile(r"(set|reset)\b", re.IGNORECASE), MigrationStatement.SETTING),
    (re.compile(r"(insert|update|delete|merge)\b", re.IGNORECASE), MigrationStatement.DATA),
    (re.compile(r"(do|call)\b", re.IGNORECASE), MigrationStatement.BLOCK),
)


def migration_statement(text: str) -> MigrationStatement:
    """The kind of one statement; by its first word where the parser rejects it.

    >>> migration_statement("ALTER TABLE t ADD COLUMN a int").value
    'other'
    >>> migration_statement("WITH d AS (DELETE FROM t RETURNING 1) SELECT * FROM d").value
    'data'
    """
    try:
        node: Any = parse_sql(text)[0].stmt
    except (ParseError, IndexError):
        found = (kind for pattern, kind in _BY_WORD if pattern.match(text.strip()))
        return next(found, MigrationStatement.OTHER)
    if isinstance(node, ast.TransactionStmt):
        kind: Any = node.kind
        return _of_transaction(enums.TransactionStmtKind(kind).name)
    if isinstance(node, ast.VariableSetStmt):
        return MigrationStatement.SETTING
    if isinstance(node, ast.DoStmt | ast.CallStmt):
        return MigrationStatement.BLOCK
    if isinstance(node, _DATA) or (isinstance(node, ast.SelectStmt) and _writes(node)):
        return MigrationStatement.DATA
    if isinstance(node, ast.SelectStmt):
        return MigrationStatement.OTHER if node.intoClause else MigrationStatement.QUERY
    use = statement_use(node)
    if use is StatementUse.SERVER or isinstance(node, _SUBSCRIPTIONS):
        return MigrationStatement.SERVER
    return MigrationStatement.RIGHTS if use is StatementUse.RIGHTS else MigrationStatement.OTHER


def _of_transaction(name: str) -> MigrationStatement:
    if name in _BEGINS:
        return MigrationStatement.BEGIN
    return MigrationStatement.END if name in _ENDS else MigrationStatement.SAVEPOINT


def _writes(node: Any) -> bool:
    """Whether a WITH query below it writes."""
    queries = node.withClause.ctes if node.withClause else ()
    return any(isinstance(one.ctequery, _DATA) for one in queries)
