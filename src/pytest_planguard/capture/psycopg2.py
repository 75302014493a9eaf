"""psycopg 2: its connections and cursors become real subclasses of themselves.

Every connection is made by ``psycopg2._connect``, also where ``connect`` was imported early. It is
asked for a subclass of the class it would have made, and that one's cursors are subclasses of the
classes the application asks for: the library's C code sees what it expects, and so does
``isinstance``. Our classes stand between the application's and the library's, so that a statement
is heard once and as it is sent.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pytest_planguard.capture import psycopg2_extras
from pytest_planguard.capture.connection import ConnectionParameters
from pytest_planguard.capture.imports import can_import, when_imported
from pytest_planguard.capture.literals import Bound, recovered
from pytest_planguard.capture.patches import Patches
from pytest_planguard.capture.recorder import Recorder
from pytest_planguard.capture.sessions import Connections, Known, is_own, reported_path
from pytest_planguard.capture.texts import is_early

if TYPE_CHECKING:
    from pytest_planguard.capture.origin import Site
    from pytest_planguard.model.statement import Session

NAME = "psycopg2"

_SLOTS = {"__slots__": ()}
"""Nothing is added to an object, so that its class can be exchanged too."""

_LONGEST_REMEMBERED = 4_096
"""Bytes of a sent text up to which what was read off it is remembered; psycopg 3 likewise."""


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

    def patch() -> None:
        try:
            import psycopg2

            classes = Classes(listener)
            patches.replace(psycopg2, "_connect", classes.wrap)
        except Exception as error:  # noqa: BLE001 -- runs inside the application's own import
            patches.restore()
            recorder.fail(NAME, error)

    cancel = when_imported("psycopg2", patch)

    def uninstall() -> None:
        cancel()
        patches.restore()
        listener.stopped = True

    return uninstall


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

    @property
    def listening(self) -> bool:
        """Whether anything is wanted now."""
        return self.recorder.listening and not self.stopped

    def before(self, cursor: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        """Hears what takes objects away before it is sent; whether it did."""
        try:
            text = _query_bytes(cursor, args, kwargs)
            if text is None or not is_early(text):
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
            sent = cursor.query
            return sent and self._record(cursor, sent, query, many=many, site=site)
        except Exception as error:  # noqa: BLE001 -- see above
            self.recorder.fail(NAME, error)
            return None

    def after_execute(self, cursor: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Likewise, of ``execute``: the library's own extras call it with many rows at once."""
        try:
            sent = cursor.query
            if sent is None:
                return
            # 0 is this method, 1 our execute, 2 who called that
            rows = self._pages.read(cursor, sys._getframe(2))  # noqa: SLF001 -- what inspect wraps
            if rows is None:
                given = args[1] if len(args) > 1 else kwargs.get("vars")
                query = None if given is None else _query_bytes(cursor, args, kwargs)
                self._record(cursor, sent, query)
                return
            for row in rows:
                session = self.session(cursor, row.text)
                if session is not None:
                    rows.site = self._send(cursor, row, session, many=True, site=rows.site)
        except Exception as error:  # noqa: BLE001 -- see above
            self.recorder.fail(NAME, error)

    def session(self, cursor: Any, text: bytes) -> Session | None:
        """The kind of session a cursor sends a text in; None for connections of our own."""
        connection = cursor.connection
        known = self._connections.of(connection)
        if known is None:
            return None
        path: str | None
        if known.reports_path:
            path = connection.get_parameter_status("search_path")
            path = None if path is None else reported_path(path)
        else:
            path = known.follow(text)
        return known.sessions.get(path) or known.session(self.recorder, NAME, path, path)

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
        bound = None
        if query is not None:
            short = len(sent) <= _LONGEST_REMEMBERED
            bound = (recovered if short else recovered.__wrapped__)(query, sent)
        if bound is None:
            bound = Bound(sent, (), ())
        return self._send(cursor, bound, session, many=many, site=site)

    def _send(
        self, cursor: Any, bound: Bound, session: Session, *, many: bool, site: Site | None
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
        )


