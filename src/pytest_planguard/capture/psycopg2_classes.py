"""The subclasses that stand between psycopg 2's classes and the application's.

A connection is made of a subclass of the class it would have been, and its cursors are of
subclasses of those the application asks for: the library's C code sees what it expects, and so
does ``isinstance``. Ours are the innermost, so that a statement is heard once and as it is sent.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from pytest_planguard.capture.alarms import let_pass
from pytest_planguard.capture.psycopg2_composed import text_of
from pytest_planguard.capture.psycopg2_likeness import Likeness, likeness_of, stand_in
from pytest_planguard.capture.traces import leave_no_trace

if TYPE_CHECKING:
    from pytest_planguard.capture.origin import Site
    from pytest_planguard.capture.recorder import Recorder

_ENDS = {"commit": b"COMMIT", "rollback": b"ROLLBACK", "reset": b"ROLLBACK; RESET ALL"}
"""What methods of a connection send."""

_NAME = "psycopg2"

_SLOTS = {"__slots__": ()}
"""Nothing is added to an object, so that its class can be exchanged too."""


class Hearer(Protocol):
    """Who hears what cursors send."""

    recorder: Recorder
    stopped: bool

    @property
    def late(self) -> Mapping[str, Any]:
        """Queries that need not be heard before they are sent, with what was learnt of them."""
        ...

    @property
    def listening(self) -> bool:
        """Whether anything is wanted now."""
        ...

    def said(self, connection: Any, text: bytes) -> None:
        """Hears what a connection sends by itself."""
        ...

    def made(self, connection: Any) -> None:
        """Hears that a connection was made."""
        ...

    def before(self, cursor: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        """Hears what must be heard before it is sent; whether it did."""
        ...

    def after(
        self, cursor: Any, query: bytes | None, *, many: bool = False, site: Site | None = None
    ) -> Site | None:
        """Hears what was sent, or follows its session where nobody listens."""
        ...

    def hear_again(self, cursor: Any, args: tuple[Any, ...], met: Any, sent: Any) -> bool:
        """Hears what ``execute`` has sent again; whether it did."""
        ...

    def after_execute(self, cursor: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Hears what ``execute`` has sent, likewise."""
        ...


