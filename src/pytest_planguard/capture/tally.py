"""Counting statements by text, types and session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from pytest_planguard.capture import texts
from pytest_planguard.capture.origin import Site
from pytest_planguard.capture.samples import Samples, to_text
from pytest_planguard.model.statement import Origin, Phase, Place, Session, Statement

Key: TypeAlias = tuple[bytes, tuple[int, ...], int, bool, bool]
"""Text, parameter types, identity of the session, many, stream."""


class Moment:
    """A phase of a test, with identity: counting by it costs no hashing of its fields."""

    __slots__ = ("phase", "test")

    def __init__(self, test: str, phase: Phase) -> None:
        self.test = test
        """Node id; empty outside of tests."""
        self.phase = phase


class Tally:
    """Statements, where they came from and how often, and a choice of their values."""

    def __init__(self) -> None:
        self.entries: dict[Key, _Entry] = {}
        """By text, types, session and the way of sending."""

    def count(
        self,
        key: Key,
        session: Session,
        site: Site,
        moment: Moment,
        params: Sequence[Any] | None,
        formats: Sequence[int] | None,
        *,
        repeated: bool,
    ) -> Counter:
        """Counts one execution; ``repeated``: it belongs to one that is counted already."""
        entry = self.entries.get(key)
        if entry is None:
            entry = self.entries[key] = _Entry(session)
        place = (site, moment)
        counter = entry.places.get(place)
        if counter is None:
            counter = entry.places[place] = Counter(entry.samples)
        # Rows of one executemany() may differ in types (a small integer is an int2): still one.
        counter.executions += not repeated
        if params:
            entry.samples.offer(params, formats)
        return counter

    def statements(self) -> tuple[Statement, ...]:
        """What was counted, sorted."""
        found = [_statement(key, entry) for key, entry in self.entries.items()]
        return tuple(sorted(found, key=statement_order))


class Counter:
    """How often one place sent one statement, and where the statement's values go."""

    __slots__ = ("executions", "samples")

    def __init__(self, samples: Samples) -> None:
        self.executions = 0
        self.samples = samples


class _Entry:
    """One kind of statement."""

    __slots__ = ("places", "samples", "session")

    def __init__(self, session: Session) -> None:
        self.session = session
        self.places: dict[tuple[Site, Moment], Counter] = {}
        self.samples = Samples()


def _statement(key: Key, entry: _Entry) -> Statement:
    text, types, _, many, stream = key
    counts: dict[tuple[Origin, str, Phase], int] = {}
    for (site, moment), counter in entry.places.items():
        where = (site.origin, moment.test, moment.phase)
        counts[where] = counts.get(where, 0) + counter.executions
    return Statement(
        text=to_text(text),
        parameter_types=types,
        session=entry.session,
        samples=entry.samples.read(),
        places=places_of(counts),
        many=many,
        stream=stream or texts.is_stream(text),
    )


def places_of(counts: Mapping[tuple[Origin, str, Phase], int]) -> tuple[Place, ...]:
    """Counted places, sorted."""
    return tuple(
        sorted(
            Place(origin=origin, test=test, phase=phase, executions=count)
            for (origin, test, phase), count in counts.items()
        )
    )


def statement_order(statement: Statement) -> tuple[object, ...]:
    """A sort key that depends on what was sent, not on when."""
    session = statement.session
    return (
        statement.text,
        statement.parameter_types,
        session.database,
        session.driver,
        session.search_path or "",
        session.role or "",
        session.isolation or "",
        tuple(sorted(session.settings.items())),
        session.prepares,
        statement.many,
        statement.stream,
    )
