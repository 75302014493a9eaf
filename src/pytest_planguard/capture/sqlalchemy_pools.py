"""SQLAlchemy's engines and their pools: which are made, and who has their connections.

An engine is heard when its dialect is told of it, the last thing ``create_engine`` does; the
constructors of engines and pools must not be wrapped, for it reads their parameters off their code.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pytest_planguard.capture.connection import ConnectionParameters
from pytest_planguard.capture.imports import can_import
from pytest_planguard.capture.patches import Patches, patch_when_imported
from pytest_planguard.capture.recorder import Recorder
from pytest_planguard.capture.sqlalchemy import suspended
from pytest_planguard.capture.sqlalchemy_events import Events
from pytest_planguard.capture.sqlalchemy_level import HEARD
from pytest_planguard.capture.traces import leave_no_trace
from pytest_planguard.model.connections import UNBOUNDED, Maker, Per, Pool

if TYPE_CHECKING:
    from pytest_planguard.model.statement import Origin

NAME = "sqlalchemy.pool"

_DIALECT = "sqlalchemy.dialects.postgresql.base"


def is_available() -> bool:
    """Whether the application could use SQLAlchemy; it is not imported to find out."""
    return can_import("sqlalchemy")


def install(recorder: Recorder) -> Callable[[], None]:
    """Listens to all pools as soon as SQLAlchemy is imported, to engines with its dialect.

    Returns:
        A function that restores it exactly.
    """
    listener = _Listener(recorder)
    cancel = [
        patch_when_imported("sqlalchemy", listener.patch_pools, listener.failed("pools")),
        patch_when_imported(_DIALECT, listener.patch_engines, listener.failed("engines")),
    ]

    def uninstall() -> None:
        for end in cancel:
            end()
        listener.events.stop()

    return uninstall


class _Listener:
    """Hears engines and pools; a bug of ours never reaches the application."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self.events = Events(recorder)

    def failed(self, what: str) -> Callable[[Exception], None]:
        """Says that something could not be listened to."""
        return lambda error: self._recorder.note(
            f"SQLAlchemy's {what} could not be listened to: {error}"
        )

    def patch_pools(self, patches: Patches) -> None:
        """Hears what pools give out.

        Their event would make each of them ask for its listeners, time and again.
        """
        from sqlalchemy import pool as kinds

        for kind in (kinds.Pool, kinds.SingletonThreadPool):
            patches.replace(kind, "connect", self.wrap_connect)

    def patch_engines(self, patches: Patches) -> None:
        """Hears engines being made."""
        from sqlalchemy.dialects.postgresql.base import PGDialect

        patches.replace(PGDialect, "engine_created", self._wrap)

    def _wrap(self, original: Any) -> Any:
        @functools.wraps(getattr(original, "__func__", original))
        def engine_created(kind: type, engine: Any) -> Any:
            self._hear(self._created, engine)
            bound = original.__get__(None, kind) if isinstance(original, classmethod) else original
            return bound(engine)

        return classmethod(engine_created)

    def _hear(self, action: Callable[..., None], *args: Any) -> None:
        try:
            if self._recorder.following:
                action(*args)
        except Exception as error:  # noqa: BLE001 -- see above
            self._recorder.fail(NAME, error)

    def _created(self, engine: Any) -> None:
        pool = engine.pool
        self._recorder.holdings.built(_key(pool), functools.partial(_described, engine.url, pool))

    def wrap_connect(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """A pool gives a connection out."""
        recorder, lent = self._recorder, self._lent

        @functools.wraps(original)
        def connect(pool: Any) -> Any:
            try:
                fairy = original(pool)
            except BaseException as error:
                leave_no_trace(error)
                raise
            if recorder.following:
                try:
                    lent(pool, fairy)
                except Exception as error:  # noqa: BLE001 -- see above
                    recorder.fail(NAME, error)
            return fairy

        return connect

    def _lent(self, pool: Any, fairy: Any) -> None:
        dialect = pool._dialect  # noqa: SLF001 -- nobody else says what it is for
        if dialect.name != "postgresql" or fairy._counter != 1:  # noqa: SLF001 -- likewise
            return  # another database's, or given out again in the thread that has it
        if dialect.driver not in HEARD and not self.events.listening:
            self.events.listen()  # only now: nothing was sent through an engine before
        record = weakref.ref(fairy._connection_record)  # noqa: SLF001 -- likewise

        def is_out() -> bool:
            found = record()
            return found is not None and bool(found.in_use)

        is_async = dialect.is_async
        self._recorder.holdings.lent(
            fairy.driver_connection if is_async else fairy.dbapi_connection,
            getattr(pool, "_creator", pool), Maker.SQLALCHEMY,
            is_out=is_out, collectable=True, outer=tuple(suspended()) if is_async else (),
        )  # fmt: skip


def _key(pool: Any) -> Any:
    """What a pool has in common with the one ``dispose()`` puts in its place."""
    return getattr(pool, "_creator", pool)


def _described(url: Any, pool: Any, origin: Origin) -> Pool | None:
    kind = type(pool).__name__
    size = _size(pool)
    if size is None:
        return None
    most, written, per = size
    values = {"host": url.host or "", "port": str(url.port or ""), "dbname": url.database or ""}
    values |= {name: str(url.query[name]) for name in ("host", "port") if name in url.query}
    database = ConnectionParameters(values).database if values["dbname"] else ""
    return Pool(origin, database, Maker.SQLALCHEMY, kind, most, written, per)


def _size(pool: Any) -> tuple[int, str, Per] | None:
    """The most connections, how that is written, and what has as many; None: nobody knows."""
    from sqlalchemy import pool as kinds

    if isinstance(pool, kinds.QueuePool):
        size, overflow = pool.size(), pool._max_overflow  # noqa: SLF001 -- nobody else says it
        if size == 0:
            return UNBOUNDED, "pool_size=0", Per.PROCESS
        if overflow < 0:
            return UNBOUNDED, "max_overflow=-1", Per.PROCESS
        return size + overflow, f"pool_size={size}, max_overflow={overflow}", Per.PROCESS
    if isinstance(pool, kinds.NullPool):
        return UNBOUNDED, "poolclass=NullPool", Per.PROCESS
    if isinstance(pool, kinds.SingletonThreadPool):
        return 1, "poolclass=SingletonThreadPool", Per.THREAD
    if isinstance(pool, kinds.StaticPool | kinds.AssertionPool):
        return 1, f"poolclass={type(pool).__name__}", Per.PROCESS
    return None
