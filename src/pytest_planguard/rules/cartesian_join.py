"""QRY009: two relations are joined and nothing says how."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_planguard.model import words
from pytest_planguard.model.catalog import Table
from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.judgement import Context
from pytest_planguard.model.plan import PlanNode
from pytest_planguard.sql.crossings import Crossing, crossings

MANY_ROWS = 100.0
"""Of either side; a proposal. Fewer are a list of options (warehouses, months, currencies) that
reports cross with on purpose."""
MANY_PAIRS = 1_000_000.0
"""A proposal: at ``cpu_tuple_cost`` a cost of 10,000 for the pairs alone, some 0.1 s."""

FACTS = RuleFacts(
    code="QRY009",
    name="cartesian-join",
    severity=Severity.ERROR,
    condition=(
        "The plan has a nested loop without a join condition whose inner side does not depend on "
        "the outer one, over at least 100 rows on either side and 1,000,000 pairs, and nothing "
        "stops it early. A warning where no table on either side is large."
    ),
    effect="Every row of the one is paired with every row of the other: the work multiplies.",
    remedy="Add the condition that joins them; mostly one of several columns was forgotten.",
    source="Seen in the plan, never in the syntax; MANY_ROWS and MANY_PAIRS of the rule.",
)


def check(context: Context) -> Iterator[Candidate]:
    """At most one candidate: the loop with most pairs."""
    found = [one for one in crossings(context.plan.root) if _is_fault(one, context)]
    if found:
        yield _candidate(max(found, key=lambda one: one.pairs), context)


def _is_fault(found: Crossing, context: Context) -> bool:
    few = min(found.outer.rows, found.inner.rows) < MANY_ROWS
    stopped = context.plan.cost < found.node.total_cost  # by a LIMIT, before all pairs are made
    both = all(_tables(side, context) for side in (found.outer, found.inner))
    return not few and not stopped and both and found.pairs >= MANY_PAIRS


def _tables(side: PlanNode, context: Context) -> dict[str, Table]:
    """Tables by what the query calls them, in the plan's order."""
    catalog = context.catalog
    return {
        node.alias or "": table
        for node in side.walk()
        if node.relation is not None
        and (table := catalog.tables.get(catalog.root_of(node.relation))) is not None
    }


def _candidate(found: Crossing, context: Context) -> Candidate:
    outer, inner = _tables(found.outer, context), _tables(found.inner, context)
    largest = max([*outer.values(), *inner.values()], key=lambda one: (one.rows, one.qualified))
    large = largest.rows >= context.thresholds.large_table_rows
    return Candidate(
        rule=FACTS.code,
        key=context.query.key,
        database=context.query.database,
        relation=largest.qualified,
        severity=Severity.ERROR if large else Severity.WARNING,
        message=(
            f"pairs each of {words.rows(found.outer.rows)} rows of {', '.join(outer)} with each "
            f"of {words.rows(found.inner.rows)} rows of {', '.join(inner)}: "
            f"{words.rows(found.pairs)} pairs; cost {words.cost(context.plan.cost)}"
        ),
        remedy=_remedy(outer, inner),
        rows=largest.rows,
        evidence={
            "outer_rows": found.outer.rows,
            "inner_rows": found.inner.rows,
            "pairs": found.pairs,
            "cost": context.plan.cost,
        },
    )


def _remedy(outer: dict[str, Table], inner: dict[str, Table]) -> str:
    """With the condition a foreign key between the two sides suggests."""
    for ours, theirs in ((outer, inner), (inner, outer)):
        for alias, table in ours.items():
            for other, referenced in theirs.items():
                for one in table.constraints:
                    if one.kind == "f" and one.references == referenced.qualified:
                        pairs = zip(one.columns, one.referenced_columns, strict=True)
                        joined = " AND ".join(f"{alias}.{a} = {other}.{b}" for a, b in pairs)
                        return f"nothing joins them: add {joined}, the foreign key's columns"
    return (
        f"nothing joins {', '.join(outer)} with {', '.join(inner)}: add the condition that does; "
        "where all pairs are meant, LIMIT them or aggregate each side first"
    )
