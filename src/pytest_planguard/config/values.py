"""What a configuration comes to: frozen values with the few questions they answer."""

from __future__ import annotations

import datetime as dt
import fnmatch
import re
from collections.abc import Iterable
from pathlib import Path

import msgspec

from pytest_planguard.config.budgets import ConfiguredBudget
from pytest_planguard.model.capture import name_in
from pytest_planguard.model.connections import Deployment
from pytest_planguard.model.finding import Finding, Severity
from pytest_planguard.model.redaction import Redaction
from pytest_planguard.model.spec import DatabaseSpec, Thresholds

_WORKER_SUFFIX = re.compile(r"[_-]?gw\d+$")
"""What pytest-xdist's workers are called, as pytest-django and others append it."""


class Ignore(msgspec.Struct, frozen=True):
    """One ``[[tool.pytest-planguard.ignore]]``: which findings do not count, and why."""

    rule: str
    """A code or the beginning of one."""
    reason: str
    table: str = ""
    """With or without its schema; a shell pattern."""
    query: str = ""
    """A key."""
    origin: str = ""
    """A shell pattern over ``file::function``."""
    expires: dt.date | None = None

    def expired(self, today: dt.date) -> bool:
        """Whether its last day is past."""
        return self.expires is not None and today > self.expires

    def covers(self, finding: Finding) -> bool:
        """Whether the finding is one it speaks of; what it does not name may be anything."""
        return (
            finding.rule.startswith(self.rule)
            and (not self.query or finding.key == self.query)
            and (not self.table or _names(self.table, finding.relation or ""))
            and (not self.origin or self._covers_origin(finding))
        )

    def _covers_origin(self, finding: Finding) -> bool:
        return any(
            fnmatch.fnmatchcase(f"{origin.file}::{origin.function}", self.origin)
            for origin in finding.origins
        )


class Config(msgspec.Struct, frozen=True):
    """Everything that was configured; paths are absolute."""

    root: Path
    """The folder that holds the table, or pytest's root where none does."""
    large_table_rows: float
    fail_on: Severity | None
    """None: nothing fails."""
    critical_tables: frozenset[str]
    """As configured; see ``thresholds_for``."""
    databases: dict[str, DatabaseSpec]
    """By the name they have in the report; one called ``default`` unless several are given."""
    patterns: dict[str, tuple[str, ...]]
    """By database: shell patterns of the names tests know it (and its replicas) by."""
    severity: dict[str, Severity | None]
    """By code or beginning of one; None is ``off``."""
    ignores: tuple[Ignore, ...]
    select: tuple[str, ...]
    """Codes or their beginnings; empty: all."""
    ignore_codes: tuple[str, ...]
    baseline: Path
    capture_file: Path
    reports: tuple[str, ...]
    """``TYPE[:PATH]`` each."""
    tenant_schemas: str
    tenant_model: str
    sizes_declared: bool
    """Some size is known: declared, from statistics, or the database's own."""
    redaction: Redaction
    """Values that never leave the process that runs the tests."""
    project: str
    """The project's name, as its captures have it; empty: it has none."""
    thresholds: Thresholds
    """Critical tables qualified with ``public`` where the configuration names no schema."""
    budgets: tuple[ConfiguredBudget, ...] = ()
    growth: bool = False
    """Every query is planned at three more sizes, for PLN009."""
    deployment: Deployment = Deployment()
    """Processes, and the connections there are for them."""
    fail_on_growth: bool = False
    """What got worse because tables grew fails, too: for the job that refreshes statistics."""
    folder: str = ""
    """Of the root, from the top of its repository: ``services/shop``."""

    def wants(self, code: str) -> bool:
        """Whether a rule runs: as in ruff, the most exact of select and ignore decides."""
        chosen = _longest(self.select, code) if self.select else 0
        return chosen is not None and chosen > (_longest(self.ignore_codes, code) or -1)

    def severity_of(self, code: str, severity: Severity) -> Severity | None:
        """A finding's severity after overrides; None: the rule is off."""
        matching = [prefix for prefix in self.severity if code.startswith(prefix)]
        return self.severity[max(matching, key=len)] if matching else severity

    def database_of(self, name: str, aliases: Iterable[str] = ()) -> str | None:
        """The configured database a name the tests know stands for; None: it is not ours.

        Suffixes of workers and Django's ``test_`` are stripped; an alias matches by itself.

        Args:
            name: As a capture has it: with its server, which a pattern may name too.
            aliases: Names the application's settings have for it; these decide first. Tests may
                know a primary by its replica's name too: either will do.
        """
        for alias in sorted(aliases):
            for database, patterns in self.patterns.items():
                if alias == database or alias in patterns:
                    return database
        bare = name_in(name)
        plain = _WORKER_SUFFIX.sub("", bare)
        names = (bare, plain, plain.removeprefix("test_"))
        server = name.removeprefix(bare)
        # A pattern that names the server is more exact than one that does not.
        for known in (tuple(one + server for one in names), names) if server else (names,):
            for database, patterns in self.patterns.items():
                wanted = (database, *patterns)
                if any(fnmatch.fnmatchcase(one, pattern) for one in known for pattern in wanted):
                    return database
        return "default" if not self.patterns else None


def _names(pattern: str, relation: str) -> bool:
    name = relation if "." in pattern else relation.rpartition(".")[2]
    return fnmatch.fnmatchcase(name, pattern)


def _longest(prefixes: tuple[str, ...], code: str) -> int | None:
    return max((len(prefix) for prefix in prefixes if code.startswith(prefix)), default=None)
