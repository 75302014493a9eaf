"""What a tool has sent, written down line by line: a killed program leaves what it had."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import IO, Any

SETTINGS = ("lock_timeout", "statement_timeout")
"""Of a session, that change what is found of its statements."""


class Journal:
    """The statements of one run, with the bounds of their transactions.

    Args:
        path: A file to write.
        folders: Where migrations are: the innermost line there is a statement's place.
        root: What places are relative to.
    """

    def __init__(self, path: str, root: Path) -> None:
        self._file: IO[str] = Path(path).open("w", encoding="utf-8")  # noqa: SIM115 - to the end
        self._root = root.resolve()
        self._open = False
        self._settled = False
        self.folders: list[Path] = []
        self.place: tuple[str, int, str] = ("", 0, "")
        """Where no line of a migration is on the stack."""

    def statement(self, text: str, *, autocommit: bool) -> None:
        """One statement, before it is sent."""
        if autocommit:
            self.commit()
        elif not self._open:
            self._write("BEGIN")
            self._open = True
        self._write(text)

    def commit(self) -> None:
        """The end of a transaction, if one is open."""
        self._end("COMMIT")

    def rollback(self) -> None:
        """Likewise, with nothing kept."""
        self._end("ROLLBACK")

    def settings(self, values: dict[str, str]) -> None:
        """What the session was opened with; written once."""
        if self._settled:
            return
        self._settled = True
        for name, value in values.items():
            if value != "0":
                self._write(f"SET {name} = '{value}'")

    def said(self, **facts: Any) -> None:
        """Something else: ``failure``, ``irreversible``, ``returned``."""
        self._file.write(json.dumps(facts) + "\n")
        self._file.flush()

    def _end(self, word: str) -> None:
        if self._open:
            self._open = False
            self._write(word)

    def _write(self, text: str) -> None:
        file, line, function = self._where()
        self.said(text=text, file=file, line=line, function=function)

    def _where(self) -> tuple[str, int, str]:
        """The innermost line of a migration on the stack."""
        frame = sys._getframe(1)  # noqa: SLF001 - the only way up the stack without its texts
        while frame is not None:
            name = Path(frame.f_code.co_filename)
            if any(folder in name.parents for folder in self.folders):
                return self.relative(name), frame.f_lineno, frame.f_code.co_name
            frame = frame.f_back  # type: ignore[assignment]  # None ends the walk
        return self.place

    def relative(self, path: Path) -> str:
        """A file's name for reports."""
        try:
            return path.resolve().relative_to(self._root).as_posix()
        except ValueError:
            return path.as_posix()
