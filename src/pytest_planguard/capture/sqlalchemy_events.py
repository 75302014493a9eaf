"""SQLAlchemy's events, where engines use drivers that are not listened to themselves.

Listening makes every engine slower, so that it begins with the first connection of such a driver.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pytest_planguard.capture.identity import ByIdentity
from pytest_planguard.capture.recorder import Recorder
from pytest_planguard.capture.sqlalchemy_level import Level, is_batch, is_unknown

if TYPE_CHECKING:
    from pytest_planguard.capture.origin import Site

NAME = "sqlalchemy"


class Events:
    """Hears what all engines do; a bug of ours never reaches a statement.

    Args:
        recorder: Where it goes.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._level = Level(recorder)
        self._batches: ByIdentity[Site] = ByIdentity()
        """By execution context: where an insert of many rows came from."""
        self._listeners: dict[str, Callable[..., Any]] = {
            "before_cursor_execute": self.before,
            "begin": lambda connection: self.said(connection, b"BEGIN"),
            "commit": lambda connection: self.said(connection, b"COMMIT"),
            "rollback": lambda connection: self.said(connection, b"ROLLBACK"),
        }
        self.listening = False
        """Whether there was something to listen to."""
        self._had_events = True

    def listen(self) -> None:
        """Listens from now on, also to connections there are; asked again it does nothing."""
        if self.listening:
            return
        self.listening = True
        try:
            from sqlalchemy import event
            from sqlalchemy.engine import Engine

            self._had_events = getattr(Engine, "_has_events", True)
            for name, listener in self._listeners.items():
                event.listen(Engine, name, listener)
        except Exception as error:  # noqa: BLE001 -- runs where the application connects
            self._recorder.note(f"SQLAlchemy could not be listened to: {error}")

    def stop(self) -> None:
        """Takes the listeners off again; may be called twice."""
        if not self.listening:
            return
        from sqlalchemy import event
        from sqlalchemy.engine import Engine

        for name, listener in self._listeners.items():
            if event.contains(Engine, name, listener):
                event.remove(Engine, name, listener)
        self.listening = False
        # The library sets it with the first listener and leaves it when the last one goes.
        if not self._had_events and not _is_heard(Engine):
            Engine._has_events = False  # noqa: SLF001 -- as it was

    def before(
        self,
        connection: Any,
        cursor: Any,  # noqa: ARG002 -- SQLAlchemy's signature
        statement: str,
        parameters: Any,
        context: Any,
        executemany: bool,
    ) -> None:
        """A statement is about to be sent."""
        if not self._recorder.following:
            return
        try:
            if not is_unknown(connection.dialect):
                return
            if not self._recorder.listening:
                self._level.follow(connection, statement, parameters)
                return
            batched = is_batch(context)
            repeated = self._batches.get(context) if batched else None
            site = self._level.record(
                connection, statement, parameters, many=executemany or batched, before=repeated
            )
            if batched and site is not None:
                self._batches[context] = site
        except Exception as error:  # noqa: BLE001 -- a bug of ours never reaches the statement
            self._recorder.fail(NAME, error)

    def said(self, connection: Any, text: bytes) -> None:
        """A transaction begins or ends; nothing else says so."""
        try:
            if self._recorder.following and is_unknown(connection.dialect):
                self._level.said(connection, text)
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
