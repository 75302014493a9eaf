"""SQLAlchemy annotates what the drivers hear, and is heard itself over a driver we don't know.

An async engine runs the application's code in a child greenlet and awaits the driver in the
parent, so the frames of the child are not on the driver's stack: their line is left on the
driver's cursor. An insert of many rows is sent in batches, one ``execute`` each: it is one call.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any

from pytest_planguard.capture.identity import ByIdentity
from pytest_planguard.capture.imports import can_import, when_imported
from pytest_planguard.capture.recorder import Recorder
from pytest_planguard.capture.sqlalchemy_level import Level

if TYPE_CHECKING:
    from pytest_planguard.capture.holdings import Watch
    from pytest_planguard.capture.origin import Site

NAME = "sqlalchemy"


def is_available() -> bool:
    """Whether the application could use SQLAlchemy; it is not imported to find out."""
    return can_import("sqlalchemy")


def install(recorder: Recorder) -> Callable[[], None]:
    """Listens to all engines as soon as SQLAlchemy is imported.

    Returns:
        A function that takes the listeners off again.
    """
    annotator = _Annotator(recorder)
    cancel = when_imported("sqlalchemy", annotator.listen)

    def uninstall() -> None:
        cancel()
        annotator.stop()

    return uninstall


class _Annotator:
    """Leaves what it knows on the driver's cursor, so that no other statement can take it."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._level = Level(recorder)
        self._batches: ByIdentity[Site] = ByIdentity()
        """By execution context: where an insert of many rows came from."""
        self._listeners: dict[str, Callable[..., Any]] = {
            "before_cursor_execute": self.before,
            "after_cursor_execute": self.after,
            "handle_error": self.failed,
            "begin": self.begin,
            "commit": lambda connection: self.end(connection, b"COMMIT"),
            "rollback": lambda connection: self.end(connection, b"ROLLBACK"),
        }
        self._listening = False
        self._had_events = True

    def listen(self) -> None:
        try:
            from sqlalchemy import event
            from sqlalchemy.engine import Engine

            self._had_events = getattr(Engine, "_has_events", True)
            for name, listener in self._listeners.items():
                event.listen(Engine, name, listener)
            self._listening = True
        except Exception as error:  # noqa: BLE001 -- runs inside the application's own import
            self._recorder.note(f"SQLAlchemy could not be listened to: {error}")

    def stop(self) -> None:
        if not self._listening:
            return
        from sqlalchemy import event
        from sqlalchemy.engine import Engine

        for name, listener in self._listeners.items():
            event.remove(Engine, name, listener)
        self._listening = False
        # The library sets it with the first listener and leaves it when the last one goes.
        if not self._had_events and not _is_heard(Engine):
            Engine._has_events = False  # noqa: SLF001 -- as it was

    def before(
        self,
        connection: Any,
        cursor: Any,
        statement: str,
        parameters: Any,
        context: Any,
        executemany: bool,
    ) -> None:
        if not self._recorder.following:
            return
        try:
            if not _is_postgresql(connection):
                return
            if not self._recorder.listening:
                if self._level.hears(connection):
                    self._level.follow(connection, statement, parameters)
                return
            batched = _is_batch(context)
            if self._level.hears(connection):
                repeated = self._batches.get(context) if batched else None
                site = self._level.record(
                    connection, statement, parameters,
                    many=executemany or batched, before=repeated,
                )  # fmt: skip
                if batched and site is not None:
                    self._batches[context] = site
            elif batched or connection.dialect.is_async:
                # Of a sync engine the driver sees the whole stack itself.
                self._annotate(cursor, context, batched=batched)
        except Exception as error:  # noqa: BLE001 -- a bug of ours never reaches the statement
            self._recorder.fail(NAME, error)

    def _annotate(self, cursor: Any, context: Any, *, batched: bool) -> None:
        before = self._batches.get(context) if batched else None
        site = before or self._recorder.origins.find_near(*stacks())
        if batched:
            self._batches[context] = site
        self._recorder.annotate(
            _driver_cursor(cursor), site, many=batched, repeated=before is not None
        )

    def after(self, connection: Any, cursor: Any, *rest: Any) -> None:
        try:
            if _is_postgresql(connection) and (connection.dialect.is_async or _is_batch(rest[2])):
                self._recorder.annotate(_driver_cursor(cursor), None)
        except Exception as error:  # noqa: BLE001 -- a bug of ours never reaches the statement
            self._recorder.fail(NAME, error)

    def begin(self, connection: Any) -> None:
        """A transaction begins; the drivers hear that themselves, with the first statement."""
        try:
            if not self._recorder.following or not _is_postgresql(connection):
                return
            if self._level.hears(connection):
                self._level.said(connection, b"BEGIN")
            elif (watch := self._watch(connection)) is not None:
                watch.end()  # of what a listener sent when the connection was made
                watch.begin(stacks() if connection.dialect.is_async else None)
        except Exception as error:  # noqa: BLE001 -- a bug of ours never reaches the statement
            self._recorder.fail(NAME, error)

    def end(self, connection: Any, text: bytes) -> None:
        """A transaction ends; where nothing was sent in it, the driver knows of none."""
        try:
            if not self._recorder.following or not _is_postgresql(connection):
                return
            if self._level.hears(connection):
                self._level.said(connection, text)
            elif (watch := self._watch(connection)) is not None:
                watch.end()
        except Exception as error:  # noqa: BLE001 -- a bug of ours never reaches the statement
            self._recorder.fail(NAME, error)

    def _watch(self, connection: Any) -> Watch | None:
        """What the driver's connection is used for."""
        raw = connection.connection.driver_connection
        return self._recorder.holdings.watch(raw) if raw is not None else None

    def failed(self, happened: Any) -> None:
        """A statement failed: nothing comes after it."""
        try:
            cursor = getattr(happened.execution_context, "cursor", None)
            if cursor is not None:
                self._recorder.annotate(_driver_cursor(cursor), None)
        except Exception as error:  # noqa: BLE001 -- a bug of ours never reaches the statement
            self._recorder.fail(NAME, error)


