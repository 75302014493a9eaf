"""ENV003: the sizes plans are made with are of another server major, incomplete, or old."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator

from pytest_planguard.model.bookkeeping import is_kept_by_a_tool
from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.judgement import RunContext
from pytest_planguard.model.spec import ASSUMED_ROWS
from pytest_planguard.model.statistics import ScaleSource, Statistics

OLD = dt.timedelta(days=30)
"""A proposal of ours. After a month a table that is partitioned by month has a partition the
statistics have never heard of, and one that has lived for three years has grown by 3 %, a third
of what makes autovacuum analyse it again (``autovacuum_analyze_scale_factor``, 0.1)."""

FACTS = RuleFacts(
    code="ENV003",
    name="statistics-doubtful",
    severity=Severity.WARNING,
    condition="Production runs another server major than plans are made on "
    "(server-major-differs); sizes are declared for some tables and for others neither declared "
    "nor in a statistics file (statistics-missing); or the statistics file is older than 30 days "
    "(statistics-old).",
    effect="Another major plans otherwise; an assumed size may be far from the real one; old "
    "statistics know nothing of what has grown since. Plans are then not production's.",
    remedy="Pull the statistics again (pytest-planguard statistics pull), set version to "
    "production's major, declare the rows of the tables that are missing.",
    source="PostgreSQL's release notes change the planner in every major. The 30 days are a "
    "proposal: a month is one partition, or 3 % of a table that grew over three years.",
)


def check_run(context: RunContext) -> Iterator[Candidate]:
    """At most one candidate for each of the three doubts."""
    source = context.source
    if source is None:
        yield from _missing(context)
        return
    yield from _other_major(context, source)
    yield from _old(context, source)


def _other_major(context: RunContext, source: Statistics) -> Iterator[Candidate]:
    there, here = source.server_version // 10000, context.catalog.server.major
    if there and there != here:
        yield _candidate(
            context,
            f"server-major-differs: production runs PostgreSQL {there}, plans are made by {here}",
            f"Set version = {there} in [tool.pytest-planguard.database].",
        )


def _missing(context: RunContext) -> Iterator[Candidate]:
    """Only where somebody has begun to say sizes: with none at all the report says so anyway."""
    sources = Counter(context.sizes.values())
    assumed = sorted(
        name
        for name, one in context.sizes.items()
        if one is ScaleSource.ASSUMED and not is_kept_by_a_tool(name)
    )
    if sources[ScaleSource.DECLARED] and assumed:
        names = ", ".join(assumed[:5]) + (" …" if len(assumed) > 5 else "")
        yield _candidate(
            context,
            f"statistics-missing: {len(assumed)} of {len(context.sizes)} tables have neither "
            f"statistics nor declared rows, {ASSUMED_ROWS:,} are assumed: {names}",
            "Pull production's statistics (pytest-planguard statistics pull), or declare rows "
            "under [tool.pytest-planguard.tables].",
        )


def _old(context: RunContext, source: Statistics) -> Iterator[Candidate]:
    """Without the age in days: the report of the same code must be the same tomorrow."""
    day = _day(source.clock)
    if day is not None and context.today is not None and context.today - day > OLD:
        yield _candidate(
            context,
            f"statistics-old: the statistics are of {day.isoformat()}, more than "
            f"{OLD.days} days ago",
            "Pull them again: pytest-planguard statistics pull.",
        )


def _day(clock: str) -> dt.date | None:
    try:
        return dt.datetime.fromisoformat(clock).date()
    except ValueError:
        return None


def _candidate(context: RunContext, message: str, remedy: str) -> Candidate:
    return Candidate(
        rule=FACTS.code,
        key="",
        database=context.database,
        relation=None,
        severity=Severity.WARNING,
        message=message,
        remedy=remedy,
    )
