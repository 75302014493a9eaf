"""IDX005: a DELETE, or an update of a key, has a large table read through behind EXPLAIN's back."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_planguard.model import words
from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.judgement import Context, Read, ReferentialCheck
from pytest_planguard.model.plan import Access
from pytest_planguard.sql.obstacles import obstacles
from pytest_planguard.sql.reads import access_of, full_index_walk

FACTS = RuleFacts(
    code="IDX005",
    name="fk-probe-seq-scan",
    severity=Severity.ERROR,
    condition=(
        "A statement deletes rows, or sets a column that foreign keys refer to, and a large table "
        "with such a foreign key, directly or through ON DELETE CASCADE, SET NULL and their kin, "
        "is read as a whole for each of those rows, since no index serves the foreign key's "
        "columns: none begins with them, or only a partial one or another type's. A warning "
        "where no index was proven to help."
    ),
    effect=(
        "The statement's own plan is an index scan of one row; the check runs inside a trigger "
        "that EXPLAIN does not show, holds the row's lock all the while, and runs again for each "
        "row."
    ),
    remedy="An index on the foreign key's columns in the table that refers.",
    source=(
        "PostgreSQL manual, 5.5.5 Foreign Keys: an index on the referencing columns is often a "
        "good idea; src/backend/utils/adt/ri_triggers.c has the statements. Measured: 108 ms "
        "behind an index scan of one row."
    ),
)


def check(context: Context) -> Iterator[Candidate]:
    """One candidate a relation that refers, for its costliest check."""
    seen: set[str] = set()
    for found in sorted(context.checks, key=lambda one: -one.times * one.plan.cost):
        child = found.path[-1]
        read = _fault(found) if child not in seen else None
        if read is not None:
            seen.add(child)
            yield _candidate(found, read, context)


def _fault(found: ReferentialCheck) -> Read | None:
    """The read that makes a check slow; None where it is none."""
    for read in found.reads:
        whole = read.node.node_type == "Seq Scan" or full_index_walk(read.node)
        if read.relation == found.path[-1] and (
            whole or found.advice is not None or access_of(read.node, read) is Access.INDEX_FILTER
        ):
            return read
    return None


def _candidate(found: ReferentialCheck, read: Read, context: Context) -> Candidate:
    hidden = found.times * found.plan.cost
    table = context.catalog.tables.get(read.relation)
    return Candidate(
        rule=FACTS.code,
        key=context.query.key,
        database=context.query.database,
        relation=found.path[-1],
        severity=Severity.ERROR if found.advice is not None else Severity.WARNING,
        message=_message(found, read, context, hidden),
        remedy=_remedy(found, read, context),
        rows=table.rows if table is not None else read.rows_read,
        evidence={
            "rows_read": found.times * read.rows_read,
            "bytes_read": found.times * read.bytes_read,
            "times": found.times,
            "cost_shown": context.plan.cost,
            "cost_hidden": hidden,
        },
        verified=found.advice is not None,
        advice=found.advice,
    )


def _message(found: ReferentialCheck, read: Read, context: Context, hidden: float) -> str:
    what = "that is deleted" if found.deletes else "whose key is set"
    many = f", {words.rows(found.times)} of them a call" if found.times >= 2 else ""
    size = f"{words.rows(read.rows_read)} rows ({words.size(read.bytes_read)}) of {found.path[-1]}"
    through = f", through {' and '.join(found.path[1:-1])}" if len(found.path) > 2 else ""
    columns = ", ".join(found.columns)
    return (
        f"each row of {found.path[0]} {what} has {size} read to find those that refer to it by "
        f"{columns}{through}{many}; cost {words.cost(hidden)} behind a plan of "
        f"{words.cost(context.plan.cost)}"
    )


def _remedy(found: ReferentialCheck, read: Read, context: Context) -> str:
    if found.advice is not None:
        return "\n".join(found.advice.ddl)
    columns = ", ".join(found.columns)
    casts = [one.reason.rpartition(": ")[2] for one in obstacles(read, context.catalog)]
    if casts:
        return f"give {columns} the type of what it refers to: {'; '.join(casts)}"
    return (
        f"no index on {found.path[-1]} ({columns}) was proven to help, for each value occurs in "
        f"{words.rows(read.rows_kept)} rows: delete seldom, or mark rows as deleted instead"
    )
