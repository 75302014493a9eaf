"""psycopg 3: every way of executing, sync and async, goes through two plain methods.

``BaseCursor._execute_send`` and ``BaseCursor._send_query_prepared`` (psycopg 3.1 to 3.3) are
called with the query as the server gets it: ``$n`` placeholders, parameter values, their types
and formats. Where a later psycopg has them no more, its public methods are listened to.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from pytest_planguard.capture.connection import ConnectionParameters
from pytest_planguard.capture.imports import can_import, when_imported
from pytest_planguard.capture.origin import Site
from pytest_planguard.capture.patches import Patches
from pytest_planguard.capture.recorder import Recorder
from pytest_planguard.capture.sessions import Connections, Known, is_own

if TYPE_CHECKING:
    from pytest_planguard.capture.psycopg_public import Dumped
    from pytest_planguard.model.statement import Session

NAME = "psycopg"


def is_available() -> bool:
    """Whether the application could use psycopg; it is not imported to find out."""
    return can_import("psycopg")


def install(recorder: Recorder) -> Callable[[], None]:
    """Listens to psycopg as soon as it is imported.

    Returns:
        A function that restores it exactly.
    """
    patches = Patches()

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


def _patch(recorder: Recorder, patches: Patches) -> None:
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


class Listener:
    """Turns calls of psycopg's cursors into records.

    Args:
        recorder: Where they go.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._connections = Connections(_meet)
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
        known = self._connections.of(connection)
        if known is None:
            return None
        path: bytes | str | None
        if known.reports_path:
            path = connection.pgconn.parameter_status(b"search_path")
        else:
            path = known.follow(text)
        prepares = connection.prepare_threshold is not None and self._can_prepare(cursor)
        return known.sessions.get((path, prepares)) or known.session(
            self._recorder, NAME, path, prepares=prepares
        )

    def _can_prepare(self, cursor: Any) -> bool:
        kind = type(cursor)
        found = self._prepares.get(kind)
        if found is None:
            import psycopg

            client = (psycopg.ClientCursor, psycopg.AsyncClientCursor)
            found = self._prepares[kind] = not issubclass(kind, client)
        return found


def _meet(connection: Any) -> Known | None:
    """What can be learnt of a connection without asking its server."""
    pgconn = connection.pgconn
    if is_own(pgconn.parameter_status(b"application_name") or b""):
        return None
    info = connection.info
    values = {**info.get_parameters(), "dbname": info.dbname}
    if info.password:
        values["password"] = info.password
    reports_path = pgconn.parameter_status(b"search_path") is not None
    return Known(ConnectionParameters(values), reports_path=reports_path)
