"""A migration of a tool that is written in Python: run on a twin, written down, read again."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
import tokenize
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from pytest_planguard.capture.remarks import remarks_in
from pytest_planguard.conninfo import without_password
from pytest_planguard.errors import SchemaError
from pytest_planguard.fixturedb.schema import command
from pytest_planguard.migrations.recorded import NOWHERE, Recording, Sent
from pytest_planguard.migrations.sources.waits import Waits
from pytest_planguard.migrations.trace import TIME_LIMIT
from pytest_planguard.model.migration import Tool
from pytest_planguard.model.silence import Remark
from pytest_planguard.model.statement import Layer, Origin
from pytest_planguard.sql.migration_text import MigrationStatement, migration_statement
from pytest_planguard.sql.script import split_script

if TYPE_CHECKING:
    from pytest_planguard.fixturedb.twin import Twin


class Line(msgspec.Struct):
    """One line of a journal (``tools.journal``)."""

    text: str = ""
    file: str = ""
    line: int = 0
    function: str = ""
    failure: str = ""
    irreversible: str = ""
    returned: bool = False


class ToolSource:
    """A range of a tool's migrations.

    Args:
        tool: Which tool.
        wanted: The range, as the tool's program takes it.
        root: The project's folder.
        time_limit: Seconds after which it is killed.
    """

    runs = True

    def __init__(self, tool: Tool, wanted: str, root: Path, time_limit: float = TIME_LIMIT) -> None:
        self._time_limit = time_limit
        self.tool = tool
        self._wanted = wanted
        self._root = root

    @property
    def schema_before(self) -> str:
        """What makes the schema the range starts from, as the configuration has it."""
        return f"command: {shlex.join(self._words('before'))}"

    def record(self, twin: Twin | None) -> Recording:
        """Its statements; the way back is gone on the twin.

        Raises:
            SchemaError: The tool can't be run, or failed before it sent anything.
        """
        assert twin is not None
        with tempfile.TemporaryDirectory() as folder:
            journal = Path(folder) / "journal"
            words = self._words("record", str(journal))
            variables = command.environment(os.environ, twin.url, twin.conninfo)
            shown = f"{self.tool.value} {self._wanted}".strip()
            with Waits(twin) as waits:
                stopped = self._stopped(words, variables, shown)
            if stopped is not None and not journal.exists():
                raise stopped
            lines = list(_lines(journal))
            if stopped is not None:
                why = waits.said or stopped.hint.splitlines()[-1].strip()
                lines.append(Line(failure=f"{stopped.message}: {why}"))
        return self._recording(lines)

    def _stopped(
        self, words: Sequence[str], variables: Mapping[str, str], shown: str
    ) -> SchemaError | None:
        """Why it did not come to its end."""
        try:
            command.run_checked(words, self._root, variables, shown, time_limit=self._time_limit)
        except SchemaError as error:
            return error
        return None

    def _words(self, verb: str, *rest: str) -> list[str]:
        program = f"pytest_planguard.migrations.tools.{self.tool.value}"
        return [sys.executable, "-m", program, verb, self._wanted, *rest]

    def _recording(self, lines: Sequence[Line]) -> Recording:
        def last(name: str) -> Any:
            return next((found for one in reversed(lines) if (found := getattr(one, name))), "")

        sent = tuple(singly(Sent(one.text, _place(one)) for one in lines if one.text))
        source = f"{self.tool.value} {self._wanted}".strip()
        return Recording(
            sent,
            source,
            without_password(last("failure")),  # an error may quote an address
            without_password(last("irreversible")),
            bool(last("returned")),
            remarks=tuple(_remarks({one.place.file for one in sent}, self._root)),
        )


def singly(sent: Iterable[Sent]) -> Iterator[Sent]:
    """Statements one by one, where a tool sends several as one text.

    The server runs such a text as one transaction, unless it is in one or has bounds of its own
    (PostgreSQL manual, 54.2.2.1). Django adds a foreign key's column so.
    """
    is_open = False
    for one in sent:
        texts = _single(one.text)
        kinds = [migration_statement(text) for text in texts]
        bounded = is_open or len(texts) == 1 or not _BOUNDS.isdisjoint(kinds)
        whole = texts if bounded else ["BEGIN", *texts, "COMMIT"]
        yield from (Sent(text, one.place) for text in whole)
        for kind in filter(_BOUNDS.__contains__, kinds):
            is_open = kind is MigrationStatement.BEGIN


def _single(text: str) -> list[str]:
    """The statements of a text; a single one as it was sent."""
    try:
        found = split_script(text) if ";" in text else ()
    except SchemaError:  # no psql reads it: what looks like a command of its is the server's to say
        found = ()
    return [one.text for one in found] if len(found) > 1 else [text]


_BOUNDS = frozenset({MigrationStatement.BEGIN, MigrationStatement.END})


def _lines(journal: Path) -> Iterator[Line]:
    if not journal.exists():
        raise SchemaError("the tool wrote nothing down", hint="run it by hand and see what it says")
    for line in journal.read_bytes().splitlines():
        yield msgspec.json.decode(line, type=Line)


def _place(line: Line) -> Origin:
    if not line.file:
        return NOWHERE
    return Origin(line.file, line.line, line.function, Layer.MIGRATION)


def _remarks(files: set[str], root: Path) -> Iterator[Remark]:
    """What comments of the migrations say."""
    for name in sorted(files):
        try:
            with tokenize.open(root / name) as file:
                yield from remarks_in(name, file.read())
        except (OSError, SyntaxError, UnicodeDecodeError):
            continue  # a library's, or none of Python's
