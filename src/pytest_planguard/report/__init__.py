"""Formats: a report in, text out; each is a module here or an entry point, found by its name."""

from __future__ import annotations

import importlib
import importlib.metadata
import pkgutil
from types import ModuleType
from typing import Protocol, cast

from pytest_planguard.errors import ConfigurationError
from pytest_planguard.model.report import Report

GROUP = "pytest_planguard.reports"
"""Entry points of formats from outside."""

_HELPERS = frozenset({"comment", "read", "write"})


class Format(Protocol):
    """A module that renders."""

    def render(self, report: Report) -> str:
        """The report as text."""


def formats() -> tuple[str, ...]:
    """Names of all formats, without importing one."""
    own = {module.name for module in pkgutil.iter_modules(__path__)}
    own = {name for name in own - _HELPERS if not name.startswith("_")}
    return tuple(sorted(own | _outside().keys()))


def find(name: str) -> Format:
    """The format of that name.

    Raises:
        ConfigurationError: There is none.
    """
    if name not in formats():
        import difflib

        close = difflib.get_close_matches(name, formats(), n=1)
        guess = f'; did you mean "{close[0]}"?' if close else ""
        raise ConfigurationError(
            f'unknown report "{name}"{guess}', hint=f"one of {', '.join(formats())}"
        )
    outside = _outside().get(name)
    loaded: ModuleType | object
    loaded = outside.load() if outside else importlib.import_module(f"{__name__}.{name}")
    return cast(Format, loaded)


def _outside() -> dict[str, importlib.metadata.EntryPoint]:
    return {point.name: point for point in importlib.metadata.entry_points(group=GROUP)}
