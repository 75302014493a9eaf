"""What the benchmark of loading counts as slow: one that cannot fail proves nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def test_a_server_that_pgbench_fills_faster_is_a_missed_goal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from rows import median_ratio, missed

    assert missed({18: median_ratio([(1.0, 1.0), (2.0, 1.0), (1.0, 2.0)])}) == []
    (said,) = missed({16: 1.2, 18: 0.999})
    assert said == "PostgreSQL 18: 0.999 times pgbench's rows a second, wanted 1"
