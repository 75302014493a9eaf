"""Statements as they arrive: the hot path. Nothing is parsed here."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakSet
from zlib import crc32

from pytest_planguard.capture import texts, variety
from pytest_planguard.capture.alarms import let_pass
from pytest_planguard.capture.connection import ConnectionParameters
from pytest_planguard.capture.following import may_set
from pytest_planguard.capture.holdings import Holdings
from pytest_planguard.capture.origin import Near, OriginFinder, Site
from pytest_planguard.capture.places import Counter, Moment
from pytest_planguard.capture.samples import LARGE, MANY, SEPARATOR, Samples, to_text
from pytest_planguard.capture.taken import Taken
from pytest_planguard.capture.tally import Key, Sent, Tally
from pytest_planguard.errors import described
from pytest_planguard.model.capture import Capture, Database, Ddl
from pytest_planguard.model.statement import Phase, Place, Session

if TYPE_CHECKING:
    from pytest_planguard.capture.redacting import Redactor, Values

MAX_TEXT_BYTES = 256 * 1024 * 1024
"""Of distinct SQL kept; drivers that write values into the text would fill the memory."""

MOST_SESSIONS = 5_000
"""Kinds of session from which on new values of custom settings are not kept; each takes 1 kB."""

_CONTROL_TEXTS = 10_000
"""Remembered at most: settings may carry ever new values."""

_MOST_LINES = 20_000
"""Remembered at most, of 300 bytes each: then all are forgotten, and met again."""

FIRST_USER_OID = 16384
"""``FirstNormalObjectId`` (PostgreSQL's transam.h): smaller OIDs are the same everywhere."""


_asks_itself: ContextVar[bool] = ContextVar("planguard asks itself", default=False)
"""Whether what is sent here and now is planguard's own. A context and no thread, because asyncpg
is read from in a thread of its own; those of the application are heard meanwhile."""


class Annotation(NamedTuple):
    """What is known of a statement above the driver."""

    site: Site
    """Who asks."""
    many: bool = False
    """It holds many rows of one call."""
    repeated: bool = False
    """Rows of the same call were sent before: it is counted already."""


class Line:
    """One statement as one line of the application sends it: what counting it again takes."""

    __slots__ = (
        "code", "counter", "decided", "key", "last", "may_set", "moment", "samples", "sent",
        "session", "site",
    )  # fmt: skip

    def __init__(self, key: Key, sent: Sent, site: Site) -> None:
        self.key = key
        self.sent = sent
        self.session = sent.session
        self.samples = sent.samples
        self.may_set = may_set(key[0])
        """Whether it may leave its session with another search_path than it met."""
        self.site = site
        code, last = site.line or (None, None)
        self.code: CodeType | None = code
        self.last: int | None = last
        """Code and instruction of the line, where it is the application's: of the suite's own ones
        a whole stack decides."""
        self.counter: Counter | None = None
        self.moment: Moment | None = None
        """The counter's."""
        self.decided: Moment | None = None
        """The one from which on nobody looks which call of the suite's an execution belongs to:
        they may be put aside."""

    def let_go(self) -> None:
        """What it has counted is taken, or closed; drivers may go on holding the line itself."""
        self.counter = self.moment = self.decided = None
        self.samples = Samples()  # whoever counts without the lock may still offer values
        del self.sent


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
        """Whether a driver need bother; False while switched off or failed."""
        self.following = True
        """Whether a driver has to know its sessions' settings even so: a connection that is used
        where nobody listens may be used again where somebody does."""
        self.readers: list[Callable[[], None]] = []
        """Called before another phase begins: drivers may have put statements aside."""
        self.before_drop: Callable[[str], None] | None = None
        """Called with a database's name before a statement that takes objects away is sent."""
        self.failure: BaseException | None = None
        """The bug that switched recording off."""
        self.moment = Moment("", Phase.OUTSIDE)
        """What runs now: another one whenever counters were closed."""
        self.databases: dict[str, ConnectionParameters] = {}
        self.aliases: dict[str, set[str]] = {}
        """By database: the names the application's settings have for it."""
        self.schemas: dict[str, SchemaState] = {}
        self.asked: set[str] = set()
        """Databases a query was sent to."""
        self.oids: dict[str, set[int]] = {}
        """Parameter types that are not built in, by database."""
        self._lock = threading.RLock()
        self._enabled = True
        self._paused = 0
        """How many threads ask for us now: asking the context costs."""
        self._forked = False
        self._bytes = 0
        self._varied: set[bytes] = set()
        """Texts sent in sessions of which there may be ever new kinds: they take room once."""
        self._redactor = redactor
        self._tally = self.new_tally()
        self._lines: dict[tuple[Key, Near], Line] = {}
        """By what was sent, and what of the stack decides who asked."""
        self.recent: dict[tuple[bytes, tuple[int, ...]], Line] = {}
        """By text and types: the line of the application that has sent it last."""
        self.hastens = False
        """Whether ``is_again`` and ``count_known`` may be asked: they know of no redaction, and of
        nobody else who counts."""
        self._thinned = 0
        self._control: set[bytes] = set()
        """Texts that are no queries, so that the next one costs one look."""
        self._sessions: dict[tuple[object, ...], Session] = {}
        """Never forgotten: statements are counted by their identity."""
        self._customs: dict[str, str] = {}
        """The first value of each custom setting."""
        self._ddl: dict[tuple[str, bytes], Ddl] = {}
        self._heard_ddl: set[tuple[str, bytes]] = set()
        self._notes: dict[str, None] = {}
        self.said: dict[int, Annotation] = {}
        """By identity of a driver's cursor, while somebody above it lets it send: who asks."""
        self._watchers: list[Tally] = []
        self._ways = origins.ways()
        self.holdings = Holdings(origins, self)
        """Connections and transactions, and who has them."""
        self._decide()
        _living.add(self)

    # What the plugin tells

    def enter(self, test: str, phase: Phase) -> None:
        """A phase of a test begins; an empty test and OUTSIDE between tests."""
        self._enter(test, phase if test else Phase.OUTSIDE)

    def enter_shared(self, scope: str) -> Callable[[], None]:
        """A fixture of several tests is made or undone.

        Args:
            scope: Node id of the class, module or folder that has it; empty: the session.

        Returns:
            What is to be called at its end.
        """
        before, enabled = self.moment, self._enabled
        self._enter("", Phase.SHARED, scope)
        self.enable(on=True)  # whichever test happens to ask first

        def leave() -> None:
            self._enter(before.test, before.phase, before.scope)
            self.enable(on=enabled)

        return leave

    def _enter(self, test: str, phase: Phase, scope: str = "") -> None:
        # A moment is never entered again: its counters are closed then.
        self._read_aside()
        with self._lock:  # another thread may be counting
            self.moment = Moment(test, phase, scope)

    def enable(self, *, on: bool) -> None:
        """Switches recording on or off, for tests that ask not to be captured."""
        self._enabled = on
        self._decide()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """While planguard itself uses the drivers, here: other threads are heard as before."""
        with self._lock:
            self._paused += 1
            self._decide()
        before = _asks_itself.set(True)
        try:
            yield
        finally:
            _asks_itself.reset(before)
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
        self.listening = wanted and self.following
        special = self._watchers or self._paused or self._redactor is not None
        self.hastens = self.listening and not special and _takes_turns()

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
            settings = self._known_values(settings) if settings else settings
            key = (driver, database, search_path, role, isolation, settings, prepares)
            session = self._sessions.get(key)
            if session is None:
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

    def _known_values(self, settings: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        """Settings with a value that was kept: where there were too many, the name's first one."""
        for name, value in settings:
            if "." in name:
                self._customs.setdefault(name, value)
        if len(self._sessions) < MOST_SESSIONS:
            return settings
        return tuple((name, self._customs.get(name, value)) for name, value in settings)

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
        if self._paused and _asks_itself.get():
            return None
        if self.said:
            said = self.said.get(id(cursor))
            if said is not None:
                many = many or said.many
                site = said.site if said.repeated else site
        key = (text, types, id(session), many, stream)
        known = key in self._tally.entries
        if not known and not self._is_counted(key, session, cursor):
            return None
        repeated = site is not None
        shown = self._shown(key, params, formats)
        call = self.origins.suite_calls.at(sys._getframe(1))  # noqa: SLF001 -- what inspect wraps
        if site is None:
            site = self._site(cursor)
        with self._lock:
            for tally in (self._tally, *self._watchers) if self._enabled else self._watchers:
                sent = tally.count(
                    key, session, site, self.moment, params, formats, call,
                    repeated=repeated, shown=shown,
                )  # fmt: skip
                if tally is self._tally:
                    self._remember(key, site, sent)
        return site

    def _shown(
        self, key: Key, params: Sequence[Any] | None, formats: Sequence[int] | None
    ) -> Values | None:
        """What may be kept of values, where that is not all; asked without the lock."""
        if self._redactor is None or not params:
            return None
        return self._redactor.values(key[0], key[1], params, formats)

    def _remember(self, key: Key, site: Site, sent: Sent) -> None:
        if self._thinned != self._tally.thinned or len(self._lines) >= _MOST_LINES:
            self._begin_anew()
        if site.near is not None and not key[3]:  # of many, only one counts
            self._lines[key, site.near] = Line(key, sent, site)

    def _begin_anew(self) -> None:
        """Counters may have been closed: whoever holds one looks again."""
        self._thinned = self._tally.thinned
        self.moment = self.moment.again()
        lines, self._lines = self._lines, {}  # what ends meanwhile may send a statement
        self.recent.clear()
        for line in lines.values():
            line.let_go()

    def record_again(
        self,
        key: Key,
        params: Sequence[Any] | None,
        formats: Sequence[int] | None,
        frame: FrameType | None,
        cursor: object = None,
    ) -> bool:
        """Counts one execution where the same line has sent the same before.

        Args:
            key: What is sent, as ``record`` would count it.
            params: As for ``record``.
            formats: Likewise.
            frame: Any frame between the driver's listener and the line; each that is looked at
                costs.
            cursor: As for ``record``.

        Returns:
            False where it was not counted: ``record`` has to.
        """
        if self._watchers or self._paused:
            return False
        said = self.said.get(id(cursor)) if self.said else None
        shown = None if self._redactor is None else self._shown(key, params, formats)
        with self._lock:
            if said is None:
                line = self._line_at(key, frame)
            else:
                near = None if said.many else said.site.near
                line = None if near is None else self._lines.get((key, near))
            if line is None:
                return False
            counter = line.counter
            if line.moment is not self.moment or counter is None:
                counter = line.counter = self._tally.counter(line.sent, line.site, self.moment)
                line.moment = self.moment
            counter.executions += 1
            if params:
                line.samples.offer(*(shown or (params, formats)))
            if counter.calls.undecided:
                counter.calls.see(key[0], params, self.origins.suite_calls.of(frame))
            elif line.code is not None:
                self.recent[key[:2]] = line
                line.decided = self.moment
        return True

    def _line_at(self, key: Key, frame: FrameType | None) -> Line | None:
        """The line that sends something at a frame, if it has sent the same before."""
        frame = self._ways.learn(frame)
        if frame is None:
            return None
        line = self._lines.get((key, (id(frame.f_code), frame.f_lasti)))
        if line is None:
            stack = self.origins.stack_of(frame)
            line = self._lines.get((key, stack)) if stack else None
        return line

    def is_again(self, line: Line, distance: int) -> bool:
        """Whether the line that was the last to send something sends it again.

        Drivers ask the same of the frame that called them, before they ask here for those further
        out. Then ``count_known`` counts it, or it is put aside for ``count_later``.

        Args:
            line: Of ``recent``; the driver has compared its session.
            distance: Of a frame between the driver's listener and the line, from the caller.
        """
        frame = self._ways.out(distance + 1)
        return (
            frame is not None
            and frame.f_code is line.code
            and frame.f_lasti == line.last
            and line.decided is self.moment
        )

    def count_known(
        self, line: Line, params: Sequence[Any] | None, formats: Sequence[int] | None
    ) -> bool:
        """Counts one execution by a line that is known to send it again.

        No lock is taken: where CPython has its lock, threads take turns at calls and where code
        jumps back. Between the look at the counter and the end of the addition there is neither,
        and none may come in.

        Args:
            line: As for ``is_again``.
            params: As for ``record``.
            formats: Likewise.

        Returns:
            False where ``record_again`` has to.
        """
        counter = line.counter
        if line.decided is not self.moment or counter is None or counter.calls.undecided:
            return False  # or it is closed, and the moment not over yet: see ``Counter.close``
        counter.executions += 1
        if params:
            samples = line.samples
            try:
                text = SEPARATOR.join(params)
                is_news = (
                    crc32(text) <= samples.limit or len(text) >= LARGE or len(params) >= MANY
                ) and text not in samples.held
            except TypeError:
                is_news = True  # a NULL
            if is_news:
                with self._lock:
                    samples.offer(params, formats)
        return True

    def count_later(
        self,
        line: Line,
        text: bytes,
        types: tuple[int, ...],
        rows: Sequence[Sequence[Any] | None],
        formats: Sequence[int] | None = None,
    ) -> None:
        """Counts executions that were put aside, for the phase that runs.

        Args:
            line: Who sent them.
            text: As for ``record``.
            types: Likewise. Where they are other ones than the line sent before, nobody sees any
                more which call of the suite's it belongs to.
            rows: The ``params`` of each execution, as for ``record``; none: it has no values.
            formats: Those of all, as for ``record``.
        """
        _, _, session, many, stream = line.key
        key, counter, count = (text, types, session, many, stream), line.counter, len(rows)
        with self._lock:
            if line.decided is self.moment and counter is not None and key == line.key:
                counter.executions += count  # no call in between: see ``count_known``
                if types:
                    line.samples.offer_all(rows, formats)
                return
        # Values in a text make it another one: it takes room as any other does
        if key not in self._tally.entries and not self._is_counted(key, line.session, None):
            return
        with self._lock:
            for params in rows:
                self._tally.count(
                    key, line.session, line.site, self.moment, params, formats, _nobody,
                    repeated=False,
                )  # fmt: skip
            if self._thinned != self._tally.thinned:
                self._begin_anew()

    def _read_aside(self) -> None:
        """Lets drivers count what they have put aside: as yet it is this phase's."""
        for read in self.readers:
            try:
                read()
            except Exception as error:  # noqa: BLE001 -- a bug of ours never reaches the suite
                self.fail("what was put aside", error)

    def record_row(
        self,
        key: Key,
        site: Site,
        params: Sequence[Any] | None,
        formats: Sequence[int] | None,
    ) -> bool:
        """Offers the values of one more row of an ``executemany``, which is counted already.

        Args:
            key: What is sent, as ``record`` would count it.
            site: What that gave for an earlier row.
            params: As for ``record``.
            formats: Likewise.

        Returns:
            False where ``record`` has to.
        """
        if self._watchers or self._paused:
            return False
        sent = self._tally.entries.get(key)
        counter = sent.places.now.get(site) if sent is not None else None
        if sent is None or counter is None or counter.calls.undecided:
            return False
        if params:
            shown = self._shown(key, params, formats)
            with self._lock:
                sent.samples.offer(*(shown or (params, formats)))
        return True

    def note(self, sentence: str) -> None:
        """Keeps what could not be done, once."""
        self._notes[sentence] = None

    def fail(self, where: str, error: BaseException) -> None:
        """Switches recording off for good after a bug of ours; users' statements go on.

        Raises:
            BaseException: It was no bug: a signal's handler raised it.
        """
        let_pass(error)
        if self.failure is None:
            self.failure = error
            self.note(switched_off(where, error))
        self.listening = self.following = self.hastens = False

    def leave_to_parent(self) -> None:
        """In a forked child: nobody would ever take what it heard."""
        self._forked = True
        self._lock = threading.RLock()  # whoever held it does not live here
        self._decide()

    def _site(self, cursor: object) -> Site:
        if self.said:
            said = self.said.get(id(cursor))
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
        if variety.varies(session):
            if text in self._varied:
                return True
            self._varied.add(text)
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
            if self.before_drop is not None:
                self.before_drop(database)
            state.shrunk = state.shrunk or text not in state.texts
        else:
            state.grown = state.grown or text not in state.texts
        state.texts.add(text)

    def _define(self, database: str, text: bytes, cursor: object) -> None:
        dropped = texts.dropped_database(text)
        if dropped is not None and self.before_drop is not None:
            self.before_drop(self.databases[database].of(dropped))
        key = (database, text)
        if not self._enabled or key in self._heard_ddl or not self._room(text):
            return
        self._heard_ddl.add(key)
        moment = self.moment
        origin = self._site(cursor).origin
        place = Place(origin, moment.test, moment.phase, scope=moment.scope)
        self._ddl[key] = Ddl(text=self._ddl_text(text), database=database, place=place)

    def _ddl_text(self, text: bytes) -> str:
        text = texts.without_secrets(text)
        return to_text(text) if self._redactor is None else self._redactor.text(text)

    # What was heard

    def take(self) -> Capture:
        """Everything since the last take, sorted; counting starts again."""
        return self.take_apart().whole()

    def take_apart(self) -> Taken:
        """The same, its statements made when they are asked for."""
        self._read_aside()
        with self._lock:
            tally, self._tally = self._tally, self.new_tally()
            ddl, self._ddl = self._ddl, {}
            notes, self._notes = self._notes, {}
            self._bytes = 0
            self._varied.clear()
            self._begin_anew()
        pools, opened, held = self.holdings.take()
        origins, parts = tally.origins(), tally.drain()
        if tally.lost_kinds:
            notes[variety.MANY_KINDS] = None
        interrupted = "" if self.failure is None else SWITCHED_OFF
        rest = Capture(
            statements=(),
            databases={
                name: Database(name, parameters.url, tuple(sorted(self.aliases.get(name, ()))))
                for name, parameters in sorted(self.databases.items())
            },
            ddl=tuple(ddl.values()),
            notes=tuple(notes),
            interrupted=interrupted,
            pools=pools,
            opened=opened,
            held=held,
        )
        return Taken(rest, origins, parts)


def _nobody() -> None:
    """Where the suite called the application, when nobody can see it any more."""


def _takes_turns() -> bool:
    """Whether one thread runs at a time; in a free-threaded build of CPython they all do."""
    ask: Callable[[], bool] | None = getattr(sys, "_is_gil_enabled", None)  # from Python 3.13 on
    return ask is None or ask()


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
