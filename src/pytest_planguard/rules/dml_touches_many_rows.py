"""QRY011: one statement of the application changes or deletes a great many rows."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_planguard.model import words
from pytest_planguard.model.catalog import Table
from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.judgement import Context
from pytest_planguard.model.plan import PlanNode
from pytest_planguard.model.ports import quoted
from pytest_planguard.model.statement import Layer
from pytest_planguard.sql.obstacles import is_guess

MANY_ROWS = 10_000.0
"""Of one statement; a proposal. Ten times what is mostly taken for a batch: at some 100,000 row
versions a second locks are held for a tenth of one, and replicas and vacuum get work."""
BATCH = 1_000
"""Of rows, in the remedy."""

FACTS = RuleFacts(
    code="QRY011",
    name="dml-touches-many-rows",
    severity=Severity.ERROR,
    condition=(
        "UPDATE or DELETE of the application changes at least 10,000 rows at scale, by the "
        "planner's estimate; a warning where that is its fixed guess for a computed column. "
        "What the suite cleans up itself does not count."
    ),
    effect=(
        "All of these rows are locked until the transaction ends, each leaves a dead version "
        "behind, and all of it is one piece of work for replicas and for a rollback."
    ),
    remedy="In batches by key, each in a transaction of its own; a whole table by TRUNCATE.",
    source="PostgreSQL manual, 24.1 Routine Vacuuming; MANY_ROWS of the rule.",
)

_WHOLE = frozenset({"Seq Scan", "Append"})
_CHANGES = {"Update": "changes", "Delete": "deletes"}


def check(context: Context) -> Iterator[Candidate]:
    """One candidate a table that is written."""
    if context.query.layer is not Layer.APPLICATION:
        return
    seen: set[str] = set()
    for node in context.plan.root.walk():
        relation = context.catalog.root_of(node.relation or "")
        table = context.catalog.tables.get(relation)
        if node.operation not in _CHANGES or table is None or relation in seen:
            continue
        rows = sum(one.rows for one in node.children if one.parent_relationship == "Outer")
        if rows >= MANY_ROWS:
            seen.add(relation)
            yield _candidate(node, table, min(rows, table.rows), context)


def _candidate(node: PlanNode, table: Table, rows: float, context: Context) -> Candidate:
    guess = any(
        is_guess(read, context.catalog)
        for read in context.worst_reads
        if read.relation == table.qualified
    )
    verb = _CHANGES[node.operation or ""]
    doubt = ", by the planner's fixed guess for a computed column" if guess else ""
    return Candidate(
        rule=FACTS.code,
        key=context.query.key,
        database=context.query.database,
        relation=table.qualified,
        severity=Severity.WARNING if guess else Severity.ERROR,
        message=(
            f"{verb} {words.rows(rows)} of {words.rows(table.rows)} rows of {table.qualified} in "
            f"one statement{doubt}; cost {words.cost(context.plan.cost)}"
        ),
        remedy=_remedy(node, table, rows),
        rows=table.rows,
        evidence={"rows": rows, "cost": context.plan.cost},
    )


def _has_no_condition(node: PlanNode) -> bool:
    """Whether every row is meant: a condition that all rows pass today may leave some tomorrow."""
    below = [one for child in node.children for one in child.walk()]
    return all(
        one.node_type in _WHOLE and not one.filter and not one.one_time_filter for one in below
    )


def _remedy(node: PlanNode, table: Table, rows: float) -> str:
    """A batch, written for the table's own key."""
    name = f"{quoted(table.schema)}.{quoted(table.name)}"
    if node.operation == "Delete" and rows >= table.rows and _has_no_condition(node):
        return (
            f"TRUNCATE {name} empties a table at once, if nothing refers to its rows and no "
            "trigger is to see them go; whoever uses the table waits for it"
        )
    keys = next((one.columns for one in table.constraints if one.kind == "p"), ("ctid",))
    columns = ", ".join(map(quoted, keys))
    subject = f"({columns})" if len(keys) > 1 else columns
    source = f"{columns} FROM {name} WHERE <the same condition>"
    if node.operation == "Delete":
        how, start = "until none is left", f"DELETE FROM {name}"  # noqa: S608 - words
    else:
        how, start = "by key", f"UPDATE {name} SET …"  # noqa: S608 - words
        source += f" AND {subject} > <the last one> ORDER BY {columns}"
    batch = f"IN (SELECT {source} LIMIT {BATCH})"
    return f"in batches, each committed, {how}: {start} WHERE {subject} {batch}"
