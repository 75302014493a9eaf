"""Places of many captures, added up: 32 bytes for each, where one read from JSON takes 450.

A suite has one for each statement and test; what they are made of is the same in most.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import TypeAlias

from pytest_planguard.model.statement import Origin, Phase, Place

_Moment: TypeAlias = tuple[str, Phase, str, str]
"""Test, phase, scope and process."""

_MOST = (1 << 63) - 1


class Known:
    """Lines and moments, each once, by the number it was given."""

    def __init__(self) -> None:
        self.origins: list[Origin] = []
        self.moments: list[_Moment] = []
        self._origins: dict[Origin, int] = {}
        self._moments: dict[_Moment, int] = {}

    def numbers(self, place: Place) -> tuple[int, int]:
        """Of its line and its moment."""
        moment = place.test, place.phase, place.scope, place.process
        number = self._origins.get(place.origin)
        if number is None:
            number = self._origins[place.origin] = len(self.origins)
            self.origins.append(place.origin)
        when = self._moments.get(moment)
        if when is None:
            when = self._moments[moment] = len(self.moments)
            self.moments.append(moment)
        return number, when


class PlaceSums:
    """The places of one statement.

    Args:
        known: Where lines and moments are kept, for all statements.
    """

    __slots__ = ("_known", "_numbers")

    def __init__(self, known: Known) -> None:
        self._known = known
        self._numbers = array("q")
        """Of each place the line, the moment, executions and distinct lists of values."""

    def add(self, place: Place) -> None:
        """Executions that count for it."""
        counted = _held(place.executions), _held(place.distinct)
        self._numbers.extend((*self._known.numbers(place), *counted))

    def origins(self) -> Iterator[Origin]:
        """The lines, each once."""
        return (self._known.origins[number] for number in set(self._numbers[::4]))

    def read(self) -> tuple[Place, ...]:
        """Executions summed up, and the most distinct lists of values; sorted by all the rest."""
        sums: dict[tuple[int, int], tuple[int, int]] = {}
        numbers = iter(self._numbers)
        for number, when, more, most in zip(*[numbers] * 4, strict=True):
            executions, distinct = sums.get((number, when), (0, 0))
            sums[number, when] = executions + more, max(distinct, most)
        found = sorted(
            (self._known.origins[number], *self._known.moments[when], *counted)
            for (number, when), counted in sums.items()
        )
        return tuple(
            Place(origin, test, phase, executions, distinct, scope, process)
            for origin, test, phase, scope, process, executions, distinct in found
        )


def _held(count: int) -> int:
    """A count that takes 8 bytes: a file may say what it likes."""
    return max(0, min(count, _MOST))
