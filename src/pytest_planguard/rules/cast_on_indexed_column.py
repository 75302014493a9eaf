"""QRY002: an indexed column is cast to another type before it is compared."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_planguard.model.catalog import Column
from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.judgement import Context, Read
from pytest_planguard.sql.bindings import written_bindings
from pytest_planguard.sql.obstacles import (
    Obstacle,
    ObstacleKind,
    column_of,
    obstacles,
    real_cast,
    usable_index,
)
from pytest_planguard.sql.printed import without_alias
from pytest_planguard.sql.rewriting import day_range
from pytest_planguard.sql.tree import without_sizes

FACTS = RuleFacts(
    code="QRY002",
    name="cast-on-indexed-column",
    severity=Severity.ERROR,
    condition=(
        "The filter of a slow scan casts an indexed column to another type, mostly because of "
        "the type the driver sent a parameter with: (id)::numeric = $1. A relabel that costs "
        "nothing, such as varchar to text, is none."
    ),
    effect="The index is sorted by the column's own type: every row is read, cast and compared.",
    remedy=(
        "Send the parameter as the column's type, or cast the parameter and leave the column "
        "alone. Never an index on the cast: the next caller sends yet another type."
    ),
    source="pg_cast; PostgreSQL manual, 10.2 Operators (how a common type is chosen).",
    explains=True,
)

_INTEGERS = frozenset({"int2", "int4", "int8"})
_SENT_AS = {"numeric": "a Decimal", "float8": "a float", "float4": "a float"}
_MOMENTS = frozenset({"timestamptz", "timestamp"})


def check(context: Context) -> Iterator[Candidate]:
    """One candidate a relation, for the first such condition."""
    seen: set[str] = set()
    for read in context.worst_reads:
        found = None if read.relation in seen else _found(read, context)
        if found is not None:
            seen.add(read.relation)
            yield _candidate(read, *found, context)


def _found(read: Read, context: Context) -> tuple[Obstacle, Column] | None:
    for obstacle in obstacles(read, context.catalog):
        if obstacle.kind is not ObstacleKind.CAST:
            continue
        column = column_of(context.catalog, read.relation, obstacle.columns[0])
        if column is not None and usable_index(read, column.name, context.catalog) is not None:
            return obstacle, column
    return None


def _candidate(read: Read, obstacle: Obstacle, column: Column, context: Context) -> Candidate:
    index = usable_index(read, column.name, context.catalog)
    rewrite = context.rewrite_of(read.relation, FACTS.code)
    target = _target(obstacle, column)
    return context.candidate(
        FACTS,
        read,
        Severity.ERROR if rewrite is not None else Severity.WARNING,
        message=(
            f"{column.name} of {read.relation} is cast from {column.type} to {target} for every "
            f"row, so index {index.name if index is not None else ''} can't serve"
        ),
        remedy=rewrite.text if rewrite is not None else _remedy(read, obstacle, column, context),
        evidence=(
            {"cost_before": rewrite.cost_before, "cost_after": rewrite.cost_after}
            if rewrite is not None
            else {}
        ),
        verified=rewrite is not None,
    )


def _target(obstacle: Obstacle, column: Column) -> str:
    subject = obstacle.condition.subject
    return real_cast(column, subject) if subject is not None else ""


def _remedy(read: Read, obstacle: Obstacle, column: Column, context: Context) -> str:
    target = _target(obstacle, column)
    operator = obstacle.condition.operator
    if column.base_type in _INTEGERS and target in _SENT_AS:
        which = _parameter(column, context)
        return (
            f"pass an integer, int(value): {which} is sent as {target} ({_SENT_AS[target]} in "
            f"Python), and {column.name} is {column.type}; or cast it: "
            f"{column.name} {operator} CAST({_placeholder(which)} AS {column.type})"
        )
    expression = without_alias(obstacle.expression, read.alias)
    if column.base_type in _MOMENTS and target == "date":
        return f"instead of {expression} write {day_range(expression, column.name, operator)}"
    if column.base_type in _MOMENTS and target in _MOMENTS:
        return (
            f"send the parameter as {column.type}: compare {column.name} itself, with the time "
            "zone applied to the value"
        )
    return (
        f"cast the value, not the column: {column.name} {operator} CAST(<value> AS {column.type})"
    )


def _parameter(column: Column, context: Context) -> str:
    """``parameter $2``, as the normal form numbers it, where only one meets the column."""
    bound = written_bindings(without_sizes(context.query.sql))
    numbers = {one.parameter for one in bound if one.column == column.name}
    return f"parameter ${numbers.pop()}" if len(numbers) == 1 else "the parameter"


def _placeholder(which: str) -> str:
    return which.rpartition(" ")[2] if "$" in which else "…"
