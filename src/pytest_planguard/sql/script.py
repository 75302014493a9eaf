"""SQL scripts: from a file's text to its statements, each with its line and what it is for.

Scripts are written for psql, so that the lines only psql understands are taken out first; what
is left is split by PostgreSQL's own parser.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from typing import Any

import msgspec
from pglast import ast, enums, parse_sql
from pglast.parser import ParseError, split

from pytest_planguard.errors import SchemaError


class StatementUse(enum.StrEnum):
    """What a statement of a schema script is for."""

    SCHEMA = "schema"
    """It makes or changes something plans depend on, or prepares for it."""
    EXTENSION = "extension"
    """CREATE EXTENSION."""
    ROWS = "rows"
    """It only loads or changes rows."""
    RIGHTS = "rights"
    """Owners, privileges, comments: no plan depends on them."""
    SERVER = "server"
    """It is about roles or databases, which are the server's and not the schema's."""


class ScriptStatement(msgspec.Struct, frozen=True):
    """One statement of a script."""

    text: str
    """Without leading comments and the trailing semicolon."""
    line: int
    """Its first line in the script, from 1."""
    use: StatementUse = StatementUse.SCHEMA
    extension: str = ""
    """Of CREATE EXTENSION: its name."""
    extension_schema: str = ""
    """Of CREATE EXTENSION … SCHEMA: where it goes; empty: the search path says."""
    icu: bool = False
    """It makes or names a collation of the ICU provider."""


_TOKEN = re.compile(
    r"""
    --[^\n]*
    | (?P<comment>/\*)
    | [eE]'(?:[^'\\]|\\.|'')*'
    | '(?:[^']|'')*'
    | "(?:[^"]|"")*"
    | (?P<word>[A-Za-z_\u0080-\uffff][\w$]*)
    | \$(?P<tag>(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?)\$.*?\$(?P=tag)\$
    | (?P<end>;)
    | [()]
    | \\(?P<command>[^\n]*)
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_COPY = re.compile(r"\s*copy\b.*\bfrom\s+stdin\b", re.IGNORECASE | re.DOTALL)
_COPY_END = re.compile(r"^\\\.[ \t\r]*$", re.MULTILINE)
_LEADING = re.compile(r"(?:\s+|--[^\n]*(?:\n|\Z))+")
_QUIET_COMMANDS = frozenset({"restrict", "unrestrict", "echo", "qecho", "encoding", "timing", "."})
"""psql commands without an effect on what follows: pg_dump writes the first two (since 2025)."""


def split_script(text: str) -> list[ScriptStatement]:
    r"""The statements of a script, as psql would send them; rows of COPY are left out.

    Raises:
        SchemaError: It has a psql command that decides what follows; ``:<line>:`` is named.

    >>> [(s.text, s.line) for s in split_script("SELECT ';';\n-- é\nSELECT 2;")]
    [("SELECT ';'", 1), ('SELECT 2', 3)]
    """
    sql = without_psql(text.removeprefix("\ufeff"))
    statements, line, at = [], 1, 0
    for first, end in _slices(sql):
        start = _after_comments(sql, first, end)
        line, at = line + sql.count("\n", at, start), start
        if start < end:
            statements.append(_statement(sql[start:end], line))
    return statements


def without_psql(text: str) -> str:
    """The script with psql's commands and COPY's rows blanked; lines keep their numbers."""
    pieces: list[str] = []
    kept = begin = position = 0
    while (token := _TOKEN.search(text, position)) is not None:
        position = token.end()
        blank_from = -1
        if token["comment"]:
            position = _comment_end(text, token.end())
        elif token["command"] is not None:
            _refuse(token["command"], text.count("\n", 0, token.start()) + 1)
            blank_from = token.start()
        elif token["end"]:
            if _COPY.match(_LEADING.sub(" ", text[begin : token.start()])):
                blank_from = token.end()
                position = _rows_end(text, token.end())
            begin = position
        if blank_from >= 0:
            pieces += [text[kept:blank_from], "\n" * text.count("\n", blank_from, position)]
            kept = position
            begin = max(begin, position) if token["command"] is not None else begin
    return "".join([*pieces, text[kept:]])


def _refuse(command: str, line: int) -> None:
    name = command.split(maxsplit=1)[0] if command.strip() else ""
    if name in _QUIET_COMMANDS:
        return
    raise SchemaError(
        f"{line}: the psql command \\{name} is not understood",
        hint=f"take it out, or make the schema with a command: "
        f'schema = "command: psql -f …" (\\{name} on line {line})',
    )


def _comment_end(text: str, position: int) -> int:
    """Where a block comment ends; they nest."""
    depth = 1
    while depth and (edge := _COMMENT_EDGE.search(text, position)) is not None:
        depth += 1 if edge[0] == "/*" else -1
        position = edge.end()
    return position if not depth else len(text)


def _rows_end(text: str, position: int) -> int:
    end = _COPY_END.search(text, position)
    return end.end() if end is not None else len(text)


def _slices(sql: str) -> Iterator[tuple[int, int]]:
    """Start and end of each statement; by semicolons where this parser knows too little."""
    try:
        found = [(one.start, one.stop) for one in split(sql, only_slices=True)]
    except ParseError:
        found = list(_between_semicolons(sql))
    return iter(found)


def _between_semicolons(sql: str) -> Iterator[tuple[int, int]]:
    """The same without a parser: the server shall say what is wrong with which statement.

    Semicolons within parentheses (rules) and BEGIN ATOMIC … END (functions) end nothing.
    """
    start = position = depth = 0
    before = ""
    while (token := _TOKEN.search(sql, position)) is not None:
        position = _comment_end(sql, token.end()) if token["comment"] else token.end()
        word = (token["word"] or "").lower()
        if token[0] == "(" or (word == "atomic" and before == "begin"):
            depth += 1
        elif token[0] == ")" or (word == "end" and depth):
            depth -= 1
        elif word == "case" and depth:
            depth += 1
        elif token["end"] and depth <= 0:
            yield start, token.start()
            start, depth = token.end(), 0
        before = word or before
    yield start, len(sql.rstrip())


def _after_comments(sql: str, start: int, end: int) -> int:
    while start < end:
        if (leading := _LEADING.match(sql, start, end)) is not None:
            start = leading.end()
        elif sql.startswith("/*", start):
            start = min(_comment_end(sql, start + 2), end)
        else:
            break
    return start


def _statement(text: str, line: int) -> ScriptStatement:
    try:
        node: Any = parse_sql(text)[0].stmt
    except (ParseError, IndexError):
        return ScriptStatement(text, line)
    if isinstance(node, ast.CreateExtensionStmt):
        options: Any = node.options or ()
        schema = next((one.arg.sval for one in options if one.defname == "schema"), "")
        return ScriptStatement(text, line, StatementUse.EXTENSION, node.extname or "", schema)
    icu = '-x-icu"' in text or _is_icu(node)
    return ScriptStatement(text, line, statement_use(node), icu=icu)


_ROWS = (ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt, ast.MergeStmt, ast.CopyStmt)
_RIGHTS = (
    ast.AlterOwnerStmt,
    ast.GrantStmt,
    ast.AlterDefaultPrivilegesStmt,
    ast.CommentStmt,
    ast.SecLabelStmt,
    ast.AlterExtensionStmt,
    ast.AlterExtensionContentsStmt,
)
_SERVER = (
    ast.CreateRoleStmt,
    ast.AlterRoleStmt,
    ast.AlterRoleSetStmt,
    ast.DropRoleStmt,
    ast.GrantRoleStmt,
    ast.CreatedbStmt,
    ast.DropdbStmt,
    ast.AlterDatabaseStmt,
    ast.AlterDatabaseSetStmt,
    ast.AlterSystemStmt,
    ast.CreateTableSpaceStmt,
    ast.DropTableSpaceStmt,
)
_IDENTITIES = ("role", "session_authorization")


def statement_use(node: Any) -> StatementUse:
    """What a parsed statement is for."""
    if isinstance(node, _ROWS):
        return StatementUse.ROWS
    if isinstance(node, _RIGHTS) or _changes_owner(node):
        return StatementUse.RIGHTS
    if isinstance(node, ast.VariableSetStmt) and node.name in _IDENTITIES:
        return StatementUse.RIGHTS
    if isinstance(node, _SERVER):
        return StatementUse.SERVER
    return StatementUse.SCHEMA


def _changes_owner(node: Any) -> bool:
    """ALTER TABLE … OWNER TO, alone as pg_dump writes it."""
    if not isinstance(node, ast.AlterTableStmt):
        return False
    changes: Any = node.cmds
    return all(one.subtype == enums.AlterTableType.AT_ChangeOwner for one in changes)


def _is_icu(node: Any) -> bool:
    if not isinstance(node, ast.DefineStmt) or node.kind != enums.ObjectType.OBJECT_COLLATION:
        return False
    options: dict[str, Any] = {one.defname: one.arg for one in node.definition or ()}
    names = getattr(options.get("provider"), "names", None)
    return names is not None and names[-1].sval == "icu"
