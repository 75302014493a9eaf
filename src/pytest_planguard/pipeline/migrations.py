"""A migration from its statements to a report: traced, weighed, planned at scale, judged."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import ExitStack, contextmanager
from typing import Protocol

import msgspec

from pytest_planguard import registry
from pytest_planguard.baseline import files
from pytest_planguard.config import Config, thresholds_for
from pytest_planguard.errors import ConfigurationError, SchemaError, ServerError
from pytest_planguard.fixturedb.build import Fixture
from pytest_planguard.fixturedb.twin import Twin
from pytest_planguard.migrations.recorded import Recording, Sent
from pytest_planguard.migrations.releases import (
    asked,
    broken,
    inserts_that_fail,
    known,
    prepared,
    unread,
)
from pytest_planguard.migrations.trace import TIME_LIMIT, Trace, replay, trace
from pytest_planguard.migrations.weigh import Scale, steps
from pytest_planguard.model.baseline import Baseline
from pytest_planguard.model.capture import Capture
from pytest_planguard.model.catalog import Catalog, Column
from pytest_planguard.model.finding import Candidate
from pytest_planguard.model.migrating import MigrationContext, Release, Releases
from pytest_planguard.model.migration import Dropped, DroppedKind, Migration, Tool
from pytest_planguard.model.ports import PostgresServer
from pytest_planguard.model.query import Query
from pytest_planguard.model.report import ChangeKind, Report, Totals
from pytest_planguard.model.settle import settle
from pytest_planguard.model.spec import ColumnDeclaration, TableDeclaration
from pytest_planguard.model.statement import Layer, Origin
from pytest_planguard.pipeline.databases import databases_of
from pytest_planguard.pipeline.facts import database_report
from pytest_planguard.pipeline.fixtures import Planner, open_planner, read_catalog_at
from pytest_planguard.pipeline.gate import Gate, as_configured, verdict
from pytest_planguard.pipeline.judges import judges_of
from pytest_planguard.pipeline.migrated_plans import common_search_path, entries_of, index_use
from pytest_planguard.pipeline.migration_changes import Schema, changes_at_scale
from pytest_planguard.pipeline.suppressions import refuse_malformed
from pytest_planguard.planner.explain import Explainer
from pytest_planguard.planner.wire import Wire
from pytest_planguard.sql.deep import room_for_deep_trees
from pytest_planguard.sql.normalise import queries as normalise
from pytest_planguard.sql.renames import Rename, Renamed, renames

Progress = Callable[[str], None]


class Source(Protocol):
    """Where a migration comes from."""

    tool: Tool
    runs: bool
    """Something has to be run to know its statements, or its way back."""

    def record(self, twin: Twin | None) -> Recording:
        """Its statements; what has to be run runs on the twin."""


class Asked(msgspec.Struct, frozen=True):
    """What is to be looked at, and how."""

    database: str = "default"
    schema: str = ""
    """Of the schema before the migration, as in the configuration; empty: the configured one."""
    time_limit: float = TIME_LIMIT


def migrations(
    config: Config,
    source: Source,
    asked: Asked = Asked(),  # noqa: B008 - a frozen value
    capture: Capture | None = None,
    progress: Progress = lambda _: None,
    server: PostgresServer | None = None,
) -> Report:
    """Traces a migration on a twin of the schema before it, and judges it.

    Args:
        config: The configuration.
        source: The migration.
        asked: Which database, from which schema.
        capture: This branch's, where there is one: its statements must work before the migration.
        progress: Told in a few words what is being done.
        server: One that is open already; None: one is opened.

    Raises:
        ConfigurationError: The database is used as it is.
        PlanguardError: The fixture database can't be had, or the migration can't be read.
    """
    config = _before(config, asked, source.tool)
    baseline = files.read(config.baseline)
    known = capture or Capture(())
    with (
        room_for_deep_trees(),
        open_planner(config, asked.database, known, progress, server) as planner,
    ):
        look = _Look(config, asked, planner, source.tool, progress)
        recording = look.recorded(source)
        refuse_malformed(Capture((), remarks=recording.remarks), [])
        migration, context = look.looked_at(recording, baseline, known)
        judges = judges_of(config)
        candidates = as_configured(config, judges.of_migration(context))
        notes = (*migration.notes, *judges.notes)
        migration = msgspec.structs.replace(migration, notes=notes)
        return _report(config, planner, migration, candidates, recording)


_TOOLS_OWN = {Tool.ALEMBIC: "alembic_version", Tool.DJANGO: "django_migrations"}
"""Tables of a few rows that no configuration has to declare."""


def _before(config: Config, asked: Asked, tool: Tool) -> Config:
    """The configuration with the database's schema before the migration."""
    spec = config.databases[asked.database]
    if spec.as_is:
        raise ConfigurationError(
            f'the database "{asked.database}" is used as it is: a migration has no twin there',
            hint="take as-is away, or name a server with --db",
        )
    own = {_TOOLS_OWN[tool]: TableDeclaration(rows=1)} if tool in _TOOLS_OWN else {}
    spec = msgspec.structs.replace(
        spec, schema=asked.schema or spec.schema, older=True, tables={**own, **spec.tables}
    )
    return msgspec.structs.replace(config, databases={**config.databases, asked.database: spec})


