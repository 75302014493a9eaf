"""Whether one suite gets one verdict and one baseline, whatever happens around it.

``python benchmarks/stability.py [RUNS]`` runs shop, whose tests use Faker without a seed, ``uuid4``
and ``now()``, 10 times or as often as is said. Every run has a folder of its own, rebuilt fixtures
on a server of its own of the majors 16 and 18 in turn, another order of tests, ``-n`` 0, 1 or 2,
another hash seed, time zone and locale. It makes a baseline from nothing, which must be byte for
byte the one of the first run on that major, and its capture is judged against that first one: the
report must be the same, too. The clock is the machine's: nothing moves it for a server and for
Python's threads at once.

The exit status is the number of runs that differ, 100 at most.
"""

from __future__ import annotations

import hashlib
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

SHOP = Path(__file__).parents[1] / "fixtures" / "shop"
MAJORS = (18, 16)
ZONES = ("UTC", "America/St_Johns", "Asia/Kathmandu", "Pacific/Kiritimati")
ALIEN = ("PLANGUARD", "PYTEST", "PG", "LC_", "LANG", "TZ", "COLUMNS")


class Around(msgspec.Struct, frozen=True):
    """What is different about a run."""

    major: int
    order: int
    workers: int
    hash_seed: int
    zone: str
    locale: str
    folder: str

    def __str__(self) -> str:
        return (
            f"major {self.major}, -n {self.workers}, order {self.order}, hashes {self.hash_seed}, "
            f"{self.zone}, {self.locale}, {self.folder}"
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
            folder=chance.choice(["s", "a shop", "ein-sehr-langer-name" * 4, "größe"]),
        )


def run(one: Around, number: int, folder: Path, first: Path | None) -> tuple[Came, Path]:
    """One run in a folder of its own; the baseline it made stands beside what it came to.

    Args:
        one: What is different about it.
        number: Which it is.
        folder: For all runs.
        first: The baseline of the first run on its major; None: this is that one.
    """
    root = folder / str(number) / one.folder
    ignored = shutil.ignore_patterns(".planguard", "planguard", "__pycache__")
    shutil.copytree(SHOP, root, ignore=ignored)
    configuration = root / "pyproject.toml"
    text = configuration.read_text(encoding="utf-8")
    table = "[tool.pytest-planguard.database]\n"
    configuration.write_text(text.replace(table, f"{table}version = {one.major}\n", 1))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ALIEN)}
    environment = kept | {
        "PYTHONHASHSEED": str(one.hash_seed),
        "TZ": one.zone,
        "LC_ALL": one.locale,
        "PYTHONUTF8": "1",
        "PLANGUARD_CACHE_DIR": str(folder / str(number) / "cache"),
    }
    try:
        return _came(one, root, environment, first)
    finally:
        _python(["-m", "pytest_planguard", "db", "down"], root, environment)


def _came(
    one: Around, root: Path, environment: dict[str, str], first: Path | None
) -> tuple[Came, Path]:
    command = ["-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += [f"--randomly-seed={one.order}", f"-n{one.workers}"]
    command += ["--planguard", "--planguard-update"]
    tests = _python(command, root, environment)
    made = root / "planguard" / "baseline"
    if tests.returncode or not made.is_dir():
        return Came("", "", "", _end(tests)), made
    check = ["-m", "pytest_planguard", "check", "--baseline", str(first or made)]
    judged = _python([*check, "--report", "json:report.json"], root, environment)
    report = root / "report.json"
    if judged.returncode not in (0, 1) or not report.is_file():
        return Came(digest(made), "", "", _end(judged)), made
    verdict = re.search(r'"status": "(\w+)"', report.read_text(encoding="utf-8"))
    return Came(digest(made), verdict[1] if verdict else "?", _of_bytes(report)), made


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


def main() -> int:
    """Runs it; how many runs differ."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    differing = 0
    first: dict[int, tuple[Came, Path]] = {}
    with tempfile.TemporaryDirectory(prefix="planguard-stability-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        for number, one in enumerate(around(runs)):
            wanted = first.get(one.major)
            came, made = run(one, number, folder, wanted[1] if wanted else None)
            first.setdefault(one.major, (came, made))
            alike = not came.trouble and came == first[one.major][0]
            differing += not alike
            print(f"{'same' if alike else 'OTHER'}  {came.baseline}  {came.verdict}  {one}")
            if came.trouble:
                print(came.trouble)
            if number > 1 and alike:
                shutil.rmtree(folder / str(number))
    print(f"{runs - differing} of {runs} runs: one verdict and one baseline, byte for byte")
    return min(differing, 100)


if __name__ == "__main__":
    raise SystemExit(main())
