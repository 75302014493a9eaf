"""Is the fixture really at scale? Asked of the planner itself, for each table, on every start."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec

from pytest_planguard.errors import ScaleError
from pytest_planguard.model.plan import PlanNode
from pytest_planguard.model.statistics import Statistics, TableStatistics

if TYPE_CHECKING:
    import psycopg

_ONLY_SCANS = (
    "SELECT set_config(name, value, true) FROM (VALUES ('enable_seqscan', 'on'), "
    "('enable_indexonlyscan', 'off'), ('enable_indexscan', 'off'), ('enable_bitmapscan', 'off'), "
    "('max_parallel_workers_per_gather', '0'), ('jit', 'off')) AS x(name, value)"
)
_PRICES = (
    "SELECT current_setting('seq_page_cost')::float8, current_setting('cpu_tuple_cost')::float8"
)
_PRECISION = 0.0051
"""EXPLAIN prints costs with two decimals."""
_SHOWN = 5


class _Explained(msgspec.Struct, frozen=True):
    """One element of EXPLAIN's JSON."""

    plan: PlanNode = msgspec.field(name="Plan")


def check_scale(connection: psycopg.Connection[Any], statistics: Statistics) -> None:
    """Plans a scan of every table with storage and compares it with the statistics.

    A table of R rows on P pages must answer ``max(1, R)`` rows at the cost
    ``seq_page_cost · P + cpu_tuple_cost · R``, as ``cost_seqscan`` computes it.

    Raises:
        ScaleError: Some table is not as large as its statistics; the message names it.
    """
    from psycopg import sql
    from psycopg.rows import tuple_row

    tables = {name: facts for name, facts in statistics.tables.items() if _has_storage(facts)}
    with connection.transaction(force_rollback=True), connection.cursor(row_factory=tuple_row) as c:
        c.execute(_ONLY_SCANS)
        prices = c.execute(_PRICES).fetchone() or (1.0, 0.01)
        cursors = []
        with connection.pipeline():
            for name in tables:
                query = sql.SQL("EXPLAIN (FORMAT JSON) SELECT 1 FROM ONLY {}")
                cursor = connection.cursor(row_factory=tuple_row)
                identifier = sql.Identifier(*name.split(".", 1))
                cursors.append(cursor.execute(query.format(identifier)))
        answers = [cursor.fetchone() for cursor in cursors]
    _judge(tables, [answer[0] if answer else [] for answer in answers], prices)


def _has_storage(facts: TableStatistics) -> bool:
    """Whether it has files of its own: a partitioned table has statistics of its leaves only."""
    return facts.pages > 0


def _judge(
    tables: dict[str, TableStatistics], answers: list[Any], prices: tuple[float, float]
) -> None:
    """Raises if any plan is not what its table's statistics say."""
    wrong = [
        sentence
        for (name, facts), answer in zip(tables.items(), answers, strict=True)
        if (sentence := difference(name, facts, answer, prices))
    ]
    if not wrong:
        return
    more = f" (and {len(wrong) - _SHOWN} more tables)" if len(wrong) > _SHOWN else ""
    raise ScaleError(
        "the fixture database is not at scale: " + "; ".join(wrong[:_SHOWN]) + more,
        hint="make it anew with: pytest-planguard db down, then db build",
    )


def difference(name: str, facts: TableStatistics, answer: Any, prices: tuple[float, float]) -> str:
    """How a plan differs from the statistics; empty where it does not. Pure.

    Args:
        name: The table.
        facts: What it should have.
        answer: EXPLAIN's JSON, decoded.
        prices: ``seq_page_cost`` and ``cpu_tuple_cost``.
    """
    plan = msgspec.convert(answer, type=list[_Explained])[0].plan
    page_cost, tuple_cost = prices
    rows = max(1, round(facts.rows))
    cost = page_cost * facts.pages + tuple_cost * facts.rows
    if plan.node_type != "Seq Scan":
        return f"{name} is read by {plan.node_type}"
    if round(plan.rows) != rows:
        return f"{name} has {plan.rows:,.0f} rows for the planner instead of {rows:,}"
    if not math.isclose(plan.total_cost, cost, rel_tol=1e-12, abs_tol=_PRECISION):
        return f"{name} costs {plan.total_cost:,.2f} to read instead of {cost:,.2f}"
    return ""
