"""Counting statements by text, types and session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from pytest_planguard.capture import texts
from pytest_planguard.capture.origin import Site
from pytest_planguard.capture.samples import Raw, Samples, to_text
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
        self._entries: dict[Key, _Entry] = {}
        self.knows = self._entries.__contains__
        """Whether a key was counted before."""

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
    ) -> None:
        """Counts one execution; ``repeated``: it belongs to one that is counted already."""
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = _Entry(session)
        place = (site, moment)
        # Rows of one executemany() may differ in types (a small integer is an int2): still one.
        entry.places[place] = entry.places.get(place, 0) + (not repeated)
        if params:
            entry.samples.add(*_values(params, formats))

    def statements(self) -> tuple[Statement, ...]:
        """What was counted, sorted."""
        found = [_statement(key, entry) for key, entry in self._entries.items()]
        return tuple(sorted(found, key=statement_order))


class _Entry:
    """One kind of statement."""

    __slots__ = ("places", "samples", "session")

    def __init__(self, session: Session) -> None:
        self.session = session
        self.places: dict[tuple[Site, Moment], int] = {}
        self.samples = Samples()


def _values(params: Sequence[Any], formats: Sequence[int] | None) -> tuple[Raw, tuple[int, ...]]:
    """Values as bytes that can be kept, and the positions of the binary ones."""
    raw = tuple(
        [value if value is None or type(value) is bytes else bytes(value) for value in params]
    )
    if not formats or not any(formats):
        return raw, ()
    return raw, tuple([position for position, code in enumerate(formats) if code])


def _statement(key: Key, entry: _Entry) -> Statement:
    text, types, _, many, stream = key
    counts: dict[tuple[Origin, str, Phase], int] = {}
    for (site, moment), count in entry.places.items():
        where = (site.origin, moment.test, moment.phase)
        counts[where] = counts.get(where, 0) + count
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
        session.prepares,
        statement.many,
        statement.stream,
    )
