"""QRY001: a function of a column is compared, so the column's index can't serve."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.judgement import Context, Read
from pytest_planguard.sql.obstacles import Obstacle, ObstacleKind, obstacles, usable_index
from pytest_planguard.sql.printed import without_alias
from pytest_planguard.sql.rewriting import alone, day_range, is_day, moved

FACTS = RuleFacts(
    code="QRY001",
    name="function-on-indexed-column",
    severity=Severity.ERROR,
    condition=(
        "The filter of a slow scan applies a function or an operator to a column whose plain "
        "index would serve, and no index on that expression does."
    ),
    effect="The index is sorted by the column, not by the function of it: every row is read.",
    remedy=(
        "Compare the column as it is stored: a half-open range instead of date(…), the "
        "arithmetic on the other side; or an index on the expression where it is immutable."
    ),
    source="PostgreSQL manual, 11.7 Indexes on Expressions.",
    explains=True,
)


def check(context: Context) -> Iterator[Candidate]:
    """One candidate a relation, for the first such condition."""
    seen: set[str] = set()
    for read in context.worst_reads:
        found = None if read.relation in seen else _found(read, context)
        if found is not None:
            seen.add(read.relation)
            yield _candidate(read, *found, context)


def _found(read: Read, context: Context) -> tuple[Obstacle, str] | None:
    for obstacle in obstacles(read, context.catalog):
        if obstacle.kind is ObstacleKind.FUNCTION:
            for column in obstacle.columns:
                if usable_index(read, column, context.catalog) is not None:
                    return obstacle, column
    return None


def _candidate(read: Read, obstacle: Obstacle, column: str, context: Context) -> Candidate:
    index = usable_index(read, column, context.catalog)
    rewrite = context.rewrite_of(read.relation, FACTS.code)
    expression = without_alias(obstacle.expression, read.alias)
    return context.candidate(
        FACTS,
        read,
        Severity.ERROR if rewrite is not None else Severity.WARNING,
        message=(
            f"{expression} is computed for every row of {read.relation}, so index "
            f"{index.name if index is not None else ''} on {column} can't serve"
        ),
        remedy=rewrite.text if rewrite is not None else _remedy(obstacle, expression, column),
        evidence=(
            {"cost_before": rewrite.cost_before, "cost_after": rewrite.cost_after}
            if rewrite is not None
            else {}
        ),
        verified=rewrite is not None,
    )


def _remedy(obstacle: Obstacle, expression: str, column: str) -> str:
    """The rewrite in words, with the user's own expression."""
    condition = obstacle.condition
    subject = condition.subject
    functions = subject.functions if subject is not None else ()
    name = functions[0] if functions else ""
    if is_day(name, expression):
        return f"instead of {expression} write {day_range(expression, column, condition.operator)}"
    if name in ("extract", "date_part"):
        return (
            f"instead of {expression} write a half-open range of {column}: {column} >= <start> "
            f"AND {column} < <end>; for a part that is no range, an index on ({expression})"
        )
    if name in ("lower", "upper"):
        return (
            f"instead of {expression} compare {column} itself, stored in one case (or as "
            f"citext); where that can't be, an index on ({expression})"
        )
    if name == "coalesce":
        return (
            f"instead of {expression} write {column} {condition.operator} <value>, and OR "
            f"{column} IS NULL where the default is meant to match"
        )
    if written := alone(expression, column, condition.operator):
        return f"instead of {expression} {condition.operator} <value> write {written}"
    if moved(name):
        return (
            f"instead of {expression} leave {column} alone and do the arithmetic on the other "
            "side of the comparison"
        )
    return (
        f"instead of {expression} compare {column} itself with a value computed beforehand; "
        f"where that can't be and the function is immutable, an index on ({expression})"
    )
