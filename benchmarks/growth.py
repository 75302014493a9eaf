"""What growth costs: 1,000 queries planned once, and then at 3, 10 and 100 times of the size.

Both sides run in turn on one server; the databases at other sizes are made and dropped inside of
what is timed. Shop's statistics, the queries of ``planning.py``.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence

from planning import SHOP, capture

from pytest_planguard.config import load
from pytest_planguard.model.plan import Planned
from pytest_planguard.model.query import Query
from pytest_planguard.pipeline.fixtures import Planner, open_planner
from pytest_planguard.pipeline.growth import growths
from pytest_planguard.planner.growth import Followed
from pytest_planguard.sql.normalise import queries

ROUNDS = 3
FACTORS = (3.0, 10.0, 100.0)


def measured(planner: Planner, asked: Sequence[Query]) -> tuple[float, list[float], float]:
    """Seconds for today's plans, for each size by itself, and for growth as a run does it."""
    start = time.perf_counter()
    outcomes = planner.explainer.explain(asked)
    today = time.perf_counter() - start
    pairs = list(zip(asked, outcomes, strict=True))
    followed = [Followed(q, one.worst) for q, one in pairs if isinstance(one, Planned)]
    each = []
    for factor in FACTORS:
        start = time.perf_counter()
        planner.sizes.plans_at(factor, followed)
        each.append(time.perf_counter() - start)
    start = time.perf_counter()
    found, note = growths(planner, pairs, load(SHOP).thresholds)
    whole = time.perf_counter() - start
    assert found, note
    return today, each, whole


def main() -> None:
    """Runs it."""
    captured = capture()
    asked = queries(captured)
    with open_planner(load(SHOP), "default", captured) as planner:
        rounds = [measured(planner, asked) for _ in range(ROUNDS + 1)][1:]
    today = statistics.median(one for one, _, _ in rounds)
    print(f"{len(asked):,} queries, median of {ROUNDS} rounds in turn")
    print(f"planned at today's size        {today:.2f} s")
    for number, factor in enumerate(FACTORS):
        seconds = statistics.median(each[number] for _, each, _ in rounds)
        print(f"database and plans at {factor:>3g} times {seconds:.2f} s")
    whole = statistics.median(one for _, _, one in rounds)
    print(f"growth, with where plans turn  {whole:.2f} s, {whole / today:.1f} times the planning")


if __name__ == "__main__":
    main()
