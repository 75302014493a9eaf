"""Statements that the same lines send again, counted some at a time.

psycopg 2 says what it has sent when the answer is there. Then the server's process, and the kernel,
have taken the processor's caches, and reading a statement takes five times as long as it does
behind another one: so those that are known are put aside, and read together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_planguard.capture.following import is_query
from pytest_planguard.capture.shapes import Asked

if TYPE_CHECKING:
    from pytest_planguard.capture.recorder import Line, Recorder

MOST_OF_ONE = 64
"""Statements of one query put aside: what is a cold start for the first is none for the others."""

_MOST_QUERIES = 64
"""With statements put aside; with ``LONGEST_SENT`` this bounds what is held: 4 MB."""

LONGEST_SENT = 1_024
"""Bytes of a statement that may be put aside."""


class Met:
    """A query that need not be heard before it is sent.

    Args:
        text: As ``execute`` was given it.
    """

    __slots__ = ("aside", "asked", "is_listed", "is_query", "line")

    def __init__(self, text: bytes) -> None:
        self.asked = Asked(text)
        self.is_query = is_query(text)
        """Whether it is one by its own words, whatever SQL is given for a value (``AsIs``)."""
        self.line: Line | None = None
        """The line of the application that has sent it last, whose statements may be put aside."""
        self.aside: list[tuple[Line, bytes]] = []
        """What was sent since, with its values, and by which line."""
        self.is_listed = False
        """Whether somebody will read them."""


class Waiting:
    """What was put aside, by query.

    Args:
        recorder: Where it is counted.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._listed: list[Met] = []

    def add(self, met: Met) -> None:
        """Sees to it that what a query has aside will be read; to be called behind adding to it.

        Without a lock: of two threads one lists it, or both do.
        """
        if not met.is_listed:
            met.is_listed = True
            self._listed.append(met)
        if len(self._listed) > _MOST_QUERIES:
            self.read()
        elif len(met.aside) >= MOST_OF_ONE:
            self._read(met)

    def read(self) -> None:
        """Counts all."""
        while self._listed:
            try:
                met = self._listed.pop()
            except IndexError:  # another thread was quicker
                return
            met.is_listed = False  # first: what comes meanwhile lists it again
            self._read(met)

    def _read(self, met: Met) -> None:
        while met.aside:
            try:
                line, sent = met.aside.pop()
            except IndexError:  # another thread was quicker
                return
            self._recorder.count_later(line, *met.asked.bound(sent))
