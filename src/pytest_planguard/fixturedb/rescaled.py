"""A copy of a fixture database in which some tables have more rows, or fewer.

It is made from the template, as the fixture database itself is: an inflated database is never
copied. Only the tables that are asked for are brought to scale; the others stay empty files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pytest_planguard.errors import ScaleError
from pytest_planguard.fixturedb import copies
from pytest_planguard.fixturedb.connection import connect
from pytest_planguard.fixturedb.inflate.files import relation_files
from pytest_planguard.fixturedb.inflate.statistics import inject
from pytest_planguard.fixturedb.parts import FixtureServer, ReadCatalog
from pytest_planguard.fixturedb.scale.growing import fixed_tables, resized
from pytest_planguard.fixturedb.whatif import CopyWithIndexes
from pytest_planguard.model.spec import TableDeclaration

if TYPE_CHECKING:
    from pytest_planguard.fixturedb.template import Template


@contextmanager
def copy_at(
    factor: float,
    relations: AbstractSet[str],
    server: FixtureServer,
    template: Template,
    *,
    declared: Mapping[str, TableDeclaration],
    settings: Mapping[str, str],
    read_catalog: ReadCatalog,
) -> Iterator[CopyWithIndexes]:
    """A copy at another scale, dropped at the end.

    Args:
        factor: In times of the fixture database's size.
        relations: Tables to bring to that scale, schema-qualified; their partitions are meant too.
        server: Where the template is.
        template: What is copied.
        declared: Which tables do not grow.
        settings: The planner's, as of the fixture database.
        read_catalog: Reads a connected database's catalog.

    Raises:
        ScaleError: The database holds real rows, or the files cannot be made so large.
    """
    if not template.record.files:
        raise ScaleError(
            "rows that are really there cannot be made more",
            hint='growth is planned with scale = "statistics"',
        )
    with copies.copy_of(server, template.name) as copy:
        with connect(server, copy.name) as connection:
            catalog = read_catalog(connection)
            fixed = fixed_tables(catalog, declared)
            wanted = catalog.with_parts(relations)
            statistics = resized(template.record.statistics, factor, catalog, wanted, fixed)
            inject(connection, catalog, statistics, server.version)
            catalog = read_catalog(connection)
            files = relation_files(connection, statistics)
        copy.to_scale(files, settings)
        yield CopyWithIndexes(copy.name, server, {}, {}, catalog)
