"""psycopg_pool: which pools are made, and who has their connections."""

from __future__ import annotations

import functools
import sys
import weakref
from collections.abc import Callable
from typing import Any

from pytest_planguard.capture.connection import ConnectionParameters
from pytest_planguard.capture.imports import can_import
from pytest_planguard.capture.patches import Patches, patch_when_imported
from pytest_planguard.capture.recorder import Recorder
from pytest_planguard.capture.traces import leave_no_trace
from pytest_planguard.model.connections import UNBOUNDED, Maker, Pool
from pytest_planguard.model.statement import Origin

NAME = "psycopg_pool"

_DJANGO = "django.db.backends"
_NEAREST = 6
"""Frames between what is heard and Django's own that asks."""


def is_available() -> bool:
    """Whether the application could use psycopg_pool; it is not imported to find out."""
    return can_import(NAME)


def install(recorder: Recorder) -> Callable[[], None]:
    """Listens to psycopg_pool as soon as it is imported.

    Returns:
        A function that restores it exactly.
    """
    return patch_when_imported(
        NAME,
        lambda patches: _patch(Listener(recorder), patches),
        lambda error: recorder.note(f"psycopg_pool could not be listened to: {error}"),
    )


def _patch(listener: Listener, patches: Patches) -> None:
    from psycopg_pool import AsyncConnectionPool, ConnectionPool
    from psycopg_pool.base import BasePool

    patches.replace(BasePool, "__init__", listener.wrap_making)
    patches.replace(ConnectionPool, "getconn", listener.wrap_getconn)
    patches.replace(AsyncConnectionPool, "getconn", listener.wrap_async_getconn)
    patches.replace(BasePool, "_check_pool_putconn", listener.wrap_putconn)


class Listener:
    """Hears what pools give out and take back; a bug of ours never reaches the application.

    Args:
        recorder: Where it goes.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def wrap_making(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """A pool is made; it connects later, in threads of its own."""

        @functools.wraps(original)
        def made(pool: Any, *args: Any, **kwargs: Any) -> None:
            try:
                original(pool, *args, **kwargs)
            except BaseException as error:
                leave_no_trace(error)
                raise
            self._hear(self._made, pool)

        return made

    def wrap_getconn(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """A connection is given out."""

        @functools.wraps(original)
        def getconn(pool: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                connection = original(pool, *args, **kwargs)
            except BaseException as error:
                leave_no_trace(error)
                raise
            self._hear(self._lent, pool, connection)
            return connection

        return getconn

    def wrap_async_getconn(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Likewise, where it is awaited."""

        @functools.wraps(original)
        async def getconn(pool: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                connection = await original(pool, *args, **kwargs)
            except BaseException as error:
                leave_no_trace(error)
                raise
            self._hear(self._lent, pool, connection)
            return connection

        return getconn

    def wrap_putconn(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """A connection is taken back; a pool's worker may put it in order before it is there."""

        @functools.wraps(original)
        def check(pool: Any, connection: Any) -> Any:
            try:
                result = original(pool, connection)
            except BaseException as error:
                leave_no_trace(error)
                raise
            self._hear(self._recorder.holdings.returned, connection)
            return result

        return check

    def _hear(self, action: Callable[..., None], *args: Any) -> None:
        try:
            if self._recorder.following:
                action(*args)
        except Exception as error:  # noqa: BLE001 -- see above
            self._recorder.fail(NAME, error)

    def _made(self, pool: Any) -> None:
        if not _is_djangos():
            holdings = self._recorder.holdings
            holdings.built(pool, functools.partial(described, pool, Maker.PSYCOPG_POOL))

    def _lent(self, pool: Any, connection: Any) -> None:
        if _is_djangos():
            return  # which keeps it for its thread, and gives it back when a request is over
        living = weakref.ref(connection)

        def is_out() -> bool:
            found = living()
            return found is None or getattr(found, "_pool", None) is not None

        self._recorder.holdings.lent(connection, pool, Maker.PSYCOPG_POOL, is_out=is_out)


def described(pool: Any, maker: Maker, origin: Origin) -> Pool:
    """What is to be said of a pool.

    Args:
        pool: The library's.
        maker: Who had it made: Django does so, too.
        origin: The line.
    """
    most = int(pool.max_size)
    written = f"max_size={most}" if most else "no max_size"
    kind = type(pool).__name__
    return Pool(origin, _database(pool), maker, kind, most or UNBOUNDED, written)


def _database(pool: Any) -> str:
    """What its connections are told, where that is no function."""
    from psycopg.conninfo import conninfo_to_dict

    conninfo, kwargs = getattr(pool, "conninfo", ""), getattr(pool, "kwargs", None)
    if not isinstance(conninfo, str):
        return ""
    given = kwargs if isinstance(kwargs, dict) else {}
    values = {**conninfo_to_dict(conninfo), **given}
    return ConnectionParameters({name: str(value) for name, value in values.items()}).database


def _is_djangos() -> bool:
    """Whether Django asks: whose its pools and connections are is in its settings."""
    frame = sys._getframe(1)  # noqa: SLF001 -- what inspect wraps
    for _ in range(_NEAREST):
        if frame.f_back is None:
            return False
        frame = frame.f_back
        if str(frame.f_globals.get("__name__", "")).startswith(_DJANGO):
            return True
    return False
