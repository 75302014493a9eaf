"""Django annotates: which name of ``DATABASES`` stands for a database; its drivers are heard."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

from pytest_planguard.capture.connection import ConnectionParameters
from pytest_planguard.capture.django_pools import Settings
from pytest_planguard.capture.imports import can_import, when_imported
from pytest_planguard.capture.origin import Handed, begin_handing, end_handing
from pytest_planguard.capture.patches import Patches
from pytest_planguard.capture.recorder import Recorder
from pytest_planguard.model.capture import DjangoModel

NAME = "django"

_SIGNALS = "django.db.backends.signals"

_THREADS = "asgiref.sync"

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
    aliases, patches = _Aliases(recorder), Patches()
    cancel = [
        when_imported(_SIGNALS, aliases.listen),
        when_imported(_THREADS, lambda: _follow_into_threads(recorder, patches)),
    ]

    def uninstall() -> None:
        for end in cancel:
            end()
        aliases.stop()
        patches.restore()

    return uninstall


def _follow_into_threads(recorder: Recorder, patches: Patches) -> None:
    """Django's asynchronous methods ask in a thread, where their caller's line is not to be seen.

    What hands over is ``asgiref.sync.SyncToAsync.__call__``, with a copy of the context.
    """

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        from asgiref.sync import markcoroutinefunction

        @functools.wraps(original)
        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            if recorder.listening:
                try:
                    handed = recorder.origins.hand_over(sys._getframe(1))  # noqa: SLF001 -- inspect
                except Exception as error:  # noqa: BLE001 -- never reaches the application
                    recorder.fail(NAME, error)
                else:
                    return awaited(handed, self, *args, **kwargs)
            return original(self, *args, **kwargs)

        @functools.wraps(original)
        async def awaited(handed: Handed, self: Any, *args: Any, **kwargs: Any) -> Any:
            # The context is copied while the original is awaited, not when it is called.
            token = begin_handing(handed)
            try:
                return await original(self, *args, **kwargs)
            except BaseException as error:
                if error.__traceback__ is not None:
                    error.__traceback__ = error.__traceback__.tb_next  # the application's only
                raise
            finally:
                end_handing(token)

        marked: Callable[..., Any] = markcoroutinefunction(call)
        return marked

    try:
        from asgiref.sync import SyncToAsync

        patches.replace(SyncToAsync, "__call__", wrap)
    except Exception as error:  # noqa: BLE001 -- runs inside the application's own import
        recorder.note(f"lines of Django's asynchronous queries are not known: {error}")


class _Aliases:
    """Hears which name of ``DATABASES`` a database was connected to by."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._settings = Settings(recorder.origins)
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
                info = connection.connection.info
                values = getattr(info, "dsn_parameters", None) or info.get_parameters()
                known = ConnectionParameters({**values, "dbname": info.dbname})
                self._recorder.aliases.setdefault(known.database, set()).add(connection.alias)
                self._settings.connected(self._recorder.holdings, connection, known.database)
        except Exception as error:  # noqa: BLE001 -- a bug of ours never reaches the application
            self._recorder.fail(NAME, error)


def models() -> dict[str, DjangoModel]:
    """Models by schema-qualified table, where Django is set up in this process."""
    registry = sys.modules.get("django.apps")
    apps = getattr(registry, "apps", None)
    if apps is None or not apps.ready:
        return {}
    found = {}
    for model in apps.get_models():
        meta = model._meta  # noqa: SLF001 - Django documents it as public ("Model _meta API")
        schema, _, name = meta.db_table.replace('"', "").rpartition(".")
        fields = {field.column: field.name for field in meta.local_concrete_fields}
        known = DjangoModel(meta.app_label, meta.model_name, fields)
        found[f"{schema or 'public'}.{name}"] = known
    return found
