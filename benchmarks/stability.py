"""Whether one suite gets one verdict and one baseline, whatever happens around it.

``python benchmarks/stability.py [RUNS]`` runs shop, whose tests use Faker without a seed, ``uuid4``
and ``now()``, 200 times or as often as is said. Every run has a folder of its own, rebuilt fixtures
on a server of its own of the majors 16 and 18 in turn, another order of tests, ``-n`` 0, 1 or 2,
another hash seed, time zone and locale, and a clock moved by up to 90 days either way, the server's
too (that it was is looked up: in the capture, and in the server's log). It makes a baseline from
nothing, which must be byte for byte the one of the first run on that major, and its capture is
judged against that first one: the report must be the same, too.

``--quick`` runs a part of the suite, and takes the report of the run that made the baseline.

The exit status is the number of runs that differ, 100 at most.
"""

from __future__ import annotations

import argparse
import datetime as dt
import gzip
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
from _clock import A_DAY, library, moved

SHOP = Path(__file__).parents[1] / "fixtures" / "shop"
MAJORS = (18, 16)
ZONES = ("UTC", "America/St_Johns", "Asia/Kathmandu", "Pacific/Kiritimati")
ALIEN = ("PLANGUARD", "PYTEST", "PG", "LC_", "LANG", "TZ", "COLUMNS", "CLOCK_", "LD_PRELOAD")
QUICK = ("tests/test_events.py", "tests/test_orders.py")
"""Partitions by time, and what is ordered today."""
DAYS = 90


class Around(msgspec.Struct, frozen=True):
    """What is different about a run."""

    major: int
    order: int
    workers: int
    hash_seed: int
    zone: str
    locale: str
    days: int
    """By which its clock is moved."""
    folder: str

    def __str__(self) -> str:
        return (
            f"major {self.major}, -n {self.workers}, order {self.order}, hashes {self.hash_seed}, "
            f"{self.zone}, {self.locale}, {self.days:+} days, {self.folder}"
        )


class Came(msgspec.Struct, frozen=True):
    """What a run came to."""

    baseline: str
    """A digest of all of its files with their names."""
    verdict: str
    report: str
    """A digest of the JSON report."""
    trouble: str = ""


def around(runs: int) -> Iterator[Around]:
    """The same list for the same number."""
    chance = random.Random(1)
    found = subprocess.run(["locale", "-a"], capture_output=True, text=True, check=False)
    locales = [one for one in found.stdout.split() if one.isascii()] or ["C"]
    for number in range(runs):
        yield Around(
            major=MAJORS[number % 2],
            order=chance.randrange(1 << 30),
            workers=(0, 1, 2)[number // 2 % 3],
            hash_seed=chance.randrange(1, 1 << 32),
            zone=chance.choice(ZONES),
            locale=chance.choice(locales),
            days=chance.choice([-DAYS, DAYS, chance.randint(-DAYS, DAYS)]),
            folder=chance.choice(["s", "a shop", "ein-sehr-langer-name" * 4, "größe"]),
        )


def run(
    one: Around, folder: Path, clock: Path, first: Path | None, *, quick: bool = False
) -> tuple[Came, Path]:
    """One run in a folder of its own; the baseline it made stands beside what it came to.

    Args:
        one: What is different about it.
        folder: An empty one.
        clock: The library that moves it.
        first: The baseline of the first run on its major; None: this is that one.
        quick: A part of the suite; nothing is judged against ``first``.
    """
    root = folder / one.folder
    ignored = shutil.ignore_patterns(".planguard", "planguard", "__pycache__")
    shutil.copytree(SHOP, root, ignore=ignored)
    configuration = root / "pyproject.toml"
    text = configuration.read_text(encoding="utf-8")
    table = "[tool.pytest-planguard.database]\n"
    configuration.write_text(text.replace(table, f"{table}version = {one.major}\n", 1))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ALIEN)}
    environment = kept | moved(clock, one.days) | {
        "PYTHONHASHSEED": str(one.hash_seed),
        "TZ": one.zone,
        "LC_ALL": one.locale,
        "PYTHONUTF8": "1",
        "PLANGUARD_CACHE_DIR": str(folder / "cache"),
    }  # fmt: skip
    try:
        return _came(one, root, environment, first, quick=quick)
    finally:
        _python(["-m", "pytest_planguard", "db", "down"], root, environment)


