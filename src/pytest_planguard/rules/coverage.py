"""ENV004: how much of what the suite sent was checked, and why the rest was not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.judgement import RunContext
from pytest_planguard.model.plan import Unexplained

FACTS = RuleFacts(
    code="ENV004",
    name="coverage",
    severity=Severity.INFO,
    condition="Some of the suite's distinct queries have no plan.",
    effect="Nothing is known of how they run at scale; a green verdict does not speak of them.",
    remedy="Look at the reasons: most have no plan by their nature, the rest say what would do.",
    source="Counts of the run.",
)


def check_run(context: RunContext) -> Iterator[Candidate]:
    """At most one candidate; none where every query has its plan."""
    reasons = Counter(
        outcome.reason for _, outcome in context.outcomes if isinstance(outcome, Unexplained)
    )
    missing = sum(reasons.values())
    if not missing:
        return
    total = len(context.outcomes)
    listed = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    why = "; ".join(f"{reason} ({count})" for reason, count in listed)
    yield Candidate(
        rule=FACTS.code,
        key="",
        database=context.database,
        relation=None,
        severity=Severity.INFO,
        message=f"{total - missing} of {total} distinct queries checked; {missing} not: {why}",
        remedy=FACTS.remedy,
        evidence={
            "queries": float(total),
            "checked": float(total - missing),
            "unchecked": float(missing),
        },
    )
