"""Django annotates: which name of ``DATABASES`` stands for a database; its drivers are heard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytest_planguard.capture.imports import can_import, when_imported
from pytest_planguard.capture.recorder import Recorder

NAME = "django"

_SIGNALS = "django.db.backends.signals"

_NO_DATABASE = "__no_db__"
"""What Django calls the connection it makes databases with (``NO_DB_ALIAS``)."""


def is_available() -> bool:
    """Whether the application could use Django; it is not imported to find out."""
    return can_import("django")


def install(recorder: Recorder) -> Callable[[], None]:
    """Listens to Django's connections as soon as it has some.

    Returns:
        A function that takes the listener off again.
    """
    aliases = _Aliases(recorder)
    cancel = when_imported(_SIGNALS, aliases.listen)

    def uninstall() -> None:
        cancel()
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
            if connection.vendor == "postgresql" and connection.alias != _NO_DATABASE:
                name = connection.connection.info.dbname
                self._recorder.aliases.setdefault(name, set()).add(connection.alias)
        except Exception as error:  # noqa: BLE001 -- a bug of ours never reaches the application
            self._recorder.fail(NAME, error)
