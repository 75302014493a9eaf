"""QRY007: the query returns more rows than anybody reads."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_planguard.model import words
from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.judgement import Context, Read
from pytest_planguard.model.plan import PlanNode
from pytest_planguard.model.statement import Layer
from pytest_planguard.sql.obstacles import conditions_of, is_guess

FACTS = RuleFacts(
    code="QRY007",
    name="unbounded-result",
    severity=Severity.WARNING,
    condition=(
        "A SELECT returns at least 10,000 rows at scale, has no LIMIT and no aggregate or "
        "grouping at its top, and is not read as a stream. Where the number is the planner's "
        "fixed guess (a computed or cast column), or the rows are named by their keys (= ANY), "
        "nothing is said. A library's own query is information only."
    ),
    effect=(
        "The driver holds the whole result in memory before the application sees a row; it "
        "grows with the table until the process is killed."
    ),
    remedy=(
        "Page by key: WHERE id > last ORDER BY id LIMIT n; aggregate in SQL; or read through a "
        "server-side cursor where all rows are really needed."
    ),
    source="Thresholds.unbounded_rows: a result nobody reads as a whole.",
)

_PASSING = frozenset({
    "Sort", "Incremental Sort", "Gather", "Gather Merge", "Result", "Subquery Scan",
    "Materialize", "LockRows", "WindowAgg", "Unique",
})  # fmt: skip
"""Nodes that leave it to their child whether the result is bounded."""
_BOUNDED = frozenset({"Limit", "Aggregate", "Group", "ModifyTable"})


def check(context: Context) -> Iterator[Candidate]:
    """At most one candidate, of the query as a whole."""
    plan = context.plan
    if context.query.stream or plan.rows < context.thresholds.unbounded_rows:
        return
    if _is_bounded(plan.root) or any(
        is_guess(read, context.catalog) or _is_listed(read, context) for read in context.worst_reads
    ):
        return
    size = plan.rows * plan.root.width
    library = context.query.layer is Layer.LIBRARY
    yield Candidate(
        rule=FACTS.code,
        key=context.query.key,
        database=context.query.database,
        relation=None,
        # A library that reads all there is pages as soon as there is more than a page (Django's
        # admin does), which a test's few rows never show; and its SQL is not the user's to change.
        severity=Severity.INFO if library else Severity.WARNING,
        message=(
            f"returns {words.rows(plan.rows)} rows ({words.size(size)}) without a LIMIT; cost "
            f"{words.cost(plan.cost)}"
        ),
        remedy=(
            "page by key (WHERE id > last ORDER BY id LIMIT n), aggregate in SQL, or read "
            "through a server-side cursor"
        ),
        rows=plan.rows,
        evidence={"rows": plan.rows, "bytes": size, "cost": plan.cost},
    )


def _is_listed(read: Read, context: Context) -> bool:
    """Whether the caller names each row by its key: he holds as many keys as he gets rows."""
    table = context.catalog.tables.get(read.relation)
    if table is None or context.plan.rows > read.rows_kept:
        return False
    unique = {one.columns for one in table.constraints if one.kind in ("p", "u")}
    return any(
        one.operator == "= ANY" and one.columns and (one.columns[0][1],) in unique
        for one in conditions_of(read.conditions)
    )


def _is_bounded(node: PlanNode) -> bool:
    while node.node_type in _PASSING:
        below = [one for one in node.children if one.parent_relationship in ("Outer", "Subquery")]
        if not below:
            break
        node = below[0]
    return node.node_type in _BOUNDED
