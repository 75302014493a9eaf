"""The oracle that confirms the answer key itself, on rows that are really loaded.

``fixtures/answers/`` says of each query whether there is something to say, and what. Here its
tables are filled, smaller than there, on a PostgreSQL 15 with HypoPG (postgresql-15-hypopg):

- a finding is confirmed when each index it may advise, and the rewrite where there is one, cuts the
  blocks a run of the query touches (shared and temporary ones) to a tenth or less. For a cartesian
  join the rows that are handed from node to node count instead: it needs memory, not blocks. For a
  list in the text the characters count that are parsed with every call: its blocks are the same;
- silence is confirmed when no index of one to three of the query's columns, in any order, cuts the
  planner's cost by 30 % and 100 units. Below those units (a hundred pages) nothing is worth a word.

Run as ``python benchmarks/answers.py [words of names …]``. All of it takes a quarter of an hour,
and half a gigabyte for the largest case.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import psycopg

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "benchmarks")]

from answers_parts import rows, search  # noqa: E402 - the paths are set above
from answers_parts.measure import Asked, indexed  # noqa: E402
from fidelity_parts.source import running_source  # noqa: E402

from fix_answers import Case, cases  # noqa: E402
from pytest_planguard.model.spec import Thresholds  # noqa: E402
from pytest_planguard.planner.catalog import read_catalog  # noqa: E402

MAJOR = 15
TENTH = 10.0
"""Times as many blocks a query must touch without what is advised."""


class Verdict(msgspec.Struct, frozen=True):
    """What the oracle says of one answer."""

    case: str
    confirmed: bool
    text: str


def confirm(connection: psycopg.Connection, case: Case) -> list[Verdict]:
    """One verdict for silence, one for each remedy otherwise."""
    if case.is_silent:
        return [_silence(connection, case)]
    work = _WORK.get(case.expected[0][0], _blocks)
    query = case.measure or case.query
    before = work(Asked(connection, query))
    found = []
    for texts in (*case.indexes, *case.serving):
        with indexed(connection, texts):
            after = work(Asked(connection, query))
        found.append(_cut(case, before, after, " + ".join(texts)))
    if case.rewrite is not None:
        found.append(_cut(case, before, work(Asked(connection, case.rewrite)), "rewritten"))
    return found or [Verdict(case.name, confirmed=False, text="no remedy to try")]


def _blocks(asked: Asked) -> float:
    return asked.blocks()


def _rows(asked: Asked) -> float:
    return asked.rows()


def _characters(asked: Asked) -> float:
    return float(len(asked.text))


_WORK = {"QRY009": _rows, "QRY012": _characters}
"""By rule: what its remedy saves, where that is not blocks."""


def _cut(case: Case, before: float, after: float, how: str) -> Verdict:
    times = before / max(1.0, after)
    return Verdict(
        case.name, times >= TENTH, f"{before:>12,.0f} → {after:>8,.0f}  ÷{times:<9,.1f} {how}"
    )


def _silence(connection: psycopg.Connection, case: Case) -> Verdict:
    limits = Thresholds()
    asked = Asked(connection, case.query)
    best = search.best_index(connection, asked, case.query.text, read_catalog(connection))
    gain = best.before - best.after
    helps = gain >= limits.minimum_gain_units and gain >= limits.minimum_gain * best.before
    what = f"best of {best.tried}: {best.index}" if best.index else f"none of {best.tried} helps"
    saved = gain / max(best.before, 0.01)
    return Verdict(
        case.name, not helps, f"{best.before:>12,.0f} → {best.after:>8,.0f}  -{saved:<9.0%} {what}"
    )


def main(words: Sequence[str], say: Callable[[str], None] = print) -> int:
    """Runs it over the cases whose names have one of the words; 1 where any is not confirmed."""
    wanted = [one for one in cases() if not words or any(word in one.name for word in words)]
    start, verdicts = time.monotonic(), []
    with tempfile.TemporaryDirectory(prefix="planguard-answers-") as folder:
        Path(folder).chmod(0o711)
        with running_source(MAJOR, Path(folder)) as source:
            for case in wanted:
                try:
                    with rows.loaded(source, case) as connection:
                        found = confirm(connection, case)
                except (psycopg.Error, LookupError) as error:
                    found = [Verdict(case.name, confirmed=False, text=str(error).splitlines()[0])]
                for one in found:
                    say(f"{'yes' if one.confirmed else 'NO ':3} {one.case:40} {one.text}")
                verdicts += found
    doubted = sorted({one.case for one in verdicts if not one.confirmed})
    silent = sum(case.is_silent for case in wanted)
    say(f"{len(wanted)} cases, {silent} of them silent; {len(wanted) - len(doubted)} confirmed in"
        f" {time.monotonic() - start:,.0f} s")  # fmt: skip
    for name in doubted:
        say(f"not confirmed: {name}")
    return 1 if doubted else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
