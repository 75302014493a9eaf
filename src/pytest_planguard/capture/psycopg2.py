"""psycopg 2: its connections and cursors become real subclasses of themselves.

Every connection is made by ``psycopg2._connect``, also where ``connect`` was imported early.
"""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pytest_planguard.capture import psycopg2_extras
from pytest_planguard.capture.connection import ConnectionParameters
from pytest_planguard.capture.imports import can_import, when_imported
from pytest_planguard.capture.literals import Bound, recovered
from pytest_planguard.capture.patches import Patches
from pytest_planguard.capture.psycopg2_classes import Classes, query_bytes, sent_last
from pytest_planguard.capture.psycopg2_likeness import is_heard
from pytest_planguard.capture.recorder import Recorder
from pytest_planguard.capture.remembering import LONGEST
from pytest_planguard.capture.sessions import Connections, Known, is_own, reported_path
from pytest_planguard.capture.state import IDLE
from pytest_planguard.capture.texts import is_early

if TYPE_CHECKING:
    from pytest_planguard.capture.origin import Site
    from pytest_planguard.model.statement import Session

NAME = "psycopg2"

_LEVELS = {2: "repeatable read", 3: "serializable", 4: "read uncommitted"}
"""``psycopg2.extensions.ISOLATION_LEVEL_*``, but for PostgreSQL's own default."""

_MOST_REMEMBERED = 10_000


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
            if hasattr(extras, "_paginate"):
                patches.replace(extras, "_paginate", psycopg2_extras.marked)
        except Exception as error:  # noqa: BLE001 -- runs inside the application's own import
            recorder.fail(NAME, error)

    cancel = when_imported("psycopg2", patch), when_imported("psycopg2.extras", patch_extras)

    def uninstall() -> None:
        for end in cancel:
            end()
        patches.restore()
        listener.stopped = True

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


class Listener:
    """Turns what cursors sent into records; a bug of ours never reaches the statement.

    Args:
        recorder: Where they go.
    """

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.stopped = False
        self._connections = Connections(_meet)
        self._pages = psycopg2_extras.Pages()
        self._late: _Remembered = _Remembered()
        """Queries that need not be heard before they are sent, as bytes."""

    @property
    def listening(self) -> bool:
        """Whether anything is wanted now."""
        return self.recorder.listening and not self.stopped

    def before(self, cursor: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        """Hears what takes objects away before it is sent; whether it did."""
        try:
            query = args[0] if args else None
            if type(query) is str and query in self._late:
                return False
            text = query_bytes(cursor, args, kwargs, literal=None)
            if text is None or not is_early(text):
                if type(query) is str and text is not None and len(text) <= LONGEST:
                    self._late[query] = text
                return False
            given = args[1] if len(args) > 1 else kwargs.get("vars")
            if given is not None:
                return False  # its adapters are the application's: they run once
            self._record(cursor, text, None)
        except Exception as error:  # noqa: BLE001 -- see above
            self.recorder.fail(NAME, error)
        return True

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
        """Likewise, of ``execute``: the library's own extras call it with many rows at once."""
        try:
            sent = sent_last(cursor)
            if sent is None:
                return
            if not self.listening:
                self._follow(cursor, sent)
                return
            # 0 is this method, 1 our execute, 2 who called that
            rows = self._pages.read(cursor, sys._getframe(2))  # noqa: SLF001 -- what inspect wraps
            if rows is None:
                self._count(cursor, sent, args, kwargs)
                return
            for row in rows:
                session = self.session(cursor, row.text)
                if session is not None:
                    rows.site = self._send(cursor, row, session, many=True, site=rows.site)
        except Exception as error:  # noqa: BLE001 -- see above
            self.recorder.fail(NAME, error)

    def _count(
        self, cursor: Any, sent: bytes, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        """Counts a statement ``execute`` has sent; quick where its line sent it before."""
        connection = cursor.connection
        known = self._connections.of(connection)
        if known is None:
            return
        query = None
        if (args[1] if len(args) > 1 else kwargs.get("vars")) is not None:
            query = self._late.get(args[0]) if args and type(args[0]) is str else None
            query = query or query_bytes(cursor, args, kwargs)
        bound = _bound(query, sent)
        session, key = self._session(connection, known, sent)
        again = bound.text, bound.types, key, known.number
        if self.recorder.record_again(again, bound.values, None, 0, ()):
            return
        self._send(cursor, bound, session, many=False, site=None, again=again)

    def session(self, cursor: Any, text: bytes) -> Session | None:
        """The kind of session a cursor sends a text in; None for connections of our own."""
        known = self._connections.of(cursor.connection)
        if known is None:
            return None
        return self._session(cursor.connection, known, text)[0]

    def _session(self, connection: Any, known: Known, text: bytes) -> tuple[Session, object]:
        """The kind of session, and what tells it from the connection's others."""
        state = known.follower.follow(text)
        path = state.path
        if known.reports_path:
            path = connection.get_parameter_status("search_path")
            path = None if path is None else reported_path(path)
        level = _LEVELS.get(connection.isolation_level)
        key = path, state, level
        session = known.sessions.get(key) or known.session(
            self.recorder, NAME, key, state, path, isolation=level
        )
        return session, key

    def _follow(self, cursor: Any, sent: bytes | None) -> None:
        """Hears only what a statement does to its session."""
        if sent and self.recorder.following and not self.stopped:
            known = self._connections.of(cursor.connection)
            if known is not None:
                known.follower.follow(sent)

    def said(self, connection: Any, text: bytes) -> None:
        """A connection is about to end its transaction, or to forget its settings, itself."""
        try:
            known = self._connections.of(connection)
            if known is not None:
                known.follower.follow(text)
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
        session = self.session(cursor, sent)
        if session is None:
            return None
        return self._send(cursor, _bound(query, sent), session, many=many, site=site)

    def _send(
        self,
        cursor: Any,
        bound: Bound,
        session: Session,
        *,
        many: bool,
        site: Site | None,
        again: tuple[object, ...] | None = None,
    ) -> Site | None:
        return self.recorder.record(
            bound.text,
            bound.types,
            bound.values,
            None,
            session,
            many=many,
            cursor=cursor,
            site=site,
            again=again,
        )


class _Remembered(dict[str, bytes]):
    """Forgets everything when it is full: generated texts are never asked for again."""

    def __setitem__(self, key: str, value: bytes) -> None:
        if len(self) >= _MOST_REMEMBERED:
            self.clear()
        super().__setitem__(key, value)


def _bound(query: bytes | None, sent: bytes) -> Bound:
    """A sent text with its values apart, where they can be told."""
    if query is None:
        return Bound(sent, (), ())
    return recovered(query, sent) or Bound(sent, (), ())


def _meet(connection: Any) -> Known | None:
    """What can be learnt of a connection without asking its server."""
    if is_own(connection.get_parameter_status("application_name") or ""):
        return None
    values = {**connection.get_dsn_parameters(), "dbname": connection.info.dbname}
    if connection.info.password:
        values["password"] = connection.info.password
    reports_path = connection.get_parameter_status("search_path") is not None
    living = weakref.ref(connection)

    def status() -> int:
        found = living()
        return IDLE if found is None else int(found.get_transaction_status())

    parameters = ConnectionParameters(values, NAME)
    return Known(parameters, reports_path=reports_path, status=status)
