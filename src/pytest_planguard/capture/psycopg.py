"""psycopg 3: every way of executing, sync and async, goes through two plain methods.

``BaseCursor._execute_send`` and ``BaseCursor._send_query_prepared`` (psycopg 3.1 to 3.3) are
called with the query as the server gets it: ``$n`` placeholders, parameter values, their types
and formats. Where a later psycopg has them no more, its public methods are listened to.

A text that is known to be a plain query is heard when it was sent, while the server works on it:
psycopg then waits for the answer, so that most of what hearing costs is waited for anyway.
"""

from __future__ import annotations

import functools
import inspect
import sys
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from pytest_planguard.capture.connection import ConnectionParameters
from pytest_planguard.capture.following import is_plain
from pytest_planguard.capture.identity import ByIdentity
from pytest_planguard.capture.imports import can_import
from pytest_planguard.capture.origin import Site
from pytest_planguard.capture.patches import Patches, patch_when_imported
from pytest_planguard.capture.psycopg_client import unbound
from pytest_planguard.capture.public_methods import PublicMethods
from pytest_planguard.capture.recorder import Recorder
from pytest_planguard.capture.remembering import LONGEST
from pytest_planguard.capture.sessions import Connections, Known, is_own
from pytest_planguard.capture.state import IDLE
from pytest_planguard.capture.texts import is_early
from pytest_planguard.capture.traces import leave_no_trace
from pytest_planguard.model.connections import Maker

if TYPE_CHECKING:
    from pytest_planguard.capture.state import State
    from pytest_planguard.capture.tally import Key
    from pytest_planguard.model.statement import Session

NAME = "psycopg"

_COMMAND = "_exec_command"

_MAKING = "__init__"
"""Of the class that sync and async connections have in common."""

_KNOWN_ARGUMENTS = {
    "_execute_send": ("self", "query", "force_extended", "binary"),
    "_send_query_prepared": ("self", "name", "pgq", "binary"),
}
"""Of psycopg 3.1 to 3.3."""

_MOST_LATE = 10_000
"""Texts known to be plain queries; generated ones are never asked for again."""


def is_available() -> bool:
    """Whether the application could use psycopg; it is not imported to find out."""
    return can_import("psycopg")


def install(recorder: Recorder) -> Callable[[], None]:
    """Listens to psycopg as soon as it is imported.

    Returns:
        A function that restores it exactly.
    """
    return patch_when_imported(
        "psycopg",
        lambda patches: _patch(recorder, patches),
        lambda error: recorder.fail(NAME, error),
    )


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
    for owner, name in owners or ():
        patches.replace(owner, name, listener.wrap)
    _patch_making(listener, patches)
    _patch_commands(listener, patches)


def _patch_commands(listener: Listener, patches: Patches) -> None:
    """Listens to what a connection says for itself, where psycopg still has it in one place."""
    import psycopg

    for owner in psycopg.Connection.__mro__:
        if _COMMAND in vars(owner):
            patches.replace(owner, _COMMAND, listener.wrap_command)
            return
    listener.note("psycopg's internals moved: settings that a rollback undoes are taken to hold on")


