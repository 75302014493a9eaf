"""The configuration: ``[tool.pytest-planguard]``, the environment and options as one value."""

from __future__ import annotations

from pytest_planguard.config.checks import wrong_code
from pytest_planguard.config.load import find_root, load
from pytest_planguard.config.options import OPTIONS
from pytest_planguard.config.repository import folder_in_repository
from pytest_planguard.config.tables import resolve_table, thresholds_for
from pytest_planguard.config.values import Config, Ignore

__all__ = [
    "OPTIONS",
    "Config",
    "Ignore",
    "find_root",
    "folder_in_repository",
    "load",
    "resolve_table",
    "thresholds_for",
    "wrong_code",
]
