"""Opens what plans are made in: server, fixture database, and a planner connected to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from pytest_planguard.config import Config
from pytest_planguard.errors import SchemaError
from pytest_planguard.model.capture import Capture
from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.moved import Undo
from pytest_planguard.model.ports import FixtureDatabase, PostgresServer
from pytest_planguard.model.schema import Schema
from pytest_planguard.model.statistics import Statistics
from pytest_planguard.pipeline.databases import databases_of
from pytest_planguard.planner.explain import Explainer
from pytest_planguard.planner.former import FormerWorlds
from pytest_planguard.planner.growth import Sizes
from pytest_planguard.planner.jitter import Jitter
from pytest_planguard.planner.whatif import Trials
from pytest_planguard.planner.wire import Wire

if TYPE_CHECKING:
    from pytest_planguard.sql.renames import Rename

Progress = Callable[[str], None]
"""Told in a few words what is being done."""


class Planner(msgspec.Struct, frozen=True):
    """A fixture database with everything that asks it."""

    fixture: FixtureDatabase
    catalog: Catalog
    explainer: Explainer
    trials: Trials
    sizes: Sizes
    jitter: Jitter
    former: Callable[[Sequence[Undo]], FormerWorlds]
    """Opens copies that are as the database once was."""
    source: Statistics | None = None
    """What production's statistics file says, under the schema's names; None: there is none."""


@contextmanager
def ready(config: Config, capture: Capture) -> Iterator[Config]:
    """The configuration as servers allow it; a container is started once until the end.

    A database named by its URL is used with its own contents where its role is no superuser.

    Args:
        config: The configuration.
        capture: What is to be planned; servers of other databases are not asked.

    Raises:
        ServerError: A server named by its URL can't be reached.
    """
    from pytest_planguard.fixturedb.providers import kept_between_uses
    from pytest_planguard.fixturedb.providers.url import as_its_role_allows

    database_of = databases_of(config, capture)
    used = {database_of(one.session.database) for one in capture.statements}
    databases = {
        name: as_its_role_allows(spec) if name in used else spec
        for name, spec in config.databases.items()
    }
    with kept_between_uses(spec for name, spec in databases.items() if name in used):
        yield msgspec.structs.replace(config, databases=databases)


@contextmanager
def open_fixture(
    config: Config,
    database: str = "default",
    schema: Schema | None = None,
    progress: Progress = lambda _: None,
    server: PostgresServer | None = None,
    renames: Sequence[Rename] = (),
    *,
    keep: bool = False,
) -> Iterator[FixtureDatabase]:
    """The fixture database of one configured database, at scale, until the end.

    Args:
        config: The configuration.
        database: The name it has there.
        schema: The cloned schema, where the configuration says ``clone``.
        progress: Told what is being done.
        server: One that is open already; one for something else is not used. None: one is
            opened as configured.
        renames: What captured DDL renamed, so that production's statistics follow.
        keep: Nobody but planguard is told where it is: a later run may have it again.

    Raises:
        ServerError: No server can be had.
        StatisticsError: Production's statistics cannot be read, or are another database's.
        SchemaError: The schema cannot be made, or none could be cloned.
        ScaleError: The database does not come to scale.
        ConfigurationError: It declares what the schema does not have.
    """
    from pytest_planguard.fixturedb.build import Tools, build
    from pytest_planguard.fixturedb.providers import open_server
    from pytest_planguard.fixturedb.providers.server import Server
    from pytest_planguard.fixturedb.providers.url import as_its_role_allows
    from pytest_planguard.fixturedb.schema import build_schema, needs_of, schema_inputs
    from pytest_planguard.planner.catalog import read_catalog, read_indexes
    from pytest_planguard.planner.selfcheck import check_scale

    spec = as_its_role_allows(config.databases[database])
    tools = Tools(
        read_catalog=read_catalog,
        read_indexes=read_indexes,
        check_scale=check_scale,
        build_schema=build_schema,
        schema_inputs=schema_inputs,
    )
    with ExitStack() as stack:
        if isinstance(server, Server) and server.serves(spec):
            opened = server
        else:
            progress("starting PostgreSQL")
            needs = None if spec.as_is else needs_of(spec, schema)
            opened = stack.enter_context(open_server(spec, needs=needs))
        yield stack.enter_context(build(spec, opened, schema, tools, progress, renames, keep=keep))


@contextmanager
def open_planner(
    config: Config,
    database: str,
    capture: Capture,
    progress: Progress = lambda _: None,
    server: PostgresServer | None = None,
) -> Iterator[Planner]:
    """A planner on the fixture database that belongs to what was captured."""
    schema = _schema_of(config, database, capture)
    found = _renames(config, database, capture)
    with open_fixture(config, database, schema, progress, server, found, keep=True) as fixture:
        catalog = read_catalog_at(fixture.conninfo)
        settings = {"search_path": schema.search_path} if schema and schema.search_path else {}
        with Wire(fixture.conninfo, settings) as wire:
            explainer = Explainer(wire, catalog, fixture.statistics, capture.captured_at)
            trials = Trials(fixture, catalog, settings)
            source = _under_todays_names(fixture.source, catalog, found)
            sizes = Sizes(fixture, catalog, read_catalog_at, settings)
            jitter = Jitter(fixture, catalog, sizes, settings)
            former = partial(FormerWorlds, fixture, read_catalog_at, settings)
            yield Planner(fixture, catalog, explainer, trials, sizes, jitter, former, source)


def _under_todays_names(
    source: Statistics | None, catalog: Catalog, found: Sequence[Rename]
) -> Statistics | None:
    """Production's statistics, under the names the schema has."""
    if source is None:
        return None
    from pytest_planguard.fixturedb.scale.renames import renamed

    return renamed(source, catalog, found)


def _renames(config: Config, database: str, capture: Capture) -> tuple[Rename, ...]:
    """What the suite's DDL renamed in the databases that stand for this one."""
    if config.databases[database].statistics is None:
        return ()
    from pytest_planguard.sql.renames import renames

    database_of = databases_of(config, capture)
    return tuple(renames(one.text for one in capture.ddl if database_of(one.database) == database))


def _schema_of(config: Config, database: str, capture: Capture) -> Schema | None:
    """The cloned schema where it is wanted; a database used as it is can do without."""
    spec = config.databases[database]
    if spec.schema != "clone":
        return None
    try:
        return cloned_schema(config, database, capture)
    except SchemaError:
        if spec.as_is:
            return None
        raise


def cloned_schema(config: Config, database: str, capture: Capture) -> Schema:
    """The fullest schema that was seen of the databases that stand for this one.

    Raises:
        SchemaError: None was seen, with the reason and what to configure.
    """
    database_of = databases_of(config, capture)
    seen = [one for name, one in sorted(capture.databases.items()) if database_of(name) == database]
    schemas = [one.schema for one in seen if one.schema is not None and one.schema.objects]
    if schemas:
        return max(schemas, key=lambda schema: len(schema.objects))
    reasons = sorted({one.why_no_schema for one in seen if one.why_no_schema})
    found = "; ".join(reasons) or "no database of the tests was seen with tables in it"
    raise SchemaError(
        f"the schema of the tests' database could not be cloned: {found}",
        hint='set schema = "schema.sql", "command: …" or "metadata: module:Base" '
        "in [tool.pytest-planguard.database]",
    )


def read_catalog_at(conninfo: str) -> Catalog:
    """The catalog of a database, through a connection of its own."""
    import psycopg

    from pytest_planguard.planner.catalog import read_catalog

    with psycopg.connect(conninfo, autocommit=True) as connection:
        return read_catalog(connection)
