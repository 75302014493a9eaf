"""Whose code a source file is: the application's, the suite's, a library's or nobody's."""

from __future__ import annotations

import dataclasses
import enum
import os
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path, PurePath

from pytest_planguard.model.statement import Via

_PACKAGES = frozenset(("site-packages", "dist-packages"))
_TEST_FOLDERS = frozenset(("tests", "test", "testing"))
_MIGRATORS = (
    "alembic.",
    "flask_migrate.",
    "django.db.migrations.",
    "django.core.management.commands.migrate",
)
"""How the names of modules that run migrations begin."""
_DISPATCHERS = {
    "django.core.handlers.base": frozenset(("_get_response", "_get_response_async")),
    "flask.app": frozenset(("dispatch_request",)),
}
"""Functions that hand a request to its view, by module. Inside of one, a query without a line of
the project is the library's view's (Django's admin), whatever middleware stands outside."""
_INTERFACES = {
    "sqlalchemy.orm": Via.ORM,
    "sqlalchemy.ext.asyncio.session": Via.ORM,
    "sqlalchemy": Via.CORE,
    "django.db.models": Via.DJANGO_ORM,
    "django.db": Via.DJANGO,
}
"""What a library's module, and all below it, is to who asks; the first that fits."""
_TEST_FILES = ("conftest.py", "tests.py", "test_*.py", "*_test.py")


class Owner(enum.Enum):
    """Whose code a frame runs."""

    APPLICATION = enum.auto()
    TEST = enum.auto()
    MIGRATION = enum.auto()
    LIBRARY = enum.auto()
    NOBODY = enum.auto()
    """The standard library, generated code, planguard."""
    RUNNER = enum.auto()
    """pytest itself: further out is nothing that could have asked."""
    MIGRATOR = enum.auto()
    """The part of a library that runs migrations."""
    DISPATCHER = enum.auto()
    """A library's module with functions that hand a request to its view."""


@dataclasses.dataclass(frozen=True)
class SourceFile:
    """What is known of one file name of a code object."""

    owner: Owner
    name: str = ""
    """Relative to the root; the top-level package of a library."""
    hands_over: frozenset[str] = frozenset()
    """Of a dispatcher: the functions that do; what calls them is middleware."""
    via: Via = Via.DRIVER
    """The interface it belongs to."""


class Files:
    """Decides by file name alone, once per file.

    Args:
        root: pytest's root.
        patterns: pytest's ``python_files``.
        test_paths: pytest's ``testpaths``, relative to the root.
    """

    def __init__(
        self, root: Path, patterns: Sequence[str] = (), test_paths: Sequence[str] = ()
    ) -> None:
        self._roots = tuple(dict.fromkeys((_absolute(root), os.path.realpath(root))))
        self._patterns = (*_TEST_FILES, *patterns)
        self._test_paths = tuple(
            PurePath(path).parts for path in test_paths if _holds_only_tests(root, path)
        )
        own = Path(_absolute(__file__)).parent.parent
        self._own = tuple(f"{own / part}{os.sep}" for part in ("capture", "plugin"))
        self._standard = _standard_library()
        self._environment = _environment_below(self._roots)

    def classify(
        self, filename: str, module: str, names: Mapping[str, object] | None = None
    ) -> SourceFile:
        """Whose code a file is.

        Args:
            filename: ``co_filename``.
            module: ``__name__`` of the frame's globals; names a library outside site-packages.
            names: The frame's globals; they tell a migration from the rest of the application.
        """
        if filename.startswith("<"):
            return SourceFile(Owner.NOBODY)
        path = _absolute(filename)
        if path.startswith(self._own):
            return SourceFile(Owner.NOBODY)
        package = _installed_package(path)
        if package is None and path.startswith(self._standard):
            return SourceFile(Owner.NOBODY)
        relative = None if package else self._below_root(path)
        if relative is not None:
            owner = Owner.TEST if self._is_test(relative) else Owner.APPLICATION
            if owner is Owner.APPLICATION and _is_migration(module, names or {}):
                owner = Owner.MIGRATION
            return SourceFile(owner, relative.as_posix())
        name = package or module.partition(".")[0] or "python"
        if name == "_pytest":
            return SourceFile(Owner.RUNNER, name)
        if module.startswith(_MIGRATORS):
            return SourceFile(Owner.MIGRATOR, name)
        if module in _DISPATCHERS:
            return SourceFile(Owner.DISPATCHER, name, _DISPATCHERS[module])
        return SourceFile(Owner.LIBRARY, name, via=_interface(module))

    def _below_root(self, path: str) -> PurePath | None:
        if self._environment and path.startswith(self._environment):
            return None
        for candidate in (path, os.path.realpath(path)):
            for root in self._roots:
                if candidate.startswith(root.rstrip(os.sep) + os.sep):
                    return PurePath(os.path.relpath(candidate, root))
        return None

    def _is_test(self, relative: PurePath) -> bool:
        """Only the part below the root counts: a root may itself lie in a folder ``tests``."""
        if _TEST_FOLDERS.intersection(relative.parts[:-1]):
            return True
        if any(relative.parts[: len(parts)] == parts for parts in self._test_paths):
            return True
        text = relative.as_posix()
        return any(
            fnmatch(text, f"*{pattern}") if "/" in pattern else fnmatch(relative.name, pattern)
            for pattern in self._patterns
        )


def _interface(module: str) -> Via:
    for name, via in _INTERFACES.items():
        if module == name or module.startswith(f"{name}."):
            return via
    return Via.DRIVER


def _absolute(path: str | Path) -> str:
    """Without ``..``, but with its symbolic links: a project may be reached through one."""
    return os.path.normpath(Path(path).absolute())


def _is_migration(module: str, names: Mapping[str, object]) -> bool:
    """Whether a file is a migration, by what Alembic and Django demand of one, or an ``env.py``.

    The names in it tell more than its folder: both tools let a project choose that.
    """
    if "down_revision" in names and "revision" in names:
        return True
    django = names.get("Migration")
    if isinstance(django, type) and hasattr(django, "operations"):
        return True
    return module == "env_py"  # the name Alembic loads its environment under


def _installed_package(path: str) -> str | None:
    """The top-level package below site-packages; None for files that are not installed."""
    parts = PurePath(path).parts
    for position in range(len(parts) - 2, -1, -1):
        if parts[position] in _PACKAGES:
            return parts[position + 1].removesuffix(".py")
    return None


def _holds_only_tests(root: Path, path: str) -> bool:
    """Whether a test path is a folder of tests, not the application with tests inside."""
    folder = root / path
    if "*" in path or not folder.is_dir() or folder.resolve() == root.resolve():
        return False
    if (folder / "__init__.py").exists():
        return "test" in folder.name
    children = (child for child in folder.iterdir() if (child / "__init__.py").exists())
    return folder.name != "src" and all("test" in child.name for child in children)


def _standard_library() -> tuple[str, ...]:
    paths = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib")}
    return tuple(_absolute(path) + os.sep for path in paths if path)


def _environment_below(roots: Sequence[str]) -> tuple[str, ...]:
    """A virtual environment inside of the project, which is not the project's own code."""
    prefix = _absolute(sys.prefix) + os.sep
    inside = any(
        prefix.startswith(root.rstrip(os.sep) + os.sep) and prefix != root + os.sep
        for root in roots
    )
    return (prefix,) if inside else ()
