"""Many captures of one commit as one: shards, workers, increments of a worker."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import TypeAlias
from zlib import crc32

import msgspec

from pytest_planguard.capture import variety
from pytest_planguard.capture.samples import NO_SAMPLES, Samples
from pytest_planguard.capture.tally import statement_order
from pytest_planguard.errors import CaptureError
from pytest_planguard.model.capture import Budget, Capture, Database, Ddl, DjangoModel, Suppression
from pytest_planguard.model.connections import Held, Maker, Opened, Pool
from pytest_planguard.model.silence import Remark
from pytest_planguard.model.statement import Origin, Place, Session, Statement

_Key: TypeAlias = tuple[str, tuple[int, ...], bytes, bool, bool]


def merge(captures: Iterable[Capture]) -> Capture:
    """One capture; it does not depend on the order of the given ones, except for DDL.

    Raises:
        CaptureError: They were made of different commits.
    """
    merger = Merger()
    for capture in captures:
        merger.add(capture)
    return merger.result()


class Merger:
    """Adds captures up one by one, so that a long run's parts need not all be kept."""

    def __init__(self) -> None:
        self._statements: dict[_Key, _Sum] = {}
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
            self._add_statement(statement, process)
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

    def _add_statement(self, statement: Statement, process: str) -> None:
        key = (
            statement.text,
            statement.parameter_types,
            msgspec.json.encode(statement.session, order="sorted"),
            statement.many,
            statement.stream,
        )
        total = self._statements.get(key)
        if total is None:
            total = self._statements[key] = _Sum(statement.session)
        total.add(statement, process)

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

    def _thin(self) -> None:
        """Keeps as many kinds of session of a statement as one run would have kept."""
        groups: dict[object, dict[int, _Key]] = defaultdict(dict)
        for key, total in self._statements.items():
            text, types, _, many, stream = key
            if variety.varies(total.session):
                group = (text, types, many, stream, variety.fixed(total.session))
                groups[group][id(total.session)] = key
        for members in groups.values():
            kept = variety.kept(self._statements[key].session for key in members.values())
            first = self._statements[members[id(kept[0])]]
            kinds = set(map(variety.kind_of, kept))
            for number in members.keys() - set(map(id, kept)):
                total = self._statements.pop(members[number])
                for place in total.places():
                    first.add_place(place)
                if variety.kind_of(total.session) not in kinds:
                    self._notes.add(variety.MANY_KINDS)

    def result(self) -> Capture:
        """The sum so far."""
        covered = self._finished >= self._collected
        known_whole = any(whole >= self._collected for whole in self._whole)
        partial = self._any_partial and not (covered and (known_whole or not self._unknown_part))
        self._thin()
        statements = [total.statement(key) for key, total in self._statements.items()]
        return Capture(
            statements=tuple(sorted(statements, key=statement_order)),
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


class _Sum:
    """One statement of several captures.

    The first one is kept as it is, and taken apart when there is another: most are of one capture
    only, and would be in memory twice.
    """

    __slots__ = ("_only", "_places", "_redacted", "_samples", "session")

    def __init__(self, session: Session) -> None:
        self.session = session
        self._only: Statement | None = None
        self._places: dict[Place, tuple[int, int]] | None = None
        """Executions and distinct lists of values, by places without them; None: no statement was
        taken apart."""
        self._samples: Samples = NO_SAMPLES
        self._redacted: set[int] = set()

    def add(self, statement: Statement, process: str) -> None:
        """One of another capture."""
        statement = _told_apart(statement, process)
        if self._only is None and self._places is None and _is_summed(statement):
            self._only = statement
            return
        self._take_apart()
        self._sum(statement)

    def _take_apart(self) -> dict[Place, tuple[int, int]]:
        only, self._only = self._only, None
        if self._places is None:
            self._places, self._samples = {}, Samples()
        if only is not None:
            self._sum(only)
        return self._places

    def _sum(self, statement: Statement) -> None:
        for place in statement.places:
            self.add_place(place)
        for sample in statement.samples:
            self._samples.add_sample(sample)
        self._redacted.update(statement.redacted)

    def add_place(self, place: Place) -> None:
        """Executions that count for it."""
        places = self._take_apart()
        key = msgspec.structs.replace(place, executions=0, distinct=0)
        executions, distinct = places.get(key, (0, 0))
        places[key] = executions + place.executions, max(distinct, place.distinct)

    def places(self) -> tuple[Place, ...]:
        """Where it came from, sorted."""
        if self._only is not None:
            return self._only.places
        return tuple(
            msgspec.structs.replace(place, executions=executions, distinct=distinct)
            for place, (executions, distinct) in sorted((self._places or {}).items())
        )

    def statement(self, key: _Key) -> Statement:
        """The sum."""
        if self._only is not None:
            return self._only
        text, types, _, many, stream = key
        return Statement(
            text=text,
            parameter_types=types,
            session=self.session,
            samples=self._samples.read(),
            places=self.places(),
            many=many,
            stream=stream,
            redacted=tuple(sorted(self._redacted)),
        )


def _told_apart(statement: Statement, process: str) -> Statement:
    """A statement with the name of its process where each process sends it for itself."""
    if not any(place.is_of_process for place in statement.places):
        return statement
    places = tuple(
        msgspec.structs.replace(
            place, process=" ".join(filter(None, (process, place.process)))
        ) if place.is_of_process else place
        for place in statement.places
    )  # fmt: skip
    return msgspec.structs.replace(statement, places=places)


def _is_summed(statement: Statement) -> bool:
    """Whether a sum of this statement alone would be it.

    Values in letters of an unknown encoding had another hash when they were captured.
    """
    places = [(one.origin, one.test, one.phase, one.scope, one.process) for one in statement.places]
    return all(before < after for before, after in pairwise(places)) and all(
        value is None or value.isascii() for sample in statement.samples for value in sample.values
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
