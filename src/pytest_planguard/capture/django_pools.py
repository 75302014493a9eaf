"""Django's connections: those its settings make, and what they are left in."""

from __future__ import annotations

import ast
import sys
import weakref
from pathlib import Path
from typing import Any

from pytest_planguard.capture.holdings import Holdings
from pytest_planguard.capture.origin import OriginFinder
from pytest_planguard.capture.psycopg_pools import described
from pytest_planguard.model.connections import Maker, Per, Pool
from pytest_planguard.model.statement import Layer, Origin

_NAME = "DATABASES"


class Settings:
    """Whose line Django's connections belong to.

    Args:
        origins: Knows the project's files.
    """

    def __init__(self, origins: OriginFinder) -> None:
        self._origins = origins
        self._lines: dict[str, Origin | None] = {}
        """By file: read once."""

    def connected(self, holdings: Holdings, wrapper: Any, database: str) -> None:
        """Django has connected.

        Args:
            holdings: Where it goes.
            wrapper: Django's connection.
            database: As statements have it.
        """
        origin = self._line()
        watch = holdings.watch(wrapper.connection)
        if origin is None or watch is None:
            return
        watch.belongs(origin, Maker.DJANGO)
        living = weakref.ref(wrapper)

        def is_shared() -> bool:
            found = living()
            return found is None or bool(found.in_atomic_block)

        watch.is_shared = is_shared
        lender = getattr(wrapper, "_connection_pools", {}).get(wrapper.alias)
        if lender is not None:
            holdings.add_pool(described(lender, Maker.DJANGO, origin), lender)
        else:
            holdings.add_pool(
                Pool(
                    origin, database, Maker.DJANGO, "DatabaseWrapper", 1,
                    "one for each thread", Per.THREAD,
                )
            )  # fmt: skip

    def _line(self) -> Origin | None:
        """Where the settings have their databases; None: in no file of the project."""
        from django.conf import settings

        module = sys.modules.get(getattr(settings, "SETTINGS_MODULE", None) or "")
        file = getattr(module, "__file__", None)
        if file is None:
            return None
        if file not in self._lines:
            self._lines[file] = self._found(file)
        return self._lines[file]

    def _found(self, file: str) -> Origin | None:
        name = self._origins.application_file(file)
        if name is None:
            return None
        try:
            text = Path(file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            text = ""
        return Origin(name, _assigned(text), _NAME, Layer.APPLICATION)


def _assigned(text: str) -> int:
    r"""The first line on which a module's databases are written down, else its first one.

    >>> _assigned("import os\nDATABASES: dict = {}\n"), _assigned("if 1:\n    DATABASES = {}\n")
    (2, 2)
    """
    try:
        found = ast.walk(ast.parse(text))
    except (SyntaxError, ValueError):
        return 1
    lines = (
        one.lineno
        for one in found
        if isinstance(one, ast.Assign | ast.AnnAssign)
        for target in (one.targets if isinstance(one, ast.Assign) else [one.target])
        if isinstance(target, ast.Name) and target.id == _NAME
    )
    return min(lines, default=1)