class Classes:
    """The subclasses, made once for each class the application uses.

    Args:
        listener: Who hears their cursors.
    """

    def __init__(self, listener: Hearer) -> None:
        from psycopg2.extensions import connection, cursor

        self.listener = listener
        self._cursor = _cursor_class(listener, cursor)
        self._connection = _connection_class(self, connection)
        # By identity: a class of another listener's equals the one it stands for.
        self._made: dict[int, tuple[type, type]] = {
            id(cursor): (cursor, self._cursor),
            id(connection): (connection, self._connection),
        }

    def wrap(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """The library's ``_connect``, asked for a subclass."""

        def connect(dsn: Any, connection_factory: Any = None, **kwargs: Any) -> Any:
            factory = self.connection(connection_factory)
            try:
                made = original(dsn, connection_factory=factory, **kwargs)
            except BaseException as error:
                leave_no_trace(error)
                raise
            made = self._adopt(made, self._connection)
            self.listener.made(made)
            return made

        return connect

    def connection(self, factory: Any) -> Any:
        """What makes a heard connection, for what the application would make one with."""
        if factory is None:
            return self._connection
        return self._guarded(factory, self._subclass, factory, self._connection)

    def cursor(self, factory: Any) -> Any:
        """What makes a heard cursor, for what the application would make one with."""
        if factory is None:
            return self._cursor
        return self._guarded(factory, self._subclass, factory, self._cursor)

    def adopt_cursor(self, made: Any) -> Any:
        """A cursor as it comes out of the library, heard."""
        # The class itself is asked: __class__ may be a property of the application's.
        return made if issubclass(type(made), self._cursor) else self._adopt(made, self._cursor)

    def _adopt(self, made: Any, heard: type) -> Any:
        """Lets an object of a factory that is a function be heard too, where Python can."""
        if issubclass(type(made), heard) or self.listener.stopped:
            return made
        return self._guarded(made, self._change_class, made, heard)

    def _change_class(self, made: Any, heard: type) -> Any:
        subclass = self._subclass(type(made), heard)
        try:
            made.__class__ = subclass
        except Exception:  # noqa: BLE001 -- its own __setattr__ may raise anything
            self._miss(type(made))
        return made

    def _guarded(self, otherwise: Any, action: Callable[..., Any], *args: Any) -> Any:
        """What an action of ours gives; a bug of it never reaches the application."""
        try:
            return action(*args)
        except Exception as error:  # noqa: BLE001 -- see above
            self.listener.recorder.fail(_NAME, error)
            return otherwise

    def _subclass(self, factory: Any, heard: type) -> Any:
        if not isinstance(factory, type):
            return factory  # a function: what it makes is looked at afterwards
        known = self._made.get(id(factory))
        if known is not None:
            return known[1]
        if issubclass(factory, heard):
            return factory
        try:
            made = types.new_class(
                factory.__name__,
                (factory, heard),
                {"metaclass": likeness_of(type(factory))},
                lambda names: names.update(_SLOTS),
            )
            found = stand_in(made, factory)
        except Exception:  # noqa: BLE001 -- metaclasses and __init_subclass__ are not ours
            self._miss(factory)
            found = factory
        self._made[id(factory)] = factory, found
        return found

    def _miss(self, factory: type) -> None:
        if "Replication" not in factory.__name__:  # its commands are no queries
            self.listener.recorder.note(
                f"psycopg2: {factory.__module__}.{factory.__qualname__} takes no subclass: "
                "what it sends was not captured"
            )


def _connection_class(classes: Classes, base: type) -> type:
    """The class between the application's connections and the library's."""

    class connection(base, metaclass=Likeness):  # type: ignore[misc]  # noqa: N801 -- the library's name
        __slots__ = ()

        def cursor(self, *args: Any, **kwargs: Any) -> Any:
            asked = args[1] if len(args) > 1 else kwargs.get("cursor_factory")
            # Read as the library reads it: not through what a subclass makes of the name.
            own = base.cursor_factory.__get__(self)  # type: ignore[attr-defined]
            factory = classes.cursor(own if asked is None else asked)
            try:
                if len(args) > 1:
                    made = super().cursor(args[0], factory, *args[2:], **kwargs)
                else:
                    made = super().cursor(*args, **{**kwargs, "cursor_factory": factory})
            except BaseException as error:
                leave_no_trace(error)
                raise
            return classes.adopt_cursor(made)

    for name, text in _ENDS.items():
        method = _said(classes, connection, name, text)
        method.__doc__ = getattr(base, name).__doc__
        setattr(connection, name, method)
    return stand_in(connection, base)


def _said(classes: Classes, kind: Any, name: str, text: bytes) -> Any:
    """A method that ends a transaction in C code, where no cursor has a part in it."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        classes.listener.said(self, text)
        try:
            return getattr(super(kind, self), name)(*args, **kwargs)
        except BaseException as error:
            leave_no_trace(error)
            raise

    method.__name__ = method.__qualname__ = name
    return method


def _cursor_class(listener: Hearer, base: type) -> type:
    """The class between the application's cursors and the library's."""

    class cursor(base, metaclass=Likeness):  # type: ignore[misc]  # noqa: N801 -- the library's own name
        __slots__ = ()

    methods = [_execute(listener, cursor), _executemany(listener, cursor)]
    methods.append(_heard_afterwards(listener, cursor, "callproc", _call_of))
    methods += [
        _heard_afterwards(listener, cursor, name, lambda _: None)
        for name in ("copy_expert", "copy_from", "copy_to")
    ]
    for method in methods:
        method.__doc__ = getattr(base, method.__name__).__doc__
        setattr(cursor, method.__name__, method)
    return stand_in(cursor, base)


def _execute(listener: Hearer, kind: Any) -> Any:
    """``execute``, heard: what is asked of every statement is asked here, without a call.

    A call of ours costs more than what it does: between two statements the server's process, and
    the kernel, have taken the processor's caches.
    """
    recorder, late, query_of = listener.recorder, listener.late, _own_query()
    hear_again = listener.hear_again

    def execute(self: Any, *args: Any, **kwargs: Any) -> Any:
        heard = False
        met = late.get(args[0]) if args and type(args[0]) is str else None
        if met is None:
            heard = recorder.listening and not listener.stopped
            heard = heard and listener.before(self, args, kwargs)
        before = query_of(self)
        try:
            send = super(kind, self).execute
            result = send(*args, **kwargs) if kwargs else send(*args)
        except BaseException as error:
            if not heard and query_of(self) is not before:
                listener.after_execute(self, args, kwargs)
            leave_no_trace(error)
            raise
        if not heard and (met is None or not hear_again(self, args, met, query_of(self))):
            listener.after_execute(self, args, kwargs)
        return result

    return execute


def _executemany(listener: Hearer, kind: Any) -> Any:
    def executemany(self: Any, *args: Any, **kwargs: Any) -> Any:
        rows, given = _rows(listener, self, args) if listener.listening else (None, args)
        try:
            return super(kind, self).executemany(*given, **kwargs)
        except BaseException as error:
            leave_no_trace(error)
            raise
        finally:
            if rows is not None:
                rows.end()

    return executemany


def _heard_afterwards(
    listener: Hearer, kind: Any, name: str, query_of: Callable[[tuple[Any, ...]], bytes | None]
) -> Any:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        before = sent_last(self)
        try:
            return getattr(super(kind, self), name)(*args, **kwargs)
        except BaseException as error:
            leave_no_trace(error)
            raise
        finally:
            if sent_last(self) is not before:
                _after(listener, self, query_of, args)

    method.__name__ = method.__qualname__ = name
    return method


def sent_last(cursor: Any) -> Any:
    """What a cursor sent last; a class of the application's may have its own idea of ``query``."""
    return _own_query()(cursor)


@functools.cache
def _own_query() -> Any:
    """Reads the attribute as the library does: no code of the application's is called."""
    from psycopg2.extensions import cursor

    return cursor.query.__get__


def _after(
    listener: Hearer,
    cursor: Any,
    query_of: Callable[[tuple[Any, ...]], bytes | None],
    args: tuple[Any, ...],
) -> None:
    try:
        listener.after(cursor, query_of(args))
    except Exception as error:  # noqa: BLE001 -- a bug of ours never reaches the statement
        listener.recorder.fail(_NAME, error)


def _rows(
    listener: Hearer, cursor: Any, args: tuple[Any, ...]
) -> tuple[_Rows | None, tuple[Any, ...]]:
    """Who hears the rows of an ``executemany``, and what that is given then."""
    try:
        rows = _Rows(listener, cursor, args)
        return rows, rows.arguments(args)
    except Exception as error:  # noqa: BLE001 -- a bug of ours never reaches the statement
        listener.recorder.fail(_NAME, error)
        return None, args


class _Rows:
    """The rows of one ``executemany``: each is heard when the next one is asked for.

    Args:
        listener: Who hears.
        cursor: Whose ``executemany`` it is.
        args: What that was given.
    """

    def __init__(self, listener: Hearer, cursor: Any, args: tuple[Any, ...]) -> None:
        self._listener = listener
        self._cursor = cursor
        self._query = query_bytes(cursor, args, {})
        self._heard = sent_last(cursor)
        self._site: Site | None = None

    def arguments(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The same, with rows that are heard.

        ``map`` has no frame of its own, so an error of the application's iterator keeps its
        traceback; what is no iterable is left to the library to refuse.
        """
        if len(args) < 2 or not hasattr(type(args[1]), "__iter__"):
            return args
        return (args[0], map(self._next, args[1]), *args[2:])

    def _next(self, row: Any) -> Any:
        self.end()
        return row

    def end(self) -> None:
        """Hears the row that was sent last."""
        try:
            self._hear()
        except Exception as error:  # noqa: BLE001 -- a bug of ours never reaches the statement
            self._listener.recorder.fail(_NAME, error)

    def _hear(self) -> None:
        cursor, sent = self._cursor, sent_last(self._cursor)
        if sent is not self._heard:
            self._heard = sent
            self._site = self._listener.after(cursor, self._query, many=True, site=self._site)


def query_bytes(
    cursor: Any, args: tuple[Any, ...], kwargs: dict[str, Any], *, literal: str | None = "%s"
) -> bytes | None:
    """The query as it was given, before its values; None where that is no query, or not known.

    Args:
        cursor: Who is to send it.
        args: What its method was given.
        kwargs: Likewise.
        literal: See ``psycopg2_composed.text_of``; by default a literal is one more value.
    """
    query: Any = args[0] if args else kwargs.get("query")
    if hasattr(query, "as_string"):
        try:
            query = text_of(query, cursor, literal=literal)
        except Exception as error:  # noqa: BLE001 -- the library itself will say what is wrong with it
            let_pass(error)
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
    return f"SELECT * FROM {args[0]}({marks})".encode(errors="replace")  # noqa: S608 -- not sent
