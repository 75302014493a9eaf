"""Whether what is seen on an empty twin is what happens to a loaded table.

    python benchmarks/migrations.py [--major 18] [--rows 2000000]

Every statement of ``migrations_parts/statements.sql`` is traced on an empty database, and really
run on one with rows, where queries of the benchmark's own look at locks, files and rows read.
Beside it squawk (``pip install squawk-cli``), where it is installed: which statements it warns of,
by the loaded table as judge. Then the time it takes to trace 200 statements.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

sys.path.insert(0, str(Path(__file__).parent))
from migrations_parts.loaded import ORDER, Seen, alone, within

from pytest_planguard.fixturedb.providers import open_server
from pytest_planguard.migrations.recorded import Recording, Sent
from pytest_planguard.migrations.trace import Traced, trace
from pytest_planguard.model.migration import LockMode
from pytest_planguard.model.spec import DatabaseSpec

PARTS = Path(__file__).parent / "migrations_parts"
GOAL = 0.97
TRACED = 200
SECONDS = 2.0
BLOCKING = frozenset(ORDER[4:])

DANGERS = frozenset({
    "adding-field-with-default", "adding-foreign-key-constraint", "adding-not-nullable-field",
    "adding-required-field", "adding-serial-primary-key-field", "changing-column-type",
    "constraint-missing-not-valid", "disallowed-unique-constraint",
    "require-concurrent-index-creation", "require-concurrent-partition-attach",
    "require-concurrent-reindex", "require-concurrent-refresh-materialized-view",
})  # fmt: skip
"""Squawk's rules that say a table is read or written as a whole while others wait."""


def statements() -> list[str]:
    """In the order of the file."""
    lines = (PARTS / "statements.sql").read_text().splitlines()
    return [line.removesuffix(";") for line in lines if line and not line.startswith("--")]


def needs_no_transaction(text: str) -> bool:
    """Those the server refuses in one."""
    return "CONCURRENTLY" in text.split("VIEW", maxsplit=1)[0] or text.startswith("VACUUM")


@contextlib.contextmanager
def databases(major: int, rows: int) -> Iterator[tuple[Any, str, str]]:
    """A server with an empty database and a loaded one."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        spec = DatabaseSpec(version=major, root=Path(folder), cache=Path(folder) / "cache")
        with open_server(spec) as server:
            names = [f"planguard_trial_{server.run_token}_{n}" for n in ("empty", "loaded")]
            for name in names:
                server.create_database(name)
                with psycopg.connect(server.conninfo(name)) as connection:
                    connection.execute((PARTS / "schema.sql").read_text())
            with psycopg.connect(server.conninfo(names[1])) as connection:
                connection.execute((PARTS / "rows.sql").read_text().format(rows=rows))
            try:
                yield server, server.conninfo(names[0]), server.conninfo(names[1])
            finally:
                for name in names:
                    server.drop_database(name)


def on_the_twin(url: str, texts: list[str]) -> dict[str, Traced]:
    """Each traced; what takes a transaction is undone."""
    sent: list[Sent] = []
    for text in texts:
        own = [text] if needs_no_transaction(text) else ["BEGIN", text, "ROLLBACK"]
        sent += [Sent(one) for one in own]
    found = trace(Recording(tuple(sent), "benchmark"), url, time_limit=600)
    assert not found.failure, found.failure
    return {one.sent.text: one for one in found.statements}


def as_seen(one: Traced) -> Seen:
    """The product's answer in the judge's words."""
    names = {mode: ORDER[mode.rank] for mode in LockMode}
    own = {lock.relation: names[lock.mode] for lock in one.effects.locks}
    seen = one.effects
    built = {table for _, table in (*seen.built, *seen.rebuilt)}.difference(seen.rewrites)
    return Seen(own, frozenset(seen.reads), frozenset(seen.rewrites), frozenset(built))


def differences(ours: Seen, real: Seen) -> list[str]:
    """What is not the same; a table that only the twin locks or reads counts too."""
    found = []
    for name in ("locks", "reads", "rewrites", "built"):
        mine, theirs = getattr(ours, name), getattr(real, name)
        if mine != theirs:
            shown = [dict(sorted(x.items())) if isinstance(x, dict) else sorted(x)
                     for x in (mine, theirs)]  # fmt: skip
            found.append(f"{name}: {shown[0]} on the twin, {shown[1]} on the loaded table")
    return found


def is_dangerous(seen: Seen) -> bool:
    """Whether somebody waits for as long as a table is read or written."""
    return any(seen.locks.get(table, "") in BLOCKING for table in seen.reads | seen.rewrites)


def squawk(texts: list[str]) -> set[str] | None:
    """The statements squawk warns of; None: it is not installed."""
    program = shutil.which("squawk") or shutil.which(
        "squawk", path=str(Path(sys.executable).parent)
    )
    if program is None:
        return None
    warned = set()
    for text in texts:
        done = subprocess.run(
            [program, "--reporter", "json", "--pg-version", "18.0"],
            input=f"{text};", text=True, capture_output=True, check=False,
        )  # fmt: skip
        with contextlib.suppress(ValueError):
            rules = {one.get("rule_name") for one in json.loads(done.stdout or "[]")}
            if rules & DANGERS:
                warned.add(text)
    return warned


def main() -> int:
    """0 where the goals are met."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--major", type=int, default=18)
    parser.add_argument("--rows", type=int, default=2_000_000)
    options = parser.parse_args()
    texts = statements()
    real: dict[str, Seen] = {}
    with databases(options.major, options.rows) as (_, empty, loaded):
        skipped = []
        for text in list(texts):
            try:
                with psycopg.connect(empty) as connection:
                    if not needs_no_transaction(text):
                        connection.execute(text)
                        connection.rollback()
            except psycopg.Error as error:
                skipped.append(f"{text}: {str(error).splitlines()[0]}")
                texts.remove(text)
        began = time.monotonic()
        traced = on_the_twin(empty, texts)
        seconds = time.monotonic() - began
        for text in texts:
            real[text] = (alone if needs_no_transaction(text) else within)(loaded, text)
        took = many_statements(empty)
    same = report(texts, traced, real, skipped)
    spent = sum(one.seconds for one in real.values())
    print(f"\ntraced in {seconds:.1f} s, run for real in {spent:.0f} s")
    print(f"{TRACED} statements traced in {took.wall:.2f} s, {took.cpu:.2f} s of it CPU of this "
          f"process (sent alone: {took.alone:.2f} s); goal {SECONDS:g} s")  # fmt: skip
    beside_squawk(texts, traced, real)
    return 0 if same >= GOAL and took.wall <= SECONDS else 1


