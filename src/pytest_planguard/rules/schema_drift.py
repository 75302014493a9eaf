"""ENV005: production's schema is not the one plans are made in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.judgement import RunContext
from pytest_planguard.sql.drift import Drift, Part, drift

FACTS = RuleFacts(
    code="ENV005",
    name="schema-drift",
    severity=Severity.WARNING,
    condition="The statistics file tells of indexes, columns, constraints or tables of "
    "production that the migrations do not make, or they make what production has not.",
    effect="Plans are made with indexes production lacks, or without some it has: a hand-made "
    "index causes a missing-index finding that is none. New columns and tables have assumed "
    "statistics.",
    remedy="Write a migration for what was made by hand, or drop it there. What the migrations "
    "of this branch add is as it should be: it goes with the next pull after they are deployed.",
    source="pg_get_indexdef, pg_get_constraintdef and format_type on both sides, compared "
    "without names and schemas.",
)

MOST_NAMED = 8
"""Things listed by name in a remedy; a schema that was never migrated differs in hundreds."""


def check_run(context: RunContext) -> Iterator[Candidate]:
    """One candidate for each kind of thing, and for each side that has it alone."""
    if context.source is None:
        return
    found = drift(context.source, context.catalog)
    sizes = {name: table.rows for name, table in context.source.tables.items()}
    for noun, where, parts in _kinds(found):
        if parts:
            yield _candidate(context, noun, where, parts, sizes)


_THERE, _HERE, _BOTH = "only in production", "only in the migrations", "that differ"

_REMEDIES = {
    _THERE: "Write a migration for what was made by hand, or drop it there:",
    _HERE: "If the migration is not deployed yet, this is as it should be and goes with the next "
    "pull of the statistics; else make it there:",
    _BOTH: "Write a migration that makes them what they are there, or change them there:",
}


def _kinds(found: Drift) -> Iterator[tuple[str, str, Sequence[Part]]]:
    """Worst first: an index decides a plan, a constraint an estimate."""
    yield "index", _THERE, found.indexes_only_there
    yield "index", _HERE, found.indexes_only_here
    yield "column type", _BOTH, found.types
    yield "column", _THERE, found.columns_only_there
    yield "column", _HERE, found.columns_only_here
    yield "table", _THERE, _whole(found.tables_only_there)
    yield "table", _HERE, _whole(found.tables_only_here)
    yield "constraint", _THERE, found.constraints_only_there
    yield "constraint", _HERE, found.constraints_only_here
    yield "partition", _THERE, _partitions(found.partitions_only_there)
    yield "partition", _HERE, _partitions(found.partitions_only_here)


def _whole(names: Sequence[str]) -> list[Part]:
    return [Part(name, name) for name in names]


def _partitions(counts: Mapping[str, int]) -> list[Part]:
    return [Part(root, f"of {root}") for root, number in counts.items() for _ in range(number)]


def _candidate(
    context: RunContext, noun: str, where: str, parts: Sequence[Part], sizes: Mapping[str, float]
) -> Candidate:
    ordered = sorted(parts, key=lambda one: (-sizes.get(one.table, 0.0), one))
    plural = {"index": "indexes"}.get(noun, f"{noun}s")
    side = where.replace("differ", "differs") if len(parts) == 1 else where
    count = f"{len(parts):,} {noun if len(parts) == 1 else plural} {side}"
    tables = Counter(one.table.removeprefix("public.") for one in ordered)
    return Candidate(
        rule=FACTS.code,
        key="",
        database=context.database,
        relation=None,
        severity=Severity.WARNING,
        message=f"{count}: {_tables(tables)}",
        remedy="\n".join([_REMEDIES[where], *_listed(ordered)]),
        evidence={plural.replace(" ", "_"): float(len(parts))},
    )


def _tables(counts: Counter[str]) -> str:
    """``orders (2), customers``, the largest table first."""
    named = [name if number == 1 else f"{name} ({number})" for name, number in counts.items()]
    more = len(named) - MOST_NAMED
    return ", ".join(named[:MOST_NAMED]) + (f" and {more:,} more tables" if more > 0 else "")


def _listed(parts: Sequence[Part]) -> list[str]:
    """Each by its text, with the table where the text does not say it, as one sentence."""
    lines = list(
        dict.fromkeys(
            one.text if one.text.startswith("CREATE ") or one.table in one.text
            else f"{one.table}: {one.text}"
            for one in parts
        )
    )  # fmt: skip
    more = len(lines) - MOST_NAMED
    shown = lines[:MOST_NAMED] + ([f"and {more:,} more"] if more > 0 else [])
    return [*(f"{line};" for line in shown[:-1]), *shown[-1:]]
