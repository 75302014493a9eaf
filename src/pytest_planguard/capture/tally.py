"""Counting statements by text, types and session."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from pytest_planguard.capture import texts
from pytest_planguard.capture.entries import Entry
from pytest_planguard.capture.lexing import skeleton
from pytest_planguard.capture.origin import Site
from pytest_planguard.capture.samples import Samples, joined, to_text
from pytest_planguard.model.statement import MOST_DISTINCT, Origin, Phase, Place, Session, Statement

if TYPE_CHECKING:
    from pytest_planguard.capture.redacting import Redactor

MOST_LOOKED_AT = 50
"""Executions of one place whose stack is walked to see which call of the suite's they belong to."""

_LONGEST_READ = 65_536
"""Bytes of a text up to which values written into it are told from the rest."""

Key: TypeAlias = tuple[bytes, tuple[int, ...], int, bool, bool]
"""Text, parameter types, identity of the session, many, stream."""


class Moment:
    """A phase of a test, with identity: counting by it costs no hashing of its fields."""

    __slots__ = ("phase", "scope", "test")

    def __init__(self, test: str, phase: Phase, scope: str = "") -> None:
        self.test = test
        """Node id; empty outside of tests."""
        self.phase = phase
        self.scope = scope
        """Node id of what a shared fixture belongs to."""


class Tally:
    """Statements, where they came from and how often, and a choice of their values.

    Args:
        redactor: Replaces what must not be kept; None: nothing.
    """

    def __init__(self, redactor: Redactor | None = None) -> None:
        self.entries: dict[Key, _Entry] = {}
        """By text, types, session and the way of sending."""
        self._redactor = redactor
        self._calls: dict[tuple[Site, Moment, int], Calls] = {}

    def count(
        self,
        key: Key,
        session: Session,
        site: Site,
        moment: Moment,
        params: Sequence[Any] | None,
        formats: Sequence[int] | None,
        entry: Callable[[], Entry | None] = lambda: (),
        *,
        repeated: bool,
    ) -> Counter:
        """Counts one execution.

        Args:
            key: What was sent.
            session: In which kind of session.
            site: Who asked.
            moment: In which test.
            params: Its values.
            formats: Which of them are binary.
            entry: Says where the suite called the application.
            repeated: It belongs to one that is counted already.
        """
        found = self.entries.get(key)
        if found is None:
            found = self.entries[key] = _Entry(session, key[0], self._samples_of(key))
        place = (site, moment)
        counter = found.places.get(place)
        if counter is None:
            calls = self._calls.setdefault((site, moment, found.query), Calls())
            counter = found.places[place] = Counter(found.samples, calls)
        # Rows of one executemany() may differ in types (a small integer is an int2): still one.
        counter.executions += not repeated
        if params:
            found.samples.offer(params, formats)
        if counter.calls.undecided:
            counter.calls.see(key[0], params, entry())
        return counter

    def statements(self) -> tuple[Statement, ...]:
        """What was counted, sorted; texts that differed in what was redacted are not added up."""
        found = [_statement(key, entry, self._redactor) for key, entry in self.entries.items()]
        return tuple(sorted(found, key=statement_order))

    def _samples_of(self, key: Key) -> Samples:
        text, types, *_ = key
        return Samples() if self._redactor is None else self._redactor.samples(text, types)


class Counter:
    """How often one place sent one statement, and where the statement's values go."""

    __slots__ = ("calls", "executions", "samples")

    def __init__(self, samples: Samples, calls: Calls) -> None:
        self.executions = 0
        self.samples = samples
        self.calls = calls


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
        self._seen: dict[Entry, set[int]] = {}

    def see(self, text: object, params: Sequence[Any] | None, entry: Entry | None) -> None:
        """One of the first executions.

        Args:
            text: What was sent.
            params: Its values.
            entry: Where the suite called the application; None: in a loop of its own.
        """
        self.undecided -= 1
        if entry is not None:
            seen = self._seen.setdefault(entry, set())
            seen.add(hash((text, joined(params) if params else b"")))
            self.distinct = max(self.distinct, len(seen))
        if self.distinct >= MOST_DISTINCT or not self.undecided:
            self.undecided = 0
            self._seen.clear()


class _Entry:
    """One kind of statement."""

    __slots__ = ("places", "query", "samples", "session")

    def __init__(self, session: Session, text: bytes, samples: Samples) -> None:
        self.session = session
        self.query = hash(skeleton(text) if len(text) <= _LONGEST_READ else text)
        """The same for texts that differ in the values written into them."""
        self.places: dict[tuple[Site, Moment], Counter] = {}
        self.samples = samples


def _statement(key: Key, entry: _Entry, redactor: Redactor | None) -> Statement:
    text, types, _, many, stream = key
    counts: Counts = {}
    for (site, moment), counter in entry.places.items():
        where = (site.origin, moment.test, moment.phase, moment.scope)
        executions, distinct = counts.get(where, (0, 0))
        counts[where] = executions + counter.executions, max(distinct, counter.calls.distinct)
    return Statement(
        text=to_text(text) if redactor is None else redactor.text(text),
        parameter_types=types,
        session=entry.session if redactor is None else redactor.session(entry.session),
        samples=entry.samples.read(),
        places=places_of(counts),
        many=many,
        stream=stream or texts.is_stream(text),
        redacted=() if redactor is None else redactor.parameters(text, len(types)),
    )


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
