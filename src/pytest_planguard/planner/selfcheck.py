"""Is the fixture really at scale? Asked of the planner and of index files, on every start."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from pytest_planguard.errors import ScaleError
from pytest_planguard.model.plan import PlanNode
from pytest_planguard.model.report import SelfCheck
from pytest_planguard.model.statistics import IndexStatistics, Statistics, TableStatistics
from pytest_planguard.planner.catalog import named_queries

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
_HEIGHT_AT = slice(44, 48)
"""``btm_fastlevel`` of a btree's metapage (BTMetaPageData in nbtree.h)."""
_TAKEN_OF_UNKNOWN = 10
"""Pages, in table_block_relation_estimate_size of tableam.c."""


class _Explained(msgspec.Struct, frozen=True):
    """One element of EXPLAIN's JSON."""

    plan: PlanNode = msgspec.field(name="Plan")


def check_scale(connection: psycopg.Connection[Any], statistics: Statistics) -> SelfCheck:
    """Plans a scan of every table with storage and reads the height of every btree.

    A table whose catalog row says R rows on P pages, and whose file has F of them, must answer
    ``max(1, round(R / P · F))`` rows at the cost ``seq_page_cost · F + cpu_tuple_cost · rows``, as
    estimate_rel_size and cost_seqscan compute it. Rows of one that was never analysed are the
    planner's own guess: of it, only pages are checked. Heights stand on first pages of files,
    which a superuser may read; the planner looks there, too.

    Raises:
        ScaleError: Something is not as the statistics say; the message names it.
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
        metapages: dict[str, bytes] = dict(
            c.execute(named_queries("queries_selfcheck.sql")["metapages"]).fetchall()
        )
    wrong = [
        sentence
        for (name, facts), answer in zip(tables.items(), answers, strict=True)
        if (sentence := difference(name, facts, answer[0] if answer else [], prices))
    ]
    _refuse([*wrong, *wrong_heights(statistics, metapages)])
    return SelfCheck(len(tables), sum(1 for _ in _known_heights(statistics, metapages)))


def _has_storage(facts: TableStatistics) -> bool:
    """Whether it has files of its own: a partitioned table has statistics of its leaves only.

    Of a table that was never analysed the planner takes at least ten pages, whatever its file has.
    """
    least = _TAKEN_OF_UNKNOWN if _is_unknown(facts) else 1
    return _file_pages(facts) >= least and facts.kind != "f"


def _file_pages(facts: TableStatistics | IndexStatistics) -> int:
    return facts.pages if facts.file_pages is None else facts.file_pages


def _refuse(wrong: list[str]) -> None:
    """Raises if there is anything; the message has the first few."""
    if not wrong:
        return
    more = f" (and {len(wrong) - _SHOWN} more)" if len(wrong) > _SHOWN else ""
    raise ScaleError(
        "the fixture database is not at scale: " + "; ".join(wrong[:_SHOWN]) + more,
        hint="make it anew with: pytest-planguard db down, then db build",
    )


def wrong_heights(statistics: Statistics, metapages: dict[str, bytes]) -> list[str]:
    """A sentence for each btree that is not as high as the statistics say; pure.

    Args:
        statistics: With heights where they are known.
        metapages: First bytes of each btree's file, by schema-qualified name.
    """
    return [
        f"{index} is {height} levels high instead of {wanted}"
        for index, height, wanted in _known_heights(statistics, metapages)
        if height != wanted
    ]


def _known_heights(
    statistics: Statistics, metapages: dict[str, bytes]
) -> Iterator[tuple[str, int, int]]:
    """Name, height and wanted height of each btree of which both are known."""
    for name, table in statistics.tables.items():
        for index, facts in table.indexes.items():
            there = metapages.get(f"{name.partition('.')[0]}.{index}")
            if there is not None and facts.height is not None:
                yield index, int.from_bytes(there[_HEIGHT_AT], "little"), facts.height


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
    if plan.node_type != "Seq Scan":
        return f"{name} is read by {plan.node_type}"
    tuples = _estimated_rows(facts, plan.rows)
    cost = page_cost * _file_pages(facts) + tuple_cost * tuples
    if round(plan.rows) != max(1, tuples):
        return f"{name} has {plan.rows:,.0f} rows for the planner instead of {max(1, tuples):,.0f}"
    if not math.isclose(plan.total_cost, cost, rel_tol=1e-12, abs_tol=_PRECISION):
        return f"{name} costs {plan.total_cost:,.2f} to read instead of {cost:,.2f}"
    return ""


def _estimated_rows(facts: TableStatistics, guessed: float) -> float:
    """Rows the planner takes (table_block_relation_estimate_size of tableam.c).

    Args:
        facts: The table's.
        guessed: Its rows as planned, which are right where it was never analysed.
    """
    if _is_unknown(facts):
        return round(guessed)
    tuples: float = struct.unpack("f", struct.pack("f", facts.rows))[0]
    return round(tuples / facts.pages * _file_pages(facts))


def _is_unknown(facts: TableStatistics) -> bool:
    """Never analysed, or when it was empty: the planner guesses rows from the columns' widths."""
    return facts.rows < 0 or facts.pages == 0
