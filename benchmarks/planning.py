"""200, 1,000 and 1,700 distinct queries planned, judged and reported, beside bare EXPLAINs of each.

Both sides ask the same server for plans in the same database at production scale. The bare side
does what a script would: one ``EXPLAIN (FORMAT JSON)`` after the other through psycopg, once with
the values and once without (``plan_cache_mode = force_generic_plan``), its answers thrown away.
Ours parses, normalises, plans both samples, looks for indexes, judges, and renders the JSON
report. The queries are sound: looking for indexes has a benchmark of its own kind, since it
makes databases. The two are run in turn. Last is what a run waits for before anything can be
planned: the fixture database at scale, where its template is there already.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

from pytest_planguard.config import load, thresholds_for
from pytest_planguard.model.capture import Capture
from pytest_planguard.model.query import Query
from pytest_planguard.model.statement import Origin, Phase, Place, Sample, Session, Statement
from pytest_planguard.pipeline.fixtures import Planner, open_planner
from pytest_planguard.pipeline.run import judged_report
from pytest_planguard.report import json as json_report

SHOP = Path(__file__).parents[1] / "fixtures" / "shop"
SIZES = (200, 1_000, 1_700)
ROUNDS = 5

COLUMNS = {
    "o": ["id", "order_number", "status", "total_cents", "tracking_number", "placed_at"],
    "c": ["email", "full_name", "phone", "created_at"],
    "l": ["product_id", "quantity", "unit_price_cents", "line_total_cents"],
    "p": ["sku", "name", "price_cents", "active"],
}
SHAPES = [
    ("FROM orders o WHERE o.customer_id = $1 ORDER BY o.placed_at DESC LIMIT 20", "o", ("int8",)),
    ("FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.id = $1", "oc", ("int8",)),
    (
        "FROM orders o JOIN order_lines l ON l.order_id = o.id WHERE o.customer_id = $1",
        "ol",
        ("int8",),
    ),
    (
        (
            "FROM order_lines l JOIN products p ON p.id = l.product_id"
            " JOIN orders o ON o.id = l.order_id WHERE o.order_number = $1"
        ),
        "lpo",
        ("text",),
    ),
    (
        (
            "FROM customers c JOIN orders o ON o.customer_id = c.id WHERE c.id = $1"
            " AND o.placed_at > now() - interval '30 days'"
        ),
        "co",
        ("int8",),
    ),
    (
        "FROM products p WHERE p.category_id = $1 AND p.active ORDER BY p.id LIMIT 50",
        "p",
        ("int4",),
    ),
    ("FROM customers c WHERE lower(c.email) = $1 AND c.deleted_at IS NULL", "c", ("text",)),
]
OIDS = {"int8": 20, "int4": 23, "text": 25}
VALUES = {"int8": "4711", "int4": "12", "text": "someone@example.org"}


def texts(count: int) -> list[tuple[str, tuple[str, ...]]]:
    """Distinct statements: every shape with every choice of its columns, in turn."""
    made: list[tuple[str, tuple[str, ...]]] = []
    for group in itertools.zip_longest(*(_texts_of(*shape) for shape in SHAPES)):
        made += [one for one in group if one is not None]
        if len(made) >= count:
            break
    assert len(made) >= count, len(made)
    return made[:count]


def _texts_of(
    tail: str, aliases: str, types: tuple[str, ...]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    columns = [f"{alias}.{name}" for alias in aliases for name in COLUMNS[alias]]
    for size in range(1, len(columns) + 1):
        for picked in itertools.combinations(columns, size):
            yield f"SELECT {', '.join(picked)} {tail}", types


def capture(count: int) -> Capture:
    """What a suite would have sent."""
    place = Place(Origin("app/queries.py", 1, "load"), "tests/test_app.py::test", Phase.CALL)
    session = Session("shop", "psycopg", prepares=True)
    return Capture(
        tuple(
            Statement(
                text,
                tuple(OIDS[name] for name in types),
                session,
                (Sample(tuple(VALUES[name] for name in types)),),
                (place,),
            )
            for text, types in texts(count)
        ),
        captured_at="2026-10-01T00:00:00+00:00",
    )


def bare(conninfo: str, count: int) -> float:
    """Seconds for two EXPLAINs of each, one by one."""
    with psycopg.connect(conninfo, autocommit=True, prepare_threshold=None) as connection:
        statements = texts(count)
        start = time.perf_counter()
        for number, (text, types) in enumerate(statements):
            values = ", ".join(f"'{VALUES[name]}'" for name in types)
            connection.execute(f"PREPARE q{number} ({', '.join(types)}) AS {text}")
            for mode in ("force_custom_plan", "force_generic_plan"):
                connection.execute(f"SET plan_cache_mode = {mode}")
                connection.execute(f"EXPLAIN (FORMAT JSON) EXECUTE q{number}({values})").fetchall()
        return time.perf_counter() - start


def bare_explains_only(conninfo: str, count: int) -> float:
    """The same, but only the EXPLAINs are timed: no PREPARE, no SET."""
    spent = 0.0
    with psycopg.connect(conninfo, autocommit=True, prepare_threshold=None) as connection:
        statements = texts(count)
        for number, (text, types) in enumerate(statements):
            connection.execute(f"PREPARE q{number} ({', '.join(types)}) AS {text}")
        for mode in ("force_custom_plan", "force_generic_plan"):
            connection.execute(f"SET plan_cache_mode = {mode}")
            start = time.perf_counter()
            for number, (_, types) in enumerate(statements):
                values = ", ".join(f"'{VALUES[name]}'" for name in types)
                connection.execute(f"EXPLAIN (FORMAT JSON) EXECUTE q{number}({values})").fetchall()
            spent += time.perf_counter() - start
    return spent


def ours(planner: Planner, captured: Capture) -> tuple[float, list[Query]]:
    """Seconds from the capture to the text of the JSON report."""
    config = load(SHOP)
    start = time.perf_counter()
    report = judged_report(config, captured, planner)
    text = json_report.render(report)
    seconds = time.perf_counter() - start
    assert len(report.queries) == sum(len(one.places) for one in captured.statements)
    assert report.totals.unexplained == 0
    assert text
    return seconds, [one.query for one in report.queries]


def measure(planner: Planner, count: int) -> None:
    """Prints what so many queries take."""
    captured = capture(count)
    rounds = []
    for _ in range(ROUNDS + 1):
        plain = bare_explains_only(planner.fixture.conninfo, count)
        with_prepare = bare(planner.fixture.conninfo, count)
        full, _ = ours(planner, captured)
        rounds.append((plain, with_prepare, full))
    rounds = rounds[1:]
    plain, with_prepare, full = (statistics.median(column) for column in zip(*rounds, strict=True))
    ratio = statistics.median(f / p for p, _, f in rounds)
    print(
        f"{count:7,}  {plain:12.2f} s {with_prepare:18.2f} s {full:12.2f} s"
        f" {ratio:8.2f} {statistics.median(f / w for _, w, f in rounds):17.2f}"
    )


def main() -> None:
    """Runs it."""
    config = load(SHOP)
    captured = capture(max(SIZES))
    with open_planner(config, "default", captured):
        pass  # the template is made
    start = time.perf_counter()
    with open_planner(config, "default", captured) as planner:
        opened = time.perf_counter() - start
        thresholds_for(config, planner.catalog.tables)
        print(f"distinct queries, two plans each, medians of {ROUNDS} rounds in turn")
        print("queries  bare EXPLAINs  with PREPARE and SET  planguard   ratio  to the latter")
        for count in SIZES:
            measure(planner, count)
    print(f"the fixture database, from its template: {opened:.2f} s")


if __name__ == "__main__":
    main()
