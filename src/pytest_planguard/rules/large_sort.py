"""PLN005: many rows are sorted, and only the first few of them are wanted."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_planguard.model import words
from pytest_planguard.model.finding import Advice, Candidate, RuleFacts, Severity
from pytest_planguard.model.judgement import Context
from pytest_planguard.model.ports import quoted
from pytest_planguard.sql.printed import normalise_condition
from pytest_planguard.sql.sorts import LimitedSort, limited_sorts

FACTS = RuleFacts(
    code="PLN005",
    name="large-sort",
    severity=Severity.WARNING,
    condition=(
        "A sort below a LIMIT puts at least large-table-rows rows in order and at most "
        "kept-fraction of them are returned, or as many groups are collected for a DISTINCT or "
        "GROUP BY with a LIMIT. It carries at least cost-share of the query's cost; where it "
        "sorts by something computed, which no index has, it does so without what it reads. "
        "Without a LIMIT nothing is said."
    ),
    effect=(
        "The first page costs as much as all pages: every row is read and compared before the "
        "first one is returned, and what does not fit into work_mem goes to disk."
    ),
    remedy=(
        "An index that has the rows in the wanted order, behind the columns compared for "
        "equality, so that the LIMIT stops the scan; for a computed order a column that is kept "
        "up to date."
    ),
    source=(
        "Thresholds.large_table_rows, .kept_fraction and .cost_share. PostgreSQL manual, 11.4 "
        "Indexes and ORDER BY: with a LIMIT an index that matches returns the first rows "
        "directly; cost_tuplesort in costsize.c: a bounded heapsort reads all of its input."
    ),
)

_PARTITION = re.compile(r"_\d+$")


def check(context: Context) -> Iterator[Candidate]:
    """One candidate a relation, for the costliest of its sorts."""
    seen: set[str | None] = set()
    for sort in sorted(limited_sorts(context.plan.root), key=lambda one: -one.cost):
        relation = _relation(sort, context)
        if relation not in seen and _is_fault(sort, relation, context):
            seen.add(relation)
            yield _candidate(sort, relation, context)


def _relation(sort: LimitedSort, context: Context) -> str | None:
    """The table whose columns lead the order; None where it is computed or a sub-select's."""
    if sort.is_of_groups:
        return None
    for alias, _ in sort.leading[:1]:
        path = context.plan.access.get(alias) or context.plan.access.get(_PARTITION.sub("", alias))
        if path is not None and path.relation in context.catalog.tables:
            return path.relation
    return None


def _is_fault(sort: LimitedSort, relation: str | None, context: Context) -> bool:
    limits = context.thresholds
    if sort.rows < limits.large_table_rows or sort.returned > limits.kept_fraction * sort.rows:
        return False
    # An index spares a sort and what it reads; a computed order spares its own work at most.
    cost = sort.cost if relation is not None else sort.own_cost
    return cost >= limits.cost_share * context.plan.cost


def _candidate(sort: LimitedSort, relation: str | None, context: Context) -> Candidate:
    advice = context.advice.get(relation) if relation is not None else None
    table = context.catalog.tables.get(relation or "")
    share = min(1.0, sort.cost / max(context.plan.cost, 0.01))
    return Candidate(
        rule=FACTS.code,
        key=context.query.key,
        database=context.query.database,
        relation=relation,
        severity=Severity.WARNING,
        message=(
            f"{_what(sort)} to return {words.rows(sort.returned)}; cost {words.cost(sort.cost)} "
            f"before the first row, {words.share(share)} of the query's"
        ),
        remedy=_remedy(sort, relation, advice),
        rows=table.rows if table is not None else sort.rows,
        evidence={
            "rows_sorted": sort.rows,
            "rows_returned": sort.returned,
            "cost": sort.cost,
            "cost_share": round(share, 4),
            "query_cost": context.plan.cost,
        },
        verified=advice is not None,
        advice=advice,
    )


def _what(sort: LimitedSort) -> str:
    keys = ", ".join(map(normalise_condition, sort.keys))
    rows = words.rows(sort.rows)
    return f"collects {rows} groups of {keys}" if sort.hashed else f"sorts {rows} rows by {keys}"


def _remedy(sort: LimitedSort, relation: str | None, advice: Advice | None) -> str:
    if advice is not None:
        return "\n".join(advice.ddl)
    if relation is None:
        return (
            "no index has this order: keep what it is sorted by in a column of its own, or narrow "
            "the rows down before they are sorted"
        )
    columns = ", ".join(quoted(column) for _, column in sort.leading)
    return (
        f"an index of {relation} that ends in {columns} would let the LIMIT stop the scan, but "
        "none was proven to help here: narrow the rows down by a condition, or ask for the page "
        "in the order of an index there is"
    )
