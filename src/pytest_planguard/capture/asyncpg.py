"""asyncpg: every way of executing goes through a few methods of its protocol.

They are called while the coroutines that led to them are on the stack, with the prepared
statement: its text and the types the server gave its parameters. Connections, pools' proxies and
subclasses all share that class, and so do functions that were imported early. Ours are plain
functions that hear and return the library's own coroutine.
"""

from __future__ import annotations

import datetime as dt
import enum
import functools
import inspect
import re
import sys
import uuid
import weakref
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pytest_planguard.capture.connection import ConnectionParameters
from pytest_planguard.capture.following import REMEMBERED, effects_of
from pytest_planguard.capture.imports import can_import
from pytest_planguard.capture.patches import Patches, patch_when_imported
from pytest_planguard.capture.public_methods import PublicMethods
from pytest_planguard.capture.recorder import Recorder
from pytest_planguard.capture.sessions import Connections, Known, is_own, reported_path
from pytest_planguard.capture.state import IDLE, INSIDE
from pytest_planguard.capture.traces import leave_no_trace
from pytest_planguard.capture.values import written, written_alike
from pytest_planguard.capture.waiting import LONGEST_ASIDE, MOST_OF_ONE, Aside, Waiting
from pytest_planguard.model.connections import STATEMENT, Maker

if TYPE_CHECKING:
    from pytest_planguard.capture.origin import Site
    from pytest_planguard.capture.recorder import Line
    from pytest_planguard.capture.state import State
    from pytest_planguard.capture.tally import Key
    from pytest_planguard.model.statement import Session

NAME = "asyncpg"

_METHODS = ("bind", "bind_execute", "bind_execute_many", "copy_in", "copy_out", "query")

_KNOWN_ARGUMENTS = (
    "self", "state", "args", "portal_name", "limit", "return_extra", "timeout",
)  # fmt: skip
"""Of ``bind_execute`` in asyncpg from 0.29 to 0.32."""

_ROWS = (list, tuple)

_SMALL = frozenset(
    (bool, int, float, type(None), Decimal, uuid.UUID, dt.date, dt.datetime, dt.time, dt.timedelta)
)
"""Types of values that nobody can change, and that are hardly ever long."""

_FROZEN = _SMALL | {str, bytes}
"""Likewise, but for their length."""

_FEW = LONGEST_ASIDE // sys.getsizeof(1)
"""Values that together are not long, if each of them is small."""

_PUBLIC = ("execute", "fetch", "fetchrow", "fetchval")
"""Methods of a connection the application calls."""

_OWN_QUERY = re.compile(r"SELECT pg_advisory_unlock_all\(\)|SELECT quote_literal\(\$1::\"")
"""What the library asks for itself: a pool's reset, and values it writes into a COPY."""

_NUMBERED = "__asyncpg_stmt_"
"""How the names begin that it gives prepared statements; each stands for one statement only."""

_MOST_STATEMENTS = 10_000


def is_available() -> bool:
    """Whether the application could use asyncpg; it is not imported to find out."""
    return can_import("asyncpg")


def install(recorder: Recorder) -> Callable[[], None]:
    """Listens to asyncpg as soon as it is imported.

    Returns:
        A function that restores it exactly.
    """
    return patch_when_imported(
        "asyncpg",
        lambda patches: _patch(Listener(recorder), patches),
        lambda error: recorder.fail(NAME, error),
    )


def _patch(listener: Listener, patches: Patches) -> None:
    from asyncpg.protocol import Protocol

    patches.replace(Protocol, "set_connection", listener.wrap_meeting)
    for name in _METHODS:
        patches.replace(Protocol, name, functools.partial(listener.wrap, name))


