"""What is told of a library's versions, on each of them: drivers, pools, SQLAlchemy and Django.

The versions of an environment are installed into a folder that stands before this one's packages,
and run the tests that pin these libraries: the internals that are listened to, the contract that
all drivers share, the short ways through capture, and what is heard of pools.

    python benchmarks/driver_versions.py            each environment in turn
    python benchmarks/driver_versions.py --oldest   the oldest of all, unit tests only: part of CI
    python benchmarks/driver_versions.py [--quick] psycopg==3.1.20 asyncpg==0.30.0    these together
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
OLDEST = (
    "psycopg==3.1.8",  # the first that Django 4.2 takes
    "psycopg-pool==3.1",
    "psycopg2-binary==2.9.5",
    "asyncpg==0.29.0",
    "sqlalchemy==2.0.0",
    "django==4.2",
)
ENVIRONMENTS = (
    ("psycopg==3.1.4",),
    OLDEST,
    (
        "psycopg==3.1.20",
        "psycopg-pool==3.1.9",
        "psycopg2-binary==2.9.9",
        "asyncpg==0.30.0",
        "sqlalchemy==2.0.58",
        "django==4.2.30",
    ),
    ("psycopg==3.2.0", "psycopg-pool==3.2.0", "sqlalchemy==2.1.0", "django==5.0.14"),
    ("psycopg==3.2.13", "psycopg-pool==3.2.8", "asyncpg==0.31.0", "django==5.1.15"),
    ("psycopg==3.3.0", "psycopg-pool==3.3.0", "django==5.2"),
    (
        "psycopg==3.3.9",
        "psycopg-pool==3.3.3",
        "psycopg2-binary==2.9.13",
        "asyncpg==0.32.0",
        "sqlalchemy==2.1.9",
        "django==5.2.19",
    ),
)
"""First and last of each minor version of psycopg and SQLAlchemy, each of asyncpg, three of
psycopg 2, the first and last of Django 4.2 and 5.2 and what came between; together, where that is
possible. psycopg 3.1.4 is the first whose C half is on PyPI for Python 3.11."""

SELECTED = {
    # Django's tests need a psycopg that Django takes: where it is asked for, it has one.
    "psycopg": "((test_psycopg.py or psycopg] or psycopg-async]) and not test_django)",
    "psycopg-pool": "psycopgs_pools",
    "psycopg2-binary": "test_psycopg2.py or psycopg2]",
    "asyncpg": "test_asyncpg.py or asyncpg]",
    "sqlalchemy": "test_sqlalchemy or asynchronous_sqlalchemy or engines or hears_pools",
    "django": "test_django or djangos",
}
"""pytest's ``-k``, by distribution."""

QUICK = "tests/unit/capture"
CONTRACTS = (
    "tests/integration/test_driver_contract.py",
    "tests/integration/test_short_ways.py",
    "tests/integration/test_holdings.py",
)


def outcome(requirements: Sequence[str], tests: Sequence[str], folder: Path) -> tuple[bool, str]:
    """Whether the tests pass with these versions, and pytest's last lines."""
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", folder]
    found = [more for requirement in requirements for more in _distributions(requirement)]
    subprocess.run([*pip, *found], check=True)
    only = " or ".join(SELECTED[requirement.partition("==")[0]] for requirement in requirements)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", only]
    done = subprocess.run(
        [*command, *tests],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(folder), str(ROOT / "src")))},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    *lines, last = done.stdout.strip().splitlines() or ["pytest said nothing"]
    failed = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
    return done.returncode == 0, "\n  ".join([last, *failed])


def _distributions(requirement: str) -> list[str]:
    name, _, version = requirement.partition("==")
    return [requirement, f"psycopg-binary=={version}"] if name == "psycopg" else [requirement]


def main() -> None:
    """Runs what is asked for; exit status 1 where a test fails."""
    parser = argparse.ArgumentParser(description="the tests of capture on versions of libraries")
    parser.add_argument("requirements", nargs="*", metavar="NAME==VERSION")
    parser.add_argument("--oldest", action="store_true", help="the oldest of all, quick")
    parser.add_argument("--quick", action="store_true", help="unit tests only")
    asked = parser.parse_args()
    environments = [asked.requirements] if asked.requirements else ENVIRONMENTS
    if asked.oldest:
        environments = [OLDEST]
    tests = [QUICK] if asked.quick or asked.oldest else [QUICK, *CONTRACTS]
    failed = False
    for requirements in environments:
        with tempfile.TemporaryDirectory(prefix="driver-") as folder:
            passed, said = outcome(requirements, tests, Path(folder))
        failed = failed or not passed
        print(f"{' '.join(requirements)}\n  {said}", flush=True)
    raise SystemExit(failed)


if __name__ == "__main__":
    main()
