"""What is remembered of a connection: the kinds of session its statements are sent in."""

from __future__ import annotations

import re
import weakref
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from pytest_planguard.capture.connection import APPLICATION_NAME, ConnectionParameters
from pytest_planguard.capture.recorder import Recorder
from pytest_planguard.model.statement import Session

_DEFAULT_SEARCH_PATH = '"$user", public'
_SEARCH_PATH_OPTION = re.compile(r"(?:-c\s*|--)search_path=((?:\\.|\S)+)")
_ROLE_OPTION = re.compile(r"(?:-c\s*|--)role=((?:\\.|\S)+)")
_SET_PATH = re.compile(
    rb"\s*set\s+(?:session\s+|local\s+)?search_path\s*(?:to|=)\s*(.+?)[\s;]*$",
    re.IGNORECASE | re.DOTALL,
)
_RESET_PATH = re.compile(rb"\s*(?:reset\s+(?:search_path|all)|discard\s+all)\b", re.IGNORECASE)
_FOLLOWED = frozenset((b"s", b"S", b"r", b"R", b"d", b"D"))
"""What SET, RESET and DISCARD begin with."""


class Known:
    """A connection's sessions by the state that makes them differ.

    Args:
        parameters: How the database is reached.
        reports_path: The server tells when its search_path changes: PostgreSQL 18 and later do
            (its release notes, E.1.3.3).
        path: The search_path it was opened with, where the parameters' options don't say.
        role: Likewise the role.
    """

    __slots__ = ("opened_path", "parameters", "path", "reports_path", "role", "sessions")

    def __init__(
        self,
        parameters: ConnectionParameters,
        *,
        reports_path: bool,
        path: str | None = None,
        role: str | None = None,
    ) -> None:
        options = parameters.values.get("options", "")
        self.parameters = parameters
        self.opened_path = _option(_SEARCH_PATH_OPTION, options) or path
        self.path = self.opened_path
        self.role = _option(_ROLE_OPTION, options) or role
        self.reports_path = reports_path
        self.sessions: dict[object, Session] = {}
        """By whatever of the driver's makes a difference."""

    def session(
        self,
        recorder: Recorder,
        driver: str,
        state: object,
        path: bytes | str | None,
        *,
        prepares: bool = False,
    ) -> Session:
        """The value for a state that was not met before, remembered by that state."""
        session = self.sessions[state] = recorder.session(
            driver,
            self.parameters,
            search_path=reported_path(path) if isinstance(path, bytes) else path,
            role=self.role,
            prepares=prepares,
        )
        return session

    def follow(self, text: bytes) -> str | None:
        """The search_path a text is sent with, where the server doesn't report it.

        What SET says holds until the next one.
        """
        if text[:16].lstrip()[:1] in _FOLLOWED:
            if found := _SET_PATH.match(text):
                path = found.group(1).decode(errors="replace")
                self.path = self.opened_path if path.lower() == "default" else path
            elif _RESET_PATH.match(text):
                self.path = self.opened_path
        return self.path


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


def _option(pattern: re.Pattern[str], options: str) -> str | None:
    found = pattern.search(options)
    return re.sub(r"\\(.)", r"\1", found.group(1)) if found else None
