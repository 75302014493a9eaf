"""IDX001: an index that is not there would help, and the planner says so at scale."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_planguard.model import words
from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.finding import Advice, Candidate, RuleFacts, Severity
from pytest_planguard.model.judgement import Context, Read
from pytest_planguard.sql.obstacles import is_guess

FACTS = RuleFacts(
    code="IDX001",
    name="missing-index",
    severity=Severity.ERROR,
    condition=(
        "With an index that does not exist, or a few together, planned in a copy of the fixture at "
        "scale, the query costs at least minimum-gain and minimum-gain-units less with every value "
        "that reads too much, and no other query of the suite becomes dearer by more than "
        "maximum-loss. Where more than kept-fraction of the rows is kept, and no more than a "
        "fifth, it must save three quarters."
    ),
    effect="Each call reads far more of the table than it returns.",
    remedy="Create the index; the statement is in the advice, with its size and what else gains.",
    source="30 %, 100 units, 5 %: Thresholds; other advisors ask for 5, 30 or 50 %.",
)


def check(context: Context) -> Iterator[Candidate]:
    """One candidate a relation with verified advice."""
    for relation, advice in sorted(context.advice.items()):
        yield _candidate(relation, advice, _read_of(relation, context), context)


def _read_of(relation: str, context: Context) -> Read | None:
    """The relation's costliest read, in the worst plan that has one."""
    for position in sorted(context.reads):
        for read in context.reads[position]:
            if read.relation == relation:
                return read
    return None


def _candidate(relation: str, advice: Advice, read: Read | None, context: Context) -> Candidate:
    table = context.catalog.tables.get(relation)
    evidence = {
        "cost_before": advice.cost_before,
        "cost_after": advice.cost_after,
        "index_bytes": float(advice.size_bytes),
    }
    if read is not None:
        evidence |= {
            "rows_read": read.rows_read,
            "rows_kept": read.rows_kept,
            "bytes_read": read.bytes_read,
            "cost_share": round(read.share, 4),
        }
    return Candidate(
        rule=FACTS.code,
        key=context.query.key,
        database=context.query.database,
        relation=relation,
        severity=Severity.ERROR,
        message=_message(relation, advice, read, context.catalog),
        remedy="\n".join(advice.ddl),
        rows=table.rows if table is not None else 0.0,
        evidence=evidence,
        verified=True,
        advice=advice,
    )


def _message(relation: str, advice: Advice, read: Read | None, catalog: Catalog) -> str:
    """Without the number of rows kept where it is a guess of the planner's."""
    before, after = words.cost(advice.cost_before), words.cost(advice.cost_after)
    what = "an index brings" if advice.indexes == 1 else f"{advice.indexes} indexes together bring"
    gain = f"{what} the cost from {before} to {after}"
    if read is None:
        return f"{relation}: {gain}"
    size = f"{words.rows(read.rows_read)} rows ({words.size(read.bytes_read)}) of {relation}"
    size += words.passes(read.loops)
    if not read.conditions:
        return f"reads all {size} for those that are wanted; {gain}"
    if read.rows_kept >= read.rows_read:
        return f"reads {size} for those that are wanted; {gain}"
    if is_guess(read, catalog):
        return f"reads {size} and tests each; {gain}"
    return f"reads {size} to keep {words.rows(read.rows_kept)}; {gain}"
