"""PLN006: every partition of a large table is read, since the query leaves none of them out."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_planguard.model import words
from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.judgement import Context, Read
from pytest_planguard.sql.predicates import oriented
from pytest_planguard.sql.printed import without_alias
from pytest_planguard.sql.pruning import Unpruned, unpruned
from pytest_planguard.sql.reads import full_index_walk
from pytest_planguard.sql.rewriting import day_range, is_day

PROBES = 16
"""Partitions that may each be asked through an index. PostgreSQL takes 16 relation locks of a
session without the shared lock table (FP_LOCK_SLOTS_PER_BACKEND in storage/proc.h, until 17);
from there on each call of such a query meets all others there, and plans as many tables."""

FACTS = RuleFacts(
    code="PLN006",
    name="no-partition-pruning",
    severity=Severity.ERROR,
    condition=(
        "All partitions of a large table are in the plan although the query has conditions on it, "
        "and none of them can be compared with the bounds: the partition key is not asked about, "
        "or only inside a function or a cast. At least large-table-rows rows are read, without "
        "the key from end to end, and cost-share of the cost is spent. A lookup through an index "
        f"in each of {PROBES} or more partitions is a warning. A condition that prunes later (a "
        "parameter, a join) or covers all partitions is none, nor is a query without any, nor one "
        "that reads a table divided by a hash without its key."
    ),
    effect=(
        "What partitions were made for does not happen: old ones are read and cached as the new "
        "ones are, the time grows with each partition added, and all of them are locked."
    ),
    remedy=(
        "Compare the partition key itself, with a half-open range or a value; where the query has "
        "another key, add the partition key to it."
    ),
    source=(
        "PostgreSQL manual, 5.12.4 Partition Pruning and 5.12.6 Best Practices; "
        "src/backend/partitioning/partprune.c. 16: FP_LOCK_SLOTS_PER_BACKEND."
    ),
)


def check(context: Context) -> Iterator[Candidate]:
    """One candidate a relation, for its costliest read."""
    seen: set[str] = set()
    for read in context.worst_reads:
        if read.relation in seen or read.partitions < 2:
            continue
        found = unpruned(read, context.catalog, context.plan.settings)
        severity = _severity(read, found, context) if found is not None else None
        if found is not None and severity is not None:
            seen.add(read.relation)
            yield _candidate(read, found, severity, context)


def _severity(read: Read, found: Unpruned, context: Context) -> Severity | None:
    limits = context.thresholds
    costly = read.rows_read >= limits.large_table_rows and read.share >= limits.cost_share
    if costly and found.condition is not None:
        return Severity.ERROR
    if read.limited:  # in the order of the key, partitions are opened one after the other
        return None
    if read.node.node_type == "Seq Scan" or full_index_walk(read.node):
        # a hash spreads rows that belong together: what is asked of many of them is in all parts
        return Severity.ERROR if costly and not found.key.startswith("HASH") else None
    many = read.partitions >= PROBES and read.share >= limits.cost_share
    return Severity.WARNING if many else None


def _candidate(read: Read, found: Unpruned, severity: Severity, context: Context) -> Candidate:
    return Candidate(
        rule=FACTS.code,
        key=context.query.key,
        database=context.query.database,
        relation=read.relation,
        severity=severity,
        message=_message(read, found),
        remedy=_remedy(read, found),
        rows=context.catalog.tables[read.relation].rows,
        evidence={
            "partitions": float(found.partitions),
            "rows_read": read.rows_read,
            "rows_kept": read.rows_kept,
            "bytes_read": read.bytes_read,
            "cost": read.cost,
            "cost_share": round(read.share, 4),
            "query_cost": context.plan.cost,
        },
    )


def _message(read: Read, found: Unpruned) -> str:
    why = (
        f"{found.condition.text}: {found.why}"
        if found.condition is not None
        else f"nothing is asked about the partition key, {found.key}"
    )
    return (
        f"reads {words.rows(read.rows_read)} rows ({words.size(read.bytes_read)}) in all "
        f"{found.partitions} partitions of {read.relation}, and none is left out; {why}; cost "
        f"{words.cost(read.cost)}, {words.share(read.share)} of the query's"
    )


def _remedy(read: Read, found: Unpruned) -> str:
    if "enable_partition_pruning" in found.why:
        return "set enable_partition_pruning = on: only a search for faults needs it off"
    column = found.columns[0] if found.columns else found.key
    if found.condition is None:
        return (
            f"add a condition on {column}, the partition key, that the caller knows: a range of "
            "it, or its value"
        )
    own = oriented(found.condition, read.alias)
    if own is None or own.subject is None:
        return f"compare {column} itself, beside what is asked"
    expression = without_alias(own.subject.text, read.alias)
    if is_day("".join(own.subject.functions[:1]), expression):
        return f"instead of {expression} write {day_range(expression, column, own.operator)}"
    return f"compare {column} itself, beside what is asked: {column} >= <from> AND {column} < <to>"
