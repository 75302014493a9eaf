"""Where two advisors differ on a query, the rows themselves are asked who is right.

The yardstick is that of ``answers.py``. A report that an index is missing is right where the advice
cuts the blocks that the query touches to a tenth. Silence is right where nothing saves 30 % and 100
units of the planner's cost: neither advisor's indexes nor, by exhaustive search, any one of one to
three columns. What lies between the two is a matter of taste, and told as that.
"""

from __future__ import annotations

import enum
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import psycopg
from fidelity_parts.source import Source
from fidelity_parts.table import table
from fidelity_parts.workloads import Workload

from advice_parts.built import standing
from advice_parts.outcome import Row
from pytest_planguard.model.spec import Thresholds
from pytest_planguard.planner.catalog import read_catalog

sys.path.append(str(Path(__file__).parents[2] / "tests"))

from answers_parts.measure import Asked, Run
from answers_parts.search import Best, best_index

from fix_rules import ExampleQuery

if TYPE_CHECKING:
    from pytest_planguard.model.catalog import Catalog

TENTH = 10.0
"""Times as many blocks without what is advised: ``answers.py`` asks for as much."""


class Verdict(enum.StrEnum):
    """Who is right about one query."""

    REPORT = "the report"
    SILENCE = "silence"
    BETWEEN = "neither"
    """An index saves something, and less than nine tenths."""
    UNKNOWN = "not measured"


class Disagreement(msgspec.Struct, frozen=True):
    """One query of which one advisor says that an index is missing, and the other does not."""

    workload: str
    query: str
    reporter: str
    silent: str
    without: Run | None
    """Without secondary indexes; None: it did not end in time."""
    advised: Run | None
    """With all that the reporter advises."""
    cost: float
    cost_with: float
    """The least with any set or any one index tried."""
    index: str
    """The one index of the search that saves most; empty: none saves anything."""

    @property
    def verdict(self) -> Verdict:
        """By the blocks, then by the cost."""
        limits = Thresholds()
        saved = self.cost - self.cost_with
        if saved < max(limits.minimum_gain * self.cost, limits.minimum_gain_units):
            return Verdict.SILENCE
        if self.advised is None:
            return Verdict.UNKNOWN
        return Verdict.REPORT if self.times >= TENTH else Verdict.BETWEEN

    @property
    def times(self) -> float:
        """As many blocks without; infinite where that did not end."""
        if self.without is None or self.advised is None:
            return math.inf
        return self.without.blocks / max(1.0, self.advised.blocks)


def disagreements(source: Source, workload: Workload, ours: Row, rival: Row) -> list[Disagreement]:
    """Both sets are built, one after the other, and the queries they differ on are run.

    Args:
        source: With the workload loaded, and without secondary indexes.
        workload: Its queries.
        ours: One advisor, built and planned.
        rival: The other.
    """
    names = [name for name in workload.queries if _differ(name, ours, rival)]
    texts = {name: workload.queries[name] for name in names}
    without = _runs(source, workload, texts, ())
    with_any = {
        row.advised.advisor: _runs(source, workload, _reported(texts, row), row.advised.ddl)
        for row in (ours, rival)
    }
    searched = _searched(source, workload, texts)
    found = []
    for name in names:
        here, there = (ours, rival) if name in ours.advised.reports else (rival, ours)
        best = searched[name]
        found.append(
            Disagreement(
                workload.name, name, here.advised.advisor, there.advised.advisor,
                without[name], with_any[here.advised.advisor][name], best.before,
                min(best.after, ours.built.costs[name], rival.built.costs[name]), best.index,
            )
        )  # fmt: skip
    return found


def _differ(name: str, ours: Row, rival: Row) -> bool:
    failed = {text.partition(":")[0] for row in (ours, rival) for text in row.advised.failed}
    return name not in failed and (name in ours.advised.reports) != (name in rival.advised.reports)


def _reported(texts: Mapping[str, str], row: Row) -> dict[str, str]:
    return {name: text for name, text in texts.items() if name in row.advised.reports}


def _runs(
    source: Source, workload: Workload, texts: Mapping[str, str], ddl: Sequence[str]
) -> dict[str, Run | None]:
    """Each query executed with these indexes."""
    with source.connect(workload.database) as connection, standing(connection, ddl):
        return {name: _run(connection, text) for name, text in texts.items()}


def _run(connection: psycopg.Connection[Any], text: str) -> Run | None:
    """The quicker of two executions: the first may find the pages on disk."""
    try:
        asked = Asked(connection, ExampleQuery(text))
        return min(asked.run(), asked.run(), key=lambda one: one.seconds)
    except psycopg.errors.QueryCanceled:
        return None


def _searched(source: Source, workload: Workload, texts: Mapping[str, str]) -> dict[str, Best]:
    """The index of one to three columns that saves most of each query."""
    with source.connect(workload.database) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS hypopg SCHEMA public")
        connection.execute(f"SET search_path = {workload.schema}, public")
        catalog = read_catalog(connection)
        return {name: _best(connection, text, catalog) for name, text in texts.items()}


def _best(connection: psycopg.Connection[Any], text: str, catalog: Catalog) -> Best:
    return best_index(connection, Asked(connection, ExampleQuery(text)), text, catalog)


def disputed(found: Sequence[Disagreement]) -> str:
    """Query by query: who said it, what was measured, who is right."""
    head = ["workload", "query", "reports", "blocks", "with its indexes", "", "time", "cost",
            "least cost", "by", "right is"]  # fmt: skip
    return table(head, [_line(one) for one in found])


def _line(one: Disagreement) -> list[str]:
    """Times are a ratio of two runs, one after the other."""
    quicker = ""
    if one.without is not None and one.advised is not None:
        quicker = f"÷{one.without.seconds / one.advised.seconds:,.1f}"
    return [
        one.workload, one.query, one.reporter, _blocks(one.without), _blocks(one.advised),
        f"÷{one.times:,.1f}", quicker, f"{one.cost:,.0f}", f"{one.cost_with:,.0f}", one.index,
        _who(one),
    ]  # fmt: skip


def _blocks(run: Run | None) -> str:
    return "too many" if run is None else f"{run.blocks:,.0f}"


def _who(one: Disagreement) -> str:
    match one.verdict:
        case Verdict.REPORT:
            return one.reporter
        case Verdict.SILENCE:
            return one.silent
        case _:
            return one.verdict.value


def tally(found: Sequence[Disagreement]) -> str:
    """How often each is right where they differ."""
    lines = []
    for workload in dict.fromkeys(one.workload for one in found):
        own = [one for one in found if one.workload == workload]
        right = [_who(one) for one in own]
        lines += [[workload, name, str(right.count(name))] for name in sorted(dict.fromkeys(right))]
    return table(["workload", "right where they differ", "queries"], lines)
