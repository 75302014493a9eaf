"""CON005: who has a connection of a pool takes a second one of the same pool."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_planguard.model import words
from pytest_planguard.model.connections import Hold
from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.judgement import ConnectionsContext

FACTS = RuleFacts(
    code="CON005",
    name="nested-checkout",
    severity=Severity.WARNING,
    condition=(
        "Within one call that a test makes, one task or thread takes a connection out of a pool "
        "while it holds another one of the same pool, both by lines of the application. Pools "
        "without a maximum, and what tests and fixtures hold themselves, do not count."
    ),
    effect=(
        "As many requests at once as the pool has connections each take their first one, and each "
        "waits for a second that none gives back: all stand still until the pool's timeout. And "
        "the two are two transactions: one does not see what the other has not committed."
    ),
    remedy="Pass the connection or the session on, or give the first back before the second.",
    source=(
        "HikariCP, About Pool Sizing (pool-locking): a pool of Tn × (Cm - 1) + 1 connections is "
        "the least for Tn threads that hold Cm each."
    ),
)


def check_connections(context: ConnectionsContext) -> Iterator[Candidate]:
    """One candidate for each line that takes the second one."""
    for place, tests in context.held_by_place(Hold.NESTED).items():
        first = place.first
        where = f"{first.file}:{first.line} {first.function}" if first is not None else "the caller"
        yield Candidate(
            rule=FACTS.code,
            key="",
            database=place.database,
            relation=None,
            severity=Severity.WARNING,
            message=(
                f"a second connection of the {place.maker} pool is taken here while {where} holds "
                f"one, in {words.counted(len(tests), 'test')}"
            ),
            remedy=FACTS.remedy,
            evidence={"tests": float(len(tests))},
            origins=(place.origin,),
            tests=tests,
        )
