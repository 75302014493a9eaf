"""PLN002: a large table is read as a whole; often meant, never free."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_planguard.model import words
from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.judgement import Context, Read
from pytest_planguard.sql.reads import full_index_walk

FACTS = RuleFacts(
    code="PLN002",
    name="full-read-large-table",
    severity=Severity.INFO,
    condition=(
        "A large table is read without any condition and without a LIMIT that stops it early, "
        "and that carries at least cost-share of the query's cost."
    ),
    effect="Each call reads the whole table, and takes longer as the table grows.",
    remedy=(
        "Reports and exports may do so; run them where they disturb nobody. A page of an "
        "application asks for a part: a condition, keyset paging, or a total that is maintained."
    ),
    source="Thresholds.large_table_rows and .cost_share.",
)


def check(context: Context) -> Iterator[Candidate]:
    """One candidate a relation, for its costliest full read."""
    seen: set[str] = set()
    for read in context.worst_reads:
        if read.relation not in seen and _is_whole(read, context):
            seen.add(read.relation)
            yield _candidate(read, context)


def _is_whole(read: Read, context: Context) -> bool:
    return (
        (read.node.node_type == "Seq Scan" or full_index_walk(read.node))
        and not read.conditions
        and not read.limited
        and read.rows_read >= context.thresholds.large_table_rows
        and read.share >= context.thresholds.cost_share
    )


def _candidate(read: Read, context: Context) -> Candidate:
    return context.candidate(
        FACTS,
        read,
        Severity.INFO,
        message=(
            f"reads all {words.rows(read.rows_read)} rows ({words.size(read.bytes_read)}) of "
            f"{read.relation}; cost {words.cost(read.cost)}, {words.share(read.share)} of the "
            "query's"
        ),
        remedy=(
            "where a part would do, say which: a condition, a LIMIT with keyset paging, or a "
            "total that is kept up to date"
        ),
        evidence={
            "rows_read": read.rows_read,
            "bytes_read": read.bytes_read,
            "cost": read.cost,
            "cost_share": round(read.share, 4),
            "query_cost": context.plan.cost,
        },
    )
