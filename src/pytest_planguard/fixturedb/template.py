"""Makes the template of a fixture database, or finds the one a former run made.

What makes one is imported where it is done: a third of all code, which no warm run needs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from pytest_planguard.errors import SchemaError
from pytest_planguard.fixturedb import cache
from pytest_planguard.fixturedb.connection import connect, drop
from pytest_planguard.fixturedb.parts import FixtureServer, Progress, Tools, locale_of
from pytest_planguard.fixturedb.queries import named_queries
from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.schema import Schema
from pytest_planguard.model.spec import DatabaseSpec, TableDeclaration
from pytest_planguard.model.statistics import Statistics
from pytest_planguard.model.tenants import Tenants

if TYPE_CHECKING:
    import psycopg

    from pytest_planguard.fixturedb.scale.production import AtScale
    from pytest_planguard.sql.renames import Rename


class Template(msgspec.Struct, frozen=True):
    """A complete template on a server."""

    name: str
    record: cache.TemplateRecord

    def saying(self, sentences: tuple[str, ...]) -> Template:
        """The same with more to be said of it."""
        lacking = (*self.record.lacking, *sentences)
        record = msgspec.structs.replace(self.record, lacking=lacking)
        return msgspec.structs.replace(self, record=record)


class Production(msgspec.Struct, frozen=True):
    """Production's statistics, and what has been renamed since."""

    statistics: Statistics
    renames: tuple[Rename, ...] = ()


class TemplateMaker:
    """Makes one template; arguments as of ``build``."""

    def __init__(
        self,
        spec: DatabaseSpec,
        server: FixtureServer,
        schema: Schema | None,
        tools: Tools,
        progress: Progress,
        production: Production | None = None,
    ) -> None:
        self._production = production
        self._clock = spec.clock if production is None else production.statistics.clock
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
        renames = self._production.renames if self._production is not None else ()
        name = cache.template_name(self._spec, self._server.version, inputs, renames)
        if cache.exists(connection, name):
            cache.mark_used(connection, name)  # before it is read: others drop what is old
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
            if not cache.publish(connection, building, name):
                with connect(self._server, name) as there:  # its files have other numbers
                    record = cache.read_record(there)
        finally:
            drop(self._server, building)
        return record

    def _create(self, database: str) -> tuple[str, ...]:
        """An empty database, ordering texts as production does where the server can."""
        import psycopg

        locale = None if self._production is None else locale_of(self._production.statistics)
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
            _refuse_dotted_schemas(catalog)
            self._progress(f"building the fixture database: {len(catalog.tables)} tables")
            self._prepare(connection, catalog)
            record = self._scale(connection, catalog)
            record = msgspec.structs.replace(record, lacking=(*lacking, *record.lacking))
            cache.write_record(connection, record)
        return record

    def _scale(self, connection: psycopg.Connection[Any], catalog: Catalog) -> cache.TemplateRecord:
        """Statistics of an empty database, or rows and what ANALYZE makes of them."""
        from pytest_planguard.fixturedb.inflate.files import relation_files
        from pytest_planguard.fixturedb.inflate.heirs import order_heirs
        from pytest_planguard.fixturedb.inflate.order import order_indexes
        from pytest_planguard.fixturedb.inflate.statistics import inject

        wanted = self._wanted(connection, catalog)
        statistics = wanted.statistics
        if self._spec.scale == "rows":
            from pytest_planguard.fixturedb.scale.loaded import load_and_freeze

            real, refused = load_and_freeze(
                connection,
                catalog,
                statistics,
                self._tools.read_catalog,
                seed=self._spec.seed,
                folder=self._server.data_directory,
                progress=self._progress,
            )
            return cache.TemplateRecord(statistics=real, lacking=(*wanted.lacking, *refused))
        order_indexes(connection, catalog, statistics)
        unordered = order_heirs(connection, statistics)
        refused = inject(connection, catalog, statistics, self._server.version)
        files = relation_files(connection, statistics)
        return cache.TemplateRecord(
            statistics, tuple(files), (*wanted.lacking, *unordered, *refused)
        )

    def wanted_after(
        self,
        connection: psycopg.Connection[Any],
        catalog: Catalog,
        *,
        tables: Mapping[str, TableDeclaration],
        renames: Sequence[Rename],
    ) -> Statistics:
        """What the tables of a schema that came of this one should have.

        Args:
            connection: To a database with that schema.
            catalog: Its catalog.
            tables: Declarations by the names it has.
            renames: What led to it.
        """
        spec = msgspec.structs.replace(self._spec, tables=dict(tables), older=True)
        production = self._production
        if production is not None:
            known = (*production.renames, *renames)
            production = msgspec.structs.replace(production, renames=known)
        maker = TemplateMaker(
            spec, self._server, self._schema, self._tools, self._progress, production
        )
        return maker._wanted(connection, catalog).statistics

    def _wanted(self, connection: psycopg.Connection[Any], catalog: Catalog) -> AtScale:
        """What every table should have: production's numbers, or what is declared and derived."""
        from pytest_planguard.fixturedb.scale.declarations import fitting
        from pytest_planguard.fixturedb.scale.declared import declare
        from pytest_planguard.fixturedb.scale.ends import with_common_ends
        from pytest_planguard.fixturedb.scale.production import AtScale, at_production_scale
        from pytest_planguard.fixturedb.scale.renames import renamed

        tenants = Tenants(self._spec.tenant_schemas, self._spec.tenant_model)
        tables = self._spec.tables
        if self._spec.older:
            tables = fitting(catalog, tables)
        if self._production is not None:
            source = renamed(self._production.statistics, catalog, self._production.renames)
            made = at_production_scale(catalog, source, tables, tenants=tenants)
            statistics = with_common_ends(connection, made.statistics)
            return msgspec.structs.replace(made, statistics=statistics)
        declared = tenants.share(tables, catalog.tables)
        return AtScale(declare(catalog, declared, clock=self._spec.clock))

    def _prepare(self, connection: psycopg.Connection[Any], catalog: Catalog) -> None:
        """The clock's functions, rights to plan under, and no autovacuum on others' servers."""
        from psycopg import sql

        queries = named_queries(__package__, "clock.sql")
        clock = sql.SQL(queries["clock"])
        connection.execute(clock.format(clock=sql.Literal(self._clock)))
        wanted = ["granted"] if catalog.guarded else []
        if self._server.provider == "url":  # on a server of ours it is off
            wanted.append("unvacuumed")
        for name in wanted:
            for (command,) in connection.execute(queries[name]).fetchall():
                connection.execute(command)


def _refuse_dotted_schemas(catalog: Catalog) -> None:
    """Relations are known by ``schema.name``, which is taken apart at its first dot."""
    dotted = sorted({table.schema for table in catalog.tables.values() if "." in table.schema})
    if dotted:
        names = ", ".join(f'"{name}"' for name in dotted)
        raise SchemaError(
            f"schemas with a dot in their name cannot be told from tables: {names}",
            hint="give them names without a dot, or leave them out of the fixture's schema",
        )
