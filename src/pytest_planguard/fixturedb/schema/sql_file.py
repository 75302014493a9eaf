"""The schema from an SQL file, as psql would run it but without rows, owners and privileges."""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_planguard.errors import SchemaError
from pytest_planguard.fixturedb.schema import standins
from pytest_planguard.model.ports import Needs
from pytest_planguard.sql.script import ScriptStatement, StatementUse, split_script

if TYPE_CHECKING:
    import psycopg

_LEFT_OUT = (StatementUse.ROWS, StatementUse.RIGHTS, StatementUse.SERVER)
_LOST = (None, "57P01", "57P02", "57P03")
"""No answer; administrator's shutdown, crash, cannot connect now."""
_BATCH = 200
"""Statements sent together: one transaction takes a third less time than one for each."""
_TOGETHER = re.compile(r"(CREATE|ALTER)\b", re.IGNORECASE)
"""What may share a transaction with its neighbours. Not SET, which can change how the rest of one
message is read, not SELECT, which can call anything, and not BEGIN."""


def read(root: Path, name: str) -> str:
    """The file's text.

    Raises:
        SchemaError: There is none, or it is not UTF-8.
    """
    path = root / name
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SchemaError(
            f"{name} is not UTF-8: {error.reason} at byte {error.start}",
            hint="save the schema file as UTF-8",
        ) from error
    except OSError as error:
        raise SchemaError(
            f"the schema file {name} in {root} cannot be read: {error.strerror}"
            f"{_did_you_mean(path)}",
            hint="set schema in [tool.pytest-planguard.database] to a file, "
            '"command: …", "metadata: module:Base" or "clone"',
        ) from error


def statements(root: Path, name: str) -> tuple[ScriptStatement, ...]:
    """The file's statements.

    Raises:
        SchemaError: It cannot be read, or has a psql command that decides what follows.
    """
    text = read(root, name)
    try:
        return _split(text)
    except SchemaError as error:
        raise SchemaError(f"{name}:{error.message}", hint=error.hint) from error


@functools.lru_cache(maxsize=1)
def _split(text: str) -> tuple[ScriptStatement, ...]:
    """It is asked for what the server needs first, and made then."""
    return tuple(split_script(text))


def needs(root: Path, name: str) -> Needs:
    """Extensions and collations the file asks for.

    Raises:
        SchemaError: As of ``statements``.
    """
    found = statements(root, name)
    return Needs(
        extensions=frozenset(one.extension for one in found if one.extension),
        icu=any(one.icu for one in found),
    )


def execute(
    connection: psycopg.Connection[Any], root: Path, name: str, *, ours: bool = False
) -> tuple[str, ...]:
    """Runs the file, statement by statement; returns what is lacking.

    Args:
        connection: To an empty database, in autocommit mode.
        root: What the name is relative to.
        name: As configured.
        ours: The server is of our own making: roles may be made there.

    Raises:
        SchemaError: A statement failed: file, line, the server's message.
    """
    import psycopg

    lacking: list[str] = []
    missing: list[str] = []
    available = standins.available_extensions(connection)
    for one in _not_at_once(connection, statements(root, name)):
        if one.extension and one.extension not in available:
            missing.append(one.extension)
            schema = one.extension_schema
            lacking.append(standins.stand_in(connection, one.extension, schema))
            continue
        try:
            _execute(connection, one, lacking, ours=ours)
        except psycopg.Error as error:
            if error.sqlstate in _LOST:
                raise
            raise _failed(name, one, error, missing) from error
    connection.execute("RESET ALL")
    return tuple(dict.fromkeys(sentence for sentence in lacking if sentence))


def _not_at_once(
    connection: psycopg.Connection[Any], script: Sequence[ScriptStatement]
) -> Iterator[ScriptStatement]:
    """Makes what can be made in whole batches; the rest, in order, is to be sent one by one."""
    for batch in _batches([one for one in script if one.use not in _LEFT_OUT]):
        if len(batch) == 1 or not _made(connection, batch):
            yield from batch


def _batches(script: Sequence[ScriptStatement]) -> Iterator[list[ScriptStatement]]:
    batch: list[ScriptStatement] = []
    for one in script:
        together = one.use is StatementUse.SCHEMA and _TOGETHER.match(one.text)
        if batch and (not together or len(batch) == _BATCH):
            yield batch
            batch = []
        if together:
            batch.append(one)
        else:
            yield [one]
    if batch:
        yield batch


def _made(connection: psycopg.Connection[Any], batch: Sequence[ScriptStatement]) -> bool:
    """Whether the server took all of them; else none was made."""
    import psycopg

    try:
        # One simple query is one transaction. A statement can end in a comment to its line's end.
        connection.execute("\n;\n".join(one.text for one in batch).encode())
    except psycopg.Error as error:
        if error.sqlstate in _LOST:
            raise
        return False
    return True


def _execute(
    connection: psycopg.Connection[Any], one: ScriptStatement, lacking: list[str], *, ours: bool
) -> None:
    """One statement; a collation or a role the server lacks stops nothing."""
    import psycopg

    try:
        connection.execute(one.text.encode())
    except psycopg.Error as error:
        sentence = standins.instead(connection, one.text, error, ours=ours)
        if sentence is None:
            raise
        lacking.append(sentence)


def _failed(
    name: str, one: ScriptStatement, error: psycopg.Error, missing: Sequence[str]
) -> SchemaError:
    """The server's message at the file's line."""
    position = error.diag.statement_position
    before = one.text[: int(position) - 1] if position else ""
    message = error.diag.message_primary or str(error)
    first = one.text.strip().splitlines()[0][:120]
    hint = f"in: {first}"
    if missing:
        known = f"the server has no extension {', '.join(missing)}"
        hint += f"\n  {known}: {standins.HOW_TO_HAVE}"
    elif error.diag.message_hint:
        hint += f"\n  {error.diag.message_hint}"
    return SchemaError(f"{name}:{one.line + before.count(chr(10))}: {message}", hint=hint)


def _did_you_mean(path: Path) -> str:
    if not path.parent.is_dir():
        return ""
    names = sorted(item.name for item in path.parent.glob("*.sql"))
    nearest = difflib.get_close_matches(path.name, names, n=1, cutoff=0.6) or names[:1]
    return f' (did you mean "{nearest[0]}"?)' if nearest else ""
