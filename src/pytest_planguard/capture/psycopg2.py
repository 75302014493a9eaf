"""psycopg 2: its connections and cursors become real subclasses of themselves.

Every connection is made by ``psycopg2._connect``, also where ``connect`` was imported early.
"""

from __future__ import annotations

import datetime as dt
import gc
import sys
import weakref
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from pytest_planguard.capture import psycopg2_extras
from pytest_planguard.capture.connection import ConnectionParameters
from pytest_planguard.capture.following import is_plain, is_query
from pytest_planguard.capture.imports import can_import, when_imported
from pytest_planguard.capture.patches import Patches
from pytest_planguard.capture.psycopg2_classes import Classes, query_bytes, sent_last
from pytest_planguard.capture.psycopg2_likeness import is_heard
from pytest_planguard.capture.recorder import Recorder
from pytest_planguard.capture.remembering import LONGEST
from pytest_planguard.capture.sessions import (
    NOTHING_SENT,
    Connections,
    Known,
    is_own,
    reported_path,
)
from pytest_planguard.capture.shapes import Apart, Asked, asked
from pytest_planguard.capture.state import IDLE
from pytest_planguard.capture.texts import is_early
from pytest_planguard.capture.waiting import LONGEST_ASIDE, MOST_OF_ONE, Aside, Waiting
from pytest_planguard.model.connections import Maker

if TYPE_CHECKING:
    from pytest_planguard.capture.origin import Site
    from pytest_planguard.capture.recorder import Line
    from pytest_planguard.capture.state import State
    from pytest_planguard.model.statement import Session

NAME = "psycopg2"

_LEVELS = {2: "repeatable read", 3: "serializable", 4: "read uncommitted"}
"""``psycopg2.extensions.ISOLATION_LEVEL_*``, but for PostgreSQL's own default."""

_NOT_SET_UP = 0
"""``psycopg2.extensions.STATUS_SETUP``."""

_MOST_REMEMBERED = 10_000

_VALUES = (
    bool, int, float, str, bytes, type(None), Decimal, dt.date, dt.datetime, dt.time, dt.timedelta,
)  # fmt: skip
"""Types of values that psycopg 2 quotes, unless somebody has told it otherwise."""


def is_available() -> bool:
    """Whether the application could use psycopg 2; it is not imported to find out."""
    return can_import("psycopg2")


def install(recorder: Recorder) -> Callable[[], None]:
    """Listens to psycopg 2 as soon as it is imported.

    Returns:
        A function that restores it exactly; connections that live longer are silent.
    """
    patches = Patches()
    listener = Listener(recorder)
    look_back(recorder)

    def patch() -> None:
        try:
            import psycopg2

            classes = Classes(listener)
            patches.replace(psycopg2, "_connect", classes.wrap)
        except Exception as error:  # noqa: BLE001 -- runs inside the application's own import
            patches.restore()
            recorder.fail(NAME, error)

    def patch_extras() -> None:
        try:
            # Its own import is not over: the package has no attribute of that name yet.
            extras = sys.modules["psycopg2.extras"]
            listener.expect_pages()
            if hasattr(extras, "_paginate"):
                patches.replace(extras, "_paginate", psycopg2_extras.marked)
        except Exception as error:  # noqa: BLE001 -- runs inside the application's own import
            recorder.fail(NAME, error)

    cancel = when_imported("psycopg2", patch), when_imported("psycopg2.extras", patch_extras)

    def uninstall() -> None:
        for end in cancel:
            end()
        patches.restore()
        listener.stop()

    return uninstall


def look_back(recorder: Recorder) -> None:
    """Says that there are connections nobody can hear, if there are any.

    Those made before, and those made by calling the library's class, which is written in C.
    """
    extensions = sys.modules.get("psycopg2.extensions")
    base = getattr(extensions, "connection", None)
    if base is None:
        return
    # Classes are compared: an object of the application's may say that it has another one.
    if any(issubclass(type(one), base) and not is_heard(type(one)) for one in gc.get_objects()):
        recorder.note(
            "psycopg2: a connection was made before planguard listened, or without "
            "psycopg2.connect(): what it sends was not captured"
        )


def _module(adapter: Any) -> str:
    return str(getattr(adapter, "__module__", ""))


