"""SQLAlchemy annotates what the drivers hear, where they cannot know it themselves.

An async engine runs the application's code in a child greenlet and awaits the driver in the
parent, so the frames of the child are not on the driver's stack: their line is left on the
driver's cursor. An insert of many rows is sent in batches, one ``execute`` each: it is one call.

What a sync engine sends the drivers hear whole. So nothing listens to its events: with a single
listener SQLAlchemy joins an engine's to each connection anew (measured by callgrind: six of engines
and one of pools, all empty, add 150,000 instructions to the 990,000 of a session's ``get``).
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any

from pytest_planguard.capture.identity import ByIdentity
from pytest_planguard.capture.imports import can_import
from pytest_planguard.capture.patches import Patches, patch_when_imported
from pytest_planguard.capture.recorder import Annotation, Recorder
from pytest_planguard.capture.sqlalchemy_level import is_batch, is_heard
from pytest_planguard.capture.traces import leave_no_trace

if TYPE_CHECKING:
    from pytest_planguard.capture.origin import Site

NAME = "sqlalchemy"

_DIALECTS = "sqlalchemy.dialects.postgresql"
_ASYNC = {
    f"{_DIALECTS}.asyncpg": "PGDialect_asyncpg",
    f"{_DIALECTS}.psycopg": "PGDialectAsync_psycopg",
}
"""By module: the dialects of the async drivers that are listened to."""

_SENDING = ("do_execute", "do_executemany", "do_execute_no_params")
"""What a dialect is asked for a statement (SQLAlchemy's ``Dialect``)."""

_BATCHES = "_deliver_insertmanyvalues_batches"
"""Of SQLAlchemy 2.0 and 2.1; the execution context is its last argument, whatever else it takes."""


def is_available() -> bool:
    """Whether the application could use SQLAlchemy; it is not imported to find out."""
    return can_import("sqlalchemy")


def install(recorder: Recorder) -> Callable[[], None]:
    """Listens to PostgreSQL's dialects as soon as they are imported.

    Returns:
        A function that restores them exactly.
    """
    annotator = _Annotator(recorder)

    def failed(error: Exception) -> None:
        recorder.note(f"SQLAlchemy could not be listened to: {error}")

    uninstallers = [
        patch_when_imported(module, functools.partial(annotator.patch_sending, module), failed)
        for module in _ASYNC
    ]
    uninstallers.append(patch_when_imported(f"{_DIALECTS}.base", annotator.patch_batches, failed))

    def uninstall() -> None:
        for end in uninstallers:
            end()

    return uninstall


class _Annotator:
    """Leaves what it knows on the driver's cursor, so that no other statement can take it."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._ways = recorder.origins.ways()
        self._batches: ByIdentity[Site] = ByIdentity()
        """By execution context: where an insert of many rows came from."""

    def patch_sending(self, module: str, patches: Patches) -> None:
        """Hears what an async dialect is about to send."""
        kind = getattr(sys.modules[module], _ASYNC[module])
        for name in _SENDING:
            patches.replace(kind, name, self.wrap_sending)

    def patch_batches(self, patches: Patches) -> None:
        """Hears which batches a dialect sends one by one."""
        from sqlalchemy.dialects.postgresql.base import PGDialect

        patches.replace(PGDialect, _BATCHES, self.wrap_batches)

    def wrap_sending(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """One of the methods of an async dialect that send a statement."""
        recorder, said, site = self._recorder, self._recorder.said, self._site

        @functools.wraps(original)
        def send(dialect: Any, cursor: Any, *args: Any, **kwargs: Any) -> Any:
            if not recorder.listening or not is_heard(dialect):
                return original(dialect, cursor, *args, **kwargs)
            number = 0
            try:
                context = _context(args, kwargs)
                asks = self._batch(context) if is_batch(context) else Annotation(site())
                number = id(_driver_cursor(cursor))
                said[number] = asks
            except Exception as error:  # noqa: BLE001 -- a bug of ours never reaches the statement
                recorder.fail(NAME, error)
            try:
                return original(dialect, cursor, *args, **kwargs)
            except BaseException as error:
                leave_no_trace(error)
                raise
            finally:
                said.pop(number, None)

        return send

    def wrap_batches(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """What gives an insert's batches one by one: each is sent while it stands still."""

        @functools.wraps(original)
        def batches(dialect: Any, *args: Any, **kwargs: Any) -> Any:
            found = original(dialect, *args, **kwargs)
            if dialect.is_async or not is_heard(dialect):
                return found  # heard where they are sent
            return self._annotated(found, _context(args, kwargs))

        return batches

    def _annotated(self, batches: Iterator[Any], context: Any) -> Iterator[Any]:
        cursor = getattr(context, "cursor", None)
        said = self._recorder.said
        try:
            for batch in batches:
                if self._recorder.listening:
                    try:
                        said[id(cursor)] = self._batch(context)
                    except Exception as error:  # noqa: BLE001 -- likewise
                        self._recorder.fail(NAME, error)
                yield batch
        except BaseException as error:
            leave_no_trace(error)
            raise
        finally:
            said.pop(id(cursor), None)

    def _batch(self, context: Any) -> Annotation:
        """Who asks for an insert of many rows, which is one however it is sent."""
        before = self._batches.get(context)
        if before is None:
            self._batches[context] = before = self._site()
            return Annotation(before, many=True)
        return Annotation(before, many=True, repeated=True)

    def _site(self) -> Site:
        """Who asks, outward of the caller."""
        inner, outer = self._ways.out(0), tuple(suspended())
        origins = self._recorder.origins
        start = origins.innermost(outer) if inner is None else (inner, *outer)
        return origins.find_from(start, (sys._getframe(), *outer))  # noqa: SLF001 -- what inspect wraps


def _context(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The execution context, which these methods take last."""
    return kwargs["context"] if "context" in kwargs else args[-1] if args else None


def _driver_cursor(cursor: Any) -> Any:
    """The driver's own cursor inside of SQLAlchemy's async adapter.

    asyncpg has none until it is read from: there the connection stands for what it does next,
    the real one where a pool of asyncpg's own gave it out.
    """
    connection = getattr(cursor, "_connection", None)
    if type(connection).__module__.startswith("asyncpg"):
        return getattr(connection, "_con", connection)
    return getattr(cursor, "_cursor", cursor)


def suspended() -> Iterator[FrameType | None]:
    """The stacks that this one's greenlet is called from: where its parents wait, outward."""
    greenlet = sys.modules.get("greenlet")
    waiting = greenlet.getcurrent().parent if greenlet is not None else None
    while waiting is not None:
        yield waiting.gr_frame
        waiting = waiting.parent
