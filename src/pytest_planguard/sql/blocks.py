"""Statements inside of DO blocks, functions and procedures, as PostgreSQL's own parsers read them.

What a variable stands for is not known before the block runs: it becomes a parameter. So does a
field of a record. What is put together at run time (``EXECUTE format(…)``) is not seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from pglast import ast, parse_plpgsql, parse_sql
from pglast.parser import ParseError
from pglast.visitors import Visitor

from pytest_planguard.sql.tree import Node, is_a, nodes, parsed, several, sql_of


class Loop(msgspec.Struct, frozen=True):
    """A loop around a statement."""

    query: str = ""
    """It goes round once for each of its rows; its variables are parameters."""
    rounds: float | None = None
    """Where that is known without a plan."""
    commits: bool = False
    """Each round, or some, ends the transaction."""


class Inner(msgspec.Struct, frozen=True):
    """One statement inside."""

    sql: str
    """Its variables are parameters; empty: it is known when it runs, or is in another language."""
    loops: tuple[Loop, ...] = ()
    """Outermost first; a function that is called for each row of a query goes round with it."""
    is_expression: bool = False
    """``SELECT`` and what is assigned, asked or returned: it matters for the functions it calls."""


class Function(msgspec.Struct, frozen=True):
    """A function or procedure that is not the server's own."""

    name: str
    """Without its schema."""
    language: str
    """``plpgsql`` and ``sql`` can be read; empty: it is not known which of several it is."""
    definition: str
    """As CREATE FUNCTION has it."""
    source: str
    """What is between its quotes."""
    arguments: tuple[str, ...] = ()
    """Names; empty where an argument has none."""


_WRITING = (ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt, ast.MergeStmt, ast.CallStmt)
_PLANNED = (*_WRITING, ast.SelectStmt)
"""Of other statements nothing is asked here."""

_MOST_CALLS = 20
"""Functions one statement leads to: more is a program, not a migration."""


def inner_statements(text: str, functions: Mapping[str, Function]) -> tuple[Inner, ...]:
    """Statements a DO block, a CALL or a query's functions send, through further functions too.

    Args:
        text: One statement.
        functions: Those that are known there, by name.

    >>> block = "DO $$ DECLARE n int; BEGIN DELETE FROM t WHERE a < n; END $$"
    >>> [one.sql for one in inner_statements(block, {})]
    ['DELETE FROM t WHERE a < CAST($1 AS int4)']
    """
    node = parsed(text)
    if node is None:
        return ()
    reading = _Reading(functions)
    if isinstance(node, ast.DoStmt):
        return tuple(reading.expanded(_of_plpgsql(text)))
    return tuple(reading.called(node, text, ()))


def may_write(text: str) -> bool:
    """Whether a block may change rows: it says so itself, or calls what may.

    >>> may_write("DO $$ BEGIN ALTER TABLE t ADD a int; END $$"), may_write("CALL p()")
    (False, True)
    """
    if not isinstance(parsed(text), ast.DoStmt):
        return True
    return any(not one.sql or _writes(parsed(one.sql)) for one in _of_plpgsql(text))


def _writes(statement: Node) -> bool:
    """Whether it, or what is below it, is about rows or calls a function."""
    return any(isinstance(one, (*_WRITING, ast.FuncCall)) for one in nodes(statement))


class _Reading:
    """Of one statement: each function is read once."""

    def __init__(self, functions: Mapping[str, Function]) -> None:
        self._functions = functions
        self._read: set[str] = set()

    def expanded(self, found: Iterable[Inner]) -> Iterator[Inner]:
        """Statements, each followed by those of the functions it calls."""
        for one in found:
            if not one.is_expression:
                yield one
            node = parsed(one.sql)
            if node is not None:
                yield from self.called(node, one.sql, one.loops)

    def called(self, node: Node, text: str, loops: tuple[Loop, ...]) -> Iterator[Inner]:
        """Statements of the functions that a statement calls, once for each of its rows."""
        around = (*loops, Loop(text)) if getattr(node, "fromClause", None) else loops
        for name in _called_names(node):
            function = self._functions.get(name)
            if function is None or name in self._read or len(self._read) >= _MOST_CALLS:
                continue
            self._read.add(name)
            own = _of_function(function)
            yield from self.expanded(
                msgspec.structs.replace(one, loops=(*around, *one.loops)) for one in own
            )


