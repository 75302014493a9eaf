"""Many captures of one commit as one: shards, workers, increments of a worker."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from zlib import crc32

import msgspec

from pytest_planguard.capture import variety
from pytest_planguard.capture.sums import Sums, summed
from pytest_planguard.capture.taken import Taken
from pytest_planguard.errors import CaptureError
from pytest_planguard.model.capture import Budget, Capture, Database, Ddl, DjangoModel, Suppression
from pytest_planguard.model.connections import Held, Maker, Opened, Pool
from pytest_planguard.model.silence import Remark
from pytest_planguard.model.statement import Origin


def merge(captures: Iterable[Capture]) -> Capture:
    """One capture; it does not depend on the order of the given ones, except for DDL.

    Raises:
        CaptureError: They were made of different commits.
    """
    merger = Merger()
    for capture in captures:
        merger.add(capture)
    return merger.result()


def alone(taken: Taken) -> Taken:
    """What merging a run's only capture gives, its statements made one at a time.

    Only those of one text are ever added up. Nothing may have been redacted: texts that were
    several are one then, and have to give kinds of session up.
    """
    merger = Merger()
    merger.add(taken.rest)
    process = _name_of(taken.rest)
    return Taken(merger.result(), taken.origins, (summed(one, process) for one in taken.parts))


class Merger:
    """Adds captures up one by one, so that a long run's parts need not all be kept."""

    def __init__(self) -> None:
        self._sums = Sums()
        self._databases: dict[str, Database] = {}
        self._ddl: dict[tuple[str, str], Ddl] = {}
        self._project = ""
        self._commit = ""
        self._folder = ""
        self._captured_at = ""
        self._collected: set[str] = set()
        self._finished: set[str] = set()
        self._cut_short: set[str] = set()
        self._unknown_part = False
        self._any_partial = False
        self._whole: list[frozenset[str]] = []
        self._interrupted: set[str] = set()
        self._drivers: set[str] = set()
        self._notes: set[str] = set()
        self._suppressions: set[Suppression] = set()
        self._budgets: dict[bytes, Budget] = {}
        self._models: dict[str, DjangoModel] = {}
        self._remarks: set[Remark] = set()
        self._pools: set[Pool] = set()
        self._opened: defaultdict[tuple[Origin, str, Maker], set[str]] = defaultdict(set)
        self._held: set[Held] = set()

    @property
    def databases(self) -> Mapping[str, Database]:
        """Those that were told of so far."""
        return self._databases

    def add(self, capture: Capture, process: str | None = None) -> None:
        """Takes one more in.

        Args:
            capture: All or some of what one process captured.
            process: Its name; None: it is told by the tests it ran.

        Raises:
            CaptureError: It was made of another project or commit than those before it.
        """
        self._project = _alike("projects", self._project, capture.project)
        self._commit = _alike("commits", self._commit, capture.commit)
        self._folder = min(filter(None, (self._folder, capture.folder)), default="")
        if process is None:
            process = _name_of(capture)
        self._captured_at = min(filter(None, (self._captured_at, capture.captured_at)), default="")
        for statement in capture.statements:
            self._sums.add(statement, process)
        for database in capture.databases.values():
            known = self._databases.get(database.name)
            self._databases[database.name] = _joined(known, database) if known else database
        for ddl in capture.ddl:
            self._ddl.setdefault((ddl.database, ddl.text), ddl)
        self._add_tests(capture)
        self._drivers.update(capture.drivers)
        self._notes.update(capture.notes)
        self._suppressions.update(capture.suppressions)
        self._models.update(capture.models)
        self._budgets.update((msgspec.json.encode(item), item) for item in capture.budgets)
        self._remarks.update(capture.remarks)
        self._pools.update(capture.pools)
        for one in capture.opened:
            self._opened[one.origin, one.database, one.maker].update(one.timeouts)
        self._held.update(capture.held)

    def _add_tests(self, capture: Capture) -> None:
        collected, finished = frozenset(capture.collected), frozenset(capture.finished)
        self._collected |= collected
        self._finished |= finished
        self._cut_short.update(capture.cut_short)
        if capture.partial:
            self._any_partial = True
            # Without deselected tests the rest was never collected: nobody knows what it is.
            self._unknown_part = self._unknown_part or not collected - finished
        elif collected:
            self._whole.append(collected)
        if capture.interrupted:
            self._interrupted.add(capture.interrupted)

    def result(self) -> Capture:
        """The sum so far."""
        return msgspec.structs.replace(self._rest(), statements=self._sums.statements())

    def take(self) -> Taken:
        """The sum, whose statements are made one at a time: nothing can be added any more."""
        rest = self._rest()
        return Taken(rest, self._sums.origins(), self._sums.drain())

    def _rest(self) -> Capture:
        covered = self._finished >= self._collected
        known_whole = any(whole >= self._collected for whole in self._whole)
        partial = self._any_partial and not (covered and (known_whole or not self._unknown_part))
        if self._sums.thin():
            self._notes.add(variety.MANY_KINDS)
        return Capture(
            statements=(),
            databases=dict(sorted(self._databases.items())),
            ddl=tuple(self._ddl.values()),
            project=self._project,
            commit=self._commit,
            folder=self._folder,
            captured_at=self._captured_at,
            collected=tuple(sorted(self._collected)),
            finished=tuple(sorted(self._finished)),
            cut_short=tuple(sorted(self._cut_short)),
            partial=partial,
            interrupted="; ".join(sorted(self._interrupted)),
            drivers=tuple(sorted(self._drivers)),
            notes=tuple(sorted(self._notes)),
            suppressions=tuple(
                sorted(self._suppressions, key=lambda item: (item.test, item.codes, item.reason))
            ),
            models=dict(sorted(self._models.items())),
            budgets=tuple(item for _, item in sorted(self._budgets.items())),
            remarks=tuple(sorted(self._remarks)),
            pools=tuple(sorted(self._pools)),
            opened=tuple(
                sorted(
                    Opened(*where, tuple(sorted(names))) for where, names in self._opened.items()
                )
            ),
            held=tuple(sorted(self._held, key=_held_order)),
        )


def _held_order(one: Held) -> tuple[object, ...]:
    return one.hold, one.origin, one.database, one.maker, one.test, one.first or one.origin


def _name_of(capture: Capture) -> str:
    """The same in every order of merging; of workers' own names two shards may have the same."""
    tests = "\n".join((*capture.collected, "", *capture.finished))
    return f"{crc32(tests.encode(errors='replace')):08x}"


def _alike(what: str, known: str, new: str) -> str:
    """The one of two that is known.

    Raises:
        CaptureError: Both are, and they differ.
    """
    if known and new and known != new:
        first, second = sorted((known, new))
        raise CaptureError(
            f"captures of different {what} cannot be merged: {first} and {second}",
            hint="run all shards on one commit of one project",
        )
    return known or new


def _joined(known: Database, new: Database) -> Database:
    """Two views of one database: all types, and the later schema that has something in it."""
    schema = known.schema
    if new.schema is not None and (new.schema.objects or schema is None):
        schema = new.schema
    return Database(
        name=known.name,
        url=known.url or new.url,
        aliases=tuple(sorted({*known.aliases, *new.aliases})),
        types=dict(sorted((known.types | new.types).items())),
        schema=schema,
        why_no_schema="" if schema is not None else new.why_no_schema or known.why_no_schema,
    )
