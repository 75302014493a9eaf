"""A copy of a fixture database that is, in part, as it was when the baseline was made.

It is made from the template, as the fixture database itself is. Indexes that were there are made
in addition to today's: which of them the planner sees is for whoever plans to say.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from pytest_planguard.errors import ScaleError
from pytest_planguard.fixturedb import copies
from pytest_planguard.fixturedb.connection import connect
from pytest_planguard.fixturedb.inflate.files import RelationFile, relation_files
from pytest_planguard.fixturedb.inflate.renumber import renumber
from pytest_planguard.fixturedb.inflate.statistics import inject
from pytest_planguard.fixturedb.parts import FixtureServer, ReadCatalog
from pytest_planguard.fixturedb.restated import restated
from pytest_planguard.fixturedb.scale.grow import grown
from pytest_planguard.fixturedb.whatif import CopyWithIndexes, with_new_indexes
from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.moved import FormerWorld
from pytest_planguard.model.statistics import Statistics, TableStatistics
from pytest_planguard.sql.refusals import without_values

if TYPE_CHECKING:
    import psycopg

    from pytest_planguard.fixturedb.template import Template


@contextmanager
def copy_as(
    former: FormerWorld,
    server: FixtureServer,
    template: Template,
    *,
    settings: Mapping[str, str],
    read_catalog: ReadCatalog,
) -> Iterator[CopyWithIndexes]:
    """A copy as it was, dropped at the end.

    Args:
        former: What of it is as it was.
        server: Where the template is.
        template: What is copied.
        settings: The planner's, as of the fixture database.
        read_catalog: Reads a connected database's catalog.

    Raises:
        ScaleError: The database holds real rows, or the files cannot be made so large.
    """
    if not template.record.files:
        raise ScaleError(
            "a database of real rows is not made as it was",
            hint='causes are found by planning again with scale = "statistics"',
        )
    with copies.copy_of(server, template.name) as copy:
        with connect(server, copy.name) as connection:
            refused, moved, catalog, files = _altered(
                connection, former, template.record.statistics, server.version, read_catalog
            )
        copy.to_scale(files, settings, moved)
        yield CopyWithIndexes(copy.name, server, {}, refused, catalog)


def _altered(
    connection: psycopg.Connection[Any],
    former: FormerWorld,
    statistics: Statistics,
    version: int,
    read_catalog: ReadCatalog,
) -> tuple[dict[str, str], list[tuple[str, str]], Catalog, list[RelationFile]]:
    """Changes the empty copy; what was refused, renumbered files, its catalog, its files.

    Whatever was built has its first page in the server's buffers: it gets a new number.
    """
    connection.execute("SET max_parallel_maintenance_workers = 0")
    refused = _sent(connection, ((text, text) for text in former.statements))
    refused |= _sent(connection, former.indexes.items())
    catalog = read_catalog(connection)
    altered = catalog.with_parts(frozenset(former.tables))
    rebuilt = {index.name for index in catalog.indexes.values() if index.table in altered}
    moved = renumber(connection, sorted(rebuilt | (former.indexes.keys() - refused.keys())))
    then = resized(with_new_indexes(catalog, statistics, ()), former.rows)
    then = restated(then, former.distinct, former.columns)
    inject(connection, catalog, _to_write(then, statistics, altered), version)
    files = relation_files(connection, then)
    return refused, moved, read_catalog(connection), files


def _sent(
    connection: psycopg.Connection[Any], statements: Iterable[tuple[str, str]]
) -> dict[str, str]:
    """Sends statements one by one; the messages for those that were refused, by name."""
    import psycopg

    refused: dict[str, str] = {}
    for name, text in statements:
        try:
            connection.execute(text.encode())
        except psycopg.OperationalError:
            raise
        except psycopg.Error as error:
            message = error.diag.message_primary or str(error)
            refused[name] = without_values(message, error.sqlstate or "42601")
    return refused


def resized(statistics: Statistics, rows: Mapping[str, float]) -> Statistics:
    """Statistics with some of the tables at another size; pure.

    Args:
        statistics: Of today.
        rows: By table, in times of today's.
    """
    by_factor: dict[float, list[str]] = defaultdict(list)
    for name, factor in rows.items():
        if name in statistics.tables:
            by_factor[factor].append(name)
    tables = dict(statistics.tables)
    for factor, names in by_factor.items():
        subset = {name: statistics.tables[name] for name in names}
        tables |= grown(msgspec.structs.replace(statistics, tables=subset), factor).tables
    return msgspec.structs.replace(statistics, tables=tables)


def _to_write(then: Statistics, today: Statistics, altered: AbstractSet[str]) -> Statistics:
    """What the copy of today's template does not have already.

    An index resets its table's rows; an altered column loses its statistics.
    """
    tables: dict[str, TableStatistics] = {}
    for name, facts in then.tables.items():
        before = today.tables[name]
        if name in altered or _bare(facts) != _bare(before):
            tables[name] = facts
        elif facts.indexes != before.indexes:
            tables[name] = msgspec.structs.replace(facts, columns={}, inherited={}, extended={})
    return msgspec.structs.replace(then, tables=tables)


def _bare(table: TableStatistics) -> TableStatistics:
    """Without its indexes'."""
    return msgspec.structs.replace(table, indexes={})