def _patch_making(listener: Listener, patches: Patches) -> None:
    """Hears connections being made: who made one ends what it begins."""
    import psycopg

    kinds = set(psycopg.Connection.__mro__) & set(psycopg.AsyncConnection.__mro__)
    for owner in psycopg.Connection.__mro__:
        if owner in kinds and owner is not object and _MAKING in vars(owner):
            patches.replace(owner, _MAKING, listener.wrap_making)
            return
    listener.note("psycopg's internals moved: what connections are left in was not looked at")


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
        self._methods = _public_methods()
        self._late: set[bytes] = set()
        """Texts that change neither their session nor tables: heard when they were sent."""
        self._many: ByIdentity[tuple[Any, Site]] = ByIdentity()

    def wrap(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """One of the two methods, heard beside it; its result and errors are its own.

        Its arguments are spelled out where they are the known ones: passing on a dictionary of
        them costs as much as counting (measured: 2 µs of a statement's 32).
        """
        makers = {
            "_execute_send": self._execute_send,
            "_send_query_prepared": self._send_query_prepared,
        }
        known = _KNOWN_ARGUMENTS.get(original.__name__) == tuple(
            inspect.signature(original).parameters
        )
        wrapper = makers[original.__name__](original) if known else self._send(original)
        return functools.wraps(original)(wrapper)

    def _execute_send(self, original: Callable[..., Any]) -> Callable[..., Any]:
        recorder, late, is_late = self._recorder, self._late, self._is_late
        hear, follow, again = self._hear, self._follow, self._hear_again

        def execute_send(
            cursor: Any, query: Any, *, force_extended: bool = False, binary: bool | None = None
        ) -> Any:
            text = query.query
            waits = recorder.listening and (
                (type(text) is bytes and text in late) or is_late(query)
            )
            if not waits:
                if recorder.listening:
                    hear(cursor, query, force_extended)
                elif recorder.following:
                    follow(cursor, query)
            try:
                sent = original(cursor, query, force_extended=force_extended, binary=binary)
            except BaseException as error:
                leave_no_trace(error)
                raise
            if waits and not again(cursor, query, force_extended):
                hear(cursor, query, force_extended)
            return sent

        return execute_send

    def _send_query_prepared(self, original: Callable[..., Any]) -> Callable[..., Any]:
        recorder, late, is_late = self._recorder, self._late, self._is_late
        hear, follow, again = self._hear, self._follow, self._hear_again

        def send_query_prepared(
            cursor: Any, name: bytes, pgq: Any, *, binary: bool | None = None
        ) -> Any:
            text = pgq.query
            waits = recorder.listening and ((type(text) is bytes and text in late) or is_late(pgq))
            if not waits:
                if recorder.listening:
                    hear(cursor, pgq, False)
                elif recorder.following:
                    follow(cursor, pgq)
            try:
                sent = original(cursor, name, pgq, binary=binary)
            except BaseException as error:
                leave_no_trace(error)
                raise
            if waits and not again(cursor, pgq, False):
                hear(cursor, pgq, False)
            return sent

        return send_query_prepared

    def _send(self, original: Callable[..., Any]) -> Callable[..., Any]:
        recorder, hear, follow = self._recorder, self._hear, self._follow

        def send(cursor: Any, *args: Any, **kwargs: Any) -> Any:
            query = next((item for item in args if hasattr(item, "query")), None)
            if recorder.listening:
                hear(cursor, query, bool(kwargs.get("force_extended")))
            elif recorder.following:
                follow(cursor, query)
            try:
                return original(cursor, *args, **kwargs)
            except BaseException as error:
                leave_no_trace(error)
                raise

        return send

    def _hear_again(self, cursor: Any, query: Any, stream: bool) -> bool:
        """Hears a plain query that was sent before; False where ``_hear`` has to.

        All in one function, because this is what a statement costs that is sent ten thousand
        times.
        """
        try:
            recorder = self._recorder
            line = recorder.recent.get((query.query, query.types))
            if line is None or not recorder.hastens:
                return False
            connection = cursor.connection
            entry = self._connections.find(id(connection))
            # The attribute is None unless executemany() is running.
            many = getattr(cursor, "_execmany_returning", None) is not None
            if many or entry is None or (known := entry[1]) is None:
                return False
            path, state, kind, session = known.last
            if (
                session is not line.session
                or state is not known.follower.state
                or kind is not type(cursor)
                or stream is not line.key[4]
                or (known.unsure and connection.pgconn.parameter_status(b"search_path") != path)
            ):
                return False
            known.unsure = line.may_set and known.reports_path
            said = recorder.said.get(id(cursor)) if recorder.said else None
            if said is not None:
                if said.site is not line.site or said.many:
                    return False
            else:
                # 0 is this method, 1 the one that sends
                depth = self._methods.depth
                frame = sys._getframe(depth)  # noqa: SLF001 -- what inspect wraps
                if id(frame.f_code) not in self._methods.codes:
                    return False
                caller = frame.f_back
                if (
                    caller is None or caller.f_code is not line.code or caller.f_lasti != line.last
                ) and not recorder.is_again(line, depth + 1):
                    return False
            return recorder.count_known(line, query.params, query.formats)
        except Exception as error:  # noqa: BLE001 -- a bug of ours never reaches the statement
            self._recorder.fail(NAME, error)
            return True

    def _hear(self, cursor: Any, query: Any, stream: bool) -> None:
        try:
            text = query.query
            connection = cursor.connection
            entry = self._connections.find(id(connection))
            known = entry[1] if entry else self._connections.of(connection)
            if known is None or not isinstance(text, bytes):  # psycopg will refuse it
                return
            sent = query if query.types or not query.params else unbound(query)
            follower, named = known.follower, text if sent is query else query.template
            state = follower.state if named in self._late else follower.follow(text, query.params)
            path = (
                connection.pgconn.parameter_status(b"search_path")
                if known.reports_path
                else state.path
            )
            known.unsure = known.reports_path
            last_path, last_state, last_kind, session = known.last
            if last_state is not state or last_path != path or last_kind is not type(cursor):
                session = self._session(cursor, known, path, state)
                known.last = path, state, type(cursor), session
            # None unless executemany() is running.
            many = getattr(cursor, "_execmany_returning", None) is not None
            key = sent.query, sent.types, id(session), many, stream
            if many:
                is_known = self._hear_row(cursor, query, sent, key)
            else:
                is_known = self._recorder.record_again(
                    key, sent.params, sent.formats, self._methods.outside(), cursor
                )
            if not is_known:
                # Whether it prepares may have been changed meanwhile.
                session = self._session(cursor, known, path, state)
                known.last = path, state, type(cursor), session
                self._count(cursor, query, sent, session, many=many, stream=stream)
                if not many:
                    self._methods.measure()
        except Exception as error:  # noqa: BLE001 -- a bug of ours never reaches the statement
            self._recorder.fail(NAME, error)

    def _hear_row(self, cursor: Any, query: Any, sent: Any, key: Key) -> bool:
        """Hears a further row of an ``executemany``; False where it is no further one."""
        before = self._many.get(cursor)
        return (
            before is not None
            and before[0] is query
            and self._recorder.record_row(key, before[1], sent.params, sent.formats)
        )

    def _follow(self, cursor: Any, query: Any) -> None:
        """Hears only what a statement does to its session."""
        try:
            text = query.query
            known = self._connections.of(cursor.connection) if isinstance(text, bytes) else None
            if known is not None:
                known.unsure = known.reports_path
                known.follower.follow(text, query.params)
        except Exception as error:  # noqa: BLE001 -- a bug of ours never reaches the statement
            self._recorder.fail(NAME, error)

    def _count(
        self, cursor: Any, query: Any, sent: Any, session: Session, *, many: bool, stream: bool
    ) -> None:
        # executemany() has one query object for all its rows.
        before = self._many.get(cursor) if many else None
        site = self._recorder.record(
            sent.query,
            sent.types,
            sent.params,
            sent.formats,
            session,
            many=many,
            stream=stream,
            cursor=cursor,
            site=before[1] if before is not None and before[0] is query else None,
        )
        if site is None:
            return
        self._meet_text(query.query if sent is query else query.template, query.query)
        if many:
            self._many[cursor] = (query, site)

    def _meet_text(self, name: bytes, text: bytes) -> None:
        """Remembers a query, if nothing need be known of it before it is sent.

        Args:
            name: Its text, or where a client has written values into that, its template.
            text: As it is sent.
        """
        if name in self._late or len(text) > LONGEST or is_early(text) or not is_plain(text):
            return
        if len(self._late) >= _MOST_LATE:
            self._late.clear()
        self._late.add(name)

    def _is_late(self, query: Any) -> bool:
        """Whether a query is known to be a plain one."""
        try:
            text = query.query
            if type(text) is bytes and text in self._late:
                return True
            template = getattr(query, "template", None)
            return type(template) is bytes and template in self._late
        except Exception as error:  # noqa: BLE001 -- a bug of ours never reaches the statement
            self._recorder.fail(NAME, error)
            return False

    def hear_given(self, cursor: Any, name: str, query: Any, given: Any) -> None:
        """Hears what a public method was given, or only what it does to its session."""
        from pytest_planguard.capture import psycopg_public

        try:
            known = self._connections.of(cursor.connection) if self._recorder.following else None
            if known is None:
                return
            many, stream = name == "executemany", psycopg_public.is_stream(cursor, name)
            text, dumped = psycopg_public.converted(cursor, query, given, many=many)
            types, params, formats = dumped
            path, state = self._where(cursor, known, text, params)
            if self._recorder.listening:
                session = self._session(cursor, known, path, state)
                self._recorder.record(
                    text, types, params, formats, session, many=many, stream=stream, cursor=cursor
                )
        except Exception as error:  # noqa: BLE001 -- a bug of ours never reaches the statement
            self._recorder.fail(NAME, error)

    def note(self, sentence: str) -> None:
        """Keeps what could not be done."""
        self._recorder.note(sentence)

    @staticmethod
    def _where(
        cursor: Any, known: Known, text: bytes, params: Sequence[Any] | None
    ) -> tuple[bytes | str | None, State]:
        """The search_path a cursor sends a text in, and what else was followed of its session."""
        state = known.follower.follow(text, params)
        known.unsure = known.reports_path
        if known.reports_path:
            return cursor.connection.pgconn.parameter_status(b"search_path"), state
        return state.path, state

    def _session(
        self, cursor: Any, known: Known, path: bytes | str | None, state: State
    ) -> Session:
        """The kind of session; cursors of one connection differ in whether they prepare."""
        key = path, state, cursor.connection.prepare_threshold, type(cursor)
        session = known.sessions.get(key)
        if session is None:
            prepares = key[2] is not None and self._can_prepare(key[3])
            session = known.session(self._recorder, NAME, key, state, path, prepares=prepares)
        return session

    def wrap_command(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """What connections send for themselves: transactions begin and end, savepoints."""
        find, of = self._connections.find, self._connections.of

        @functools.wraps(original)
        def exec_command(connection: Any, command: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                entry = find(id(connection))
                known = of(connection) if entry is None else entry[1]
                if known is not None:
                    known.unsure = known.reports_path
                    if type(command) is not bytes:
                        known.follower.follow(_bytes_of(command, connection))
                    elif command == b"BEGIN":  # psycopg's own texts
                        known.follower.begin()
                    elif command == b"ROLLBACK":
                        known.follower.end(undo=True)
                    elif command == b"COMMIT":
                        known.follower.commit()
                    else:
                        known.follower.follow(command)
            except Exception as error:  # noqa: BLE001 -- a bug of ours never reaches the statement
                self._recorder.fail(NAME, error)
            try:
                return original(connection, command, *args, **kwargs)
            except BaseException as error:
                leave_no_trace(error)
                raise

        return exec_command

    def wrap_making(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Connections as they are made: connected, and not used yet."""

        @functools.wraps(original)
        def made(connection: Any, *args: Any, **kwargs: Any) -> None:
            try:
                original(connection, *args, **kwargs)
            except BaseException as error:
                leave_no_trace(error)
                raise
            self._made(connection)

        return made

    def _made(self, connection: Any) -> None:
        try:
            if self._recorder.following:
                self._connections.meet(connection, self._recorder.holdings, Maker.PSYCOPG)
        except Exception as error:  # noqa: BLE001 -- a bug of ours never reaches the connection
            self._recorder.fail(NAME, error)

    @staticmethod
    def _can_prepare(kind: type) -> bool:
        import psycopg

        return not issubclass(kind, psycopg.ClientCursor | psycopg.AsyncClientCursor)


def _bytes_of(command: Any, connection: Any) -> bytes:
    """A command as it is sent, which may be a string or composed."""
    text = command.as_bytes(connection) if hasattr(command, "as_bytes") else command
    return text.encode() if isinstance(text, str) else text


def _public_methods() -> PublicMethods:
    """The methods the application calls to execute."""
    import psycopg

    return PublicMethods(kind.execute for kind in (psycopg.Cursor, psycopg.AsyncCursor))


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
    living = weakref.ref(connection)

    def status() -> int:
        found = living()
        return IDLE if found is None else int(found.pgconn.transaction_status)

    parameters = ConnectionParameters(values, NAME)
    return Known(parameters, reports_path=reports_path, status=status)
