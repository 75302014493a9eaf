"""A migration in SQL files, sent as psql sends them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from pytest_planguard.errors import ConfigurationError, SchemaError
from pytest_planguard.migrations.recorded import Recording, Sent
from pytest_planguard.migrations.trace import trace
from pytest_planguard.model.migration import Tool
from pytest_planguard.model.silence import Remark, silence_in
from pytest_planguard.model.statement import Layer, Origin
from pytest_planguard.sql.script import split_script

if TYPE_CHECKING:
    from pytest_planguard.fixturedb.twin import Twin


class SqlFiles:
    """The statements of the files, in the order given.

    Args:
        files: UTF-8 each.
        root: What places are relative to.
        single_transaction: Each file is one transaction, as many tools send it.
        down: Files of the way back, if there is one.
    """

    tool = Tool.SQL

    def __init__(
        self,
        files: Sequence[Path],
        root: Path,
        *,
        single_transaction: bool = False,
        down: Sequence[Path] = (),
    ) -> None:
        self._files = files
        self._root = root
        self._single_transaction = single_transaction
        self._down = down
        self.runs = bool(down)

    def record(self, twin: Twin | None) -> Recording:
        """The statements; the way back is gone on the twin.

        Raises:
            ConfigurationError: A file can't be read.
            SchemaError: It has a psql command that decides what follows.
        """
        found = self._read(self._files)
        if twin is None or not self._down:
            return found
        back = self._read(self._down)
        gone = trace(Recording((*found.sent, *back.sent), found.source), twin.conninfo)
        failed = any(one.refusal for one in gone.statements[: len(found.sent)])
        return msgspec.structs.replace(
            found,
            irreversible="" if failed else gone.failure,
            returned=not gone.failure,
        )

    def _read(self, files: Sequence[Path]) -> Recording:
        sent: list[Sent] = []
        remarks: list[Remark] = []
        for file in files:
            place = _relative(file, self._root)
            text = _text(file, place)
            own = list(_statements(text, place))
            remarks += _remarks(text, place, own)
            if self._single_transaction and own:
                own = [Sent("BEGIN", own[0].place), *own, Sent("COMMIT", own[-1].place)]
            sent += own
        source = ", ".join(_relative(file, self._root) for file in files)
        return Recording(tuple(sent), source or "no file", remarks=tuple(remarks))


def _text(file: Path, place: str) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{place} is not UTF-8: {error.reason} at byte {error.start}", hint="save it as UTF-8"
        ) from error
    except OSError as error:
        raise ConfigurationError(
            f"the migration {place} cannot be read: {error.strerror}",
            hint="name the files in the order they are run in",
        ) from error


def _statements(text: str, place: str) -> Iterator[Sent]:
    try:
        found = split_script(text)
    except SchemaError as error:
        raise SchemaError(f"{place}:{error.message}", hint=error.hint) from error
    for one in found:
        yield Sent(one.text, Origin(place, one.line, "", Layer.MIGRATION))


_REMARK = re.compile(r"--(\s*planguard:.*)")


def _remarks(text: str, place: str, sent: Sequence[Sent]) -> Iterator[Remark]:
    """Comments before a statement, or within it."""
    for number, line in enumerate(text.splitlines(), start=1):
        found = _REMARK.search(line)
        silence = silence_in(found[1]) if found else None
        if silence is None:
            continue
        lines = [(one.place.line, one.place.line + one.text.count("\n")) for one in sent]
        own = next((first for first, last in lines if number <= last), number)
        yield Remark(place, number, own, own, silence)


def _relative(file: Path, root: Path) -> str:
    path = file if file.is_absolute() else Path.cwd() / file
    try:
        return path.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        return file.as_posix()
