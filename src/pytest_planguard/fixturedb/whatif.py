"""A copy of a fixture database with candidate indexes, at the size they would have."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from pytest_planguard.errors import ScaleError, ServerError
from pytest_planguard.fixturedb import cache, copies
from pytest_planguard.fixturedb.connection import connect
from pytest_planguard.fixturedb.inflate.btree import PAGE
from pytest_planguard.fixturedb.inflate.files import RelationFile, relation_files
from pytest_planguard.fixturedb.inflate.renumber import renumber
from pytest_planguard.fixturedb.parts import FixtureServer, Tools
from pytest_planguard.model.catalog import Catalog, Index
from pytest_planguard.model.ports import HypotheticalIndex, PostgresServer
from pytest_planguard.model.statistics import IndexStatistics, Statistics, TableStatistics
from pytest_planguard.sql.refusals import without_values

if TYPE_CHECKING:
    import psycopg

    from pytest_planguard.fixturedb.template import Template


_RECORD = "SELECT obj_description(to_regnamespace('planguard'), 'pg_namespace')"


class CopyWithIndexes:
    """Obeys ``model.ports.FixtureCopy``."""

    def __init__(
        self,
        name: str,
        server: PostgresServer,
        sizes: dict[str, int],
        refused: dict[str, str],
        catalog: Catalog | None = None,
    ) -> None:
        self.name = name
        self.catalog = catalog
        self.sizes = sizes
        self.refused = refused
        self._server = server

    @property
    def conninfo(self) -> str:
        """A libpq connection string; read-only by default."""
        return self._server.conninfo(self.name)


@contextmanager
def copy_with(
    server: FixtureServer,
    template: Template,
    indexes: Sequence[HypotheticalIndex],
    *,
    catalog: Catalog,
    relations: AbstractSet[str] | None,
    settings: Mapping[str, str],
    tools: Tools,
    keep: bool = False,
) -> Iterator[CopyWithIndexes]:
    """A copy with more indexes, dropped or given back at the end.

    The indexes are made in an empty copy, and its files are extended when nobody is connected any
    more. The server reads a btree's height from its first page, so none of those pages may be in
    its buffers by then: the new indexes get new file numbers, and those that were there are not
    read (with parallel builds allowed, CREATE INDEX would plan, and read them).

    Args:
        server: Where the template is.
        template: What is copied.
        indexes: Candidates; those the server refuses are in ``refused``, with its message.
        catalog: The fixture database's: the copy has but the new indexes besides.
        relations: Tables to bring to scale, with partitions and heirs; None: all.
        settings: The planner's, as of the fixture database.
        tools: Read the new indexes.
        keep: Give it back, for a run with the same candidates.
    """
    old = _files(template, catalog, relations)
    causes = (settings, indexes)
    with copies.copy_of(server, template.name, *causes, keep=keep and _small(template)) as copy:
        made = _kept(server, copy, old, settings) if copy.taken else None
        if made is None:
            made, moved = _made(server, copy, template, catalog, indexes, tools)
            copy.to_scale((*old, *made.files), settings, moved)
        whole = msgspec.structs.replace(catalog, indexes={**catalog.indexes, **made.indexes})
        yield CopyWithIndexes(copy.name, server, made.sizes, made.refused, whole)


class _Made(msgspec.Struct, frozen=True):
    """What a copy has besides the template; kept in it, for runs that take it over.

    Nothing in it can be infinite: JSON would lose that.
    """

    indexes: dict[str, Index]
    """The new ones, partitions' among them, by schema-qualified name."""
    files: tuple[RelationFile, ...]
    """Theirs; none where the rows are real."""
    sizes: dict[str, int]
    refused: dict[str, str]


def _files(
    template: Template, catalog: Catalog, relations: AbstractSet[str] | None
) -> Sequence[RelationFile]:
    """What the template has of these tables."""
    every = template.record.files
    if relations is None:
        return every
    tables = catalog.with_parts(relations)
    wanted = tables | {name for name, one in catalog.indexes.items() if one.table in tables}
    return [file for file in every if file.relation in wanted]


def _made(
    server: FixtureServer,
    copy: copies.Copy,
    template: Template,
    catalog: Catalog,
    indexes: Sequence[HypotheticalIndex],
    tools: Tools,
) -> tuple[_Made, list[tuple[str, str]]]:
    """Makes the indexes in an empty copy; what it has then, and files that are to be renamed."""
    real = not _small(template)
    names = [index.name for index in indexes]
    with connect(server, copy.name) as connection:
        connection.execute("SET max_parallel_maintenance_workers = 0")
        refused = _create(connection, indexes)
        moved = [] if real else renumber(connection, names)
        new = tools.read_indexes(connection, names)
        whole = msgspec.structs.replace(catalog, indexes={**catalog.indexes, **new})
        record = template.record if real else _enlarge(connection, server, whole, template, indexes)
        sizes = _sizes(whole, new, record.statistics, indexes, refused, real=real)
        made = _Made(new, record.files, sizes, refused)
        if copy.kept:
            _write(connection, made)
    return made, moved


def _kept(
    server: FixtureServer,
    copy: copies.Copy,
    old: Sequence[RelationFile],
    settings: Mapping[str, str],
) -> _Made | None:
    """What a former run made of a copy that is taken over, at scale.

    None: it is not whole, or not to be understood; then there is a copy to begin with instead.
    """
    import psycopg

    try:
        made = _made_before(server, copy)
        copy.to_scale((*old, *made.files), settings)
    except (msgspec.MsgspecError, ScaleError, ServerError, OSError, psycopg.Error):
        copy.make_anew()
        return None
    return made