class Again(Aside):
    """A prepared statement that changes nothing of its session.

    Args:
        line: Who has sent it last.
        leaves_unsure: Whether its session may have another search_path behind it.
    """

    __slots__ = ("leaves_unsure", "line", "small", "values")

    def __init__(self, line: Line, *, leaves_unsure: bool) -> None:
        super().__init__()
        self.line = line
        self.values = len(line.key[1])
        """How many it has."""
        self.small = _SMALL if self.values <= _FEW else frozenset[type]()
        """Types of values whose length nobody need ask for."""
        self.leaves_unsure = leaves_unsure

    def may_wait(self, values: tuple[Any, ...]) -> bool:
        """Whether values may be read later: nobody can change them, and they are not long."""
        try:
            return self.small.issuperset(map(type, values)) or (
                _FROZEN.issuperset(map(type, values))
                and sum(map(sys.getsizeof, values)) <= LONGEST_ASIDE
            )
        except TypeError:  # a class of the application's without a hash
            return False

    def count(self, recorder: Recorder, line: Line, kept: list[tuple[Any, ...]]) -> None:
        """Counts what was sent, with its values as the application gave them."""
        text, types, *_ = line.key
        rows = written_alike(kept)
        if rows is not None:
            recorder.count_later(line, text, types, rows)
            return
        for row in kept:
            values, formats = written(row) or (None, None)
            recorder.count_later(line, text, types, [values], formats)


