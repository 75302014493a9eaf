"""QRY004: a beginning is looked for, and the index sorts by a language's rules."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.judgement import Context, Read
from pytest_planguard.sql.obstacles import ObstacleKind, column_of, first_obstacle, led_by

FACTS = RuleFacts(
    code="QRY004",
    name="prefix-like-opclass",
    severity=Severity.ERROR,
    condition=(
        "The filter of a slow scan is LIKE 'x%' or a regular expression '^x' on a column whose "
        "btree sorts by a collation other than C, and none has a pattern operator class. The "
        "fixture's collation must be production's; ENV001 says where it is not."
    ),
    effect=(
        "In a language's order, values that begin alike need not stand together: the index can't "
        "be entered by a beginning, and every row is read."
    ),
    remedy="A second index with text_pattern_ops (varchar_pattern_ops, bpchar_pattern_ops).",
    source="PostgreSQL manual, 11.10 Operator Classes and Operator Families.",
    explains=True,
)

_CLASSES = {"varchar": "varchar_pattern_ops", "bpchar": "bpchar_pattern_ops"}


def check(context: Context) -> Iterator[Candidate]:
    """One candidate a relation, for the first such condition."""
    seen: set[str] = set()
    for read in context.worst_reads:
        found = first_obstacle(ObstacleKind.PATTERN, read, context.catalog)
        if found is not None and read.relation not in seen:
            seen.add(read.relation)
            yield _candidate(read, found.columns[0], context)


def _candidate(read: Read, name: str, context: Context) -> Candidate:
    column = column_of(context.catalog, read.relation, name)
    collation = (column.collation if column is not None else None) or "the database's collation"
    advice = context.advice.get(read.relation)
    opclass = _CLASSES.get(column.base_type if column is not None else "", "text_pattern_ops")
    index = led_by(read.relation, name, context.catalog)[0].name
    return context.candidate(
        FACTS,
        read,
        Severity.WARNING,
        message=(
            f"index {index} sorts {name} of {read.relation} by {collation}, so it can't be "
            "entered by the beginning of a value"
        ),
        remedy=(
            "\n".join(advice.ddl)
            if advice is not None
            else f"an index beside it on ({name} {opclass}); none was proven to help"
        ),
    )
