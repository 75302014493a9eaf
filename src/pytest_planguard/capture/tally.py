"""Counting statements by text, types and session."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, groupby
from typing import TYPE_CHECKING, Any, TypeAlias

from pytest_planguard.capture import texts, variety
from pytest_planguard.capture.calls import Calls
from pytest_planguard.capture.lexing import skeleton
from pytest_planguard.capture.origin import Site
from pytest_planguard.capture.places import Counter, Counts, Moment, Past, Places, places_of
from pytest_planguard.capture.samples import NO_SAMPLES, Samples, to_text
from pytest_planguard.capture.suite_calls import SuiteCall
from pytest_planguard.model.statement import Origin, Session, Statement

if TYPE_CHECKING:
    from pytest_planguard.capture.redacting import Redactor, Values

_MOST_GIVEN_UP = 10_000
"""Entries that are still known after they were given up: settings may carry ever new values."""

_LONGEST_READ = 65_536
"""Bytes of a text up to which values written into it are told from the rest."""

Key: TypeAlias = tuple[bytes, tuple[int, ...], int, bool, bool]
"""Text, parameter types, identity of the session, many, stream."""


class Tally:
    """Statements, where they came from and how often, and a choice of their values.

    Args:
        redactor: Replaces what must not be kept of texts and sessions; None: nothing.
    """

    def __init__(self, redactor: Redactor | None = None) -> None:
        self._redactor = redactor
        self.entries: dict[Key, Sent] = {}
        """By text, types, session and the way of sending."""
        self.thinned = 0
        """How often some were given up: whoever holds their counters must look again."""
        self.lost_kinds = False
        """Whether one of them would have been planned by itself."""
        self._past = Past()
        self._moment: Moment | None = None
        self._open: list[tuple[Sent, Site, Counter]] = []
        """Counters of the phase that runs."""
        self._calls: dict[tuple[Site, int], Calls] = {}
        """Likewise."""
        self._varied: dict[tuple[object, ...], _Varied] = {}
        """Statements that were sent in sessions of which there may be ever new kinds."""
        self._given_up = 0

    def count(
        self,
        key: Key,
        session: Session,
        site: Site,
        moment: Moment,
        params: Sequence[Any] | None,
        formats: Sequence[int] | None,
        call: Callable[[], SuiteCall | None] = lambda: (),
        *,
        repeated: bool,
        shown: Values | None = None,
    ) -> Sent:
        """Counts one execution.

        Args:
            key: What was sent.
            session: In which kind of session.
            site: Who asked.
            moment: In which test.
            params: Its values.
            formats: Which of them are binary.
            call: Says where the suite called the application.
            repeated: It belongs to one that is counted already.
            shown: What may be kept of the values; None: all.

        Returns:
            Where it was counted.
        """
        found = self.entries.get(key) or self._add(key, session)
        counter = self.counter(found, site, moment)
        # Rows of one executemany() may differ in types (a small integer is an int2): still one.
        counter.executions += not repeated
        if params:
            found.samples.offer(*(shown or (params, formats)))
        if counter.calls.undecided:
            counter.calls.see(key[0], params, call())
        return found

    def counter(self, sent: Sent, site: Site, moment: Moment) -> Counter:
        """How often one place sends a statement in the phase that runs; earlier ones are over."""
        if moment is not self._moment:
            self._close()
            self._moment = moment
            self._past.moments.append(moment)
        counter = sent.places.now.get(site)
        if counter is None:
            calls = self._calls.get((site, sent.query))
            if calls is None:
                calls = self._calls[site, sent.query] = Calls()
            counter = sent.places.now[site] = Counter(calls)
            self._open.append((sent, site, counter))
        return counter

    def statements(self) -> tuple[Statement, ...]:
        """What was counted, sorted; texts that differed in what was redacted are not added up."""
        rest = self._rest()
        return tuple(chain.from_iterable(self._made(self.entries.__getitem__, rest)))

    def drain(self) -> Iterator[list[Statement]]:
        """The same for once, those of one text at a time; what they are made of goes on the way.

        Statements take more memory than what was counted: who needs one after the other need not
        have both, and who needs all has the two together never.
        """
        rest = self._rest()
        self._varied.clear()
        return self._made(self.entries.pop, rest)

    def origins(self) -> frozenset[Origin]:
        """The lines all of it came from."""
        self._close()
        return self._past.origins()

    def _rest(self) -> dict[int, Places]:
        """By the identity of an entry: what was sent in sessions that were given up for it."""
        self._close()
        for varied in self._varied.values():
            self._thin(varied)
        return {id(varied.first): varied.rest for varied in self._varied.values()}

    def _made(
        self, take: Callable[[Key], Sent], rest: dict[int, Places]
    ) -> Iterator[list[Statement]]:
        keys = (key for key, sent in self.entries.items() if not sent.is_given_up)
        for same in _by_text(list(keys), self._redactor):  # and kept nowhere else
            found = []
            for key in same:
                sent = take(key)
                counts = self._past.counts([sent.places, *filter(None, [rest.get(id(sent))])])
                found.append(_statement(key, sent, counts, self._redactor))
            yield sorted(found, key=statement_order)

    def _close(self) -> None:
        """A phase is over: nothing more will be seen in it."""
        for sent, site, counter in self._open:
            self._past.add(sent.places, site, counter)
        self._open.clear()
        self._calls.clear()
        self._moment = None

    def _add(self, key: Key, session: Session) -> Sent:
        sent = self.entries[key] = Sent(session, key[0])
        if variety.varies(session):
            text, types, _, many, stream = key
            group = (text, types, many, stream, variety.fixed(session))
            varied = self._varied.get(group)
            if varied is None:
                varied = self._varied[group] = _Varied()
            varied.kept[key] = sent
            if len(varied.kept) > variety.MOST_WAYS:
                self._thin(varied)
        return sent

    def _thin(self, varied: _Varied) -> None:
        """Gives some kinds of session up, if there are too many."""
        by_session = {id(sent.session): sent for sent in varied.kept.values()}
        chosen = variety.kept(sent.session for sent in varied.kept.values())
        varied.first = by_session[id(chosen[0])]
        if len(chosen) == len(varied.kept):
            return
        self._close()
        self.thinned += 1
        numbers, kinds = set(map(id, chosen)), set(map(variety.kind_of, chosen))
        for key, sent in list(varied.kept.items()):
            if id(sent.session) not in numbers:
                self.lost_kinds = self.lost_kinds or variety.kind_of(sent.session) not in kinds
                del varied.kept[key]
                self._past.move(sent.places, varied.rest)
                sent.give_up(varied.rest)
                self._given_up += 1
                if self._given_up > _MOST_GIVEN_UP:
                    del self.entries[key]


class Sent:
    """One kind of statement."""

    __slots__ = ("is_given_up", "places", "query", "samples", "session")

    def __init__(self, session: Session, text: bytes) -> None:
        self.session = session
        self.query = hash(skeleton(text) if len(text) <= _LONGEST_READ else text)
        """The same for texts that differ in the values written into them."""
        self.places = Places()
        self.samples = Samples()
        self.is_given_up = False

    def give_up(self, rest: Places) -> None:
        """Counts for others from now on, and keeps no values; no phase may run."""
        self.places = rest
        self.samples = NO_SAMPLES
        self.is_given_up = True


class _Varied:
    """One statement in many kinds of session."""

    __slots__ = ("first", "kept", "rest")

    def __init__(self) -> None:
        self.kept: dict[Key, Sent] = {}
        self.rest = Places()
        """Of those that were given up."""
        self.first: Sent | None = None
        """Whom the rest is counted with in the end."""


def _by_text(keys: Sequence[Key], redactor: Redactor | None) -> Iterator[Iterator[Key]]:
    """Keys in the order of their texts, those of one text together.

    Nothing is made to sort by: bytes of UTF-8 have the order of the characters they stand for.
    """
    order: Callable[[bytes], bytes] = _utf8
    if redactor is not None:
        order = {key[0]: redactor.text(key[0]).encode() for key in keys}.__getitem__
    left = deque(sorted(keys, key=lambda key: order(key[0])))
    one_by_one = (left.popleft() for _ in range(len(left)))
    return (same for _, same in groupby(one_by_one, key=lambda key: order(key[0])))


def _utf8(text: bytes) -> bytes:
    """A text as it is written into files; the same object where it is UTF-8 already."""
    encoded = to_text(text).encode()
    return text if encoded == text else encoded


def _statement(key: Key, sent: Sent, counts: Counts, redactor: Redactor | None) -> Statement:
    text, types, _, many, stream = key
    return Statement(
        text=to_text(text) if redactor is None else redactor.text(text),
        parameter_types=types,
        session=sent.session if redactor is None else redactor.session(sent.session),
        samples=sent.samples.read(),
        places=places_of(counts),
        many=many,
        stream=stream or texts.is_stream(text),
        redacted=() if redactor is None else redactor.parameters(text, len(types)),
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
