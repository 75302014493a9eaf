"""Django annotates: the aliases of its databases. Its driver stays the one it would be without us.

Django takes psycopg whenever it can be imported (``django.db.backends.postgresql.base``), and
planguard brings psycopg to plan with. In a project on psycopg2 it is hidden from the two modules
that choose, while they are imported, and from nobody else.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from pytest_planguard.capture.imports import around_import, can_import, when_imported
from pytest_planguard.capture.recorder import Recorder
from pytest_planguard.capture.requirements import only_planguard_wants_psycopg

NAME = "django"

HIDDEN = (
    "both psycopg and psycopg2 are installed, and nothing but pytest-planguard asks for psycopg: "
    "it was hidden from Django, which stays on psycopg2 (name psycopg among the project's "
    "requirements to test with it)"
)

_CHOOSERS = ("django.db.backends.postgresql.base", "django.db.backends.postgresql.psycopg_any")
"""The second one exists since Django 4.2."""

_SIGNALS = "django.db.backends.signals"


def is_available() -> bool:
    """Whether the application could use Django; it is not imported to find out."""
    return can_import("django")


def install(recorder: Recorder) -> Callable[[], None]:
    """Listens to Django's connections as soon as it has some.

    Returns:
        A function that takes the listener off again.
    """
    aliases = _Aliases(recorder)
    driver = _Driver(recorder)
    cancel = [
        when_imported(_SIGNALS, aliases.listen),
        *(around_import(name, driver.hide, driver.show) for name in _CHOOSERS),
    ]

    def uninstall() -> None:
        for end in cancel:
            end()
        aliases.stop()

    return uninstall


class _Aliases:
    """Hears which name of ``DATABASES`` a database was connected to by."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._listening = False

    def listen(self) -> None:
        try:
            from django.db.backends.signals import connection_created

            connection_created.connect(self.connected, dispatch_uid=self)
            self._listening = True
        except Exception as error:  # noqa: BLE001 -- runs inside the application's own import
            self._recorder.note(f"Django could not be listened to: {error}")

    def stop(self) -> None:
        if self._listening:
            from django.db.backends.signals import connection_created

            connection_created.disconnect(dispatch_uid=self)
            self._listening = False

    def connected(self, connection: Any, **_: Any) -> None:
        """Django has connected; its signal's own arguments."""
        try:
            if connection.vendor == "postgresql":
                name = connection.connection.info.dbname
                self._recorder.aliases.setdefault(name, set()).add(connection.alias)
        except Exception as error:  # noqa: BLE001 -- a bug of ours never reaches the application
            self._recorder.fail(NAME, error)


class _Driver:
    """Hides psycopg where the project is on psycopg2."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._is_ours: bool | None = None
        self._hidden: list[Any] = []

    def hide(self) -> None:
        """Before a module that chooses is executed: ``import psycopg`` fails in it."""
        try:
            if self._is_ours is None:
                self._is_ours = only_planguard_wants_psycopg(self._recorder.origins.root)
            if self._is_ours:
                self._hidden.append(sys.modules.get("psycopg"))
                sys.modules["psycopg"] = None  # type: ignore[assignment]  # how imports are halted
                self._recorder.note(HIDDEN)
        except Exception as error:  # noqa: BLE001 -- runs inside the application's own import
            self._recorder.note(f"Django's driver was left to itself: {error}")

    def show(self) -> None:
        """Afterwards, also when it failed."""
        if not self._hidden:
            return
        module = self._hidden.pop()
        if module is None:
            sys.modules.pop("psycopg", None)
        else:
            sys.modules["psycopg"] = module
