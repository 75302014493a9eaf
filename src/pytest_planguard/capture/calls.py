"""How many different statements one call of the suite's made a line send."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pytest_planguard.capture.samples import joined
from pytest_planguard.capture.suite_calls import SuiteCall
from pytest_planguard.model.statement import MOST_DISTINCT

MOST_LOOKED_AT = 50
"""Executions of one place whose stack is walked to see which call of the suite's they belong to."""


class Calls:
    """The suite's calls that made one line send a query in one phase of a test.

    Some clients write values into the text, so that texts of one query differ; one line may also
    send many queries.
    """

    __slots__ = ("_seen", "distinct", "undecided")

    def __init__(self) -> None:
        self.distinct = 0
        """Statements with their values that one call made it send, ``MOST_DISTINCT`` at most."""
        self.undecided = MOST_LOOKED_AT
        """Executions that are still looked at."""
        self._seen: dict[SuiteCall, set[int]] | None = None

    def see(self, text: object, params: Sequence[Any] | None, call: SuiteCall | None) -> None:
        """One of the first executions.

        Args:
            text: What was sent.
            params: Its values.
            call: Where the suite called the application; None: in a loop of its own.
        """
        self.undecided -= 1
        if call is not None:
            if self._seen is None:
                self._seen = {}
            seen = self._seen.setdefault(call, set())
            seen.add(hash((text, joined(params) if params else b"")))
            self.distinct = max(self.distinct, len(seen))
        if self.distinct >= MOST_DISTINCT or not self.undecided:
            self.undecided = 0
            self._seen = None
