"""The settings of one connection as its statements change them, and as transactions undo that.

What ``SET`` says holds on when its transaction is committed and is undone when it is rolled back;
what ``SET LOCAL`` says ends with the transaction (PostgreSQL's ``guc.c``, ``AtEOXact_GUC``).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from pytest_planguard.capture.following import (
    REMEMBERED,
    Effect,
    arguments,
    effects_of,
    isolation_of,
    limits,
    matters,
)
from pytest_planguard.capture.holdings import Watch

IDLE, INSIDE, FAILED = 0, 2, 3
"""libpq's ``PQTRANS_IDLE``, ``PQTRANS_INTRANS`` and ``PQTRANS_INERROR``."""


class State:
    """What of a session plans may depend on; equal ones are nearly always one object."""

    __slots__ = ("isolation", "path", "role", "settings")

    def __init__(
        self,
        path: str | None,
        role: str | None,
        isolation: str | None,
        settings: tuple[tuple[str, str], ...],
    ) -> None:
        self.path = path
        self.role = role
        self.isolation = isolation
        self.settings = settings

    def but(self, name: str, value: str | None, opened: State) -> State:
        """Another one; None as value: as the connection was opened."""
        path, role, isolation = self.path, self.role, self.isolation
        settings = dict(self.settings)
        if name == "search_path":
            path = opened.path if value is None else value
        elif name == "role":
            role = opened.role if value is None else value
        elif name == "isolation":
            isolation = opened.isolation if value is None else isolation_of(value)
        elif not matters(name):
            return self
        elif value is not None:
            settings[name] = value
        elif name in dict(opened.settings):
            settings[name] = dict(opened.settings)[name]
        else:
            settings.pop(name, None)
        return interned(path, role, isolation, tuple(sorted(settings.items())))


@functools.lru_cache(maxsize=2_000)
def interned(
    path: str | None,
    role: str | None,
    isolation: str | None,
    settings: tuple[tuple[str, str], ...],
) -> State:
    """The state with these settings."""
    return State(path, role, isolation, settings)


class _Point(NamedTuple):
    """A savepoint: its name, and the settings at that time."""

    name: str
    session: State
    state: State


class Follower:
    """Follows one connection.

    Args:
        opened: What it was opened with.
        status: Its transaction's, as libpq numbers it; None: only what was heard is known.
    """

    __slots__ = ("_begun", "_inside", "_opened", "_points", "_session", "_status", "state", "watch")

    def __init__(self, opened: State, status: Callable[[], int] | None = None) -> None:
        self._opened = opened
        self._status = status
        self._session = opened
        """Without what is local to the transaction."""
        self._begun: State | None = None
        """What a rollback returns to; None before anything was changed."""
        self._inside = False
        self._points: list[_Point] = []
        self.state = opened
        self.watch: Watch | None = None
        """Who is told when transactions begin and end; None: nobody."""

    def follow(self, text: bytes, params: Sequence[Any] | None = None) -> State:
        """The state a text is sent in, or, where it changes that, leaves behind."""
        effects = effects_of(text) if len(text) <= REMEMBERED else effects_of.__wrapped__(text)
        if effects:
            for effect in effects:
                self._apply(effect, params)
        return self.state

    def _apply(self, effect: Effect, params: Sequence[Any] | None) -> None:
        match effect.verb:
            case "begin":
                self.begin()
            case "commit":
                self.commit()
            case "rollback":
                self.end(undo=True)
            case "savepoint":
                self._points.append(_Point(effect.name, self._session, self.state))
            case "release" | "return":
                self._leave(effect.name, undo=effect.verb == "return")
            case "config":
                found = arguments(effect, params)
                if found is not None:
                    self._set(found[0], found[1], local=found[2])
            case "reset" if effect.name == "all":
                self._keep()
                self._session = self.state = interned(
                    self._opened.path, self._opened.role, self.state.isolation,
                    self._opened.settings,
                )  # fmt: skip
            case "reset":
                self._set(effect.name, None, local=False)
            case _:
                self._set(effect.name, effect.value or None, local=effect.verb == "local")

    def begin(self) -> None:
        """A transaction begins."""
        self._inside = True
        watch = self.watch
        if watch is not None and (watch.loan is None or watch.is_shared is not None):
            watch.begin()

    def commit(self) -> None:
        """The transaction is over, and undone where it had failed."""
        # Without anything to undo nobody need ask
        status = None if self._begun is None else self._status
        self.end(undo=status is not None and status() == FAILED)

    def end(self, *, undo: bool) -> None:
        """The transaction is over."""
        if undo and self._begun is not None:
            self._session = self._begun
        self.state = self._session
        self._begun = None
        self._inside = False
        self._points.clear()
        if self.watch is not None and self.watch.begun is not None:
            self.watch.end()

    def _leave(self, name: str, *, undo: bool) -> None:
        found = [n for n, point in enumerate(self._points) if point.name == name]
        if not found:
            return
        if undo:
            _, self._session, self.state = self._points[found[-1]]
        del self._points[found[-1] + undo :]

    def _set(self, name: str, value: str | None, *, local: bool) -> None:
        if local and not self._is_inside():
            return  # PostgreSQL warns, and nothing happens
        if self.watch is not None and value is not None and limits(name, value):
            self.watch.limit(name)
        self._keep()
        self.state = self.state.but(name, value, self._opened)
        if not local:
            self._session = self._session.but(name, value, self._opened)

    def _keep(self) -> None:
        if self._begun is None and self._is_inside():
            self._begun = self._session

    def _is_inside(self) -> bool:
        return self._inside or (self._status is not None and self._status() != IDLE)
