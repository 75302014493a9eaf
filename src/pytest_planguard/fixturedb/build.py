"""Makes a fixture database: a template (kept), a copy of it, its files extended, checked.

The order is the recipe, and each step needs the one before: the schema without rows; statistics
after the indexes exist; the copy; the files, before anybody connects; settings; the self-check.
An inflated database is never copied or vacuumed: that would write out its zeros.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from pytest_planguard.errors import ScaleError, ServerError
from pytest_planguard.fixturedb import cache, copies, kept
from pytest_planguard.fixturedb.asis import AsIs, use_as_it_is
from pytest_planguard.fixturedb.connection import (
    connect,
    lost_server,
    refuse_wrong_settings,
    settings_in_force,
)
from pytest_planguard.fixturedb.parts import FixtureServer, Progress, Tools, quiet
from pytest_planguard.fixturedb.template import Production, Template, TemplateMaker
from pytest_planguard.fixturedb.whatif import CopyWithIndexes, copy_with
from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.moved import FormerWorld
from pytest_planguard.model.ports import HypotheticalIndex, PostgresServer
from pytest_planguard.model.report import SelfCheck
from pytest_planguard.model.schema import Schema
from pytest_planguard.model.spec import DatabaseSpec, TableDeclaration
from pytest_planguard.model.statistics import Statistics

if TYPE_CHECKING:
    from pytest_planguard.fixturedb.twin import Twin
    from pytest_planguard.sql.renames import Rename

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
        keep: bool = False,
    ) -> None:
        self._maker = maker
        self._keep = keep
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
        self,
        indexes: Sequence[HypotheticalIndex],
        catalog: Catalog | None = None,
        relations: AbstractSet[str] | None = None,
    ) -> AbstractContextManager[CopyWithIndexes]:
        """A copy with more indexes, dropped or given back at the end; see ``FixtureDatabase``."""
        return copy_with(
            self._server,
            self._template,
            indexes,
            catalog=catalog or self._read_catalog(),
            relations=relations,
            settings=self._settings,
            tools=self._tools,
            keep=self._keep,
        )

    def _read_catalog(self) -> Catalog:
        with connect(self._server, self.name) as connection:
            return self._tools.read_catalog(connection)

    def copy_at(
        self, factor: float, relations: AbstractSet[str]
    ) -> AbstractContextManager[CopyWithIndexes]:
        """A copy in which these tables have ``factor`` times the rows, dropped at the end.

        Raises:
            ScaleError: It holds real rows, or the files cannot be made so large.
        """
        from pytest_planguard.fixturedb.rescaled import copy_at

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
        from pytest_planguard.fixturedb.former import copy_as

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
        from pytest_planguard.fixturedb.twin import twin

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
        from pytest_planguard.fixturedb.twin import scaled

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
    *,
    keep: bool = False,
) -> Iterator[Fixture | AsIs]:
    """A fixture database, dropped or given back at the end; its template stays.

    Args:
        spec: What it should be.
        server: Where; databases of this run only are made and dropped.
        schema: The cloned schema, where the specification says ``clone``.
        tools: What other parts do.
        progress: Hears short texts about long steps.
        renames: What captured DDL renamed, so that production's statistics follow.
        keep: Give it back for later runs: nobody but planguard is told where it is, and it is
            only read. So are the copies with other indexes.

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
    with copies.copy_of(server, template.name, settings, keep=keep and _small(template)) as copy:
        with lost_server():
            checked = _at_scale(copy, server, template, settings, tools, progress)
        yield Fixture(
            copy.name, server, template, settings, tools, checked, source, spec.tables, maker, keep
        )


def _small(template: Template) -> bool:
    """Whether a copy takes no more room than an empty schema: it holds no real rows."""
    return bool(template.record.files)


def source_of(spec: DatabaseSpec) -> Statistics | None:
    """Production's statistics, where the specification names a file.

    Raises:
        StatisticsError: It cannot be read.
    """
    if spec.statistics is None:
        return None
    from pytest_planguard.fixturedb.scale import statistics_file

    return statistics_file.read(spec.root / spec.statistics)


def _at_scale(
    copy: copies.Copy,
    server: FixtureServer,
    template: Template,
    settings: dict[str, str],
    tools: Tools,
    progress: Progress,
) -> SelfCheck:
    """Extends the files of a copy, freezes and checks it; one that was kept is proven likewise."""
    import psycopg

    progress(
        f"bringing the fixture database to scale: {len(template.record.statistics.tables)} tables"
    )
    try:
        return _extended(copy, server, template, settings, tools)
    except (ScaleError, ServerError, OSError, psycopg.Error):
        if not copy.taken:
            raise
    copy.make_anew()
    return _extended(copy, server, template, settings, tools)


def _extended(
    copy: copies.Copy,
    server: FixtureServer,
    template: Template,
    settings: dict[str, str],
    tools: Tools,
) -> SelfCheck:
    copy.to_scale(template.record.files, settings)
    with connect(server, copy.name) as connection:
        return tools.check_scale(connection, template.record.statistics)
