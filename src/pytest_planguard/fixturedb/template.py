"""Makes the template of a fixture database, or finds the one a former run made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from pytest_planguard.fixturedb import cache
from pytest_planguard.fixturedb.connection import connect, drop
from pytest_planguard.fixturedb.inflate.files import relation_files
from pytest_planguard.fixturedb.inflate.statistics import inject
from pytest_planguard.fixturedb.parts import FixtureServer, Progress, Tools, locale_of
from pytest_planguard.fixturedb.queries import named_queries
from pytest_planguard.fixturedb.scale.declared import declare
from pytest_planguard.fixturedb.scale.generated import load_rows
from pytest_planguard.fixturedb.scale.observed import observe
from pytest_planguard.fixturedb.scale.production import AtScale, at_production_scale
from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.schema import Schema
from pytest_planguard.model.spec import DatabaseSpec
from pytest_planguard.model.statistics import ScaleSource, Statistics
from pytest_planguard.model.tenants import Tenants

if TYPE_CHECKING:
    import psycopg


class Template(msgspec.Struct, frozen=True):
    """A complete template on a server."""

    name: str
    record: cache.TemplateRecord

    def saying(self, sentences: tuple[str, ...]) -> Template:
        """The same with more to be said of it."""
        lacking = (*self.record.lacking, *sentences)
        record = msgspec.structs.replace(self.record, lacking=lacking)
        return msgspec.structs.replace(self, record=record)


class TemplateMaker:
    """Makes one template; arguments as of ``build``."""

    def __init__(
        self,
        spec: DatabaseSpec,
        server: FixtureServer,
        schema: Schema | None,
        tools: Tools,
        progress: Progress,
        source: Statistics | None = None,
    ) -> None:
        self._source = source
        self._clock = source.clock if source is not None else spec.clock
        self._spec = spec
        self._server = server
        self._schema = schema
        self._tools = tools
        self._progress = progress

    def template(self, connection: psycopg.Connection[Any]) -> Template:
        """The template, made if no complete one is there.

        Args:
            connection: To the maintenance database.
        """
        inputs = self._tools.schema_inputs(self._spec, self._schema)
        name = cache.template_name(self._spec, self._server.version, inputs)
        if cache.exists(connection, name):
            with connect(self._server, name) as there:
                record = cache.read_record(there)
        else:
            record = self._make(connection, name)
        cache.mark_used(connection, name)
        return Template(name, record)

    def _make(self, connection: psycopg.Connection[Any], name: str) -> cache.TemplateRecord:
        """Builds under another name; whatever stops it, nothing half made is left."""
        building = f"planguard_building_{self._server.run_token}"
        for old in [*cache.forgotten(connection), building]:
            drop(self._server, old)
        try:
            record = self._fill(building, self._create(building))
            cache.publish(connection, building, name)
        finally:
            drop(self._server, building)
        return record

    def _create(self, database: str) -> tuple[str, ...]:
        """An empty database, ordering texts as production does where the server can."""
        import psycopg

        locale = locale_of(self._source)
        try:
            self._server.create_database(database, locale=locale)
        except psycopg.Error as error:
            if locale is None or error.sqlstate is None:
                raise
            self._server.create_database(database)
            why = error.diag.message_primary or str(error)
            return (f"production's collation {locale.name} cannot be had here: {why}",)
        return ()

    def _fill(self, database: str, said: tuple[str, ...]) -> cache.TemplateRecord:
        """Schema, statistics (or rows) and record."""
        self._progress("building the fixture database: schema")
        made = self._tools.build_schema(self._spec, self._server, database, self._schema)
        lacking = (*said, *made.lacking)
        with connect(self._server, database) as connection:
            catalog = self._tools.read_catalog(connection)
            self._progress(f"building the fixture database: {len(catalog.tables)} tables")
            self._prepare(connection)
            record = self._scale(connection, catalog)
            record = msgspec.structs.replace(record, lacking=(*lacking, *record.lacking))
            cache.write_record(connection, record)
        return record

    def _scale(self, connection: psycopg.Connection[Any], catalog: Catalog) -> cache.TemplateRecord:
        """Statistics of an empty database, or rows and what ANALYZE makes of them."""
        wanted = self._wanted(catalog)
        statistics = wanted.statistics
        if self._spec.scale == "rows":
            refused = load_rows(
                connection, catalog, statistics, seed=self._spec.seed, progress=self._progress
            )
            catalog = self._tools.read_catalog(connection)
            real = observe(connection, catalog, clock=self._clock, source=ScaleSource.GENERATED)
            return cache.TemplateRecord(statistics=real, lacking=(*wanted.lacking, *refused))
        refused = inject(connection, catalog, statistics, self._server.version)
        files = relation_files(connection, statistics)
        return cache.TemplateRecord(statistics, tuple(files), (*wanted.lacking, *refused))

    def _wanted(self, catalog: Catalog) -> AtScale:
        """What every table should have: production's numbers, or what is declared and derived."""
        tenants = Tenants(self._spec.tenant_schemas, self._spec.tenant_model)
        if self._source is not None:
            return at_production_scale(catalog, self._source, self._spec.tables, tenants=tenants)
        return AtScale(
            declare(
                catalog, tenants.share(self._spec.tables, catalog.tables), clock=self._spec.clock
            )
        )

    def _prepare(self, connection: psycopg.Connection[Any]) -> None:
        """The clock's functions, and no autovacuum where the server is not ours."""
        from psycopg import sql

        queries = named_queries(__package__, "clock.sql")
        clock = sql.SQL(queries["clock"])
        connection.execute(clock.format(clock=sql.Literal(self._clock)))
        if self._server.provider == "embedded":
            return
        commands = connection.execute(queries["unvacuumed"])
        for (command,) in commands.fetchall():
            connection.execute(command)
