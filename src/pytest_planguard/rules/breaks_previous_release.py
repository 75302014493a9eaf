"""MIG007: a release does not work on the schema of the other side of a migration."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.migrating import Broken, MigrationContext, Release

FACTS = RuleFacts(
    code="MIG007",
    name="breaks-previous-release",
    severity=Severity.ERROR,
    condition=(
        "Statements of the baseline, which the running release sends, can be prepared on the "
        "schema before the migration and not on the one after it, or their INSERTs leave out a "
        "column that may not be NULL any more. A warning where statements of this branch cannot "
        "be prepared on the schema before: the migration must come first then."
    ),
    effect=(
        "Between the migration and the last old process, and after every rollback, these "
        "statements fail."
    ),
    remedy=(
        "Expand, then contract: first a migration both releases work with (a new column beside "
        "the old one, a default), then the release, then another migration that takes away what "
        "nobody uses."
    ),
    source=(
        "The server's answer to Parse on an empty twin before and after the migration; what fails "
        "on both sides says nothing and is left out."
    ),
)

_NAMES = re.compile(r"\w{3,}")
_NO_NAMES = frozenset(
    [
        "column",
        "relation",
        "does",
        "not",
        "exist",
        "null",
        "value",
        "violates",
        "constraint",
        "type",
    ]
)
"""Words of the server's messages."""
_SHOWN = 3
"""Statements a message quotes."""


def check_migration(context: MigrationContext) -> Iterator[Candidate]:
    """One candidate for each table and cause, and for each release."""
    for release in Release:
        groups: dict[tuple[str | None, str], list[Broken]] = {}
        for one in context.releases.of(release):
            groups.setdefault((one.relation, one.message), []).append(one)
        for (relation, message), found in groups.items():
            yield _candidate(context, release, relation, message, found)


def _candidate(
    context: MigrationContext,
    release: Release,
    relation: str | None,
    message: str,
    found: list[Broken],
) -> Candidate:
    count = "1 statement" if len(found) == 1 else f"{len(found):,} statements"
    places = ", ".join(dict.fromkeys(one.where for one in found[:_SHOWN]))
    old = release is Release.PREVIOUS
    verb = "fails" if len(found) == 1 else "fail"
    text = (
        f"{count} of the running release {verb} after the migration ({message}): {places}"
        if old
        else f"{count} of this branch {verb} before the migration ({message}): {places}"
    )
    return context.candidate(
        FACTS,
        Severity.ERROR if old else Severity.WARNING,
        step=_cause(context, found),
        relation=relation,
        rows=context.rows_of(relation) if relation else 0.0,
        message=text,
        remedy=_remedy(context, found),
        evidence={"statements": float(len(found))},
    )


def _cause(context: MigrationContext, found: list[Broken]) -> int | None:
    """The statement they fail for: the first one that names what the server misses, else any."""
    steps = [number for number, _ in context.numbered()]
    if not steps:
        return None
    words = {word for one in found for word in _NAMES.findall(one.message)} - _NO_NAMES
    named = (n for n in steps if words & set(_NAMES.findall(context.migration.steps[n].statement)))
    return next(named, steps[0])


def _remedy(context: MigrationContext, found: list[Broken]) -> str:
    sql = "\n".join(dict.fromkeys(one.sql for one in found[:_SHOWN]))
    return f"{order(context)}\n{sql}"


def order(context: MigrationContext) -> str:
    """Which of the two may be deployed first."""
    old = bool(context.releases.of(Release.PREVIOUS))
    new = bool(context.releases.of(Release.NEXT))
    if old and new:
        return (
            "neither order is safe: split the migration, first what both releases work with, "
            "then the release, then what takes the rest away"
        )
    if old:
        if context.releases.next:
            return "deploy the code first, migrate when no old process is left"
        return (
            "not before the last old process has ended; whether this branch's code works until "
            "then is not known (run its tests with --planguard, and this again). If it does not: a "
            "migration that both work with first, and another for what nobody uses any more"
        )
    return "migrate first, then deploy the code"