class Met(Aside):
    """A query that need not be heard before it is sent.

    Args:
        text: As ``execute`` was given it.
    """

    __slots__ = ("asked", "is_query", "line")

    def __init__(self, text: bytes) -> None:
        super().__init__()
        self.asked = Asked(text)
        self.is_query = is_query(text)
        """Whether it is one by its own words, whatever SQL is given for a value (``AsIs``)."""
        self.line: Line | None = None
        """The line of the application that has sent it last, whose statements may be put aside."""

    def count(self, recorder: Recorder, line: Line, kept: list[bytes]) -> None:
        """Counts what was sent, with its values in the text."""
        for text, types, rows in self.asked.bound_alike(kept):
            recorder.count_later(line, text, types, rows)


class Listener:
    """Turns what cursors sent into records; a bug of ours never reaches the statement.

    Args:
        recorder: Where they go.
    """

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.stopped = False
        self._connections = Connections(_meet)
        self._find = self._connections.find
        self._pages = psycopg2_extras.Pages()
        self._waiting = Waiting(recorder)
        self.late: dict[str, Met] = {}
        """Queries that need not be heard before they are sent, with what was learnt of them."""
        self._quoted: set[type] = set()
        """Of ``_VALUES`` those that psycopg 2 itself writes into a text."""
        self._plain: set[bytes] = set()
        """Texts with their values apart that change nothing of their session."""

    def stop(self) -> None:
        """Hears nothing more; connections may live on."""
        self.stopped = True
        self.late.clear()

    def expect_pages(self) -> None:
        """The library's extras were imported."""
        self._pages.find()

    @property
    def listening(self) -> bool:
        """Whether anything is wanted now."""
        return self.recorder.listening and not self.stopped

    def before(self, cursor: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        """Hears what takes objects away before it is sent; whether it did."""
        try:
            query = args[0] if args else None
            if type(query) is str and query in self.late:
                return False
            text = query_bytes(cursor, args, kwargs, literal=None)
            if text is None or not is_early(text):
                if type(query) is str and text is not None and len(text) <= LONGEST:
                    self._remember(query, text)
                return False
            given = args[1] if len(args) > 1 else kwargs.get("vars")
            if given is not None:
                return False  # its adapters are the application's: they run once
            self._record(cursor, text, None)
        except Exception as error:  # noqa: BLE001 -- see above
            self.recorder.fail(NAME, error)
        return True

    def _remember(self, query: str, text: bytes) -> None:
        if len(self.late) >= _MOST_REMEMBERED:  # generated texts are never asked for again
            self.late.clear()
            self._plain.clear()
        self.late[query] = Met(text)
        self._look_at_adapters()

    def _look_at_adapters(self) -> None:
        """An application may have registered one of its own since another query was met."""
        from psycopg2.extensions import ISQLQuote, adapters

        found = {kind: adapters.get((kind, ISQLQuote)) for kind in _VALUES}
        own = {kind for kind, one in found.items() if _module(one).startswith("psycopg2.")}
        self._quoted = own

    def after(
        self, cursor: Any, query: bytes | None, *, many: bool = False, site: Site | None = None
    ) -> Site | None:
        """Hears what was sent: with its values as parameters, where they can be told."""
        try:
            sent = sent_last(cursor)
            if not self.listening:
                self._follow(cursor, sent)
                return None
            return sent and self._record(cursor, sent, query, many=many, site=site)
        except Exception as error:  # noqa: BLE001 -- see above
            self.recorder.fail(NAME, error)
            return None

    def after_execute(self, cursor: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Likewise, of ``execute``: the library's own extras call it with many rows at once.

        Quick where its line sent the same before.
        """
        try:
            sent = sent_last(cursor)
            if sent is None:
                return
            if self.stopped or not self.recorder.listening:
                self._follow(cursor, sent)
                return
            # 0 is this method, 1 our execute, 2 who called that
            caller = sys._getframe(2)  # noqa: SLF001 -- what inspect wraps
            if caller.f_code.co_filename == self._pages.file:
                rows = self._pages.read(cursor, caller)
                if rows is not None:
                    self._hear_rows(cursor, rows)
                    return
            connection = cursor.connection
            entry = self._connections.find(id(connection))
            known = entry[1] if entry else self._connections.of(connection)
            if known is None:
                return
            met = self._met(args, kwargs)
            text, types, values = apart = (
                met.asked.bound(sent) if met else self._apart(cursor, sent, args, kwargs)
            )
            follower = known.follower
            state = follower.state if text in self._plain else follower.follow(sent)
            session = self._session(connection, known, state)
            key = text, types, id(session), False, False
            if self.recorder.record_again(key, values, None, caller, cursor):
                if met is not None and met.is_query and text in self._plain:
                    met.line = self.recorder.recent.get((text, types))
                return
            self._send(cursor, apart, session, many=False, site=None)
            self._meet_text(text, sent)
        except Exception as error:  # noqa: BLE001 -- see above
            self.recorder.fail(NAME, error)

    def hear_again(self, cursor: Any, args: tuple[Any, ...], met: Met, sent: bytes) -> bool:
        """Hears a known query that its line has sent before; False where ``after_execute`` has to.

        Little is called, and values are read later; see ``Classes`` for why.

        Args:
            cursor: It has sent it.
            args: What ``execute`` was given, by position.
            met: What was learnt of the first of them.
            sent: What was sent for it.
        """
        try:
            recorder, line = self.recorder, met.line
            if line is None or not recorder.hastens or len(args) != 2 or args[1] is None:
                return False
            connection = cursor.connection
            entry = self._find(id(connection))
            if entry is None or (known := entry[1]) is None or line.decided is not recorder.moment:
                return False
            path, state, level, session = known.last
            if (
                session is not line.session
                or state is not known.follower.state
                or level != connection.isolation_level
                or (known.unsure and _has_other_path(connection, path))
                or (recorder.said and id(cursor) in recorder.said)
            ):
                return False
            # 0 is this method, 1 our execute, 2 who called that
            caller = sys._getframe(2)  # noqa: SLF001 -- what inspect wraps
            if (
                caller.f_code is not line.code or caller.f_lasti != line.last
            ) and not recorder.is_again(line, 2):
                return False
            if len(sent) > LONGEST_ASIDE or self._may_set(args[1], sent):
                return False
            known.unsure = line.may_set and known.reports_path
            met.aside.append((line, sent))
            if not met.is_listed or len(met.aside) >= MOST_OF_ONE:
                self._waiting.add(met)
        except Exception as error:  # noqa: BLE001 -- see above
            self.recorder.fail(NAME, error)
        return True

    def _may_set(self, values: Any, sent: bytes) -> bool:
        """Whether a value may be SQL (``AsIs``) that has to be followed; see ``effects_of``."""
        quoted = self._quoted
        if type(values) is tuple:
            try:
                for value in values:
                    if type(value) not in quoted:
                        break
                else:
                    return False
            except TypeError:  # a class of the application's without a hash
                pass
        return b";" in sent or b"set_config" in sent or b"SET_CONFIG" in sent

    def _meet_text(self, text: bytes, sent: bytes) -> None:
        """Remembers a query that changes nothing of its session, by its text with values apart."""
        if len(sent) <= LONGEST and is_plain(sent) and len(self._plain) < _MOST_REMEMBERED:
            self._plain.add(text)

    def _met(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Met | None:
        """What was learnt of a query that ``execute`` was given with values."""
        if (args[1] if len(args) > 1 else kwargs.get("vars")) is None:
            return None
        return self.late.get(args[0]) if args and type(args[0]) is str else None

    def _apart(
        self, cursor: Any, sent: bytes, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Apart:
        """What ``execute`` has sent, with its values apart where they can be told."""
        if (args[1] if len(args) > 1 else kwargs.get("vars")) is None:
            return sent, (), ()
        return _bound(query_bytes(cursor, args, kwargs), sent)

    def _hear_rows(self, cursor: Any, rows: psycopg2_extras.Rows) -> None:
        """Hears the rows of one page."""
        for row in rows:
            rows.site = self._hear(cursor, row, row[0], many=True, site=rows.site)

    def _session(self, connection: Any, known: Known, state: State) -> Session:
        """The kind of session a connection is in."""
        # One that was lost while it sent tells nothing any more.
        reported = known.reports_path and not connection.closed
        known.unsure = known.reports_path
        path = connection.get_parameter_status("search_path") if reported else state.path
        level = connection.isolation_level
        last_path, last_state, last_level, session = known.last
        if last_state is state and last_path == path and last_level == level:
            return cast("Session", session)
        key = path, state, level
        session = known.sessions.get(key)
        if session is None:
            if known.follower.watch is not None:
                known.follower.watch.begin()
            session = known.session(
                self.recorder, NAME, key, state,
                reported_path(path) if reported and path is not None else path,
                isolation=_LEVELS.get(level),
            )  # fmt: skip
        known.last = path, state, level, session
        return session

    def _follow(self, cursor: Any, sent: bytes | None) -> None:
        """Hears only what a statement does to its session."""
        if sent and self.recorder.following and not self.stopped:
            known = self._connections.of(cursor.connection)
            if known is not None:
                known.unsure = known.reports_path
                known.follower.follow(sent)

    def made(self, connection: Any) -> None:
        """A connection was made: connected, and not used yet."""
        try:
            if self.recorder.following and not self.stopped and is_heard(type(connection)):
                self._connections.meet(connection, self.recorder.holdings, Maker.PSYCOPG2)
        except Exception as error:  # noqa: BLE001 -- see above
            self.recorder.fail(NAME, error)

    def said(self, connection: Any, text: bytes) -> None:
        """A connection is about to end its transaction, or to forget its settings, itself."""
        try:
            known = self._connections.of(connection)
            if known is not None:
                known.follower.follow(text)
                # The next statement begins a transaction, which the library does not say: it
                # looks for its session then, and is heard as the first one.
                known.sessions.clear()
                known.last = NOTHING_SENT
        except Exception as error:  # noqa: BLE001 -- see above
            self.recorder.fail(NAME, error)

    def _record(
        self,
        cursor: Any,
        sent: bytes,
        query: bytes | None,
        *,
        many: bool = False,
        site: Site | None = None,
    ) -> Site | None:
        return self._hear(cursor, _bound(query, sent), sent, many=many, site=site)

    def _hear(
        self, cursor: Any, apart: Apart, sent: bytes, *, many: bool, site: Site | None
    ) -> Site | None:
        """Hears what was sent, its values apart; quick for a further row of the same call."""
        connection = cursor.connection
        known = self._connections.of(connection)
        if known is None:
            return None
        text, types, values = apart
        follower = known.follower
        state = follower.state if text in self._plain else follower.follow(sent)
        session = self._session(connection, known, state)
        if many and site is not None:
            key = text, types, id(session), True, False
            if self.recorder.record_row(key, site, values, None):
                return site
        self._meet_text(text, sent)
        return self._send(cursor, apart, session, many=many, site=site)

    def _send(
        self,
        cursor: Any,
        apart: Apart,
        session: Session,
        *,
        many: bool,
        site: Site | None,
    ) -> Site | None:
        text, types, values = apart
        return self.recorder.record(
            text,
            types,
            values,
            None,
            session,
            many=many,
            cursor=cursor,
            site=site,
        )


def _bound(query: bytes | None, sent: bytes) -> Apart:
    """A sent text with its values apart, where they can be told."""
    return (sent, (), ()) if query is None else asked(query).bound(sent)


def _has_other_path(connection: Any, path: str | None) -> bool:
    """Whether another search_path is reported; a connection that was lost tells nothing more."""
    return bool(connection.closed) or connection.get_parameter_status("search_path") != path


def _meet(connection: Any) -> Known | None:
    """What can be learnt of a connection without asking its server; None where it is closed.

    A class of the application's may have left out the library's ``__init__``.
    """
    if connection.closed or connection.status == _NOT_SET_UP:
        return None  # it tells nothing, and sends nothing
    if is_own(connection.get_parameter_status("application_name") or ""):
        return None
    values = {**connection.get_dsn_parameters(), "dbname": connection.info.dbname}
    if connection.info.password:
        values["password"] = connection.info.password
    reports_path = connection.get_parameter_status("search_path") is not None
    living = weakref.ref(connection)

    def status() -> int:
        found = living()
        return IDLE if found is None or found.closed else int(found.get_transaction_status())

    parameters = ConnectionParameters(values, NAME)
    return Known(parameters, reports_path=reports_path, status=status)
