"""What the benchmark of capture counts as missed: one that cannot fail proves nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def _benchmarks_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


@pytest.mark.parametrize(
    ("application", "without", "found", "said"),
    [
        ("psycopg", 100.0, 110.0, []),
        ("psycopg", 40.0, 47.2, ["psycopg: × 1.18 of the time without, wanted 1.15"]),
        ("orm", 80.0, 89.6, ["orm: × 1.12 of the time without, wanted 1.1"]),
        ("asyncpg", 40.0, 49.0, []),
        ("psycopg2", 40.0, 52.0, ["psycopg2: +12.0 µs a statement, wanted 10"]),
    ],
)
def test_a_statement_that_costs_too_much_is_a_missed_goal(
    application: str, without: float, found: float, said: list[str]
) -> None:
    from capture import slow

    assert list(slow(application, [without] * 3, [found, found, 10 * found])) == said


def test_memory_and_disk_are_held_to_what_a_shape_may_take() -> None:
    from capture import Taken, large

    bare = [40_000_000, 50_000_000, 60_000_000]
    taken = Taken.of(bare, [42_000_000, 55_000_000, 85_000_000, 900_000, 89_000_000])
    assert taken == (2.0, 5.0, 25.0, 29.0, 0.9)
    assert list(large(500, taken)) == []
    assert list(large(500, taken._replace(most=31.0, file=20.5))) == [
        "500 distinct statements: +31.0 MB in memory, wanted 30",
        "500 distinct statements: 20.5 MB on disk, wanted 20",
    ]
    assert list(large(100_000, taken._replace(late=299.0))) == []


def test_growth_is_held_to_distinct_statements_and_never_to_executions() -> None:
    from capture import Taken, steep

    even = Taken(start=3.0, early=33.0, late=303.0, most=303.0, file=9.0)
    assert even.steepness == 1.0
    assert list(steep(100_000, 100_000, even)) == []
    (said,) = steep(100_000, 100_000, even._replace(late=413.0))
    assert said == (
        "100,000 distinct statements: × 1.41 of the first tenth's memory for each later one,"
        " wanted 1.2"
    )
    flat = Taken(start=3.0, early=20.0, late=22.9, most=25.0, file=1.0)
    assert list(steep(1_000_000, 500, flat)) == []
    assert list(steep(1_000_000, 500, flat._replace(late=24.0))) == [
        "1,000,000 executions: +4.0 MB in memory after the first tenth, wanted 3"
    ]
