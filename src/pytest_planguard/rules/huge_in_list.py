"""QRY012: a list of thousands of items is written into the text of a query."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.judgement import Context

MANY_ITEMS = 2_500

FACTS = RuleFacts(
    code="QRY012",
    name="huge-in-list",
    severity=Severity.INFO,
    condition="IN (…) with more than 2,500 items, each a constant or a parameter of its own.",
    effect=(
        "Each item is parsed and planned anew with every call, each length is another statement "
        "to prepare and to count, and at 65,535 parameters the protocol ends."
    ),
    remedy="= ANY($1) with one array, or a join with unnest($1).",
    source=(
        "PostgreSQL manual, Appendix K (65,535 query parameters); 9.25 Row and Array "
        "Comparisons. MANY_ITEMS is a proposal."
    ),
)


def check(context: Context) -> Iterator[Candidate]:
    """At most one candidate, of the query as a whole."""
    items = context.query.longest_list
    if items <= MANY_ITEMS:
        return
    yield Candidate(
        rule=FACTS.code,
        key=context.query.key,
        database=context.query.database,
        relation=None,
        severity=Severity.INFO,
        message=f"has a list of {items:,} items in its text",
        remedy=(
            "send the list as one array: = ANY($1), and <> ALL($1) for NOT IN; it is one "
            "statement then, whatever the length"
        ),
        rows=context.plan.rows,
        evidence={"items": float(items)},
    )
