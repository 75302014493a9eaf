"""Statements as they arrive: the hot path. Nothing is parsed here."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakSet

from pytest_planguard.capture import texts
from pytest_planguard.capture.connection import ConnectionParameters
from pytest_planguard.capture.identity import ByIdentity
from pytest_planguard.capture.origin import OriginFinder, Site
from pytest_planguard.capture.samples import to_text
from pytest_planguard.capture.tally import Counter, Key, Moment, Tally
from pytest_planguard.errors import described
from pytest_planguard.model.capture import Capture, Database, Ddl
from pytest_planguard.model.statement import Phase, Place, Session

if TYPE_CHECKING:
    from pytest_planguard.capture.redacting import Redactor

MAX_TEXT_BYTES = 256 * 1024 * 1024
"""Of distinct SQL kept; drivers that write values into the text would fill the memory."""

MOST_SESSIONS = 500
"""Kinds of session from which on values of custom settings are not kept."""

_CONTROL_TEXTS = 10_000
"""Remembered at most: settings may carry ever new values."""

_DEEPEST = 16
"""Frames between a driver's public method and what it sends with."""

FIRST_USER_OID = 16384
"""``FirstNormalObjectId`` (PostgreSQL's transam.h): smaller OIDs are the same everywhere."""


class _Annotation(NamedTuple):
    """What is known of a statement above the driver."""

    site: Site
    many: bool
    repeated: bool


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
        redactor: Replaces what must not be kept; None: nothing.
    """

    def __init__(self, origins: OriginFinder, redactor: Redactor | None = None) -> None:
        self.origins = origins
        self.listening = True
        """Whether a driver need bother; False while paused, switched off or failed."""
        self.following = True
        """Whether a driver has to know its sessions' settings even so: a connection that is used
        where nobody listens may be used again where somebody does."""
        self.before_drop: Callable[[str], None] | None = None
        """Called with a database's name before a statement that takes objects away is sent."""
        self.failure: BaseException | None = None
        """The bug that switched recording off."""
        self.databases: dict[str, ConnectionParameters] = {}
        self.aliases: dict[str, set[str]] = {}
        """By database: the names the application's settings have for it."""
        self.schemas: dict[str, SchemaState] = {}
        self.asked: set[str] = set()
        """Databases a query was sent to."""
        self.oids: dict[str, set[int]] = {}
        """Parameter types that are not built in, by database."""
        self._lock = threading.RLock()
        self._outside = self._moment = Moment("", Phase.OUTSIDE)
        self._enabled = True
        self._paused = 0
        self._forked = False
        self._bytes = 0
        self._redactor = redactor
        self._tally = self.new_tally()
        self._again: dict[tuple[object, ...], Counter] = {}
        """Counters of this phase, by what a driver says and the instruction that asks."""
        self._control: set[bytes] = set()
        """Texts that are no queries, so that the next one costs one look."""
        self._sessions: dict[tuple[object, ...], Session] = {}
        self._ddl: dict[tuple[str, bytes], Ddl] = {}
        self._heard_ddl: set[tuple[str, bytes]] = set()
        self._notes: dict[str, None] = {}
        self._annotations: ByIdentity[_Annotation] = ByIdentity()
        self._annotated = False
        """Whether there may be annotations: asking the dictionary is a call in Python."""
        self._watchers: list[Tally] = []
        _living.add(self)

    # What the plugin tells

    def enter(self, test: str, phase: Phase) -> None:
        """A phase of a test begins; an empty test and OUTSIDE between tests."""
        self._enter(Moment(test, phase) if test else self._outside)

    def enter_shared(self, scope: str) -> Callable[[], None]:
        """A fixture of several tests is made or undone.

        Args:
            scope: Node id of the class, module or folder that has it; empty: the session.

        Returns:
            What is to be called at its end.
        """
        before, enabled = self._moment, self._enabled
        self._enter(Moment("", Phase.SHARED, scope))
        self.enable(on=True)  # whichever test happens to ask first

        def leave() -> None:
            self._enter(before)
            self.enable(on=enabled)

        return leave

    def _enter(self, moment: Moment) -> None:
        with self._lock:  # another thread may be counting
            self._moment = moment
            self._again.clear()

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

    def new_tally(self) -> Tally:
        """One that keeps what this one would."""
        return Tally(self._redactor)

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
        self.following = self.failure is None and not self._forked
        self.listening = wanted and not self._paused and self.following

    # What drivers tell

    def session(
        self,
        driver: str,
        parameters: ConnectionParameters,
        *,
        search_path: str | None = None,
        role: str | None = None,
        isolation: str | None = None,
        settings: tuple[tuple[str, str], ...] = (),
        prepares: bool = False,
    ) -> Session:
        """The one value that stands for a kind of session.

        Args:
            driver: Its name.
            parameters: How the database is reached.
            search_path: None: the server's default.
            role: Who the session acts as, where it is not who it connected as.
            isolation: None: the server's default.
            settings: Planner and custom settings that were changed, sorted.
            prepares: See ``model.Session``.
        """
        database = parameters.database
        with self._lock:
            self.databases.setdefault(database, parameters)
            if settings and len(self._sessions) >= MOST_SESSIONS:
                settings = self._without_custom(settings)
            key = (driver, database, search_path, role, isolation, settings, prepares)
            session = self._sessions.get(key)
            if session is None:
                if role is not None:
                    self.note(
                        f"statements were sent as role {role}: they are planned without it, "
                        "row-level security left aside"
                    )
                session = self._sessions[key] = Session(
                    database=database,
                    driver=driver,
                    search_path=search_path,
                    role=role,
                    settings=dict(settings),
                    isolation=isolation,
                    prepares=prepares,
                )
        return session

    def _without_custom(self, settings: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        """Every value of a custom setting would double all statements: there is an end to it."""
        names = sorted({name for name, _ in settings if "." in name})
        if names:
            self.note(
                f"{', '.join(names)} had so many values that later ones were not kept: "
                "statements after that are planned without"
            )
        return tuple(pair for pair in settings if "." not in pair[0])

    def annotate(
        self, cursor: object, site: Site | None, *, many: bool = False, repeated: bool = False
    ) -> None:
        """Says who asks for what a driver's cursor sends next; None: forget it.

        Args:
            cursor: The driver's.
            site: Who asks.
            many: It holds many rows of one call.
            repeated: Rows of the same call were sent before: it is counted already.
        """
        if site is None:
            self._annotations.forget(cursor)
        else:
            self._annotations[cursor] = _Annotation(site, many, repeated)
        self._annotated = len(self._annotations) > 0

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
        again: tuple[object, ...] | None = None,
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
            again: What the driver will give ``record_again`` for the same once more.

        Returns:
            Where it came from; None where it is not counted.
        """
        if self._annotated and cursor is not None:
            said = self._annotations.get(cursor)
            if said is not None:
                many = many or said.many
                site = said.site if said.repeated else site
        key = (text, types, id(session), many, stream)
        known = key in self._tally.entries
        if not known and not self._is_counted(key, session, cursor):
            return None
        repeated = site is not None
        entry = self.origins.entries.at(sys._getframe(1))  # noqa: SLF001 -- what inspect wraps
        if site is None:
            site = self._site(cursor)
        with self._lock:
            if self._enabled:
                counter = self._tally.count(
                    key, session, site, self._moment, params, formats, entry, repeated=repeated
                )
                if again is not None and site.near is not None:
                    self._again[again, *site.near] = counter
            for tally in self._watchers:
                tally.count(
                    key, session, site, self._moment, params, formats, entry, repeated=repeated
                )
        return site

    def record_again(
        self,
        what: tuple[object, ...],
        params: Sequence[Any] | None,
        formats: Sequence[int] | None,
        depth: int,
        entries: Container[int],
    ) -> bool:
        """Counts one execution where the same line sent the same in the same phase before.

        All in one function, because this is what a statement costs that is sent ten thousand
        times.

        Args:
            what: All that tells statements and sessions of the driver apart, as it was given to
                ``record`` as ``again``; the text first.
            params: As for ``record``.
            formats: Likewise.
            depth: How far out a method of the driver stands that the application calls, if it
                stands where it stood before; each frame that is looked at costs.
            entries: Identities of the code of these methods: hashing code costs more than all this.

        Returns:
            False where it was not counted: ``record`` has to.
        """
        if self._watchers or self._annotated:
            return False
        passed = self.origins.passed
        getframe = sys._getframe  # noqa: SLF001 -- what inspect wraps
        try:
            frame: FrameType | None = getframe(depth)
        except ValueError:
            return False
        if frame is not None and id(frame.f_code) not in entries:
            frame = getframe(1)
        while frame is not None:
            code = frame.f_code
            if code.co_filename not in passed:
                with self._lock:
                    counter = self._again.get((what, id(code), frame.f_lasti))
                    if counter is None:
                        return False
                    counter.executions += 1
                    if params:
                        counter.samples.offer(params, formats)
                    if counter.calls.undecided:
                        counter.calls.see(what[0], params, self.origins.entries.of(frame))
                    return True
            frame = frame.f_back
        return False

    @staticmethod
    def depth_of(entries: Container[int], start: int) -> int:
        """How far out from the caller's caller one of the methods stands; 0: none does.

        Args:
            entries: As for ``record_again``.
            start: Frames between this one and the one that ``record_again`` is called by.
        """
        frame: FrameType | None = sys._getframe(start)  # noqa: SLF001 -- what inspect wraps
        depth = 1
        while frame is not None and depth < _DEEPEST:
            if id(frame.f_code) in entries:
                return depth
            frame, depth = frame.f_back, depth + 1
        return 0

    def note(self, sentence: str) -> None:
        """Keeps what could not be done, once."""
        self._notes[sentence] = None

    def fail(self, where: str, error: BaseException) -> None:
        """Switches recording off for good after a bug of ours; users' statements go on."""
        if self.failure is None:
            self.failure = error
            self.note(switched_off(where, error))
        self.listening = self.following = False

    def leave_to_parent(self) -> None:
        """In a forked child: nobody would ever take what it heard."""
        self._forked = True
        self._decide()

    def _site(self, cursor: object) -> Site:
        if self._annotated and cursor is not None:
            said = self._annotations.get(cursor)
            if said is not None:
                return said.site
        # 0 is this method, 1 is record(), 2 the driver's listener
        return self.origins.find_near(sys._getframe(2))  # noqa: SLF001 -- what inspect wraps

    # Off the hot path

    def _is_counted(self, key: Key, session: Session, cursor: object) -> bool:
        text = key[0]
        if self._forked or text in self._control:
            return False
        return self._begin(key, session, cursor)

    def _begin(self, key: Key, session: Session, cursor: object) -> bool:
        """Whether a text heard for the first time is a query that is to be counted."""
        text, types, *_ = key
        kind = texts.kind_of(text)
        if kind is texts.Kind.CONTROL:
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
            self.before_drop(self.databases[database].of(dropped))
        key = (database, text)
        if not self._enabled or key in self._heard_ddl or not self._room(text):
            return
        self._heard_ddl.add(key)
        moment = self._moment
        origin = self._site(cursor).origin
        place = Place(origin, moment.test, moment.phase, scope=moment.scope)
        self._ddl[key] = Ddl(text=self._ddl_text(text), database=database, place=place)

    def _ddl_text(self, text: bytes) -> str:
        text = texts.without_secrets(text)
        return to_text(text) if self._redactor is None else self._redactor.text(text)

    # What was heard

    def take(self) -> Capture:
        """Everything since the last take, sorted; counting starts again."""
        with self._lock:
            tally, self._tally = self._tally, self.new_tally()
            ddl, self._ddl = self._ddl, {}
            notes, self._notes = self._notes, {}
            self._bytes = 0
            self._again.clear()
        interrupted = "" if self.failure is None else SWITCHED_OFF
        return Capture(
            statements=tally.statements(),
            databases={
                name: Database(name, parameters.url, tuple(sorted(self.aliases.get(name, ()))))
                for name, parameters in sorted(self.databases.items())
            },
            ddl=tuple(ddl.values()),
            notes=tuple(notes),
            interrupted=interrupted,
        )


SWITCHED_OFF = "capture was switched off"
"""What is missing of a run, where a bug of ours was met: the rest of what the tests sent."""


def switched_off(where: str, error: BaseException) -> str:
    """The sentence about a bug of ours."""
    return f"{SWITCHED_OFF}: {where}: {described(error)}"


_living: WeakSet[Recorder] = WeakSet()


def _after_fork() -> None:
    for recorder in list(_living):
        recorder.leave_to_parent()


os.register_at_fork(after_in_child=_after_fork)
