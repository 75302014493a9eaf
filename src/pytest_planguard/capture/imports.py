"""Doing something as soon as the application imports a library, never importing it for it."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from threading import get_ident
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
        self._asking: set[int] = set()
        """Threads in which the other finders are being asked."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        thread = get_ident()
        # Another watch for the same module asks this one, which asks that one.
        if fullname != self._name or thread in self._asking:
            return None
        self._asking.add(thread)
        try:
            spec = self._found(fullname, path, target)
        finally:
            self._asking.discard(thread)
        if spec is not None:
            self._extend(spec.loader)
        return spec

    def _found(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None
    ) -> ModuleSpec | None:
        for finder in list(sys.meta_path):
            find_spec = getattr(finder, "find_spec", None)  # the import system passes over such
            if finder is self or find_spec is None:
                continue
            spec: ModuleSpec | None = find_spec(fullname, path, target)
            if spec is not None:
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
            except BaseException as error:
                # Without our frame, and so the import system takes its own out too.
                if error.__traceback__ is not None:
                    error.__traceback__ = error.__traceback__.tb_next
                raise
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