def _is_heard(engine: Any) -> bool:
    """Whether anybody listens to all engines; True where it cannot be told."""
    try:
        dispatch = engine.dispatch
        return any(
            getattr(dispatch, name)._clslevel.get(engine)  # noqa: SLF001 -- nobody else says it
            for name in dispatch._event_names  # noqa: SLF001 -- likewise
        )
    except Exception:  # noqa: BLE001 -- the library's internals: without them it stays as it is
        return True


def _is_postgresql(connection: Any) -> bool:
    """Other databases' cursors are none of ours."""
    return bool(connection.dialect.name == "postgresql")


def _is_batch(context: Any) -> bool:
    """Whether a statement holds rows of an insert that may be sent in several."""
    style = getattr(context, "execute_style", None)
    return getattr(style, "name", "") == "INSERTMANYVALUES"


def _driver_cursor(cursor: Any) -> Any:
    """The driver's own cursor inside of SQLAlchemy's async adapter.

    asyncpg has none until it is read from: there the connection stands for what it does next,
    the real one where a pool of asyncpg's own gave it out.
    """
    connection = getattr(cursor, "_connection", None)
    if type(connection).__module__.startswith("asyncpg"):
        return getattr(connection, "_con", connection)
    return getattr(cursor, "_cursor", cursor)


def stacks() -> Iterator[FrameType | None]:
    """This stack, then the ones its greenlet's parents wait at."""
    yield sys._getframe(1)  # noqa: SLF001 -- what inspect wraps
    greenlet = sys.modules.get("greenlet")
    if greenlet is None:
        return
    waiting = greenlet.getcurrent().parent
    while waiting is not None:
        yield waiting.gr_frame
        waiting = waiting.parent