class Classes:
    """The subclasses, made once for each class the application uses.

    Args:
        listener: Who hears their cursors.
    """

    def __init__(self, listener: Listener) -> None:
        from psycopg2.extensions import connection, cursor

        self._listener = listener
        self._cursor = _cursor_class(listener, cursor)
        self._connection = _connection_class(self, connection)
        self._made: dict[type, type] = {cursor: self._cursor, connection: self._connection}

    def wrap(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """The library's ``_connect``, asked for a subclass."""

        def connect(dsn: Any, connection_factory: Any = None, **kwargs: Any) -> Any:
            try:
                factory = self.connection(connection_factory)
                made = original(dsn, connection_factory=factory, **kwargs)
            except BaseException as error:
                _leave_no_trace(error)
                raise
            return self._adopt(made, self._connection)

        return connect

    def connection(self, factory: Any) -> Any:
        """What makes a heard connection, for what the application would make one with."""
        if factory is None:
            return self._connection
        return self._subclass(factory, self._connection)

    def cursor(self, factory: Any) -> Any:
        """What makes a heard cursor, for what the application would make one with."""
        if factory is None:
            return self._cursor
        return self._subclass(factory, self._cursor)

    def adopt_cursor(self, made: Any) -> Any:
        """A cursor as it comes out of the library, heard."""
        return made if isinstance(made, self._cursor) else self._adopt(made, self._cursor)

    def _adopt(self, made: Any, heard: type) -> Any:
        """Lets an object of a factory that is a function be heard too, where Python can."""
        if isinstance(made, heard) or self._listener.stopped:
            return made
        try:
            made.__class__ = self._subclass(type(made), heard)
        except TypeError:
            self._miss(type(made))
        return made

    def _subclass(self, factory: Any, heard: type) -> Any:
        if not isinstance(factory, type):
            return factory  # a function: what it makes is looked at afterwards
        found = self._made.get(factory)
        if found is None:
            if issubclass(factory, heard):
                return factory
            try:
                made = types.new_class(
                    factory.__name__, (factory, heard), {}, lambda names: names.update(_SLOTS)
                )
                found = _like(made, factory)
            except TypeError:
                self._miss(factory)
                found = factory
            self._made[factory] = found
        return found

    def _miss(self, factory: type) -> None:
        if "Replication" not in factory.__name__:  # its commands are no queries
            self._listener.recorder.note(
                f"psycopg2: {factory.__module__}.{factory.__qualname__} takes no subclass: "
                "what it sends was not captured"
            )


def _connection_class(classes: Classes, base: type) -> type:
    """The class between the application's connections and the library's."""

    class connection(base):  # type: ignore[misc, valid-type]  # noqa: N801 -- the library's name
        __slots__ = ()

        def cursor(self, *args: Any, **kwargs: Any) -> Any:
            asked = args[1] if len(args) > 1 else kwargs.get("cursor_factory")
            factory = classes.cursor(self.cursor_factory if asked is None else asked)
            try:
                if len(args) > 1:
                    made = super().cursor(args[0], factory, *args[2:], **kwargs)
                else:
                    made = super().cursor(*args, **{**kwargs, "cursor_factory": factory})
            except BaseException as error:
                _leave_no_trace(error)
                raise
            return classes.adopt_cursor(made)

    return _like(connection, base)


def _cursor_class(listener: Listener, base: type) -> type:
    """The class between the application's cursors and the library's."""

    class cursor(base):  # type: ignore[misc, valid-type]  # noqa: N801 -- the library's own name
        __slots__ = ()

        def execute(self, *args: Any, **kwargs: Any) -> Any:
            heard = not listener.listening or listener.before(self, args, kwargs)
            before = self.query
            try:
                result = super().execute(*args, **kwargs)
            except BaseException as error:
                if not heard and self.query is not before:
                    listener.after_execute(self, args, kwargs)
                _leave_no_trace(error)
                raise
            if not heard:
                listener.after_execute(self, args, kwargs)
            return result

        def executemany(self, *args: Any, **kwargs: Any) -> Any:
            rows = _Rows(listener, self, args) if listener.listening else None
            try:
                if rows is None:
                    return super().executemany(*args, **kwargs)
                return super().executemany(*rows.arguments(args), **kwargs)
            except BaseException as error:
                _leave_no_trace(error)
                raise
            finally:
                if rows is not None:
                    rows.end()

    def add(name: str, query_of: Callable[[tuple[Any, ...]], bytes | None]) -> None:
        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            before = self.query
            try:
                return getattr(super(cursor, self), name)(*args, **kwargs)
            except BaseException as error:
                _leave_no_trace(error)
                raise
            finally:
                if listener.listening and self.query is not before:
                    listener.after(self, query_of(args))

        method.__name__ = name
        setattr(cursor, name, method)

    add("callproc", _call_of)
    for name in ("copy_expert", "copy_from", "copy_to"):
        add(name, lambda _: None)
    return _like(cursor, base)


class _Rows:
    """The rows of one ``executemany``: each is heard when the next one is asked for.

    Args:
        listener: Who hears.
        cursor: Whose ``executemany`` it is.
        args: What that was given.
    """

    def __init__(self, listener: Listener, cursor: Any, args: tuple[Any, ...]) -> None:
        self._listener = listener
        self._cursor = cursor
        self._query = _query_bytes(cursor, args, {})
        self._heard = cursor.query
        self._site: Site | None = None

    def arguments(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The same, with rows that are heard.

        ``map`` has no frame of its own, so an error of the application's iterator keeps its
        traceback; what is no iterable is left to the library to refuse.
        """
        if len(args) < 2 or not hasattr(type(args[1]), "__iter__"):  # noqa: PLR2004 -- query, rows
            return args
        return (args[0], map(self._next, args[1]), *args[2:])

    def _next(self, row: Any) -> Any:
        self.end()
        return row

    def end(self) -> None:
        """Hears the row that was sent last."""
        cursor = self._cursor
        if cursor.query is not self._heard:
            self._heard = cursor.query
            self._site = self._listener.after(cursor, self._query, many=True, site=self._site)


def _query_bytes(cursor: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytes | None:
    """The query as it was given, before its values; None where that is no query."""
    query = args[0] if args else kwargs.get("query")
    if hasattr(query, "as_string"):
        try:
            query = query.as_string(cursor)
        except Exception:  # noqa: BLE001 -- the library itself will say what is wrong with it
            return None
    if isinstance(query, str):
        return query.encode(errors="replace")
    return query if isinstance(query, bytes) else None


def _call_of(args: tuple[Any, ...]) -> bytes | None:
    """The query ``callproc`` makes of a name and positional values."""
    values = args[1] if len(args) > 1 else ()
    if not args or not isinstance(args[0], str) or not isinstance(values, list | tuple):
        return None
    marks = ",".join(["%s"] * len(values))
    return f"SELECT * FROM {args[0]}({marks})".encode(errors="replace")


def _meet(connection: Any) -> Known | None:
    """What can be learnt of a connection without asking its server."""
    if is_own(connection.get_parameter_status("application_name") or ""):
        return None
    values = {**connection.get_dsn_parameters(), "dbname": connection.info.dbname}
    if connection.info.password:
        values["password"] = connection.info.password
    reports_path = connection.get_parameter_status("search_path") is not None
    return Known(ConnectionParameters(values), reports_path=reports_path)


def _like(made: type, base: type) -> type:
    """Gives a class the names of the one it stands for."""
    for name in ("__name__", "__qualname__", "__module__", "__doc__"):
        setattr(made, name, getattr(base, name))
    return made


def _leave_no_trace(error: BaseException) -> None:
    """Takes the frame that handles an error out of its traceback.

    A bare ``raise`` does not put it back (CPython adds a frame where an error arises or passes
    through it, not where it is raised again), so the application sees its own line last.
    """
    if error.__traceback__ is not None:
        error.__traceback__ = error.__traceback__.tb_next
