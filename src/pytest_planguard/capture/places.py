"""Where statements came from: a line, a test and its phase; and how often.

A suite has one such place for each statement and test. While a phase runs it has a counter, which
takes 300 bytes with all that leads to it; of phases that are over, five numbers are kept.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from pytest_planguard.capture.calls import Calls
from pytest_planguard.capture.origin import Site
from pytest_planguard.model.statement import Origin, Phase, Place

_MOST_EXECUTIONS = (1 << 32) - 1

_NUMBERS = 5
"""Kept of a place."""


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

    __slots__ = ("last", "now")

    def __init__(self) -> None:
        self.now: dict[Site, Counter] = {}
        """In the phase that runs."""
        self.last = 0
        """In phases that are over: the number in ``Past`` of the one that was added last, which
        knows the one before it; 0 is none."""


class Past:
    """What was counted in phases that are over.

    All in one array, which grows in place: one for each statement left its smaller selves behind
    as it grew, 1.5 MB for 1.6 of 100,000 places (``benchmarks/capture.py memory``).
    """

    def __init__(self) -> None:
        self.moments: list[Moment] = []
        self._sites: list[Site] = []
        self._numbers: dict[Site, int] = {}
        self._places = array("I")
        """Of each place the site, the moment, executions, distinct lists of values, and the number
        of the statement's place before it."""

    def add(self, places: Places, site: Site, counter: Counter) -> None:
        """Takes a counter over, which counts nothing more."""
        places.now = {}
        number = self._numbers.get(site)
        if number is None:
            number = self._numbers[site] = len(self._sites)
            self._sites.append(site)
        executions, distinct = counter.close()
        executions = min(executions, _MOST_EXECUTIONS)
        when = len(self.moments) - 1
        self._places.extend((number, when, executions, distinct, places.last))
        places.last = len(self._places) // _NUMBERS

    def move(self, places: Places, to: Places) -> None:
        """Lets others have the places of phases that are over; the statement has none then."""
        first = places.last
        if first:
            while before := self._places[first * _NUMBERS - 1]:
                first = before
            self._places[first * _NUMBERS - 1] = to.last
            places.last, to.last = 0, places.last

    def origins(self) -> frozenset[Origin]:
        """The lines that were counted for."""
        return frozenset(site.origin for site in self._sites)

    def counts(self, several: Iterable[Places]) -> Counts:
        """Executions and distinct lists of values, summed up by place."""
        counts: Counts = {}
        for places in several:
            for number, when, more, most in self._of(places):
                moment = self.moments[when]
                where = (self._sites[number].origin, moment.test, moment.phase, moment.scope)
                executions, distinct = counts.get(where, (0, 0))
                counts[where] = executions + more, max(distinct, most)
        return counts

    def _of(self, places: Places) -> Iterator[Sequence[int]]:
        last = places.last
        while last:
            *counted, last = self._places[(last - 1) * _NUMBERS : last * _NUMBERS]
            yield counted


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
