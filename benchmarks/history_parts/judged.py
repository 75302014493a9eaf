"""What is true of each error, by whoever looked at it."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path

from pytest_planguard.model.finding import Finding
from pytest_planguard.model.migration import Migration


@dataclasses.dataclass(frozen=True, order=True)
class Said:
    """An error of one step."""

    step: str
    rule: str
    relation: str
    message: str
    statement: str


def said(step: str, finding: Finding, migration: Migration) -> Said:
    """As it is listed, with the first statement it may be about."""
    places = finding.origins[:1]
    own = (
        one.statement
        for one in migration.steps
        if finding.rule in one.verdict and (one.place,) == places
    )
    return Said(step, finding.rule, finding.relation or "", finding.message, next(own, ""))


class Judged:
    """The list of a project: by step, rule and table, what is true of it.

    Args:
        file: Rows of ``step``, ``rule``, ``table``, ``is`` (right, guess or wrong) and ``why``. A
            guess is the planner's of rows that nobody could count without the table.
    """

    def __init__(self, file: Path) -> None:
        found = list(csv.DictReader(file.read_text().splitlines())) if file.exists() else []
        self._known = {(one["step"], one["rule"], one["table"]): one for one in found}

    def verdict(self, error: Said) -> str:
        """``right``, ``guess``, ``wrong``, or that nobody has looked at it."""
        known = self._known.get((error.step, error.rule, error.relation))
        return known["is"] if known is not None else "not judged"

    def gone(self, errors: list[Said]) -> list[tuple[str, str, str]]:
        """What is listed and was not said."""
        return sorted(self._known.keys() - {(one.step, one.rule, one.relation) for one in errors})