def _called_names(node: Node) -> list[str]:
    calls = (one for one in nodes(node) if is_a(one, "FuncCall"))
    return list(dict.fromkeys(str(one.funcname[-1].sval) for one in calls))


def _of_function(function: Function) -> Iterable[Inner]:
    if function.language == "plpgsql":
        return _of_plpgsql(function.definition)
    if function.language != "sql":
        return (Inner(""),)
    try:
        statements: Any = parse_sql(function.source)
    except ParseError:
        return (Inner(""),)
    variables = dict.fromkeys(filter(None, function.arguments), "")
    planned = (one.stmt for one in statements if isinstance(one.stmt, _PLANNED))
    return [Inner(_parameterised(one, variables)) for one in planned]


def _of_plpgsql(text: str) -> list[Inner]:
    """Of a block or a function; one that is not known where it is of another language."""
    try:
        functions = parse_plpgsql(text)
    except (ParseError, RecursionError, ValueError):
        return [Inner("")]
    bodies = [one["PLpgSQL_function"] for one in functions if "PLpgSQL_function" in one]
    if not any("action" in body for body in bodies):
        return [Inner("")]
    found: list[Inner] = []
    for body in bodies:
        variables = _variables(body.get("datums", ()))
        read = _Body(variables)
        found += read.statements(body.get("datums", ()), ())
        found += read.statements(body.get("action", {}), ())
    return found