def _made_before(server: FixtureServer, copy: copies.Copy) -> _Made:
    with connect(server) as connection:
        copies.admit(connection, copy.name)
    with connect(server, copy.name) as connection:
        row = connection.execute(_RECORD).fetchone()
    return msgspec.json.decode((row and row[0]) or "", type=_Made)


def _write(connection: psycopg.Connection[Any], made: _Made) -> None:
    from psycopg import sql

    text = sql.Literal(msgspec.json.encode(made).decode())
    connection.execute(sql.SQL("COMMENT ON SCHEMA planguard IS {}").format(text))


def _small(template: Template) -> bool:
    """Whether it holds no real rows."""
    return bool(template.record.files)


def _create(
    connection: psycopg.Connection[Any], indexes: Sequence[HypotheticalIndex]
) -> dict[str, str]:
    """Makes the indexes in their order; the messages for those that cannot be.

    All in one transaction, or by halves where the server refuses one of them, or has no room for
    so many locks.
    """
    import psycopg

    if not indexes:
        return {}
    try:
        connection.execute("; ".join(index.ddl for index in indexes))
    except psycopg.Error as error:
        if half := len(indexes) // 2:
            return _create(connection, indexes[:half]) | _create(connection, indexes[half:])
        if isinstance(error, psycopg.OperationalError):
            raise
        message = error.diag.message_primary or str(error)
        # A predicate holds a query's constants, and the note of it is printed.
        return {indexes[0].name: without_values(message, error.sqlstate or "42601")}
    return {}


def _enlarge(
    connection: psycopg.Connection[Any],
    server: FixtureServer,
    catalog: Catalog,
    template: Template,
    indexes: Sequence[HypotheticalIndex],
) -> cache.TemplateRecord:
    """Writes statistics for the new indexes, and again for tables: an index resets their rows.

    Returns:
        All statistics, and the new indexes' files.
    """
    from pytest_planguard.fixturedb.inflate.statistics import inject

    before = template.record
    statistics = with_new_indexes(catalog, before.statistics, indexes)
    changed = {
        name: msgspec.structs.replace(facts, columns={}, inherited={}, extended={})
        for name, facts in statistics.tables.items()
        if facts.indexes != before.statistics.tables[name].indexes
    }
    subset = msgspec.structs.replace(statistics, tables=changed)
    inject(connection, catalog, subset, server.version)
    known = {file.relation for file in before.files}
    files = [one for one in relation_files(connection, subset) if one.relation not in known]
    return cache.TemplateRecord(statistics, tuple(files))


def with_new_indexes(
    catalog: Catalog, statistics: Statistics, indexes: Sequence[HypotheticalIndex]
) -> Statistics:
    """Statistics with those of every index of the catalog they lack; pure."""
    from pytest_planguard.fixturedb.scale.indexes import index_statistics

    tuples = {f"{index.table.partition('.')[0]}.{index.name}": index.tuples for index in indexes}
    new: dict[str, dict[str, IndexStatistics]] = defaultdict(dict)
    for name, index in catalog.indexes.items():
        facts = statistics.tables.get(index.table)
        table = catalog.tables.get(index.table)
        if facts is None or table is None or table.kind == "p" or index.name in facts.indexes:
            continue
        count = _tuples_of(catalog, name, index, tuples, facts, statistics)
        version = statistics.server_version or catalog.server.version
        new[index.table][index.name] = index_statistics(index, table, facts, count, version=version)
    tables = {
        name: msgspec.structs.replace(facts, indexes={**facts.indexes, **new[name]})
        if name in new
        else facts
        for name, facts in statistics.tables.items()
    }
    return msgspec.structs.replace(statistics, tables=tables)


def _tuples_of(
    catalog: Catalog,
    name: str,
    index: Index,
    wanted: Mapping[str, float],
    facts: TableStatistics,
    statistics: Statistics,
) -> float:
    """Rows the candidate was said to hold; a partition's part of them; 0: by its predicate."""
    while name not in wanted and index.parent is not None:
        name, index = index.parent, catalog.indexes[index.parent]
    total = wanted.get(name, 0.0)
    whole = statistics.tables.get(index.table)
    rows = whole.rows if whole is not None else 0.0
    return total * facts.rows / rows if rows else total


def _sizes(
    catalog: Catalog,
    new: Mapping[str, Index],
    statistics: Statistics,
    indexes: Sequence[HypotheticalIndex],
    refused: Mapping[str, str],
    *,
    real: bool,
) -> dict[str, int]:
    """Bytes of each candidate, over all partitions."""
    sizes = {index.name: 0 for index in indexes if index.name not in refused}
    for name, index in new.items():
        top, facts = name, index
        while facts.parent is not None and facts.parent in catalog.indexes:
            top, facts = facts.parent, catalog.indexes[facts.parent]
        short = top.partition(".")[2]
        table = statistics.tables.get(index.table)
        known = table.indexes.get(index.name) if table is not None else None
        pages = index.pages if real else known.pages if known is not None else 0
        has_parts = real and catalog.tables[index.table].kind == "p"
        if short in sizes and not has_parts:
            sizes[short] += pages * PAGE
    return sizes
