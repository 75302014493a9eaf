"""A recorded history as its steps: each migration, with what led to it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from pytest_planguard.migrations.recorded import Recording, Sent
from pytest_planguard.model.migration import Tool
from pytest_planguard.sql.migration_text import MigrationStatement, migration_statement

_NAMED = re.compile(r"\b(?:CREATE TABLE(?: IF NOT EXISTS)?|RENAME TO)\s+\"?(\w+)\"?", re.IGNORECASE)
_LOCK = re.compile(r"\s*LOCK\b", re.IGNORECASE)
_NO_SCHEMA = frozenset({
    MigrationStatement.BEGIN, MigrationStatement.END, MigrationStatement.SAVEPOINT,
})  # fmt: skip


@dataclasses.dataclass(frozen=True)
class MigrationStep:
    """One migration of a history."""

    name: str
    """Its file without the folder, with the app's name before it where there are apps."""
    before: str
    """A script of all that was sent before it."""
    sent: tuple[Sent, ...]


class Given:
    """A source of statements that were recorded earlier."""

    runs = False

    def __init__(self, step: MigrationStep, tool: Tool) -> None:
        self.tool = tool
        self._step = step

    def record(self, _: object) -> Recording:
        """Those of the step."""
        return Recording(self._step.sent, self._step.name)


def steps(sent: Sequence[Sent]) -> Iterator[MigrationStep]:
    """One after the other.

    What is sent before the first one, as settings of the session, belongs to each.
    """
    prelude: list[Sent] = []
    groups: list[tuple[str, list[Sent]]] = []
    for one in sent:
        name = _name(one.place.file)
        if name and (not groups or groups[-1][0] != name):
            groups.append((name, []))
        (groups[-1][1] if groups else prelude).append(one)
    settings = [one for one in prelude if migration_statement(one.text) not in _NO_SCHEMA]
    before: list[str] = []
    for name, own in groups:
        yield MigrationStep(name, "".join(before), (*settings, *own))
        before += (f"{one.text}\n;\n" for one in own if _makes_schema(one.text))


def _makes_schema(text: str) -> bool:
    """Not a transaction's bounds, and no lock that is held by nobody afterwards."""
    return migration_statement(text) not in _NO_SCHEMA and not _LOCK.match(text)


def tables(sent: Sequence[Sent]) -> set[str]:
    """All names of tables (and of what else was renamed) there have ever been."""
    return {name for one in sent for name in _NAMED.findall(one.text)}


def _name(file: str) -> str:
    """Of a migration's file; empty: it is another one's."""
    path = PurePosixPath(file)
    if path.suffix != ".py" or path.name == "env.py":
        return ""
    app = path.parent.parent.name if path.parent.name == "migrations" else ""
    return f"{app}/{path.stem}" if app else path.stem
