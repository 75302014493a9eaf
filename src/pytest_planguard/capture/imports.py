"""Doing something as soon as the application imports a library, never importing it for it."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


def can_import(name: str) -> bool:
    """Whether a top-level package could be imported; it is not, to find out."""
    if sys.modules.get(name) is not None:
        return True
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):  # somebody blocks it: by a finder, or by None as module
        return False


def when_imported(name: str, action: Callable[[], None]) -> Callable[[], None]:
    """Runs ``action`` now if a module is imported, else right after its import.

    Args:
        name: The module, dotted.
        action: Must not raise: it runs inside the application's import.

    Returns:
        A function that takes the watch off the import system again.
    """
    if sys.modules.get(name) is not None:
        action()
        return lambda: None
    watch = _Watch(name, action)
    sys.meta_path.insert(0, watch)
    return watch.cancel


def around_import(
    name: str, before: Callable[[], None], after: Callable[[], None]
) -> Callable[[], None]:
    """Runs ``before`` and ``after`` around the execution of a module, also when that fails.

    Args:
        name: The module, dotted; nothing happens if it is imported already.
        before: Must not raise, and neither must ``after``.
        after: Runs once the module is executed.

    Returns:
        A function that takes the watch off the import system again.
    """
    watch = _Watch(name, lambda: None, before, after)
    sys.meta_path.insert(0, watch)
    return watch.cancel


class _Watch(MetaPathFinder):
    """Finds nothing itself; it gives the loader that will load the package more steps."""

    def __init__(
        self,
        name: str,
        action: Callable[[], None],
        before: Callable[[], None] = lambda: None,
        after: Callable[[], None] = lambda: None,
    ) -> None:
        self._name = name
        self._action = action
        self._before = before
        self._after = after

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        for finder in list(sys.meta_path):
            if finder is self:
                continue
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                self._extend(spec.loader)
                return spec
        return None

    def _extend(self, loader: Any) -> None:
        """The loader object stays the library's own: resources and reloads depend on it."""
        if not hasattr(loader, "__dict__") or not hasattr(loader, "exec_module"):
            return
        load = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            vars(loader).pop("exec_module", None)
            self._before()
            try:
                load(module)
            finally:
                self._after()
            if self in sys.meta_path:
                self.cancel()
                self._action()

        vars(loader)["exec_module"] = exec_module

    def cancel(self) -> None:
        """Leaves the import system; may be called twice."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)
