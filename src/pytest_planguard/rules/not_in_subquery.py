"""QRY005: each row is compared with the rows of a sub-select, one by one."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_planguard.model import words
from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.judgement import Context, Rewrite
from pytest_planguard.sql.subplans import NotIn, unhashed_not_in

FACTS = RuleFacts(
    code="QRY005",
    name="not-in-subquery",
    severity=Severity.ERROR,
    condition=(
        "NOT IN (SELECT …), or <> ALL, over a large table, whose sub-select has at least "
        "large-table-rows rows and is not hashed: its result does not fit into work_mem, which "
        "must be production's (ENV002 says where it is not)."
    ),
    effect=(
        "Rows of the one times rows of the other are compared: a query of seconds in a test "
        "database runs for hours or days, and becomes so from one day to the next, when the "
        "sub-select outgrows work_mem."
    ),
    remedy=(
        "NOT EXISTS, which the planner turns into an anti join. The answer is another where a "
        "NULL is among the sub-select's values: NOT IN then returns nothing at all."
    ),
    source=(
        "src/backend/optimizer/plan/subselect.c, subplan_is_hashable: at most work_mem times "
        "hash_mem_multiplier; PostgreSQL manual, 9.24.3 NOT IN (NULLs)."
    ),
)


def check(context: Context) -> Iterator[Candidate]:
    """One candidate a relation, for the one with most comparisons."""
    seen: set[str] = set()
    slow = unhashed_not_in(context.plan.root, context.query.sql)
    found = [(one, _rows_of(one, context)) for one in slow]
    for one, rows in sorted(found, key=lambda pair: -pair[1] * pair[0].subplan.rows):
        relation = _relation(one, context)
        least = context.thresholds.large_table_rows
        if relation not in seen and min(rows, one.subplan.rows) >= least:
            seen.add(relation)
            yield _candidate(one, relation, rows, context)


def _rows_of(found: NotIn, context: Context) -> float:
    """Rows the filter is applied to."""
    for read in context.worst_reads:
        if read.node is found.node:
            return read.rows_read
    below = (one.rows for one in found.node.children if one.subplan_name is None)
    return max(below, default=found.node.rows)


def _relation(found: NotIn, context: Context) -> str:
    """The relation whose rows are compared, by its root; of a join the sub-select's."""
    nodes = (found.node, *found.subplan.walk(), *found.node.walk())
    names = (one.relation for one in nodes if one.relation is not None)
    return context.catalog.root_of(next(names, ""))


def _candidate(found: NotIn, relation: str, rows: float, context: Context) -> Candidate:
    rewrite = context.rewrite_of(relation, FACTS.code)
    inner = found.subplan.rows
    table = context.catalog.tables.get(relation)
    return Candidate(
        rule=FACTS.code,
        key=context.query.key,
        database=context.query.database,
        relation=relation,
        severity=Severity.ERROR,
        message=(
            f"compares each of {words.rows(rows)} rows of {relation} with up to "
            f"{words.rows(inner)} rows of the sub-select, one by one, as these don't fit into "
            f"work_mem; cost {words.cost(context.plan.cost)}"
        ),
        remedy=_proven(rewrite) if rewrite is not None else _REMEDY,
        rows=table.rows if table is not None else rows,
        evidence={
            "rows": rows,
            "sub_select_rows": inner,
            "cost": context.plan.cost,
            **({"cost_after": rewrite.cost_after} if rewrite is not None else {}),
        },
        verified=rewrite is not None,
    )


_REMEDY = (
    "write NOT EXISTS (SELECT 1 FROM … WHERE <sub-select's column> = <column>): an anti join. "
    "Where the sub-select gives a NULL, NOT IN returns no row at all, NOT EXISTS does"
)


def _proven(rewrite: Rewrite) -> str:
    before, after = words.cost(rewrite.cost_before), words.cost(rewrite.cost_after)
    return f"{rewrite.text}; cost {before} → {after}"
