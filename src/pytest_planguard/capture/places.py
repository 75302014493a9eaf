"""Where statements came from: a line, a test and its phase; and how often.

A suite has one such place for each statement and test. While a phase runs it has a counter, which
takes 300 bytes with all that leads to it; of phases that are over, four numbers are kept.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import TypeAlias

from pytest_planguard.capture.calls import Calls
from pytest_planguard.capture.origin import Site
from pytest_planguard.model.statement import Origin, Phase, Place

_MOST_EXECUTIONS = (1 << 32) - 1


class Moment:
    """A phase of a test, with identity: counting by it costs no hashing of its fields."""

    __slots__ = ("phase", "scope", "test")

    def __init__(self, test: str, phase: Phase, scope: str = "") -> None:
        self.test = test
        """Node id; empty outside of tests."""
        self.phase = phase
        self.scope = scope
        """Node id of what a shared fixture belongs to."""

    def again(self) -> Moment:
        """The same phase, whose earlier counters are closed."""
        return Moment(self.test, self.phase, self.scope)


class Counter:
    """How often one place sends one statement, while a phase runs."""

    __slots__ = ("calls", "executions")

    def __init__(self, calls: Calls) -> None:
        self.executions = 0
        self.calls = calls

    def close(self) -> tuple[int, int]:
        """Executions and distinct lists of values, now that the phase is over.

        Whoever counts without the lock may still hold it: it finds calls that are undecided, and
        takes the way that looks for the counter of the phase that runs.
        """
        calls, self.calls = self.calls, _OVER
        return self.executions, calls.distinct


_OVER = Calls()
"""Of counters that are closed: undecided for ever."""


class Places:
    """Where one statement came from."""

    __slots__ = ("now", "past")

    def __init__(self) -> None:
        self.now: dict[Site, Counter] = {}
        """In the phase that runs."""
        self.past: array[int] | None = None
        """Of each place the site, the moment, executions and distinct lists of values."""


class Past:
    """What was counted in phases that are over."""

    def __init__(self) -> None:
        self.moments: list[Moment] = []
        self._sites: list[Site] = []
        self._numbers: dict[Site, int] = {}

    def add(self, places: Places, site: Site, counter: Counter) -> None:
        """Takes a counter over, which counts nothing more."""
        places.now = {}
        number = self._numbers.get(site)
        if number is None:
            number = self._numbers[site] = len(self._sites)
            self._sites.append(site)
        if places.past is None:
            places.past = array("I")
        executions, distinct = counter.close()
        executions = min(executions, _MOST_EXECUTIONS)
        places.past.extend((number, len(self.moments) - 1, executions, distinct))

    def origins(self) -> frozenset[Origin]:
        """The lines that were counted for."""
        return frozenset(site.origin for site in self._sites)

    def counts(self, several: Iterable[Places]) -> Counts:
        """Executions and distinct lists of values, summed up by place."""
        counts: Counts = {}
        for places in several:
            numbers = iter(places.past or ())
            for number, when, more, most in zip(*[numbers] * 4, strict=True):
                moment = self.moments[when]
                where = (self._sites[number].origin, moment.test, moment.phase, moment.scope)
                executions, distinct = counts.get(where, (0, 0))
                counts[where] = executions + more, max(distinct, most)
        return counts


Counts: TypeAlias = dict[tuple[Origin, str, Phase, str], tuple[int, int]]
"""Executions and distinct lists of values, by place: origin, test, phase and scope."""


def places_of(counts: Counts) -> tuple[Place, ...]:
    """Counted places, sorted."""
    return tuple(
        sorted(
            Place(origin, test, phase, executions, distinct, scope)
            for (origin, test, phase, scope), (executions, distinct) in counts.items()
        )
    )
