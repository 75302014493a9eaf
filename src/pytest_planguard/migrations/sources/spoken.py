"""What several connections said, as one after the other: each transaction where it ended."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec

from pytest_planguard.sql.migration_text import MigrationStatement, migration_statement
from pytest_planguard.sql.script import split_script


class Spoken(msgspec.Struct):
    """One message with a statement, and what became of it."""

    connection: int
    text: str
    refused: bool = False
    """The server answered with an error, or with one to a message before it."""
    tag: str = ""
    """As CommandComplete has it; empty: there was none."""


_Said = tuple[MigrationStatement, str]

_NAME = re.compile(
    r"set\s+(?:session\s+)?(?!local\b|session\b|transaction\b)([\w.]+)", re.IGNORECASE
)


def one_after_the_other(spoken: Iterable[Spoken]) -> list[str]:
    """Statements of all connections as one session can send them.

    A transaction stands where it ended: what it did was seen by nobody before. What the server
    refused is left out. Settings are each connection's own.
    """
    order = _Order()
    for one in spoken:
        order.hear(one)
    return order.ended()


class _Order:
    """The state of all connections at one message."""

    def __init__(self) -> None:
        self._out: list[str] = []
        self._open: dict[int, list[_Said]] = {}
        self._settings: dict[int, dict[str, str]] = {}
        self._last: int | None = None

    def hear(self, one: Spoken) -> None:
        for kind, text in _statements(one):
            if kind is MigrationStatement.BEGIN:
                self._open.setdefault(one.connection, []).append((kind, text))
            elif one.connection not in self._open:
                self._emit(one.connection, [(kind, text)])
            else:
                self._open[one.connection].append((kind, text))
                if kind is MigrationStatement.END:
                    self._emit(one.connection, self._open.pop(one.connection))

    def ended(self) -> list[str]:
        """All of it; transactions that never ended come last."""
        while self._open:
            connection = next(iter(self._open))
            self._emit(connection, self._open.pop(connection))
            if self._open:
                self._out.append("ROLLBACK")
        return self._out

    def _emit(self, connection: int, said: list[_Said]) -> None:
        own = self._settings.setdefault(connection, {})
        if self._last not in (None, connection):
            others = self._settings[self._last or 0]
            self._out += [f"RESET {name}" for name in others if name not in own]
            self._out += own.values()
        self._last = connection
        for kind, text in said:
            found = _NAME.match(text) if kind is MigrationStatement.SETTING else None
            if found is not None:
                own[found.group(1).lower()] = text
            self._out.append(text)


def _statements(one: Spoken) -> Iterator[_Said]:
    """Those the server carried out; a COMMIT that became a ROLLBACK is one."""
    for found in split_script(one.text):
        kind = migration_statement(found.text)
        if kind is MigrationStatement.END and (one.refused or one.tag == "ROLLBACK"):
            yield kind, "ROLLBACK"
        elif not one.refused:
            yield kind, found.text
