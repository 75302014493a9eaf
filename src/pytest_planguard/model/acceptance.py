"""What a pull request accepts into the baseline: the difference between two states of its files."""

from __future__ import annotations

import msgspec

from pytest_planguard.model.baseline import Origin


class Acceptance(msgspec.Struct, frozen=True):
    """Findings of one query on one relation that were accepted for one reason."""

    rules: tuple[str, ...]
    relation: str | None
    severity: str
    """The worst of them."""
    reason: str
    """Empty: none was given, as for the first baseline."""
    key: str
    database: str
    origins: tuple[Origin, ...]


class Acceptances(msgspec.Struct, frozen=True):
    """All that was accepted between two states of a baseline."""

    findings: tuple[Acceptance, ...] = ()
    """Worst first."""
    new: int = 0
    """Queries that had no entry."""
    changed: int = 0
    """Queries with other plans than before."""
    dropped: int = 0
    """Queries whose entry is gone."""
    begins: bool = False
    """There was no baseline before."""

    def __bool__(self) -> bool:
        """Whether anything was."""
        return bool(self.findings or self.new or self.changed or self.dropped)
