"""asyncpg's pools: which are made, and who has their connections.

The proxy an application is given is made when its connection is lent, in the application's own
task, and let go of when the connection is back, whichever way that comes about.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from pytest_planguard.capture.connection import ConnectionParameters
from pytest_planguard.capture.imports import can_import
from pytest_planguard.capture.patches import Patches, patch_when_imported
from pytest_planguard.capture.recorder import Recorder
from pytest_planguard.capture.traces import leave_no_trace
from pytest_planguard.model.connections import Maker, Pool
from pytest_planguard.model.statement import Origin

NAME = "asyncpg.pool"


def is_available() -> bool:
    """Whether the application could use asyncpg; it is not imported to find out."""
    return can_import("asyncpg")


def install(recorder: Recorder) -> Callable[[], None]:
    """Listens to asyncpg's pools as soon as it is imported.

    Returns:
        A function that restores them exactly.
    """
    return patch_when_imported(
        "asyncpg",
        lambda patches: _patch(Listener(recorder), patches),
        lambda error: recorder.note(f"asyncpg's pools could not be listened to: {error}"),
    )


def _patch(listener: Listener, patches: Patches) -> None:
    from asyncpg.pool import Pool as Lender
    from asyncpg.pool import PoolConnectionProxy

    patches.replace(Lender, "__init__", listener.wrap_making)
    patches.replace(PoolConnectionProxy, "__init__", listener.wrap_lending)
    patches.replace(PoolConnectionProxy, "_detach", listener.wrap_return)


class Listener:
    """Hears what pools give out and take back; a bug of ours never reaches the application.

    Args:
        recorder: Where it goes.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def wrap_making(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """A pool is made; it connects later."""
        return self._after(original, self._made)

    def wrap_lending(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """A connection is given out."""
        return self._after(original, self._lent)

    def _after(
        self, original: Callable[..., Any], action: Callable[..., None]
    ) -> Callable[..., Any]:
        @functools.wraps(original)
        def made(self_: Any, *args: Any, **kwargs: Any) -> None:
            try:
                original(self_, *args, **kwargs)
            except BaseException as error:
                leave_no_trace(error)
                raise
            self._hear(action, self_)

        return made

    def wrap_return(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """A connection is taken back."""

        @functools.wraps(original)
        def detach(proxy: Any) -> Any:
            connection = original(proxy)
            if connection is not None:
                self._hear(self._recorder.holdings.returned, connection)
            return connection

        return detach

    def _hear(self, action: Callable[..., None], *args: Any) -> None:
        try:
            if self._recorder.following:
                action(*args)
        except Exception as error:  # noqa: BLE001 -- see above
            self._recorder.fail(NAME, error)

    def _made(self, pool: Any) -> None:
        self._recorder.holdings.built(pool, functools.partial(_described, pool))

    def _lent(self, proxy: Any) -> None:
        # The class passes on what it does not have to the connection itself.
        connection, holder = (getattr(proxy, name) for name in ("_con", "_holder"))
        self._recorder.holdings.lent(connection, holder._pool, Maker.ASYNCPG_POOL)  # noqa: SLF001


def _described(pool: Any, origin: Origin) -> Pool:
    most = int(pool._maxsize)  # noqa: SLF001 -- its method is new in 0.25 and asks the pool
    return Pool(
        origin, _database(pool), Maker.ASYNCPG_POOL, type(pool).__name__, most, f"max_size={most}"
    )


def _database(pool: Any) -> str:
    """What its connections are told, as far as it is written there."""
    given: dict[str, Any] = getattr(pool, "_connect_kwargs", None) or {}
    dsn = next(iter(getattr(pool, "_connect_args", None) or ()), None) or given.get("dsn") or ""
    url = urlsplit(dsn if isinstance(dsn, str) else "")
    query = {name: values[-1] for name, values in parse_qs(url.query).items()}
    values = {
        "host": given.get("host") or query.get("host") or url.hostname or "",
        "port": given.get("port") or query.get("port") or url.port or "",
        "dbname": given.get("database") or query.get("dbname") or unquote(url.path.lstrip("/")),
    }
    if not values["dbname"]:
        return ""
    return ConnectionParameters({name: str(value) for name, value in values.items()}).database
