"""Django keeps the driver it would have without planguard.

Django takes psycopg whenever it can be imported (``django.db.backends.postgresql.base``), and
planguard brings psycopg to plan with. In a project on psycopg2 it is hidden from the two modules
that choose, while they are executed, and from nobody else.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from pytest_planguard.capture.imports import around_import
from pytest_planguard.capture.requirements import only_planguard_wants_psycopg

HIDDEN = (
    "both psycopg and psycopg2 are installed, and nothing but pytest-planguard asks for psycopg: "
    "it was hidden from Django, which stays on psycopg2 (name psycopg among the project's "
    "requirements to test with it)"
)

_CHOOSERS = ("django.db.backends.postgresql.base", "django.db.backends.postgresql.psycopg_any")
"""The second one exists since Django 4.2."""

_ABSENT: Any = object()


class DjangoDriver:
    """Hides psycopg from the modules of Django that choose, where only planguard wants it.

    Args:
        root: The project's folder.
    """

    def __init__(self, root: Path) -> None:
        self.notes: tuple[str, ...] = ()
        """What the report has to say."""
        self._root = root
        self._is_ours: bool | None = None
        self._depth = 0
        self._hidden: Any = _ABSENT
        self._cancel = [around_import(name, self._hide, self._show) for name in _CHOOSERS]

    def close(self) -> None:
        """Leaves the import system."""
        while self._cancel:
            self._cancel.pop()()

    def _hide(self) -> None:
        """One of them is executed: ``import psycopg`` fails in it."""
        if self._is_ours is None:
            self._is_ours = self._decided()
        self._depth += 1
        if self._is_ours and self._depth == 1:
            self._hidden = sys.modules.get("psycopg", _ABSENT)
            sys.modules["psycopg"] = None  # type: ignore[assignment]  # how an import is halted
            self.notes = (HIDDEN,)

    def _show(self) -> None:
        """It was executed, or failed."""
        self._depth -= 1
        if self._is_ours and self._depth == 0:
            if self._hidden is _ABSENT:
                sys.modules.pop("psycopg", None)
            else:
                sys.modules["psycopg"] = self._hidden

    def _decided(self) -> bool:
        try:
            return only_planguard_wants_psycopg(self._root)
        except Exception as error:  # noqa: BLE001 -- runs inside the application's own import
            self.notes = (f"which driver Django would have had could not be told: {error}",)
            return False
