"""Which values of a statement meet columns that are to be redacted; its text without them.

A value meets a column where the two stand in one condition, one assignment or one expression that
is selected. The statement alone is read, no catalog: a column without a table's name may be of any
table there, and where the values of a derived table meet a redacted column all of them count. The
errors are on the side of hiding.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any

import msgspec
from pglast import parser

from pytest_planguard.model.redaction import Redaction
from pytest_planguard.sql.clauses import Clause, Column, Statement, Value, read, values_in
from pytest_planguard.sql.stand_ins import TEXT, stand_in

LONGEST_READ = 1 << 20
"""Characters of a text that is still parsed: a second, at most, once for each text."""

_DECODER = msgspec.json.Decoder()
_STRINGS = frozenset({"SCONST", "USCONST"})
_CONSTANTS = frozenset({*_STRINGS, "ICONST", "FCONST", "BCONST", "XCONST"})
_WORDS = frozenset({"TRUE_P", "FALSE_P"})
_COMMENTS = frozenset({"SQL_COMMENT", "C_COMMENT"})
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


class Redacted(msgspec.Struct, frozen=True):
    """A text without what must not be known, and which of its parameters that goes for too."""

    text: str
    parameters: frozenset[int] = frozenset()
    """Numbers, from 1 on."""
    patterns: frozenset[int] = frozenset()
    """Of these the ones that LIKE compares."""
    literals: dict[str, str] = {}
    """What literals of the text were replaced by; a client may have told them as values too."""


def redacted(
    text: str, redaction: Redaction, expressions: Sequence[re.Pattern[str]] = ()
) -> Redacted | None:
    """The text with stand-ins for its literals that are to be redacted.

    Args:
        text: One statement or several.
        redaction: What is to be redacted.
        expressions: Its expressions, compiled.

    Returns:
        None where the text can't be read: nobody knows what its values are then.
    """
    if len(text) > LONGEST_READ or "\0" in text:  # the parser would stop there
        return None
    try:
        statements = [read(item["stmt"]) for item in _parsed(text)]
        tokens = parser.scan(text)
    except (parser.ParseError, RecursionError):
        return None
    hidden: dict[int, Value] = {}
    parameters: dict[int, bool] = {}
    for value in (one for item in statements for one in _hidden(item, redaction)):
        if value.number:
            parameters[value.number] = parameters.get(value.number, False) or value.is_pattern
        elif value.location not in hidden or value.is_pattern:
            hidden[value.location] = value
    kept = {location for item in statements for location in item.kept}
    writer = _Writer(text, tokens, hidden, kept, expressions, every=redaction.everything)
    return Redacted(
        text=writer.written(),
        parameters=frozenset(parameters),
        patterns=frozenset(number for number, is_pattern in parameters.items() if is_pattern),
        literals=writer.literals,
    )


def _parsed(text: str) -> list[dict[str, Any]]:
    parsed: list[dict[str, Any]] = _DECODER.decode(parser.parse_sql_json(text))["stmts"]
    return parsed


def _hidden(statement: Statement, redaction: Redaction) -> Iterator[Value]:
    """The values of a statement that meet redacted columns."""
    columns = _Columns(statement, redaction)
    for clause in statement.clauses if redaction.columns else ():
        if redaction.everything:
            yield from clause.values
        elif clause.is_opaque or (not clause.is_rest and columns.meet(clause)):
            yield from clause.values
            for node in columns.derived(clause):
                yield from values_in(node)


class _Columns:
    """Which columns of a statement are redacted.

    Args:
        statement: What was read of it.
        redaction: What is to be redacted.
    """

    def __init__(self, statement: Statement, redaction: Redaction) -> None:
        self._statement = statement
        self._covers = redaction.covers
        self._covers_some = redaction.covers_some
        self._known: dict[Column, bool] = {}
        self._all = sorted({table for tables in statement.tables.values() for table in tables})

    def meet(self, clause: Clause) -> bool:
        """Whether a clause has a redacted column, or gives one its value."""
        if clause.target is not None and self._is_target(*clause.target):
            return True
        return any(self._is_redacted(column) for column in clause.columns)

    def derived(self, clause: Clause) -> list[Any]:
        """Derived tables whose columns a clause has beside the redacted one."""
        known = self._statement.derived
        found: dict[str, Any] = {}
        for column in clause.columns:
            *qualifier, name = column
            if not qualifier and (name == "*" or not self._is_redacted(column)):
                found |= known
            elif qualifier and qualifier[-1] in known:
                found[qualifier[-1]] = known[qualifier[-1]]
        if clause.joins:
            found |= known
        return list(found.values())

    def _is_target(self, table: str, column: str) -> bool:
        if column == "*":  # all columns of a table, in an order that only the catalog knows
            return self._covers_some(table)
        if table:
            return self._covers(table, column)
        return self._somewhere(column)

    def _is_redacted(self, column: Column) -> bool:
        """Whether a column is one of the redacted, whatever derived tables call it."""
        known = self._known.get(column)
        if known is None:
            known = self._known[column] = self._comes_of_one(column)
        return known

    def _comes_of_one(self, column: Column) -> bool:
        met: set[Column] = set()
        waiting = [column]
        while waiting:
            one = waiting.pop()
            if one not in met:
                met.add(one)
                if self._is_named(one):
                    return True
                waiting += self._origins(one)
        return False

    def _is_named(self, column: Column) -> bool:
        *_, name = column
        tables = self._tables(column)
        if name == "*":
            return any(map(self._covers_some, tables or self._all))
        if tables:
            return any(self._covers(table, name) for table in tables)
        return self._somewhere(name)

    def _somewhere(self, column: str) -> bool:
        """Whether a column of that name is, in any table of the statement or in one unnamed."""
        return any(self._covers(table, column) for table in (*self._all, ""))

    def _tables(self, column: Column) -> Collection[str]:
        """The tables its qualifier may mean; without one, or of a derived table, nobody knows."""
        *qualifier, _ = column
        return self._statement.tables.get(qualifier[-1], ()) if qualifier else ()

    def _origins(self, column: Column) -> Iterator[Column]:
        """The columns that one of a derived table is made of."""
        *qualifier, name = column
        if self._tables(column):
            return
        known = self._statement.derived
        for alias in (qualifier[-1],) if qualifier else known:
            if alias in known:
                yield from self._statement.outputs(known[alias], name)


class _Writer:
    """Writes a text with stand-ins in place of some literals.

    Args:
        text: The text.
        tokens: As the parser scans it.
        hidden: The literals to hide, by the byte they begin at.
        kept: The bytes where literals begin that stay.
        expressions: What hides a value by itself.
        every: Comments are left out but for what they tell planguard.
    """

    def __init__(
        self,
        text: str,
        tokens: Iterable[Any],
        hidden: dict[int, Value],
        kept: Collection[int],
        expressions: Sequence[re.Pattern[str]],
        *,
        every: bool,
    ) -> None:
        self.literals: dict[str, str] = {}
        self._text = text
        self._tokens = list(tokens)
        self._hidden = hidden
        self._kept = kept
        self._expressions = expressions
        self._every = every
        self._at = _places(text)
        self._numbers: dict[str, int] = {}

    def written(self) -> str:
        """The text with its stand-ins."""
        out: list[str] = []
        end = 0
        marked = [self._mark(token, before) for before, token in self._pairs()]
        hidden = {self._raw(token) for token, write in marked if write and token.name in _STRINGS}
        for token, write in marked:
            raw = self._raw(token)
            if self._at(token.start) in self._kept:
                continue
            if write is None and token.name in _STRINGS and raw in hidden:
                write = self._literal  # noqa: PLW2901 -- the same value, elsewhere
            if write is not None:
                out += (self._text[end : token.start], write(token))
                end = token.end + 1
        return "".join([*out, self._text[end:]])

    def _pairs(self) -> Iterator[tuple[Any, Any]]:
        return zip([None, *self._tokens], self._tokens, strict=False)

    def _raw(self, token: Any) -> str:
        return self._text[token.start : token.end + 1]

    def _mark(self, token: Any, before: Any) -> tuple[Any, Callable[[Any], str] | None]:
        """A token, and what writes its stand-in; None: it stays."""
        if token.name in _COMMENTS:
            return token, self._comment if self._expressions or self._every else None
        if token.name not in _CONSTANTS and token.name not in _WORDS:
            return token, None
        places = [self._at(token.start)]
        if before is not None and before.name == "ASCII_45":  # the minus is where a number begins
            places.append(self._at(before.start))
        is_hidden = any(place in self._hidden for place in places)
        if is_hidden or self._is_secret(_value(self._raw(token))):
            return token, self._literal
        return token, None

    def _is_secret(self, value: str) -> bool:
        return any(one.search(value) for one in self._expressions)

    def _comment(self, token: Any) -> str:
        raw = self._raw(token)
        if self._every:
            return raw if "planguard:" in raw else "/**/"
        for one in self._expressions:
            raw = one.sub(TEXT, raw)
        return raw

    def _literal(self, token: Any) -> str:
        raw = self._raw(token)
        found = self._hidden.get(self._at(token.start))
        known = self.literals.get(raw)
        if known is None:
            number = self._numbers.setdefault(raw, len(self._numbers))
            is_pattern = found is not None and found.is_pattern
            known = self.literals[raw] = _written(token, raw, number, is_pattern=is_pattern)
        return known


def _written(token: Any, raw: str, number: int, *, is_pattern: bool) -> str:
    if token.name in _WORDS:
        return "true"
    if token.name in {"BCONST", "XCONST"}:
        return f"{raw[0]}'0'"
    if token.name == "ICONST":
        return stand_in(raw, "integer", number)
    if token.name == "FCONST":
        return stand_in(raw, "numeric", number)
    value = stand_in(_value(raw), "text", number, is_pattern=is_pattern)
    quoted = value.replace("'", "''")
    return f"U&'{quoted}'" if token.name == "USCONST" else f"'{quoted}'"


def _value(raw: str) -> str:
    """What a literal says, without its quotes."""
    if raw[:1] == "$":
        mark = raw[: raw.index("$", 1) + 1]
        return raw[len(mark) : -len(mark)]
    if raw[:2] in {"E'", "e'"}:
        return _ESCAPE.sub(r"\1", raw[2:-1]).replace("''", "'")
    start = raw.find("'")
    return raw if start < 0 else raw[start + 1 : -1].replace("''", "'")


def _places(text: str) -> Callable[[int], int]:
    """Turns a position in the text into the parser's, which counts bytes."""
    if text.isascii():
        return lambda position: position
    starts: list[int] = []
    byte = 0
    for character in text:
        starts.append(byte)
        byte += len(character.encode(errors="surrogatepass"))
    return starts.__getitem__
