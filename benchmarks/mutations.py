"""Single changes to shop: does planguard fail for the harmful ones, and for no other?

What is harmful is not a matter of opinion: shop is loaded, at a hundredth of its size, and every
query is run before and after each change. A change is harmful where a query reads at least 1.5
times as many blocks, and 100 more; harmless where none reads 25 more and 1.5 times as many.
Between the two nothing is decided, and neither answer counts (``mutations_parts.bands`` says why
it is these figures); the table is printed without such room, too. A query asks for values that are
there (``mutations_parts.values``). What a write does to tables and indexes, and the locks it takes
first, are not counted, as the planner does not count them. A table that grows is nobody's fault:
that must never fail. Beside it planguard judges the same change against the baseline of the
unchanged shop, in an empty database with the statistics of the loaded one.

Every index is dropped, turned round and cut short; others are added and renamed; columns are
renamed with their code, retyped, added; settings change; tables grow; LIMITs and conditions are
dropped, columns wrapped, parameters retyped, SQL formatted, functions and modules renamed. What an
application sends is changed in what its suite was captured sending.

Prints the confusion tables and whatever is wrong or not decided. Exit status 1 where fewer than
100 changes are decided, less than 98 % of them are right, a harmless one failed, or a harmful one
was reported with another cause. It takes 2 GB of disk while it runs; ``--only WORDS`` and
``--every N`` try some. ``--record FILE`` keeps what was measured, a change a line, and what stands
there is not measured again; ``--tables`` measures nothing more.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "benchmarks")]

from mutations_parts.bands import STRICT  # noqa: E402 - the paths are set above
from mutations_parts.change import Change, edited  # noqa: E402
from mutations_parts.other_changes import other_changes  # noqa: E402
from mutations_parts.outcome import (  # noqa: E402
    Outcome,
    by_kind,
    confusion,
    missed_goals,
    outcome_of,
    read,
    write,
    wrong,
)
from mutations_parts.project import Shop, shop  # noqa: E402
from mutations_parts.schema_changes import schema_changes  # noqa: E402
from mutations_parts.truth import Effect, Outcomes, Truth  # noqa: E402

from pytest_planguard.fixturedb.providers import open_server  # noqa: E402
from pytest_planguard.model.capture import Capture  # noqa: E402
from pytest_planguard.pipeline import open_planner  # noqa: E402
from pytest_planguard.pipeline.fixtures import Planner  # noqa: E402
from pytest_planguard.sql.normalise import queries  # noqa: E402


def main() -> int:
    """Runs it, or reads what a run has recorded."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # servers are stopped on the way out
    known = read(options.record) if options.record and options.record.is_file() else []
    found = list(known)
    for one in known:
        _show(one)
    try:
        if not options.tables:
            _measure(options, found)
    finally:  # what was tried is told, also where it is broken off
        tables = (confusion(found), confusion(found, STRICT), by_kind(found))
        print("", *tables, sep="\n\n", flush=True)
    failed = [] if options.only or options.every > 1 else missed_goals(found)
    for sentence in failed:
        print(f"missed: {sentence}")
    return 1 if failed else 0


def _measure(options: argparse.Namespace, found: list[Outcome]) -> None:
    """Tries what was not yet, and adds what became of each."""
    known = {one.title for one in found}
    with tempfile.TemporaryDirectory(prefix="mutations-", dir=options.folder) as name:
        folder = Path(name)
        folder.chmod(0o755)
        with shop(folder, options.divisor) as project:
            for one in _tried(project, options, known):
                found.append(one)
                _show(one)
                if options.record:
                    write(options.record, one)


def _show(one: Outcome) -> None:
    """Prints what is wrong or not decided."""
    for text in wrong(one):
        print(text, flush=True)


def _tried(
    project: Shop, options: argparse.Namespace, known: AbstractSet[str]
) -> Iterator[Outcome]:
    _say("what the suite sends")
    capture = project.captured()
    with open_server(project.config().databases["default"]) as server:
        _say("loading rows")
        config = project.config(scale="rows")
        with open_planner(config, "default", capture, server=server) as planner:
            project.statistics = planner.fixture.statistics
            _say("the baseline")
            baseline = project.baseline(capture, server)
            changes = [*other_changes(), *schema_changes(planner.catalog)]
            chosen = [one for one in changes if all(word in one.title for word in options.only)]
            chosen = [one for one in chosen[:: options.every] if one.title not in known]
            loaded = _Loaded(planner, capture)
            for number, change in enumerate(chosen, 1):
                _say(f"{number} of {len(chosen)}: {change.title}")
                effects = loaded.effects(change)
                report = project.judged(change, capture, baseline, server)
                yield outcome_of(change, effects, report)
            loaded.close()
    _say("")


class _Loaded:
    """The application on rows that are there.

    Args:
        planner: Of the loaded database.
        capture: Of the unchanged application.
    """

    def __init__(self, planner: Planner, capture: Capture) -> None:
        self._planner = planner
        self._capture = capture
        self._outcomes = self._explained(capture)
        self._keys = {query.key for query, _ in self._outcomes}
        self._truth = Truth(planner.fixture.conninfo, self._outcomes)

    def effects(self, change: Change) -> list[Effect]:
        """What the change does to each query that does anything else."""
        if change.grow or change.columns is not None:  # no rows are loaded for the one, and the
            return []  # other is the same application under another name
        if change.edit is None:
            return self._truth.of_schema(change)
        asked = queries(edited(self._capture, change), report_name=lambda _: "default")
        now = {query.key for query in asked}
        new = [query for query in asked if query.key not in self._keys]
        plans = self._planner.explainer.explain(new)
        was = [key for key in self._keys if key not in now]
        return self._truth.of_texts(list(zip(new, plans, strict=True)), was)

    def close(self) -> None:
        """Leaves the database."""
        self._truth.close()

    def _explained(self, capture: Capture) -> Outcomes:
        asked = queries(capture, report_name=lambda _: "default")
        return list(zip(asked, self._planner.explainer.explain(asked), strict=True))


def _say(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", nargs="*", default=[], help="words of the changes to try")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only each Nth change")
    parser.add_argument("--divisor", type=int, default=100, help="of large tables, default 100")
    parser.add_argument("--record", type=Path, help="where what was measured is kept")
    parser.add_argument("--tables", action="store_true", help="only of what is recorded")
    parser.add_argument("--folder", type=Path, help="where servers and rows are kept meanwhile")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
