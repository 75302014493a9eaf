"""PLN001: a large table is read from end to end to find a few of its rows."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_planguard.model import words
from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.judgement import Context, Read, Rewrite
from pytest_planguard.sql.obstacles import (
    conditions_of,
    has_predicate,
    is_guess,
    is_guessed_search,
    why_unserved,
)
from pytest_planguard.sql.pruning import unpruned

FACTS = RuleFacts(
    code="PLN001",
    name="seq-scan-large-table",
    severity=Severity.ERROR,
    condition=(
        "A sequential scan of a large table has a condition that keeps at most kept-fraction of "
        "the rows it reads, and carries at least cost-share of the query's cost; or one that was "
        "proven to be a search where it is written otherwise: what a condition with a sub-select "
        "keeps is a guess. On a critical table any condition will do. Where all partitions are "
        "read since a condition on the partition key can't be compared with their bounds, that is "
        "the fault: PLN006."
    ),
    effect=(
        "Each call reads the whole table: its time grows with the table, it evicts what other "
        "queries have in memory, and a few at once keep all disks busy."
    ),
    remedy=(
        "Create the index that was proven at scale, or write the condition so that an existing "
        "index serves it; an error where either is proven, else a warning that says why not, and "
        "on a critical table an error with the same words."
    ),
    source=(
        "Thresholds of spec.Thresholds. 5 %: a random page costs four sequential ones "
        "(random_page_cost), at some 20 rows a page a scan of more is what PostgreSQL prefers."
    ),
)

_FULL = frozenset({"Seq Scan", "Sample Scan"})


def check(context: Context) -> Iterator[Candidate]:
    """One candidate a relation, for its costliest scan."""
    seen: set[str] = set()
    for read in context.worst_reads:
        if read.relation not in seen and _is_fault(read, context):
            seen.add(read.relation)
            yield _candidate(read, context)


def _is_fault(read: Read, context: Context) -> bool:
    if read.node.node_type not in _FULL:
        return False
    limits = context.thresholds
    table = context.catalog.tables.get(read.relation)
    if table is None or table.rows < limits.large_table_rows:
        return False
    if _is_search(read, context):
        return read.rows_read >= limits.large_table_rows
    if not has_predicate(read):
        return False
    is_few = read.relation in limits.critical_tables or (
        read.rows_read >= limits.large_table_rows
        and (read.kept_fraction <= limits.kept_fraction or _is_guessed(read, context))
        and read.share >= limits.cost_share
    )
    return is_few and not _is_unpruned(read, context)


def _is_guessed(read: Read, context: Context) -> bool:
    """Whether it looks for a text anywhere, of which nothing but its length is known."""
    return any(
        is_guessed_search(one, read, context.catalog) for one in conditions_of(read.conditions)
    )


def _is_search(read: Read, context: Context) -> bool:
    """Whether the query was proven to cost far less where it does not search the table so.

    What a condition with a sub-select keeps is a guess of the planner's (a half, or a third), and
    its cost is the sub-select's.
    """
    return context.rewrite_of(read.relation, FACTS.code) is not None


def _is_unpruned(read: Read, context: Context) -> bool:
    found = unpruned(read, context.catalog, context.plan.settings) if read.partitions > 1 else None
    return found is not None and found.condition is not None


def _candidate(read: Read, context: Context) -> Candidate:
    advice = context.advice.get(read.relation)
    rewrite = context.rewrite_of(read.relation)
    verified = advice is not None or rewrite is not None
    is_critical = read.relation in context.thresholds.critical_tables
    if advice is not None:
        remedy = "\n".join(advice.ddl)
    elif rewrite is not None:
        remedy = rewrite.text
    else:
        remedy = _why_no_index(read, context)
    return context.candidate(
        FACTS,
        read,
        Severity.ERROR if verified or is_critical else Severity.WARNING,
        message=_message(read, rewrite, context.catalog),
        remedy=remedy,
        evidence={
            "rows_read": read.rows_read,
            "rows_kept": read.rows_kept,
            "bytes_read": read.bytes_read,
            "cost": read.cost,
            "cost_share": round(read.share, 4),
            "query_cost": context.plan.cost,
            "loops": read.loops,
        },
        verified=verified,
        advice=advice,
    )


def _message(read: Read, rewrite: Rewrite | None, catalog: Catalog) -> str:
    """Without the number of rows kept where it is a guess of the planner's."""
    how = f" in {read.partitions} partitions" if read.partitions > 1 else ""
    read_all = (
        f"reads {words.rows(read.rows_read)} rows ({words.size(read.bytes_read)}) of "
        f"{read.relation}{how}{words.passes(read.loops)}"
    )
    if rewrite is not None:
        return (
            f"{read_all} and tests each; the query costs {words.cost(rewrite.cost_before)}, "
            f"written otherwise {words.cost(rewrite.cost_after)}"
        )
    kept = "and tests each" if is_guess(read, catalog) else f"to keep {words.rows(read.rows_kept)}"
    return (
        f"{read_all} {kept}; cost {words.cost(read.cost)}, {words.share(read.share)} of the query's"
    )


def _why_no_index(read: Read, context: Context) -> str:
    if reasons := why_unserved(read, context.catalog):
        return reasons
    if read.kept_fraction > context.thresholds.kept_fraction:
        kept = words.share(read.kept_fraction)
        return f"no index can help: {kept} of the rows are kept, too many to fetch one by one"
    return "no index was proven to help: none was found that makes the query " + words.least_gain(
        context.thresholds
    )
