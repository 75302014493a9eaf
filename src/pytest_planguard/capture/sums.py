"""Statements of many captures, added up."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from itertools import chain, groupby, pairwise
from typing import TypeAlias

import msgspec

from pytest_planguard.capture import variety
from pytest_planguard.capture.place_sums import Known, PlaceSums
from pytest_planguard.capture.samples import NO_SAMPLES, Samples
from pytest_planguard.capture.tally import statement_order
from pytest_planguard.model.statement import Origin, Place, Session, Statement

_Key: TypeAlias = tuple[str, tuple[int, ...], bytes, bool, bool]
"""Text, parameter types, session, many, stream."""


class Sums:
    """Statements by what was sent in which kind of session."""

    def __init__(self) -> None:
        self._sums: dict[_Key, _Sum] = {}
        self._known = Known()

    def add(self, statement: Statement, process: str) -> None:
        """One more.

        Args:
            statement: Of one process.
            process: Its name.
        """
        key = (
            statement.text,
            statement.parameter_types,
            msgspec.json.encode(statement.session, order="sorted"),
            statement.many,
            statement.stream,
        )
        total = self._sums.get(key)
        if total is None:
            total = self._sums[key] = _Sum(statement.session, self._known)
        total.add(statement, process)

    def thin(self) -> bool:
        """Keeps as many kinds of session of a statement as one run would have kept.

        Returns:
            Whether one of those that were given up would have been planned by itself.
        """
        groups: dict[object, dict[int, _Key]] = defaultdict(dict)
        for key, total in self._sums.items():
            text, types, _, many, stream = key
            if variety.varies(total.session):
                group = (text, types, many, stream, variety.fixed(total.session))
                groups[group][id(total.session)] = key
        lost = [self._thin(members) for members in groups.values()]
        return any(lost)

    def _thin(self, members: dict[int, _Key]) -> bool:
        kept = variety.kept(self._sums[key].session for key in members.values())
        first = self._sums[members[id(kept[0])]]
        kinds, lost = set(map(variety.kind_of, kept)), False
        for number in members.keys() - set(map(id, kept)):
            total = self._sums.pop(members[number])
            for place in total.places():
                first.add_place(place)
            lost = lost or variety.kind_of(total.session) not in kinds
        return lost

    def origins(self) -> frozenset[Origin]:
        """The lines all of them came from."""
        return frozenset(chain.from_iterable(total.origins() for total in self._sums.values()))

    def statements(self) -> tuple[Statement, ...]:
        """The sums so far, sorted."""
        made = [total.statement(key) for key, total in self._sums.items()]
        return tuple(sorted(made, key=statement_order))

    def drain(self) -> Iterator[list[Statement]]:
        """The same for once, those of one text at a time; what they are made of goes on the way."""
        left = deque(sorted(self._sums, key=_text))
        one_by_one = (left.popleft() for _ in range(len(left)))
        for _, same in groupby(one_by_one, key=_text):
            made = [self._sums.pop(key).statement(key) for key in same]
            yield sorted(made, key=statement_order)


def summed(statements: Iterable[Statement], process: str) -> tuple[Statement, ...]:
    """Statements of one process as ``Sums`` has them, sorted."""
    sums = Sums()
    for statement in statements:
        sums.add(statement, process)
    sums.thin()
    return sums.statements()


def _text(key: _Key) -> str:
    return key[0]


class _Sum:
    """One statement of several captures.

    The first one is kept as it is, and taken apart when there is another: most are of one capture
    only, and would be in memory twice.
    """

    __slots__ = ("_known", "_only", "_places", "_redacted", "_samples", "session")

    def __init__(self, session: Session, known: Known) -> None:
        self.session = session
        self._known = known
        self._only: Statement | None = None
        self._places: PlaceSums | None = None
        """None: no statement was taken apart."""
        self._samples: Samples = NO_SAMPLES
        self._redacted: set[int] = set()

    def add(self, statement: Statement, process: str) -> None:
        """One of another capture."""
        statement = _told_apart(statement, process)
        if self._only is None and self._places is None and _is_summed(statement):
            self._only = statement
            return
        self._take_apart()
        self._sum(statement)

    def _take_apart(self) -> PlaceSums:
        only, self._only = self._only, None
        if self._places is None:
            self._places, self._samples = PlaceSums(self._known), Samples()
        if only is not None:
            self._sum(only)
        return self._places

    def _sum(self, statement: Statement) -> None:
        for place in statement.places:
            self.add_place(place)
        for sample in statement.samples:
            self._samples.add_sample(sample)
        self._redacted.update(statement.redacted)

    def add_place(self, place: Place) -> None:
        """Executions that count for it."""
        self._take_apart().add(place)

    def origins(self) -> Iterator[Origin]:
        """The lines it came from, some of them many times."""
        if self._only is not None:
            return (place.origin for place in self._only.places)
        return self._places.origins() if self._places is not None else iter(())

    def places(self) -> tuple[Place, ...]:
        """Where it came from, sorted."""
        if self._only is not None:
            return self._only.places
        return self._places.read() if self._places is not None else ()

    def statement(self, key: _Key) -> Statement:
        """The sum."""
        if self._only is not None:
            return self._only
        text, types, _, many, stream = key
        return Statement(
            text=text,
            parameter_types=types,
            session=self.session,
            samples=self._samples.read(),
            places=self.places(),
            many=many,
            stream=stream,
            redacted=tuple(sorted(self._redacted)),
        )


def _told_apart(statement: Statement, process: str) -> Statement:
    """A statement with the name of its process where each process sends it for itself."""
    if not any(place.is_of_process for place in statement.places):
        return statement
    places = tuple(
        msgspec.structs.replace(
            place, process=" ".join(filter(None, (process, place.process)))
        ) if place.is_of_process else place
        for place in statement.places
    )  # fmt: skip
    return msgspec.structs.replace(statement, places=places)


def _is_summed(statement: Statement) -> bool:
    """Whether a sum of this statement alone would be it.

    Values in letters of an unknown encoding had another hash when they were captured.
    """
    places = [(one.origin, one.test, one.phase, one.scope, one.process) for one in statement.places]
    return all(before < after for before, after in pairwise(places)) and all(
        value is None or value.isascii() for sample in statement.samples for value in sample.values
    )
