"""psycopg 3: every way of executing, sync and async, goes through two plain methods.

``BaseCursor._execute_send`` and ``BaseCursor._send_query_prepared`` (psycopg 3.1 to 3.3) are
called with the query as the server gets it: ``$n`` placeholders, parameter values, their types
and formats. Where a later psycopg has them no more, its public methods are listened to.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from pytest_planguard.capture.connection import APPLICATION_NAME, ConnectionParameters
from pytest_planguard.capture.imports import can_import, when_imported
from pytest_planguard.capture.origin import Site
from pytest_planguard.capture.recorder import Recorder

if TYPE_CHECKING:
    from pytest_planguard.capture.psycopg_public import Dumped
    from pytest_planguard.model.statement import Session

NAME = "psycopg"

_DEFAULT_SEARCH_PATH = '"$user", public'
_SEARCH_PATH_OPTION = re.compile(r"(?:-c\s*|--)search_path=((?:\\.|\S)+)")
_ROLE_OPTION = re.compile(r"(?:-c\s*|--)role=((?:\\.|\S)+)")


def is_available() -> bool:
    """Whether the application could use psycopg; it is not imported to find out."""
    return can_import("psycopg")


def install(recorder: Recorder) -> Callable[[], None]:
    """Listens to psycopg as soon as it is imported.

    Returns:
        A function that restores it exactly.
    """
    patches = _Patches()

    def patch() -> None:
        try:
            _patch(recorder, patches)
        except Exception as error:  # noqa: BLE001 -- runs inside the application's own import
            patches.restore()
            recorder.fail("psycopg", error)

    cancel = when_imported("psycopg", patch)

    def uninstall() -> None:
        cancel()
        patches.restore()

    return uninstall


class _Patches:
    """Attributes that were replaced, and what they were."""

    def __init__(self) -> None:
        self._replaced: list[tuple[type, str, Any]] = []

    def replace(self, owner: type, name: str, wrap: Callable[[Any], Any]) -> None:
        original = vars(owner)[name]
        self._replaced.append((owner, name, original))
        setattr(owner, name, wrap(original))

    def restore(self) -> None:
        while self._replaced:
            owner, name, original = self._replaced.pop()
            setattr(owner, name, original)


def _patch(recorder: Recorder, patches: _Patches) -> None:
    listener = Listener(recorder)
    owners = _owners()
    if owners is None:
        from pytest_planguard.capture import psycopg_public

        recorder.note(
            "psycopg's internals moved: its public methods were listened to instead, "
            "so server-side preparation and parameter types may be missed"
        )
        psycopg_public.patch(listener, patches.replace)
        return
    for owner, name in owners:
        patches.replace(owner, name, listener.wrap)


def _owners() -> list[tuple[type, str]] | None:
    """The classes that define the two methods; None where psycopg has them no more.

    Found through the public classes: the modules they stand in moved between 3.1 and 3.2.
    """
    import psycopg

    try:
        from psycopg._queries import PostgresQuery
    except ImportError:
        return None
    facts = {"query", "params", "types", "formats"}
    if not facts <= set(PostgresQuery.__slots__):
        return None
    methods = ("_execute_send", "_send_query_prepared")
    kinds = (psycopg.Cursor, psycopg.AsyncCursor, psycopg.ClientCursor, psycopg.AsyncClientCursor)
    if not all(hasattr(kind, name) for kind in kinds for name in methods):
        return None
    classes = dict.fromkeys(owner for kind in kinds for owner in kind.__mro__)
    return [(owner, name) for owner in classes for name in methods if name in vars(owner)]


_SET_PATH = re.compile(
    rb"\s*set\s+(?:session\s+|local\s+)?search_path\s*(?:to|=)\s*(.+?)[\s;]*$",
    re.IGNORECASE | re.DOTALL,
)
_RESET_PATH = re.compile(rb"\s*(?:reset\s+(?:search_path|all)|discard\s+all)\b", re.IGNORECASE)


class _Known:
    """What is remembered of a connection: its sessions by the state that makes them differ."""

    __slots__ = ("options_path", "parameters", "path", "reports_path", "role", "sessions")

    def __init__(self, parameters: ConnectionParameters, *, reports_path: bool) -> None:
        options = parameters.values.get("options", "")
        self.parameters = parameters
        self.options_path = _option(_SEARCH_PATH_OPTION, options)
        self.path = self.options_path
        self.role = _option(_ROLE_OPTION, options)
        self.reports_path = reports_path
        self.sessions: dict[tuple[bytes | str | None, bool], Session] = {}

    def follow(self, text: bytes) -> None:
        """Servers before 18 don't report search_path: what SET says holds until the next one."""
        if found := _SET_PATH.match(text):
            path = found.group(1).decode(errors="replace")
            self.path = self.options_path if path.lower() == "default" else path
        elif _RESET_PATH.match(text):
            self.path = self.options_path


