"""Makes a fixture database: a template (kept), a copy of it, its files extended, checked.

The order is the recipe, and each step needs the one before: the schema without rows; statistics
after the indexes exist; the copy; the files, before anybody connects; settings; the self-check.
An inflated database is never copied or vacuumed: that would write out its zeros.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

from pytest_planguard.fixturedb import cache, kept
from pytest_planguard.fixturedb.asis import AsIs, use_as_it_is
from pytest_planguard.fixturedb.connection import (
    connect,
    drop,
    freeze,
    lost_server,
    refuse_wrong_settings,
    settings_in_force,
)
from pytest_planguard.fixturedb.former import copy_as
from pytest_planguard.fixturedb.inflate.database import inflate
from pytest_planguard.fixturedb.parts import FixtureServer, Progress, Tools, quiet
from pytest_planguard.fixturedb.rescaled import copy_at
from pytest_planguard.fixturedb.scale import statistics_file
from pytest_planguard.fixturedb.template import Production, Template, TemplateMaker
from pytest_planguard.fixturedb.twin import Twin, scaled, twin
from pytest_planguard.fixturedb.whatif import CopyWithIndexes, copy_with
from pytest_planguard.model.moved import FormerWorld
from pytest_planguard.model.ports import HypotheticalIndex, PostgresServer
from pytest_planguard.model.report import SelfCheck
from pytest_planguard.model.schema import Schema
from pytest_planguard.model.spec import DatabaseSpec, TableDeclaration
from pytest_planguard.model.statistics import Statistics
from pytest_planguard.sql.renames import Rename

if TYPE_CHECKING:
    import psycopg

__all__ = ["Fixture", "FixtureServer", "Tools", "build"]


class Fixture:
    """A database at scale; obeys ``model.ports.FixtureDatabase``."""

    def __init__(
        self,
        name: str,
        server: FixtureServer,
        template: Template,
        settings: dict[str, str],
        tools: Tools,
        checked: SelfCheck,
        source: Statistics | None = None,
        declared: Mapping[str, TableDeclaration] | None = None,
        maker: TemplateMaker | None = None,
    ) -> None:
        self._maker = maker
        self.name = name
        self.server: PostgresServer = server
        self.checked = checked
        self.source = source
        self.statistics = template.record.statistics
        self.lacking = template.record.lacking
        self._server = server
        self._template = template
        self._settings = settings
        self._tools = tools
        self._declared = declared or {}

    @property
    def conninfo(self) -> str:
        """A libpq connection string; the database is read-only by default."""
        return self.server.conninfo(self.name)

    def copy_with(
        self, indexes: Sequence[HypotheticalIndex]
    ) -> AbstractContextManager[CopyWithIndexes]:
        """A copy at scale with more indexes, dropped at the end."""
        return copy_with(
            self._server,
            self._template,
            indexes,
            settings=self._settings,
            read_catalog=self._tools.read_catalog,
        )

    def copy_at(
        self, factor: float, relations: AbstractSet[str]
    ) -> AbstractContextManager[CopyWithIndexes]:
        """A copy in which these tables have ``factor`` times the rows, dropped at the end.

        Raises:
            ScaleError: It holds real rows, or the files cannot be made so large.
        """
        return copy_at(
            factor,
            relations,
            self._server,
            self._template,
            declared=self._declared,
            settings=self._settings,
            read_catalog=self._tools.read_catalog,
        )

    def copy_as(self, former: FormerWorld) -> AbstractContextManager[CopyWithIndexes]:
        """A copy that is, in part, as the database once was, dropped at the end.

        Raises:
            ScaleError: It holds real rows, or the files cannot be made so large.
        """
        return copy_as(
            former,
            self._server,
            self._template,
            settings=self._settings,
            read_catalog=self._tools.read_catalog,
        )

    def twin(self) -> AbstractContextManager[Twin]:
        """An empty copy of the template, for a migration to run on; dropped at the end.

        Raises:
            ServerError: It cannot be made.
        """
        return twin(self._server, self._template.name)

    def scaled(
        self,
        original: str,
        *,
        tables: Mapping[str, TableDeclaration],
        renames: Sequence[Rename] = (),
    ) -> AbstractContextManager[tuple[CopyWithIndexes, Statistics]]:
        """A twin's schema at scale, dropped at the end.

        Args:
            original: The twin's name; nobody is connected to it.
            tables: Declarations by the names its tables have.
            renames: What was renamed there.
        """
        maker = self._maker
        assert maker is not None
        return scaled(
            self._server,
            original,
            wanted=lambda connection, catalog: maker.wanted_after(
                connection, catalog, tables=tables, renames=renames
            ),
            settings=self._settings,
            read_catalog=self._tools.read_catalog,
        )


@contextmanager
def build(
    spec: DatabaseSpec,
    server: FixtureServer,
    schema: Schema | None,
    tools: Tools,
    progress: Progress = quiet,
    renames: Sequence[Rename] = (),
) -> Iterator[Fixture | AsIs]:
    """A fixture database, dropped at the end; its template stays.

    Args:
        spec: What it should be.
        server: Where; databases of this run only are made and dropped.
        schema: The cloned schema, where the specification says ``clone``.
        tools: What other parts do.
        progress: Hears short texts about long steps.
        renames: What captured DDL renamed, so that production's statistics follow.

    Raises:
        ConfigurationError: Settings or declarations are wrong.
        SchemaError: The schema cannot be made.
        ScaleError: The database is not, or cannot be, at scale.
        ServerError: The server was lost while building.
    """
    if spec.as_is:
        yield use_as_it_is(spec, server, tools.read_catalog)
        return
    with lost_server(), connect(server) as connection:
        refuse_wrong_settings(connection, spec.settings)
        source = source_of(spec)
        production = None if source is None else Production(source, tuple(renames))
        maker = TemplateMaker(spec, server, schema, tools, progress, production)
        template = maker.template(connection)
        if server.data_directory is not None:
            names = cache.names(connection)
            kept.note(server.data_directory.parent, template.name, template.record.files, names)
        settings, said = settings_in_force(connection, spec, source)
        template = template.saying(said)
        name = run_database_name(connection, server.run_token)
    try:
        with lost_server():
            checked = _make_run_database(name, server, template, settings, tools, progress)
        yield Fixture(name, server, template, settings, tools, checked, source, spec.tables, maker)
    finally:
        drop(server, name)


def source_of(spec: DatabaseSpec) -> Statistics | None:
    """Production's statistics, where the specification names a file.

    Raises:
        StatisticsError: It cannot be read.
    """
    return None if spec.statistics is None else statistics_file.read(spec.root / spec.statistics)


def run_database_name(connection: psycopg.Connection[Any], token: str) -> str:
    """The next free ``planguard_run_<token>_<n>``."""
    number = 1
    while cache.exists(connection, f"planguard_run_{token}_{number}"):
        number += 1
    return f"planguard_run_{token}_{number}"


def _make_run_database(
    name: str,
    server: FixtureServer,
    template: Template,
    settings: dict[str, str],
    tools: Tools,
    progress: Progress,
) -> SelfCheck:
    """Copies the template, extends the files, freezes and checks."""
    record = template.record
    progress(f"bringing the fixture database to scale: {len(record.statistics.tables)} tables")
    server.create_database(name, template=template.name)
    with connect(server) as connection:
        cache.mark_copy(connection, name, template.name)
        inflate(connection, server, name, record.files)
        freeze(connection, name, settings)
    with connect(server, name) as connection:
        return tools.check_scale(connection, record.statistics)