class Took(NamedTuple):
    """Seconds, medians of several rounds."""

    wall: float
    cpu: float
    alone: float
    """The same statements, sent without a look between them."""


def many_statements(url: str, again: int = 5) -> Took:
    """How long tracing takes, beside sending."""
    many = ["ALTER TABLE orders ADD COLUMN IF NOT EXISTS many int",
            "ALTER TABLE orders DROP COLUMN IF EXISTS many"] * (TRACED // 2)  # fmt: skip
    recording = Recording(tuple(Sent(one) for one in many), "many")
    rounds = []
    for _ in range(again):
        began, used = time.monotonic(), time.process_time()
        trace(recording, url)
        wall, cpu = time.monotonic() - began, time.process_time() - used
        with psycopg.connect(url, autocommit=True) as connection:
            began = time.monotonic()
            for text in many:
                connection.execute(text)
            rounds.append((wall, cpu, time.monotonic() - began))
    return Took(*(statistics.median(one) for one in zip(*rounds, strict=True)))


def report(
    texts: list[str], traced: dict[str, Traced], real: dict[str, Seen], skipped: list[str]
) -> float:
    """Prints what differs; the share that is the same."""
    for text in skipped:
        print(f"not known to this server: {text}")
    same = 0
    for text in texts:
        found = differences(as_seen(traced[text]), real[text])
        same += not found
        for line in found:
            print(f"{text}\n    {line}")
    print(f"\n{same} of {len(texts)} statements the same in locks, reads, rewrites and builds "
          f"({same / len(texts):.1%}); goal {GOAL:.0%}")  # fmt: skip
    return same / len(texts)


def beside_squawk(texts: list[str], traced: dict[str, Traced], real: dict[str, Seen]) -> None:
    """Who is right about which statement makes others wait for long."""
    warned = squawk(texts)
    dangerous = {text for text in texts if is_dangerous(real[text])}
    ours = {text for text in texts if is_dangerous(as_seen(traced[text]))}
    print(f"\n{len(dangerous)} of {len(texts)} statements make others wait for a whole table")
    for name, said in (("the trace", ours), ("squawk", warned)):
        if said is None:
            print(f"{name}: not installed")
            continue
        print(f"{name}: misses {len(dangerous - said)}, warns without need {len(said - dangerous)}")
        for text in sorted(dangerous - said):
            print(f"    missed   {text}")
        for text in sorted(said - dangerous):
            print(f"    needless {text}")


if __name__ == "__main__":
    raise SystemExit(main())
