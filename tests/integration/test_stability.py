"""Ten runs of a part of shop, each in other surroundings: one verdict, one baseline and report."""

from __future__ import annotations

from pathlib import Path

import pytest

from fix_servers import absent
from fix_shop import scratch

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
RUNS = 10


def test_ten_runs_come_to_the_same_byte_for_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import _clock
    import stability

    if _clock.compiler() is None:
        absent("no C compiler is installed (Debian: apt-get install gcc libc6-dev)")
    with scratch() as folder:
        found = list(stability.compared(RUNS, folder, quick=True, jobs=2))
    differing = [f"{one}\n{came}" for one, came, alike in found if not alike]
    assert differing == []
    assert {one.major for one, _, _ in found} == {16, 18}
    assert {one.workers for one, _, _ in found} == {0, 1, 2}
    assert max(one.days for one, _, _ in found) > 0 > min(one.days for one, _, _ in found)
