"""PLN004: an index leads to many rows, and a filter throws nearly all of them away."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_planguard.model import words
from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.judgement import Context, Read
from pytest_planguard.sql.boundary import bounding
from pytest_planguard.sql.obstacles import has_predicate, why_unserved
from pytest_planguard.sql.reads import (
    HEAVY_FILTER_KEPT,
    HEAVY_FILTER_ROWS,
    full_index_walk,
)
from pytest_planguard.sql.relations import index_names

FACTS = RuleFacts(
    code="PLN004",
    name="index-over-read",
    severity=Severity.WARNING,
    condition=(
        "An index scan, an index-only scan or a bitmap scan of a large table reads at least "
        "large-table-rows rows or entries, more than 90 % of them are thrown away, and it carries "
        "at least cost-share of the query's cost: by a filter, of a walk through the whole index "
        "at worst, or by an index condition on keys behind one that nothing fixes. On a critical "
        "table 1,000 rows thrown away will do."
    ),
    effect=(
        "A sequential scan in disguise: each row the index leads to is fetched, mostly from a "
        "page of its own, looked at and dropped. Nothing in the plan says seq scan, and the time "
        "grows with the table."
    ),
    remedy=(
        "An index that holds what the filter asks for, behind the columns compared for equality; "
        "an error as IDX001 where one is proven at scale."
    ),
    source=(
        "90 %: at a tenth an index of both columns reads a tenth of the rows, each a random page "
        "(random_page_cost 4). Markus Winand, Use The Index, Luke: Index Filter Predicates Used "
        "Intentionally, and Concatenated Indexes."
    ),
)

_INDEXED = frozenset({"Index Scan", "Index Only Scan", "Bitmap Heap Scan"})


def check(context: Context) -> Iterator[Candidate]:
    """One candidate a relation, for its costliest scan."""
    seen: set[str] = set()
    for read in context.worst_reads:
        if read.relation not in seen and _is_fault(read, context):
            seen.add(read.relation)
            yield _candidate(read, context)


def _is_fault(read: Read, context: Context) -> bool:
    limits = context.thresholds
    table = context.catalog.tables.get(read.relation)
    if read.node.node_type not in _INDEXED or not (has_predicate(read) or _walks(read, context)):
        return False
    if table is None or table.rows < limits.large_table_rows:
        return False
    if read.kept_fraction > HEAVY_FILTER_KEPT:
        return False
    if read.relation in limits.critical_tables:
        return read.rows_read - read.rows_kept >= HEAVY_FILTER_ROWS
    return read.rows_read >= limits.large_table_rows and read.share >= limits.cost_share


def _candidate(read: Read, context: Context) -> Candidate:
    advice = context.advice.get(read.relation)
    rewrite = context.rewrite_of(read.relation)
    if advice is not None:
        remedy = "\n".join(advice.ddl)
    else:
        remedy = rewrite.text if rewrite is not None else _why_no_index(read, context)
    return context.candidate(
        FACTS,
        read,
        Severity.WARNING,
        message=_message(read, context),
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
        verified=advice is not None or rewrite is not None,
        advice=advice,
    )


def _message(read: Read, context: Context) -> str:
    size = f"{words.rows(read.rows_read)} rows ({words.size(read.bytes_read)}) of {read.relation}"
    names = _indexes(read, context)
    times = words.passes(read.loops)
    kept = words.rows(read.rows_kept)
    if _walks(read, context):
        how = f"walks through {words.rows(read.rows_read)} entries of {names} to find {kept} rows"
        how += f" of {read.relation}: {_first_key(read, context)} comes first in it"
    elif full_index_walk(read.node):
        how = f"reads {size} through all of {names}, and the filter keeps {kept} of them"
    else:
        how = f"{names} leads to {size}, and the filter keeps {kept} of them"
    return f"{how}{times}; cost {words.cost(read.cost)}, {words.share(read.share)} of the query's"


def _walks(read: Read, context: Context) -> bool:
    """Whether its index condition does not bound all that is walked through."""
    return bounding(read.node, context.catalog) is not None


def _first_key(read: Read, context: Context) -> str:
    index = context.catalog.indexes.get(f"{read.node.schema}.{read.node.index}")
    return index.keys[0] if index is not None else "another key"


def _indexes(read: Read, context: Context) -> str:
    names = dict.fromkeys(index_names(read.node, context.catalog))
    return f"index {' and '.join(names)}" if names else "an index"


def _why_no_index(read: Read, context: Context) -> str:
    if reasons := why_unserved(read, context.catalog):
        return reasons
    lacking = (
        f"does not hold what the filter asks for, {' AND '.join(read.filter)}"
        if read.filter
        else f"does not begin with what is asked for, {' AND '.join(read.conditions)}"
    )
    return (
        f"{_indexes(read, context)} {lacking}; no index that does made the query "
        f"{words.least_gain(context.thresholds)}: ask for less, or narrow it down by another "
        "condition"
    )
