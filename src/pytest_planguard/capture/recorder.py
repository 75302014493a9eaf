"""Statements as they arrive: the hot path. Nothing is parsed here."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from pytest_planguard.capture import texts
from pytest_planguard.capture.connection import ConnectionParameters
from pytest_planguard.capture.origin import OriginFinder, Site
from pytest_planguard.capture.samples import to_text
from pytest_planguard.capture.tally import Key, Moment, Tally
from pytest_planguard.model.capture import Capture, Database, Ddl
from pytest_planguard.model.statement import Phase, Place, Session

MAX_TEXT_BYTES = 256 * 1024 * 1024
"""Of distinct SQL kept; drivers that write values into the text would fill the memory."""

_CONTROL_TEXTS = 10_000
"""Remembered at most: settings may carry ever new values."""

FIRST_USER_OID = 16384
"""``FirstNormalObjectId`` (PostgreSQL's transam.h): smaller OIDs are the same everywhere."""


class SchemaState:
    """What was heard about a database's schema since it was last read."""

    __slots__ = ("grown", "shrunk", "texts")

    def __init__(self) -> None:
        self.grown = False
        self.shrunk = False
        self.texts: set[bytes] = set()
        """Distinct statements that changed it; a text heard again makes nothing new."""


class Recorder:
    """Counts statements by text, types and session; knows the current test.

    Methods are safe to call from several threads; statements of other threads count for the
    current test. In a forked child nothing is recorded.

    Args:
        origins: Finds the line that asked.
    """

    def __init__(self, origins: OriginFinder) -> None:
        self.origins = origins
        self.listening = True
        """Whether a driver need bother; False while paused, switched off or failed."""
        self.before_drop: Callable[[str], None] | None = None
        """Called with a database's name before a statement that takes objects away is sent."""
        self.failure: BaseException | None = None
        """The bug that switched recording off."""
        self.databases: dict[str, ConnectionParameters] = {}
        self.schemas: dict[str, SchemaState] = {}
        self.asked: set[str] = set()
        """Databases a query was sent to."""
        self.oids: dict[str, set[int]] = {}
        """Parameter types that are not built in, by database."""
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._outside = self._moment = Moment("", Phase.OUTSIDE)
        self._enabled = True
        self._paused = 0
        self._bytes = 0
        self._tally = Tally()
        self._control: set[bytes] = set()
        """Texts that are no queries, so that the next one costs one look."""
        self._sessions: dict[tuple[object, ...], Session] = {}
        self._ddl: dict[tuple[str, bytes], Ddl] = {}
        self._heard_ddl: set[tuple[str, bytes]] = set()
        self._notes: dict[str, None] = {}
        self._annotations: WeakKeyDictionary[Any, Site] = WeakKeyDictionary()
        self._watchers: list[Tally] = []

    # What the plugin tells

    def enter(self, test: str, phase: Phase) -> None:
        """A phase of a test begins; an empty test and OUTSIDE between tests."""
        self._moment = Moment(test, phase) if test else self._outside

    def enable(self, *, on: bool) -> None:
        """Switches recording on or off, for tests that ask not to be captured."""
        self._enabled = on
        self._decide()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """While planguard itself uses the drivers."""
        with self._lock:
            self._paused += 1
            self._decide()
        try:
            yield
        finally:
            with self._lock:
                self._paused -= 1
                self._decide()

    @contextmanager
    def watched_by(self, watcher: Tally) -> Iterator[None]:
        """Lets another tally count the same statements, even where this one is disabled."""
        self._watchers.append(watcher)
        self._decide()
        try:
            yield
        finally:
            self._watchers.remove(watcher)
            self._decide()

    def _decide(self) -> None:
        wanted = self._enabled or bool(self._watchers)
        self.listening = wanted and not self._paused and self.failure is None

    # What drivers tell

    def session(
        self,
        driver: str,
        parameters: ConnectionParameters,
        *,
        search_path: str | None = None,
        role: str | None = None,
        prepares: bool = False,
    ) -> Session:
        """The one value that stands for a kind of session."""
        database = parameters.database
        key = (driver, database, search_path, role, prepares)
        with self._lock:
            self.databases.setdefault(database, parameters)
            return self._sessions.setdefault(
                key,
                Session(
                    database=database,
                    driver=driver,
                    search_path=search_path,
                    role=role,
                    prepares=prepares,
                ),
            )

    def annotate(self, cursor: object, site: Site | None) -> None:
        """Says who asks for what a driver's cursor sends next; None: forget it."""
        if site is None:
            self._annotations.pop(cursor, None)
        else:
            self._annotations[cursor] = site

    def record(
        self,
        text: bytes,
        types: tuple[int, ...],
        params: Sequence[Any] | None,
        formats: Sequence[int] | None,
        session: Session,
        *,
        many: bool = False,
        stream: bool = False,
        cursor: object = None,
        site: Site | None = None,
    ) -> Site | None:
        """Counts one execution.

        Args:
            text: As the server gets it.
            types: Type OIDs of the parameters.
            params: Their values as bytes-like objects; None for NULL.
            formats: 1 where a value is binary, else 0.
            session: From ``session()``.
            many: One of many executions of one ``executemany``.
            stream: Nobody holds the whole result.
            cursor: The driver's cursor, for annotations.
            site: Where the first execution of the same ``executemany`` came from: it is
                counted already, only its values are offered.

        Returns:
            Where it came from; None where it is not counted.
        """
        if os.getpid() != self._pid:
            return None
        key = (text, types, id(session), many, stream)
        if text in self._control or (
            not self._tally.knows(key) and not self._begin(key, session, cursor)
        ):
            return None
        repeated = site is not None
        if site is None:
            site = self._site(cursor)
        with self._lock:
            if self._enabled:
                self._tally.count(
                    key, session, site, self._moment, params, formats, repeated=repeated
                )
            for tally in self._watchers:
                tally.count(key, session, site, self._moment, params, formats, repeated=repeated)
        return site

    def note(self, sentence: str) -> None:
        """Keeps what could not be done, once."""
        self._notes[sentence] = None

    def fail(self, where: str, error: BaseException) -> None:
        """Switches recording off for good after a bug of ours; users' statements go on."""
        if self.failure is None:
            self.failure = error
            self.note(f"capture was switched off: {where}: {type(error).__name__}: {error}")
        self.listening = False

    # Off the hot path

    def _site(self, cursor: object) -> Site:
        if self._annotations and cursor is not None:
            site = self._annotations.get(cursor)
            if site is not None:
                return site
        return self.origins.find((sys._getframe(1),))  # noqa: SLF001 -- what inspect wraps

    def _begin(self, key: Key, session: Session, cursor: object) -> bool:
        """Whether a text heard for the first time is a query that is to be counted."""
        text, types, *_ = key
        kind = texts.kind_of(text)
        if kind is texts.Kind.CONTROL:
            setting = texts.planner_setting(text)
            if setting is not None:
                self.note(f"SET {setting} was heard: plans are made without it")
            if len(self._control) < _CONTROL_TEXTS:
                self._control.add(text)
            return False
        if texts.changes_schema(text, kind):
            self._change(session.database, text)
        if kind is texts.Kind.DDL:
            self._define(session.database, text, cursor)
            return False
        custom = {oid for oid in types if oid >= FIRST_USER_OID}
        if custom:
            self.oids.setdefault(session.database, set()).update(custom)
        self.asked.add(session.database)
        return self._room(text)

    def _room(self, text: bytes) -> bool:
        self._bytes += len(text)
        if self._bytes <= MAX_TEXT_BYTES:
            return True
        self.note(
            f"more than {MAX_TEXT_BYTES >> 20} MB of distinct SQL was sent: "
            "statements after that were not captured"
        )
        return False

    def _change(self, database: str, text: bytes) -> None:
        """Remembers that tables may differ, and lets the schema be read before they go."""
        state = self.schemas.setdefault(database, SchemaState())
        if texts.drops_objects(text):
            if self.before_drop is not None and not self._paused:
                self.before_drop(database)
            state.shrunk = state.shrunk or text not in state.texts
        else:
            state.grown = state.grown or text not in state.texts
        state.texts.add(text)

    def _define(self, database: str, text: bytes, cursor: object) -> None:
        dropped = texts.dropped_database(text)
        if dropped is not None and self.before_drop is not None and not self._paused:
            self.before_drop(dropped)
        key = (database, text)
        if not self._enabled or key in self._heard_ddl or not self._room(text):
            return
        self._heard_ddl.add(key)
        place = Place(
            origin=self._site(cursor).origin, test=self._moment.test, phase=self._moment.phase
        )
        self._ddl[key] = Ddl(text=to_text(text), database=database, place=place)

    # What was heard

    def take(self) -> Capture:
        """Everything since the last take, sorted; counting starts again."""
        with self._lock:
            tally, self._tally = self._tally, Tally()
            ddl, self._ddl = self._ddl, {}
            notes, self._notes = self._notes, {}
            self._bytes = 0
        return Capture(
            statements=tally.statements(),
            databases={
                name: Database(name=name, url=parameters.url)
                for name, parameters in sorted(self.databases.items())
            },
            ddl=tuple(ddl.values()),
            notes=tuple(notes),
        )
