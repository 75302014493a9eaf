"""Options, environment and configuration as the values the session works with."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_planguard.errors import ConfigurationError

if TYPE_CHECKING:
    from pytest_planguard.config import Config

_TRUE = frozenset(("1", "true", "yes", "on"))
_FALSE = frozenset(("", "0", "false", "no", "off"))
_PATHS = ("capture_file", "baseline")


@dataclasses.dataclass(frozen=True)
class Settings:
    """What was asked of this run."""

    config: Config
    capture_only: bool
    update: bool
    update_new: bool
    trim: bool
    reason: str
    verbose: int
    """pytest's ``-v`` count."""


def read_settings(config: pytest.Config, environ: Mapping[str, str] = os.environ) -> Settings:
    """Reads options, environment and configuration, in that order of precedence.

    Raises:
        pytest.UsageError: With all mistakes at once.
    """
    mistakes: list[str] = []

    def flag(name: str) -> bool:
        given = config.getoption(f"planguard_{name}")
        if given is not None:
            return bool(given)
        variable = f"PLANGUARD_{name.upper()}"
        text = environ.get(variable, "").lower()
        if text not in _TRUE | _FALSE:
            mistakes.append(f"{variable}: found {text!r}, wanted 1 or 0")
        return text in _TRUE

    flags = {name: flag(name) for name in ("capture_only", "update", "update_new", "trim")}
    if flags["update"] and flags["update_new"]:
        mistakes.append("--planguard-update and --planguard-update-new exclude each other")
    reason = config.getoption("planguard_reason")
    settled = _configuration(config, environ, mistakes)
    if settled is not None and not (flags["capture_only"] or hasattr(config, "workerinput")):
        _check_reports(settled, mistakes)
    if mistakes or settled is None:
        raise pytest.UsageError("planguard: " + "\n".join(mistakes))
    return Settings(
        config=settled,
        reason=environ.get("PLANGUARD_REASON", "") if reason is None else reason,
        verbose=config.option.verbose,
        **flags,
    )


def _configuration(
    config: pytest.Config, environ: Mapping[str, str], mistakes: list[str]
) -> Config | None:
    from pytest_planguard import config as configuration

    try:
        return configuration.load(config.rootpath, overrides(config), environ)
    except ConfigurationError as error:
        mistakes.append(str(error))
        return None


def _check_reports(settled: Config, mistakes: list[str]) -> None:
    """Before the tests run, not after: a format that does not exist, a path that is empty."""
    from pytest_planguard.report.write import parse_destinations

    try:
        parse_destinations(settled.reports, settled.root)
    except ConfigurationError as error:
        mistakes.append(str(error))


def overrides(config: pytest.Config) -> dict[str, Any]:
    """Options that the configuration knows too; paths as the caller's shell means them."""
    names = (
        "capture_file", "db", "baseline", "fail_on", "fail_on_growth", "select", "ignore",
        "redact", "report",
    )  # fmt: skip
    given = {name: config.getoption(f"planguard_{name}") for name in names}
    for name in _PATHS:
        if given[name] is not None:
            given[name] = str(Path(config.invocation_params.dir) / given[name])
    return {name: value for name, value in given.items() if value is not None}