class _Look:
    """One migration's way through twins."""

    def __init__(
        self, config: Config, asked: Asked, planner: Planner, tool: Tool, progress: Progress
    ) -> None:
        fixture = planner.fixture
        if not isinstance(fixture, Fixture):
            raise ServerError(
                "no twin can be made there: the database is used with its own contents",
                hint="let its role be a superuser, or use the embedded server",
            )
        self._fixture = fixture
        self._planner = planner
        self._config = config
        self._asked = asked
        self._tool = tool
        self._progress = progress
        self._lossy: tuple[Dropped, ...] = ()
        self._notes: dict[str, None] = {}

    def recorded(self, source: Source) -> Recording:
        """The statements, from a twin of their own where a tool has to run."""
        self._progress("recording the migration")
        if not source.runs:
            return source.record(None)
        with self._fixture.twin() as twin:
            recording = source.record(twin)
            if recording.returned:
                back = read_catalog_at(twin.conninfo)
                self._lossy = tuple(lost(self._planner.catalog, back))
            return recording

    def looked_at(
        self, recording: Recording, baseline: Baseline | None, capture: Capture
    ) -> tuple[Migration, MigrationContext]:
        """The migration with all effects, and what rules are given."""
        self._progress(f"tracing {len(recording.sent):,} statements")
        with self._fixture.twin() as twin:
            traced = trace(recording, twin.conninfo, time_limit=self._asked.time_limit)
            after = read_catalog_at(twin.conninfo)
            changes = changes_at_scale(
                recording.sent, traced.statements, self._schema, self._noting_refusals
            )
            releases = self._releases(twin.conninfo, after, traced, baseline, capture)
        scale = Scale(self._fixture.statistics, traced.start)
        migration = Migration(
            self._asked.database,
            self._tool,
            recording.source,
            steps(traced, scale, changes),
            traced.failure,
            recording.irreversible,
            self._lossy,
            (*traced.notes, *releases.notes),
        )
        known = [] if traced.failure else entries_of(baseline, self._asked.database)
        use = None
        with self._noting_refusals():
            use = index_use(
                migration,
                known,
                [] if traced.failure else self._asked_by(capture),
                before=lambda: self._explainer(()),
                after=lambda: self._explainer(recording.sent),
            )
        notes = (*traced.notes, *releases.notes, *self._notes)
        migration = msgspec.structs.replace(migration, notes=notes)
        thresholds = thresholds_for(self._config, self._planner.catalog.tables)
        return migration, MigrationContext(
            migration,
            self._planner.catalog,
            thresholds,
            None if traced.failure else after,
            capture.models,
            releases,
            use,
        )

    @contextmanager
    def _noting_refusals(self) -> Iterator[None]:
        """Where a schema cannot be made again, what needs its plans is left out, and told."""
        try:
            yield
        except SchemaError as error:
            self._notes[error.message] = None

    @contextmanager
    def _explainer(self, prefix: Sequence[Sent]) -> Iterator[tuple[Explainer, Catalog]]:
        """Plans at the schema that statements lead to."""
        with self._schema(prefix) as schema:
            yield schema.explainer, schema.catalog

    @contextmanager
    def _schema(self, prefix: Sequence[Sent]) -> Iterator[Schema]:
        """That schema at scale."""
        if not prefix:
            yield Schema(self._planner.explainer, self._planner.catalog, self._fixture.conninfo)
            return
        self._progress("planning what the migration writes at production's size")
        with ExitStack() as stack:
            twin = stack.enter_context(self._fixture.twin())
            replay(prefix, twin.conninfo)
            moved = tuple(renames(one.text for one in prefix))
            declared = self._config.databases[self._asked.database].tables
            made = read_catalog_at(twin.conninfo)
            tables = with_new_columns(under_new_names(declared, moved), self._planner.catalog, made)
            copy, statistics = stack.enter_context(
                self._fixture.scaled(twin.name, tables=tables, renames=moved)
            )
            catalog = read_catalog_at(copy.conninfo)
            wire = stack.enter_context(Wire(copy.conninfo))
            yield Schema(Explainer(wire, catalog, statistics), catalog, copy.conninfo)

    def _releases(
        self,
        after_conninfo: str,
        after: Catalog,
        traced: Trace,
        baseline: Baseline | None,
        capture: Capture,
    ) -> Releases:
        """Both releases on each other's schema; nothing where the migration failed."""
        if traced.failure:
            return Releases()
        before_conninfo = self._fixture.conninfo
        branch = self._asked_by(capture)
        path = common_search_path(branch)
        old = [known(one, path) for one in entries_of(baseline, self._asked.database)]
        new = [asked(one) for one in branch]
        found = []
        notes = []
        before = self._planner.catalog
        for release, said, own, other, schemas in (
            (Release.PREVIOUS, old, before_conninfo, after_conninfo, (before, after)),
            (Release.NEXT, new, after_conninfo, before_conninfo, (after, before)),
        ):
            if said:
                self._progress(f"preparing {len(said):,} statements on the other schema")
                here, there = prepared(said, own, other)
                found += broken(release, said, here, there, schemas)
                notes.append(unread(release, here))
        found += inserts_that_fail(old, before, after)
        return Releases(len(old), len(new), tuple(found), tuple(filter(None, notes)))

    def _asked_by(self, capture: Capture) -> list[Query]:
        """This branch's queries, of its own code and on this database."""
        database_of = databases_of(self._config, capture)
        own = tuple(
            one
            for one in capture.statements
            if database_of(one.session.database) == self._asked.database
        )
        asked = normalise(
            msgspec.structs.replace(capture, statements=own),
            report_name=lambda _: self._asked.database,
        )
        return [
            one
            for one in asked
            if one.layer in (Layer.APPLICATION, Layer.LIBRARY) and not one.why_not_explainable
        ]


