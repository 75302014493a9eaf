"""What is remembered of a connection: the kinds of session its statements are sent in."""

from __future__ import annotations

import itertools
import re
import weakref
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from pytest_planguard.capture.connection import APPLICATION_NAME, ConnectionParameters
from pytest_planguard.capture.following import isolation_of, limits, matters
from pytest_planguard.capture.holdings import Holdings
from pytest_planguard.capture.recorder import Recorder
from pytest_planguard.capture.state import Follower, State, interned
from pytest_planguard.model.connections import Maker
from pytest_planguard.model.statement import Session

_DEFAULT_SEARCH_PATH = '"$user", public'
_MOST_SESSIONS = 1_000
"""Remembered of a connection; settings may carry ever new values."""
_OPTION = re.compile(r"(?:-c\s*|--)([\w.]+)=((?:\\.|\S)*)")
"""A setting among libpq's ``options``."""
_NUMBERS = itertools.count(1)
"""Identities are given again; these are not."""

NOTHING_SENT = None, None, None, None
"""In place of what was sent before."""


class Known:
    """A connection's sessions by the state that makes them differ.

    Args:
        parameters: How the database is reached.
        reports_path: The server tells when its search_path changes: PostgreSQL 18 and later do
            (its release notes, E.1.3.3).
        asked: Settings it was opened with, beside those among the parameters' options.
        status: Its transaction's, as libpq numbers it.
    """

    __slots__ = (
        "follower", "last", "number", "parameters", "reports_path", "sessions", "status",
        "timeouts", "unsure",
    )  # fmt: skip

    def __init__(
        self,
        parameters: ConnectionParameters,
        *,
        reports_path: bool,
        asked: Mapping[str, str] = MappingProxyType({}),
        status: Callable[[], int] | None = None,
    ) -> None:
        self.number = next(_NUMBERS)
        """Stands for the connection where it must not be held."""
        self.parameters = parameters
        self.reports_path = reports_path
        self.unsure = reports_path
        """Whether the reported search_path may be another one than that of the statement before:
        to ask for it costs more than to look here, which the way of known statements does."""
        given = {**options_of(parameters.values.get("options", "")), **asked}
        self.follower = Follower(opened_with(given), status)
        self.status = status
        self.timeouts = tuple(sorted(name for name, value in given.items() if limits(name, value)))
        """Of ``connections.TIMEOUTS``: those it was opened with."""
        self.last: tuple[Any, State | None, Any, Any] = NOTHING_SENT
        """The search_path, state, what else made a difference to the driver, and the session of
        the statement before: comparing costs less than looking up."""
        self.sessions: dict[object, Session] = {}
        """By whatever of the driver's makes a difference."""

    def session(
        self,
        recorder: Recorder,
        driver: str,
        key: object,
        state: State,
        path: bytes | str | None,
        *,
        prepares: bool = False,
        isolation: str | None = None,
    ) -> Session:
        """The value for a state that was not met before, remembered by a key.

        Args:
            recorder: Who interns it.
            driver: Its name.
            key: All that makes a difference to the driver.
            state: What was followed.
            path: The search_path: as the server reports it (bytes), or as it was heard.
            prepares: See ``model.Session``.
            isolation: Where the driver knows it and the statements don't say it.
        """
        if len(self.sessions) >= _MOST_SESSIONS:
            self.sessions.clear()
        session = self.sessions[key] = recorder.session(
            driver,
            self.parameters,
            search_path=reported_path(path) if isinstance(path, bytes) else path,
            role=state.role,
            isolation=state.isolation or isolation,
            settings=state.settings,
            prepares=prepares,
        )
        return session


def options_of(options: str) -> dict[str, str]:
    r"""The settings among libpq's ``options``.

    >>> options_of(r"-c search_path=a,\ b --work_mem=1GB -crole=bob")
    {'search_path': 'a, b', 'work_mem': '1GB', 'role': 'bob'}
    """
    return {
        name.lower(): re.sub(r"\\(.)", r"\1", value) for name, value in _OPTION.findall(options)
    }


def opened_with(asked: Mapping[str, str]) -> State:
    """The state of a connection that was opened with settings."""
    settings = tuple(sorted((name, value) for name, value in asked.items() if matters(name)))
    level = asked.get("default_transaction_isolation", "")
    return interned(asked.get("search_path"), asked.get("role"), isolation_of(level), settings)


K = TypeVar("K", bound=Known)


class Connections(Generic[K]):
    """What is known of each living connection of a driver.

    Args:
        meet: What can be learnt of a connection without asking its server; None for one of
            planguard's own.
    """

    def __init__(self, meet: Callable[[Any], K | None]) -> None:
        self._meet = meet
        # By identity: a class of the application may define equality as it likes.
        self._known: dict[int, tuple[weakref.ref[Any], K | None]] = {}
        self.find = self._known.get
        """The entry of a connection's identity: its second item is what ``of`` gives. A dead
        connection's is gone before another object can have its identity."""

    def of(self, connection: Any) -> K | None:
        """What is known of a connection; None for one of planguard's own."""
        entry = self._known.get(id(connection))
        if entry is not None and entry[0]() is connection:
            return entry[1]
        return self.add(connection, self._meet(connection))

    def meet(self, connection: Any, holdings: Holdings, maker: Maker) -> K | None:
        """What is known of a connection that was made just now, which is watched from now on."""
        known = self.of(connection)
        if known is not None and known.status is not None:
            known.follower.watch = holdings.made(
                connection, known.parameters.database, maker, known.status, known.timeouts
            )
        return known

    def add(self, connection: Any, known: K | None) -> K | None:
        """Remembers what is known of a connection as long as it lives."""
        number, entries = id(connection), self._known

        def forget(reference: weakref.ref[Any]) -> None:
            found = entries.get(number)
            if found is not None and found[0] is reference:
                del entries[number]

        entries[number] = (weakref.ref(connection, forget), known)
        return known


def is_own(application_name: bytes | str) -> bool:
    """Whether a connection's name says that it is planguard's."""
    if isinstance(application_name, bytes):
        application_name = application_name.decode(errors="replace")
    return application_name.startswith(APPLICATION_NAME)


def reported_path(reported: bytes | str) -> str | None:
    """A search_path as the server reports it; None for PostgreSQL's default."""
    path = reported.decode(errors="replace") if isinstance(reported, bytes) else reported
    return None if path == _DEFAULT_SEARCH_PATH else path
