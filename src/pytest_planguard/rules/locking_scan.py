"""QRY010: rows are locked one by one while a large table is read for them."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_planguard.model import words
from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.judgement import Context, Read
from pytest_planguard.model.ports import quoted
from pytest_planguard.sql.named import locked_names
from pytest_planguard.sql.reads import full_index_walk

FACTS = RuleFacts(
    code="QRY010",
    name="locking-scan",
    severity=Severity.WARNING,
    condition=(
        "FOR UPDATE, FOR SHARE and their kin over a sequential scan, or a walk through a whole "
        "index, of a large table that is not stopped early."
    ),
    effect=(
        "Only rows that are returned are locked, but the first of them are while the rest of the "
        "table is still being read: others wait as long as the scan takes, and two of them "
        "can wait for each other, as the rows come in no order."
    ),
    remedy=(
        "Find the rows through an index, in an order; of a queue ask for few (LIMIT) and pass over "
        "those that are taken (SKIP LOCKED)."
    ),
    source=(
        "PostgreSQL manual, SELECT, The Locking Clause; 13.3.4 Deadlocks. Thresholds."
        "large_table_rows and .cost_share."
    ),
)


def check(context: Context) -> Iterator[Candidate]:
    """One candidate a relation that is locked."""
    if not any(node.node_type == "LockRows" for node in context.plan.root.walk()):
        return
    locked = _locked(context)
    seen: set[str] = set()
    for read in context.worst_reads:
        if read.alias in locked and read.relation not in seen and _is_fault(read, context):
            seen.add(read.relation)
            yield _candidate(read, context)


def _locked(context: Context) -> frozenset[str]:
    """Aliases whose rows are locked; the plan's nodes do not tell them from those that are not."""
    names = locked_names(context.query.variants[context.plan.variant].plannable)
    views = {name for view, tables in context.catalog.views.items() for name in tables
             if view.rpartition(".")[2] in names}  # fmt: skip
    return names | {read.alias for read in context.worst_reads if read.relation in views}


def _is_fault(read: Read, context: Context) -> bool:
    whole = read.node.node_type == "Seq Scan" or full_index_walk(read.node)
    return (
        whole
        and read.rows_read >= context.thresholds.large_table_rows
        and read.share >= context.thresholds.cost_share
    )


def _candidate(read: Read, context: Context) -> Candidate:
    advice = context.advice.get(read.relation)
    return context.candidate(
        FACTS,
        read,
        Severity.WARNING,
        message=(
            f"locks rows while it reads {words.rows(read.rows_read)} rows "
            f"({words.size(read.bytes_read)}) of {read.relation} to find "
            f"{words.rows(read.rows_kept)}; cost {words.cost(read.cost)}"
        ),
        remedy="\n".join(advice.ddl) if advice is not None else _remedy(read, context),
        evidence={
            "rows_read": read.rows_read,
            "rows_kept": read.rows_kept,
            "bytes_read": read.bytes_read,
            "cost": read.cost,
        },
        advice=advice,
    )


def _remedy(read: Read, context: Context) -> str:
    """By the table's own key; what is taken is passed over where any few rows will do."""
    if not read.conditions:
        return (
            "lock the rows that are changed, by key; to keep everybody out of the whole table, "
            f"LOCK TABLE {read.relation} says so in one step"
        )
    table = context.catalog.tables.get(read.relation)
    constraints = table.constraints if table is not None else ()
    keys = next((one.columns for one in constraints if one.kind == "p"), ("ctid",))
    key = ", ".join(map(quoted, keys))
    if any(node.node_type == "Limit" for node in context.plan.root.walk()):
        return (
            f"find the rows through an index, ORDER BY {key} LIMIT n FOR UPDATE; of a queue, "
            "SKIP LOCKED passes over those that others work on"
        )
    return f"find the rows through an index, and lock them in one order: ORDER BY {key} FOR UPDATE"
