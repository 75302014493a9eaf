"""Statements that the same lines send again, counted some at a time.

Behind a statement, and before the next one, the server's process and the kernel have taken the
processor's caches, and reading its values takes five times as long as it does behind another
reading: so what is known is put aside, and read together.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_planguard.capture.recorder import Line, Recorder

MOST_OF_ONE = 256
"""Statements of one query put aside: what is a cold start for the first is none for the others."""

_MOST_QUERIES = 64
"""With statements put aside; with ``LONGEST_ASIDE`` this bounds what is held: 16 MB, were they
all that long."""

LONGEST_ASIDE = 1_024
"""Bytes of a statement, or of its values, that may be put aside."""


class Aside(ABC):
    """Statements of one query that were put aside."""

    __slots__ = ("aside", "is_listed")

    def __init__(self) -> None:
        self.aside: list[tuple[Line, Any]] = []
        """Who sent each, and what of it has to be read; nothing that may change meanwhile."""
        self.is_listed = False
        """Whether somebody will read them."""

    @abstractmethod
    def count(self, recorder: Recorder, line: Line, kept: list[Any]) -> None:
        """Counts some that one line sent."""


class Waiting:
    """What was put aside, by query.

    Args:
        recorder: Where it is counted.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._listed: list[Aside] = []
        recorder.readers.append(self.read)

    def add(self, query: Aside) -> None:
        """Sees to it that what a query has aside will be read; to be called behind adding to it.

        Without a lock: of two threads one lists it, or both do.
        """
        if not query.is_listed:
            query.is_listed = True
            self._listed.append(query)
        if len(self._listed) > _MOST_QUERIES:
            self.read()
        elif len(query.aside) >= MOST_OF_ONE:
            self._read(query)

    def read(self) -> None:
        """Counts all."""
        while self._listed:
            try:
                query = self._listed.pop()
            except IndexError:  # another thread was quicker
                return
            query.is_listed = False  # first: what comes meanwhile lists it again
            self._read(query)

    def _read(self, query: Aside) -> None:
        # One by one: others may be adding to it, also what ends while this runs
        aside, found = query.aside, []
        for _ in range(len(aside)):
            try:
                found.append(aside.pop())
            except IndexError:  # another thread was quicker
                break
        for line, statements in groupby(found, key=itemgetter(0)):
            query.count(self._recorder, line, [kept for _, kept in statements])
