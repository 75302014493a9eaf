"""ENV001: text sorts otherwise in production than in the database plans are made in."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.judgement import RunContext

FACTS = RuleFacts(
    code="ENV001",
    name="collation-differs",
    severity=Severity.WARNING,
    condition="The fixture database's collation is not the one of the statistics' source.",
    effect="A plain index serves LIKE 'x%' under the collation C and no other; ranges and "
    "histograms of text are in another order, so that their estimates are others.",
    remedy="Plan on a server that has production's collation: set version or image, or "
    'provider = "url" with a server of production\'s kind.',
    source="PostgreSQL documentation, 11.10 Operator Classes and 23.2 Collation Support.",
)

_BYTEWISE = frozenset({"c", "posix"})


def check_run(context: RunContext) -> Iterator[Candidate]:
    """At most one candidate; none where a side is not known."""
    if context.source is None:
        return
    there, here = context.source.collation, context.catalog.server.collation
    if not there or not here or _meaning(there) == _meaning(here):
        return
    yield Candidate(
        rule=FACTS.code,
        key="",
        database=context.database,
        relation=None,
        severity=Severity.WARNING,
        message=f"production sorts text by {there}, plans are made with {here}",
        remedy=FACTS.remedy,
    )


def _meaning(name: str) -> str:
    """Spellings of one locale are one: ``en_US.UTF-8`` and ``en_US.utf8``."""
    plain = name.lower().replace("-", "").replace("_", "")
    return "c" if plain in _BYTEWISE else plain