class Listener:
    """Turns calls of the protocol into records; a bug of ours never reaches the statement.

    Args:
        recorder: Where they go.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._methods = _public_methods()
        self._waiting = Waiting(recorder)
        self._protocols = Connections[_Connection](self._unmet)

    def wrap_meeting(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """``set_connection``: the only place where a protocol's connection can be seen."""

        @functools.wraps(original)
        def set_connection(protocol: Any, connection: Any) -> Any:
            try:
                self._met(protocol, connection)
            except Exception as error:  # noqa: BLE001 -- see above
                self._recorder.fail(NAME, error)
            return original(protocol, connection)

        return set_connection

    def _met(self, protocol: Any, connection: Any) -> None:
        known = self._protocols.add(protocol, _meet(connection))
        if known is not None and self._recorder.following:
            known.follower.watch = self._recorder.holdings.made(
                connection, known.parameters.database, Maker.ASYNCPG, _status(connection),
                (*known.timeouts, *_own_timeout(connection)),
            )  # fmt: skip

    def wrap(self, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        """One of the methods that send, heard before it runs; its coroutine is its own."""
        if name in {"bind", "bind_execute"}:
            made = self._bind_execute if _is_known(original) else self._prepared
            return functools.wraps(original)(made(original))
        hear = self._many if name == "bind_execute_many" else self._plain
        first = "query" if name == "query" else "copy_stmt" if "copy" in name else "state"

        @functools.wraps(original)
        def send(protocol: Any, *args: Any, **kwargs: Any) -> Any:
            if self._recorder.listening:
                try:
                    what = args[0] if args else kwargs[first]
                    args, kwargs = hear(protocol, what, args, kwargs)
                except Exception as error:  # noqa: BLE001 -- see above
                    self._recorder.fail(NAME, error)
            elif self._recorder.following:
                self._follow(protocol, args[0] if args else kwargs.get(first), args[1:], kwargs)
            try:
                return original(protocol, *args, **kwargs)
            except BaseException as error:
                leave_no_trace(error)
                raise

        return send

    def _bind_execute(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """What nearly every statement goes through; a dictionary of its arguments would cost."""
        recorder, again, hear = self._recorder, self._hear_again, self._send

        def bind_execute(
            protocol: Any, state: Any, args: Any, portal_name: Any, limit: Any,
            return_extra: Any, timeout: Any,
        ) -> Any:  # fmt: skip
            if recorder.listening:
                try:
                    if portal_name or not again(protocol, state, args):
                        hear(protocol, state, args, stream=bool(portal_name))
                except Exception as error:  # noqa: BLE001 -- see above
                    recorder.fail(NAME, error)
            elif recorder.following:
                self._follow(protocol, state, (args,), {})
            return original(protocol, state, args, portal_name, limit, return_extra, timeout)

        return bind_execute

    def _prepared(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """``bind``, whose portal makes a stream of it; ``bind_execute`` of an unknown version."""
        recorder, hear = self._recorder, self._send

        def send(protocol: Any, *args: Any, **kwargs: Any) -> Any:
            if recorder.listening:
                try:
                    state = args[0] if args else kwargs["state"]
                    values = args[1] if len(args) > 1 else kwargs["args"]
                    portal = args[2] if len(args) > 2 else kwargs["portal_name"]
                    hear(protocol, state, values, stream=bool(portal))
                except Exception as error:  # noqa: BLE001 -- see above
                    recorder.fail(NAME, error)
            elif recorder.following:
                self._follow(protocol, args[0] if args else kwargs.get("state"), args[1:], kwargs)
            return original(protocol, *args, **kwargs)

        return send

    def _plain(
        self, protocol: Any, text: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """A text without parameters."""
        known = self._protocols.of(protocol) if isinstance(text, str) else None
        if known is not None and _OWN_QUERY.match(text):
            _take_back(known, text)
        elif known is not None:
            sent = text.encode(errors="replace")
            if sent:
                state = known.follower.follow(sent)
                known.unsure = known.reports_path
                path = known.setting("search_path") if known.reports_path else state.path
                session = self._session(known, state, path, prepares=False)
                self._recorder.record(sent, (), None, None, session, cursor=known.connection())
        return args, kwargs

    def _follow(
        self, protocol: Any, what: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        """Hears only what a statement does to its session."""
        try:
            entry = self._protocols.find(id(protocol))
            known = entry[1] if entry is not None else None
            if known is None:
                return
            known.unsure = known.reports_path
            if isinstance(what, str):
                if _OWN_QUERY.match(what):
                    _take_back(known, what)
                else:
                    known.follower.follow(what.encode(errors="replace"))
            elif what is not None and not what.ignore_custom_codec:
                values = args[0] if args else kwargs.get("args")
                found = written(values) if values and isinstance(values, list | tuple) else None
                known.follower.follow(what.query.encode(errors="replace"), found and found[0])
        except Exception as error:  # noqa: BLE001 -- see above
            self._recorder.fail(NAME, error)

    def _many(
        self, protocol: Any, state: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Rows are heard as they are sent: ``map`` adds no frame to an iterator's errors."""
        rows = args[1] if len(args) > 1 else kwargs["args"]
        if not isinstance(rows, Iterable):
            return args, kwargs  # the library refuses it
        site: Site | None = None

        def heard(row: Any) -> Any:
            nonlocal site
            try:
                site = self._send(protocol, state, row, many=True, site=site)
            except Exception as error:  # noqa: BLE001 -- see above
                self._recorder.fail(NAME, error)
            return row

        if len(args) > 1:
            return (args[0], map(heard, rows), *args[2:]), kwargs
        return args, {**kwargs, "args": map(heard, rows)}

    def _hear_again(self, protocol: Any, state: Any, args: Any) -> bool:
        """Hears a plain statement that its line has sent before; False where ``_send`` has to.

        Little is called, and values are read later: between two statements the server's process,
        and the kernel, have taken the processor's caches, and a call of ours costs more than what
        it does.
        """
        recorder, entry = self._recorder, self._protocols.find(id(protocol))
        if entry is None or (known := entry[1]) is None or not recorder.hastens:
            return False
        again = known.again.get(state.name)
        if again is None or type(args) is not tuple or len(args) != again.values:
            return False
        line, (path, now, _, session) = again.line, known.last
        if (
            line.decided is not recorder.moment
            or session is not line.session
            or now is not known.follower.state
            or (known.unsure and known.setting("search_path") != path)
        ):
            return False
        said = recorder.said.get(known.identity) if recorder.said else None
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
        known.unsure = again.leaves_unsure
        if not again.may_wait(args):
            sent = written(args)
            return sent is not None and recorder.count_known(line, *sent)
        again.aside.append((line, args))
        if not again.is_listed or len(again.aside) >= MOST_OF_ONE:
            self._waiting.add(again)
        return True

    def _send(
        self,
        protocol: Any,
        state: Any,
        values: Any,
        *,
        many: bool = False,
        stream: bool = False,
        site: Site | None = None,
    ) -> Site | None:
        """A prepared statement with its values."""
        entry = self._protocols.find(id(protocol))
        known = entry[1] if entry else self._protocols.of(protocol)
        # The library's own questions leave the application's codecs aside.
        if known is None or state.ignore_custom_codec:
            return None
        name = state.name
        text, types, kind = known.statements.get(name) or known.statement(state, len(values))
        if kind is _Kind.OWN or len(types) != len(values):
            return None  # or the library refuses it
        params = formats = None
        if values and issubclass(type(values), _ROWS) and (found := written(values)):
            params, formats = found
        follower = known.follower
        now = follower.state if kind is _Kind.PLAIN else follower.follow(text, params)
        path = known.setting("search_path") if known.reports_path else now.path
        known.unsure = known.reports_path
        last_path, last_state, last_prepares, session = known.last
        if last_state is not now or last_path != path or last_prepares is not bool(name):
            session = self._session(known, now, path, prepares=bool(name))
            known.last = path, now, bool(name), session
        key = text, types, id(session), many, stream
        if not many:
            cursor, outside = known.connection(), self._methods.outside()
            if self._recorder.record_again(key, params, formats, outside, cursor):
                if kind is _Kind.PLAIN and not stream and name in known.statements:
                    self._remember(known, name, key)
                return None
            self._methods.measure()
        elif site is not None and self._recorder.record_row(key, site, params, formats):
            return site
        return self._recorder.record(
            text, types, params, formats, session,
            many=many, stream=stream, cursor=known.connection(), site=site,
        )  # fmt: skip

    def _remember(self, known: _Connection, name: str, key: Key) -> None:
        """The line that has sent a plain statement may send it again."""
        line, again = self._recorder.recent.get(key[:2]), known.again.get(name)
        if line is not None and line.session is known.last[3] and line.key == key:
            if again is None:
                known.again[name] = Again(line, leaves_unsure=line.may_set and known.reports_path)
            else:
                again.line = line

    def _session(self, known: Known, state: State, path: str | None, *, prepares: bool) -> Session:
        """The kind of session; a path the server reports is told from one that was followed."""
        key = path, state, prepares
        return known.sessions.get(key) or known.session(
            self._recorder, NAME, key, state,
            reported_path(path) if known.reports_path and path is not None else path,
            prepares=prepares,
        )  # fmt: skip

    def _unmet(self, _: Any) -> None:
        self._recorder.note(
            "asyncpg: a connection was made before planguard listened: it was not captured"
        )


def _is_known(function: Callable[..., Any]) -> bool:
    """Whether it is ``bind_execute`` as we call it; compiled code of 0.29 tells no parameters."""
    try:
        return tuple(inspect.signature(function).parameters) == _KNOWN_ARGUMENTS
    except (TypeError, ValueError):
        import asyncpg

        return function.__name__ == "bind_execute" and asyncpg.__version__.startswith("0.29.")


def _take_back(known: Known, text: str) -> None:
    """A question of the library's own: with one of them a pool takes a connection back."""
    known.unsure = known.reports_path
    if "RESET ALL" in text:
        known.follower.follow(b"ROLLBACK; RESET ALL")


def _public_methods() -> PublicMethods:
    """The methods the application calls to execute."""
    from asyncpg import Connection

    return PublicMethods(getattr(Connection, name, None) for name in _PUBLIC)


class _Kind(enum.Enum):
    """What a prepared statement is to its session."""

    OWN = enum.auto()
    """The library asks it for itself."""
    PLAIN = enum.auto()
    """It changes nothing of the session."""
    OTHER = enum.auto()


class _Connection(Known):
    """A connection and the statements it has prepared."""

    __slots__ = ("again", "connection", "identity", "setting", "statements")

    def __init__(self, connection: Any, setting: Callable[[str], Any], **facts: Any) -> None:
        super().__init__(**facts)
        self.identity = id(connection)
        self.setting = setting
        """What the server has reported of a setting; as an attribute it costs five times as much,
        because it is looked for among the object's own first."""
        self.connection = weakref.ref(connection)
        """SQLAlchemy's annotations are on it; it must not live longer for us."""
        self.statements: dict[str, tuple[bytes, tuple[int, ...], _Kind]] = {}
        """What ``statement`` gave, by the statement's name."""
        self.again: dict[str, Again] = {}
        """Those that were sent twice by the same line, likewise."""

    def statement(self, state: Any, values: int) -> tuple[bytes, tuple[int, ...], _Kind]:
        """A prepared statement's text and types, and what it is.

        Args:
            state: The library's.
            values: How many it was given.
        """
        found = self.statements.get(state.name)
        if found is None:
            text = state.query.encode(errors="replace")
            kind = _kind(state.query, text)
            from asyncpg import InternalClientError

            try:
                parameters = state._get_parameters()  # noqa: SLF001 -- no other
            except InternalClientError:  # types are told through codecs, and it has none for one
                return text, (0,) * values, kind
            types = tuple(item.oid for item in parameters)
            found = text, types, kind
            if state.name.startswith(_NUMBERED) and len(self.statements) < _MOST_STATEMENTS:
                self.statements[state.name] = found
        return found


def _kind(query: str, text: bytes) -> _Kind:
    if _OWN_QUERY.match(query):
        return _Kind.OWN
    return _Kind.OTHER if len(text) > REMEMBERED or effects_of(text) else _Kind.PLAIN


def _meet(connection: Any) -> _Connection | None:
    """What can be learnt of a connection without asking its server."""
    params, address = connection._params, connection._addr  # noqa: SLF001 -- nobody else says it
    settings = connection.get_settings()
    if is_own(getattr(settings, "application_name", "")):
        return None
    asked = params.server_settings or {}
    host, port = _host(address)
    values = {
        "host": host,
        "port": port,
        "user": params.user,
        "dbname": params.database,
        "password": params.password if isinstance(params.password, str) else None,
    }
    return _Connection(
        connection,
        settings.__getattr__,
        parameters=ConnectionParameters(
            {name: text for name, text in values.items() if text}, NAME, _encryption(params)
        ),
        reports_path=getattr(settings, "search_path", None) is not None,
        asked={name.lower(): str(value) for name, value in asked.items()},
    )


def _status(connection: Any) -> Callable[[], int]:
    """The status of its transaction, as libpq numbers it."""
    living = weakref.ref(connection)

    def status() -> int:
        found = living()
        is_open = found is not None and not found.is_closed() and found.is_in_transaction()
        return INSIDE if is_open else IDLE

    return status


def _own_timeout(connection: Any) -> tuple[str, ...]:
    """The library's own: it cancels a statement that takes longer."""
    config = getattr(connection, "_config", None)
    return (STATEMENT,) if getattr(config, "command_timeout", None) else ()


def _encryption(params: Any) -> dict[str, Any]:
    """How its connections are encrypted, as ``connect`` is told."""
    found = {name: getattr(params, name, None) for name in ("ssl", "direct_tls")}
    return {name: value for name, value in found.items() if value}


def _host(address: Any) -> tuple[str, str]:
    """Libpq's host and port: the folder of a socket, or a name.

    >>> _host("/run/.s.PGSQL.5433"), _host(("db", 5432))
    (('/run', '5433'), ('db', '5432'))
    """
    if isinstance(address, str):
        folder, _, name = address.rpartition("/")
        return folder, name.rpartition(".")[2]
    return str(address[0]), str(address[1])