def _came(
    one: Around, root: Path, environment: dict[str, str], first: Path | None, *, quick: bool
) -> tuple[Came, Path]:
    command = ["-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += [f"--randomly-seed={one.order}", f"-n{one.workers}"]
    command += ["--planguard", "--planguard-update", "--planguard-report=json:report.json"]
    tests = _python([*command, *(QUICK if quick else ())], root, environment)
    made = root / "planguard" / "baseline"
    if tests.returncode or not made.is_dir():
        return Came("", "", "", _end(tests)), made
    if trouble := "; ".join(_clocks(one, root, Path(environment["PLANGUARD_CACHE_DIR"]))):
        return Came("", "", "", trouble), made
    if not quick:
        check = ["-m", "pytest_planguard", "check", "--baseline", str(first or made)]
        judged = _python([*check, "--report", "json:report.json"], root, environment)
        if judged.returncode not in (0, 1):
            return Came(digest(made), "", "", _end(judged)), made
    report = root / "report.json"
    verdict = re.search(r'"status": "(\w+)"', report.read_text(encoding="utf-8"))
    return Came(digest(made), verdict[1] if verdict else "?", _of_bytes(report)), made


def _clocks(one: Around, root: Path, cache: Path) -> Iterator[str]:
    """What is wrong with the clocks the tests and their server went by."""
    wanted = time.time() + one.days * A_DAY
    capture = json.loads(gzip.decompress((root / ".planguard" / "capture.json.gz").read_bytes()))
    captured = dt.datetime.fromisoformat(capture["captured_at"])
    yield from _unlike("the tests", captured.timestamp(), wanted)
    for log in cache.glob("servers/*/server.log"):
        began = dt.datetime.fromisoformat(log.read_text(encoding="utf-8")[:19] + "+00:00")
        yield from _unlike("their server", began.timestamp(), wanted)


def _unlike(whose: str, found: float, wanted: float) -> Iterator[str]:
    if abs(found - wanted) > A_DAY / 2:
        yield f"the clock of {whose} was off by {(found - wanted) / A_DAY:+.1f} days"


def _python(
    arguments: list[str], root: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=root, env=environment, capture_output=True, text=True,
        check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def _end(done: subprocess.CompletedProcess[str]) -> str:
    return "\n".join((done.stdout + done.stderr).splitlines()[-15:])


def digest(folder: Path) -> str:
    """Of all files below a folder, with their names."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    text = repr([(str(file.relative_to(folder)), _of_bytes(file)) for file in files])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _of_bytes(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]


def compared(
    runs: int, folder: Path, *, quick: bool = False, jobs: int = 1
) -> Iterator[tuple[Around, Came, bool]]:
    """Each run, what it came to, and whether that is what the first one on its major came to.

    Args:
        runs: How many.
        folder: An empty one.
        quick: As of ``run``.
        jobs: As many at once; the first on each major goes before.
    """
    clock = library(folder)
    listed = list(around(runs))
    first: dict[int, tuple[Came, Path]] = {}
    for number, one in enumerate(listed[: len(MAJORS)]):
        first[one.major] = run(one, folder / str(number), clock, None, quick=quick)
        came = first[one.major][0]
        yield one, came, not came.trouble

    def another(number: int) -> tuple[Around, Came, bool]:
        one, own = listed[number], folder / str(number)
        wanted, made = first[one.major]
        came, _ = run(one, own, clock, made, quick=quick)
        if came == wanted:
            shutil.rmtree(own)
        return one, came, came == wanted

    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(another, range(len(MAJORS), runs))


def main() -> int:
    """Runs it; how many runs differ."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("runs", type=int, nargs="?", default=200)
    parser.add_argument("--jobs", type=int, default=1, help="runs at once")
    parser.add_argument("--quick", action="store_true", help="a part of the suite")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # servers are stopped on the way out
    same: list[bool] = []
    with tempfile.TemporaryDirectory(prefix="planguard-stability-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        try:
            for one, came, alike in compared(
                options.runs, folder, quick=options.quick, jobs=options.jobs
            ):
                same.append(alike)
                word = "same " if alike else "OTHER"
                print(f"{word} {came.baseline} {came.verdict} {one}", flush=True)
                if came.trouble:
                    print(came.trouble, flush=True)
        finally:
            print(f"{sum(same)} of {len(same)} runs: one verdict and one baseline, byte for byte")
    return min(len(same) - sum(same), 100)


if __name__ == "__main__":
    raise SystemExit(main())
