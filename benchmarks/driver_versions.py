"""The contract of capture, on every version of a driver that is told to be supported.

Each version is installed into a folder of its own that stands before this environment's, and runs
the tests that pin it: the internals of psycopg that are listened to and the contract all
drivers share. With arguments, only these: ``python benchmarks/driver_versions.py psycopg==3.1.20``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
VERSIONS = (
    "psycopg==3.1.4",
    "psycopg==3.1.20",
    "psycopg==3.2.0",
    "psycopg==3.2.13",
    "psycopg==3.3.0",
    "psycopg==3.3.9",
    "psycopg2-binary==2.9.9",
    "psycopg2-binary==2.9.13",
    "asyncpg==0.29.0",
    "asyncpg==0.32.0",
)
"""First and last of each minor version of psycopg, oldest and newest of the others."""

UNIT = "tests/unit/capture/test_{}.py"
CONTRACT = "tests/integration/test_driver_contract.py"


def outcome(requirement: str, folder: Path) -> tuple[bool, str]:
    """Whether the tests pass with a version, and pytest's last lines."""
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", folder]
    subprocess.run([*pip, *_distributions(requirement)], check=True)
    name = requirement.partition("=")[0].removesuffix("-binary")
    only = f"test_{name}.py or {name}]" + (" or psycopg-async]" if name == "psycopg" else "")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", only]
    done = subprocess.run(
        [*command, UNIT.format(name), CONTRACT],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(folder), str(ROOT / "src")))},
        capture_output=True,
        text=True,
        check=False,
    )
    *failed, last = done.stdout.strip().splitlines()
    return done.returncode == 0, "\n  ".join(
        [last, *(line for line in failed if line.startswith(("FAILED", "ERROR")))]
    )


def _distributions(requirement: str) -> list[str]:
    """What to install; psycopg's C half is a distribution of its own."""
    name, _, version = requirement.partition("==")
    if name != "psycopg":
        return [requirement]
    return [f"psycopg=={version}", f"psycopg-binary=={version}"]


def main() -> None:
    """Runs it."""
    failed = False
    for requirement in sys.argv[1:] or VERSIONS:
        with tempfile.TemporaryDirectory(prefix="driver-") as folder:
            passed, line = outcome(requirement, Path(folder))
        failed = failed or not passed
        print(f"{requirement:26} {'ok' if passed else 'FAILED':7} {line}", flush=True)
    raise SystemExit(failed)


if __name__ == "__main__":
    main()