def under_new_names(
    tables: Mapping[str, TableDeclaration], moved: Sequence[Rename]
) -> dict[str, TableDeclaration]:
    """Declarations of tables and columns by the names they have after renames."""
    found = dict(tables)
    for one in moved:
        name = one.old if one.what is Renamed.RELATION else one.relation
        for key in [key for key in found if key.rpartition(".")[2] == name]:
            declared = found[key]
            if one.what is Renamed.RELATION:
                schema, dot, _ = key.rpartition(".")
                found[f"{schema}{dot}{one.new}"] = found.pop(key)
            elif one.what is Renamed.COLUMN and one.old in declared.columns:
                columns = dict(declared.columns)
                columns[one.new] = columns.pop(one.old)
                found[key] = msgspec.structs.replace(declared, columns=columns)
    return found


def with_new_columns(
    tables: Mapping[str, TableDeclaration], before: Catalog, made: Catalog
) -> dict[str, TableDeclaration]:
    """Declarations that say what is known of a new column: without a default it is NULL."""
    found = dict(tables)
    for name, table in made.tables.items():
        old = before.tables.get(name)
        known = {column.number for column in old.columns} if old is not None else None
        empty = {
            column.name: ColumnDeclaration(nulls=1.0)
            for column in table.columns
            if known is not None and column.number not in known and _is_empty(column)
        }
        if empty:
            key = next((one for one in (name, table.name) if one in found), name)
            declared = found.get(key, TableDeclaration())
            columns = {**empty, **declared.columns}
            found[key] = msgspec.structs.replace(declared, columns=columns)
    return found


def _is_empty(column: Column) -> bool:
    filled = column.default is not None or column.identity or column.generated
    return not column.not_null and not filled


def lost(before: Catalog, back: Catalog) -> Iterator[Dropped]:
    """What was there before a migration and is not after its way back."""
    for name, table in before.tables.items():
        now = back.tables.get(name)
        if now is None:
            yield Dropped(DroppedKind.TABLE, name, rows=table.rows)
            continue
        for column in table.columns:
            if now.column(column.name) is None:
                yield Dropped(DroppedKind.COLUMN, name, column.name, table.rows)


def _with_verdicts(
    migration: Migration,
    candidates: Sequence[Candidate],
    silenced: AbstractSet[tuple[str, str | None, tuple[Origin, ...]]],
) -> Migration:
    """The statements with the codes of what is said of them."""
    codes: dict[int, list[str]] = {}
    for one in candidates:
        if one.step is not None:
            known = (one.rule, one.relation, one.origins) in silenced
            codes.setdefault(one.step, []).append(one.rule + " (acknowledged)" * known)
    return msgspec.structs.replace(
        migration,
        steps=tuple(
            msgspec.structs.replace(step, verdict=tuple(dict.fromkeys(codes.get(number, ()))))
            for number, step in enumerate(migration.steps)
        ),
    )


def _report(
    config: Config,
    planner: Planner,
    migration: Migration,
    candidates: Sequence[Candidate],
    recording: Recording,
) -> Report:
    facts = database_report(config.databases[migration.database], planner)
    capture = Capture((), remarks=recording.remarks)
    today = dt.datetime.now(dt.UTC).date()
    # All of a migration is new, whatever the baseline knows of queries.
    gate = Gate(config, Baseline({}, {}), {migration.database: facts}, {}, capture, today)
    findings = gate.findings(settle(candidates), {})
    silenced = {(one.rule, one.relation, one.origins) for one in findings if one.suppressed}
    migration = _with_verdicts(migration, candidates, silenced)
    silent = gate.suppressions({}).notes(
        findings, {}, complete=not migration.failure, looked_at=_is_about_migrations
    )
    return Report(
        complete=not migration.failure,
        databases={migration.database: facts},
        totals=Totals(0, 0, 0, 0, 0),
        queries=(),
        findings=findings,
        changes=dict.fromkeys((kind.value for kind in ChangeKind), 0),
        gone=(),
        verdict=verdict(gate, findings, migration.failure),
        notes=(*migration.notes, *silent),
        incomplete_reason=migration.failure,
        baseline_found=True,
        migrations=(migration,),
        folder=config.folder,
    )


def _is_about_migrations(code: str) -> bool:
    return hasattr(registry.rules()[code], "check_migration")