def _variables(datums: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Variables and records by name, with the type of those that have a plain one."""
    found: dict[str, str] = {}
    for datum in datums:
        for kind, fields in datum.items():
            if kind not in ("PLpgSQL_var", "PLpgSQL_rec") or "refname" not in fields:
                continue
            known = fields.get("datatype", {}).get("PLpgSQL_type", {}).get("typname", "")
            found[fields["refname"]] = known if known in _PLAIN else ""
    return found


_PLAIN = frozenset({
    "bool", "bpchar", "bytea", "date", "float4", "float8", "int2", "int4", "int8", "interval",
    "json", "jsonb", "numeric", "text", "time", "timestamp", "timestamptz", "uuid", "varchar",
})  # fmt: skip
"""Types without a schema and a modifier, by the names the parser gives them."""

_STATEMENTS = {
    "PLpgSQL_stmt_execsql": "sqlstmt",
    "PLpgSQL_stmt_perform": "expr",
    "PLpgSQL_stmt_call": "expr",
    "PLpgSQL_stmt_return_query": "query",
}
"""Kinds of statements that have one of SQL, and where."""
_DYNAMIC = {"PLpgSQL_stmt_dynexecute": "query", "PLpgSQL_stmt_return_query": "dynquery"}
_LOOPS = frozenset({
    "PLpgSQL_stmt_loop", "PLpgSQL_stmt_while", "PLpgSQL_stmt_fori", "PLpgSQL_stmt_fors",
    "PLpgSQL_stmt_forc", "PLpgSQL_stmt_foreach_a", "PLpgSQL_stmt_dynfors",
})  # fmt: skip


class _Body:
    """Goes through a body.

    Args:
        variables: Of all its blocks.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def statements(self, node: Any, loops: tuple[Loop, ...]) -> list[Inner]:
        """Those of SQL, in their order."""
        if isinstance(node, list):
            return [found for one in node for found in self.statements(one, loops)]
        if not isinstance(node, dict):
            return []
        found: list[Inner] = []
        for kind, fields in node.items():
            around = (*loops, self._loop(kind, fields)) if kind in _LOOPS else loops
            text = self._text(kind, fields)
            if text is not None:
                found.append(Inner(text, around))
            called = self._called(fields) if kind == "PLpgSQL_expr" else ""
            if called:
                found.append(Inner(called, around, is_expression=True))
            parts = fields.values() if isinstance(fields, dict) else (fields,)
            found += (one for part in parts for one in self.statements(part, around))
        return found

    def _text(self, kind: str, fields: Any) -> str | None:
        """The SQL of one that may have a plan; empty: it has some that cannot be read."""
        if kind not in _STATEMENTS and kind not in _DYNAMIC:
            return None
        text = _expression(fields, _STATEMENTS[kind]) if kind in _STATEMENTS else ""
        if not text and kind in _DYNAMIC:
            text = _constant(_expression(fields, _DYNAMIC[kind]))
        node = parsed(text)
        if node is None:
            return ""
        return _parameterised(node, self._variables) if isinstance(node, _PLANNED) else None

    def _called(self, expression: Mapping[str, Any]) -> str:
        """An expression that calls something, as a statement; empty: any other."""
        text = str(expression.get("query", ""))
        if expression.get("parseMode") == _ASSIGNMENT:
            text = re.split(r":?=", text, maxsplit=1)[-1]
        elif expression.get("parseMode") != _EXPRESSION:
            return ""
        node = parsed(f"SELECT {text}")
        if node is None or not _called_names(node):
            return ""
        return _parameterised(node, self._variables)

    def _loop(self, kind: str, fields: Mapping[str, Any]) -> Loop:
        commits = _commits(fields.get("body", ()))
        if kind == "PLpgSQL_stmt_fors":
            node = parsed(_expression(fields, "query"))
            query = _parameterised(node, self._variables) if node is not None else ""
            return Loop(query, commits=commits)
        rounds = _rounds(fields) if kind == "PLpgSQL_stmt_fori" else None
        return Loop(rounds=rounds, commits=commits)


_EXPRESSION, _ASSIGNMENT = 2, 3
"""``RawParseMode`` in PostgreSQL's parser.h: what the text of an expression is read as."""


def _rounds(fields: Mapping[str, Any]) -> float | None:
    """Of a loop over numbers, where all of them are written."""
    texts = [_expression(fields, "lower"), _expression(fields, "upper")]
    texts.append(_expression(fields, "step") or "1")
    if not all(map(_NUMBER.fullmatch, texts)):
        return None
    first, last, step = map(int, texts)
    way = first - last if fields.get("reverse") else last - first
    return float(max(0, way // step + 1)) if step > 0 else None


_NUMBER = re.compile(r"\s*-?\d{1,15}\s*")


def _expression(fields: Mapping[str, Any], name: str) -> str:
    return str(fields.get(name, {}).get("PLpgSQL_expr", {}).get("query", ""))


def _constant(expression: str) -> str:
    """What a string says that is executed; empty: it is put together."""
    node = parsed(f"SELECT {expression}") if expression else None
    targets = several(getattr(node, "targetList", None))
    value: Node = getattr(targets[0], "val", None) if len(targets) == 1 else None
    string: Node = getattr(value, "val", None) if is_a(value, "A_Const") else None
    return str(string.sval) if is_a(string, "String") else ""


def _commits(node: Any) -> bool:
    if isinstance(node, dict):
        return "PLpgSQL_stmt_commit" in node or any(map(_commits, node.values()))
    return isinstance(node, list) and any(map(_commits, node))


def _parameterised(statement: Node, variables: Mapping[str, str]) -> str:
    """A statement whose variables are parameters, by the names it does not use itself."""
    taken = [one.number for one in nodes(statement) if is_a(one, "ParamRef")]
    own = set(_sources(statement))
    known = {name: kind for name, kind in variables.items() if name not in own}
    _Variables(known, max(taken, default=0))(statement)
    return sql_of(statement)


def _sources(statement: Node) -> Iterator[str]:
    """What a statement calls the tables it is about."""
    for one in nodes(statement):
        if is_a(one, "RangeVar"):
            yield str(one.relname)
        alias: Node = getattr(one, "alias", None)
        if is_a(alias, "Alias"):
            yield str(alias.aliasname)
        if is_a(one, "CommonTableExpr"):
            yield str(one.ctename)


class _Variables(Visitor):
    """Puts a parameter where a variable is read.

    Args:
        known: Variables and records, by name, with their types.
        taken: The statement's highest parameter.
    """

    def __init__(self, known: Mapping[str, str], taken: int) -> None:
        self._known = known
        self._taken = taken
        self._numbers: dict[tuple[str, ...], int] = {}

    def visit_ColumnRef(self, _: Any, node: Node) -> Node:  # noqa: N802 - pglast's name for it
        """A new node for a variable, or for a field of a record."""
        names = tuple(str(getattr(one, "sval", "*")) for one in several(node.fields))
        if names[0] not in self._known or len(names) > 2 or "*" in names:
            return None
        number = self._numbers.setdefault(names, self._taken + len(self._numbers) + 1)
        parameter = ast.ParamRef(number=number)
        kind = self._known[names[0]] if len(names) == 1 else ""
        if not kind:
            return parameter
        name = ast.TypeName(names=(ast.String(kind),), typemod=-1)
        return ast.TypeCast(arg=parameter, typeName=name)
