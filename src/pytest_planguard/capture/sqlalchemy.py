"""SQLAlchemy only annotates: it knows the line an async engine's greenlet hides from the driver.

An async engine runs ORM code in a child greenlet and awaits the driver in the parent, so the
application's frames of the child are not on the driver's stack.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from pytest_planguard.capture.imports import can_import, when_imported
from pytest_planguard.capture.recorder import Recorder

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
    """Leaves the origin on the driver's cursor, so that no other statement can take it."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._listening = False

    def listen(self) -> None:
        try:
            from sqlalchemy import event
            from sqlalchemy.engine import Engine

            event.listen(Engine, "before_cursor_execute", self.before)
            event.listen(Engine, "after_cursor_execute", self.after)
            self._listening = True
        except Exception as error:  # noqa: BLE001 -- runs inside the application's own import
            self._recorder.note(f"SQLAlchemy could not be listened to: {error}")

    def stop(self) -> None:
        if not self._listening:
            return
        from sqlalchemy import event
        from sqlalchemy.engine import Engine

        event.remove(Engine, "before_cursor_execute", self.before)
        event.remove(Engine, "after_cursor_execute", self.after)
        self._listening = False

    def before(self, connection: Any, cursor: Any, *_: Any) -> None:
        if not self._recorder.listening or not connection.dialect.is_async:
            return  # a sync engine's driver sees the whole stack itself
        try:
            site = self._recorder.origins.find(_stacks())
            self._recorder.annotate(_driver_cursor(cursor), site)
        except Exception as error:  # noqa: BLE001 -- a bug of ours never reaches the statement
            self._recorder.fail("sqlalchemy", error)

    def after(self, connection: Any, cursor: Any, *_: Any) -> None:
        if not connection.dialect.is_async:
            return
        try:
            self._recorder.annotate(_driver_cursor(cursor), None)
        except Exception as error:  # noqa: BLE001 -- a bug of ours never reaches the statement
            self._recorder.fail("sqlalchemy", error)


def _driver_cursor(cursor: Any) -> Any:
    """The driver's own cursor inside of SQLAlchemy's async adapter.

    asyncpg has none until it is read from: there the connection stands for what it does next.
    """
    connection = getattr(cursor, "_connection", None)
    if type(connection).__module__.startswith("asyncpg"):
        return connection
    return getattr(cursor, "_cursor", cursor)


def _stacks() -> Iterator[FrameType | None]:
    """This stack, then the ones its greenlet's parents wait at."""
    yield sys._getframe(1)  # noqa: SLF001 -- what inspect wraps
    greenlet = sys.modules.get("greenlet")
    if greenlet is None:
        return
    waiting = greenlet.getcurrent().parent
    while waiting is not None:
        yield waiting.gr_frame
        waiting = waiting.parent