class Listener:
    """Turns calls of psycopg's cursors into records.

    Args:
        recorder: Where they go.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._connections: WeakKeyDictionary[Any, _Known | None] = WeakKeyDictionary()
        self._many: WeakKeyDictionary[Any, tuple[Any, Site]] = WeakKeyDictionary()
        self._prepares: dict[type, bool] = {}

    def wrap(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """One of the two methods, heard before it runs; its result and errors are its own."""
        position = 1 if original.__name__ == "_send_query_prepared" else 0

        @functools.wraps(original)
        def send(cursor: Any, *args: Any, **kwargs: Any) -> Any:
            if self._recorder.listening:
                self._hear(cursor, args[position], stream="force_extended" in kwargs)
            return original(cursor, *args, **kwargs)

        return send

    def _hear(self, cursor: Any, query: Any, *, stream: bool) -> None:
        try:
            session = self.session(cursor, query.query)
            if session is None:
                return
            # None unless executemany() is running; its query object stays the same for all rows.
            many = getattr(cursor, "_execmany_returning", None) is not None
            before = self._many.get(cursor) if many else None
            site = self._recorder.record(
                query.query,
                query.types,
                query.params,
                query.formats,
                session,
                many=many,
                stream=stream,
                cursor=cursor,
                site=before[1] if before is not None and before[0] is query else None,
            )
            if many and site is not None:
                self._many[cursor] = (query, site)
        except Exception as error:  # noqa: BLE001 -- a bug of ours never reaches the statement
            self._recorder.fail("psycopg", error)

    def record(self, cursor: Any, text: bytes, dumped: Dumped, *, many: bool, stream: bool) -> None:
        """Records what a public method was given."""
        types, params, formats = dumped
        try:
            session = self.session(cursor, text)
            if session is not None:
                self._recorder.record(
                    text, types, params, formats, session, many=many, stream=stream, cursor=cursor
                )
        except Exception as error:  # noqa: BLE001 -- a bug of ours never reaches the statement
            self._recorder.fail("psycopg", error)

    @property
    def listening(self) -> bool:
        """Whether the recorder wants to hear anything now."""
        return self._recorder.listening

    def session(self, cursor: Any, text: bytes) -> Session | None:
        """The kind of session a cursor sends a text in; None for connections of our own."""
        connection = cursor.connection
        known = self._connections.get(connection, _UNKNOWN)
        if known is _UNKNOWN:
            known = self._connections[connection] = _meet(connection)
        if known is None:
            return None
        if known.reports_path:
            path: bytes | str | None = connection.pgconn.parameter_status(b"search_path")
        else:
            if text[:16].lstrip()[:1] in _FOLLOWED:
                known.follow(text)
            path = known.path
        prepares = connection.prepare_threshold is not None and self._can_prepare(cursor)
        session: Session | None = known.sessions.get((path, prepares))
        if session is None:
            session = known.sessions[path, prepares] = self._recorder.session(
                NAME,
                known.parameters,
                search_path=_path(path) if isinstance(path, bytes) else path,
                role=known.role,
                prepares=prepares,
            )
        return session

    def _can_prepare(self, cursor: Any) -> bool:
        kind = type(cursor)
        found = self._prepares.get(kind)
        if found is None:
            import psycopg

            client = (psycopg.ClientCursor, psycopg.AsyncClientCursor)
            found = self._prepares[kind] = not issubclass(kind, client)
        return found


_UNKNOWN: Any = object()
_FOLLOWED = (b"s", b"S", b"r", b"R", b"d", b"D")
"""What SET, RESET and DISCARD begin with."""


def _meet(connection: Any) -> _Known | None:
    """What can be learnt of a connection without asking its server."""
    pgconn = connection.pgconn
    name = pgconn.parameter_status(b"application_name") or b""
    if name.startswith(APPLICATION_NAME.encode()):
        return None
    info = connection.info
    values = {**info.get_parameters(), "dbname": info.dbname}
    if info.password:
        values["password"] = info.password
    # PostgreSQL 18 reports search_path whenever it changes (its release notes).
    reports_path = pgconn.parameter_status(b"search_path") is not None
    return _Known(ConnectionParameters(values), reports_path=reports_path)


def _path(reported: bytes) -> str | None:
    path = reported.decode(errors="replace")
    return None if path == _DEFAULT_SEARCH_PATH else path


def _option(pattern: re.Pattern[str], options: str) -> str | None:
    found = pattern.search(options)
    return re.sub(r"\\(.)", r"\1", found.group(1)) if found else None
