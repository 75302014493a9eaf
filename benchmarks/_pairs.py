"""Times two commands in turn, so that a machine that gets slower slows both."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path


def seconds(command: Sequence[str], cwd: Path, env: dict[str, str] | None = None) -> float:
    """Wall time of one run; its output is thrown away, its exit status is the caller's."""
    start = time.perf_counter()
    subprocess.run(command, cwd=cwd, env=env, capture_output=True, check=False)
    return time.perf_counter() - start


def pairs(
    first: Sequence[str],
    second: Sequence[str],
    cwd: Path,
    count: int,
    env: dict[str, str] | None = None,
) -> list[tuple[float, float]]:
    """Runs both once to warm up, then ``count`` times in turn, changing who goes first."""
    seconds(first, cwd, env)
    seconds(second, cwd, env)
    timed = []
    for turn in range(count):
        if turn % 2:
            right, left = seconds(second, cwd, env), seconds(first, cwd, env)
        else:
            left, right = seconds(first, cwd, env), seconds(second, cwd, env)
        timed.append((left, right))
    return timed


def median_difference(timed: Sequence[tuple[float, float]]) -> float:
    """Median over the pairs of first minus second, in seconds."""
    return statistics.median(left - right for left, right in timed)
