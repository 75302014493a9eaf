"""Writes what ANALYZE found for ``CREATE STATISTICS`` objects, into the objects the schema has.

PostgreSQL has no function for it before 19. Numbers are packed as the server packs them
(``extended_bytes``). Most common combinations are typed values: the server makes that list itself,
of a small table that holds each combination once, and only its frequencies are then replaced.
Statistics of expressions are rows of ``pg_statistic``, made for the columns of the same table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from pytest_planguard.fixturedb.inflate.attributes import (
    attribute_row,
    condition,
    write_attributes,
)
from pytest_planguard.fixturedb.inflate.extended_bytes import (
    dependencies_bytes,
    ndistinct_bytes,
    with_frequencies,
)
from pytest_planguard.fixturedb.queries import named_queries
from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.statistics import ExtendedNumbers, ExtendedStatistics, Statistics

if TYPE_CHECKING:
    import psycopg

_EXPRESSIONS_SINCE = 140000
_INHERITED_SINCE = 150000
"""Before, an object has one row: of the partitions, or of the table's own rows."""


class Target(msgspec.Struct, frozen=True):
    """A statistics object of the database."""

    oid: int
    table: str
    """Schema-qualified."""
    kind: str
    """``relkind`` of the table."""
    keys: tuple[int, ...]
    """Column numbers."""
    kinds: frozenset[str]
    """``stxkind``: d ndistinct, f dependencies, m most common values, e expressions."""
    columns: tuple[str, ...]
    expressions: tuple[str, ...]


def inject_extended(
    connection: psycopg.Connection[Any],
    catalog: Catalog,
    statistics: Statistics,
    server_version: int,
    refused: list[str],
) -> None:
    """Writes all extended statistics; what cannot be written is added to ``refused``.

    Args:
        connection: As superuser, in a transaction.
        catalog: What the database has.
        statistics: What to write; columns and expressions go by name.
        server_version: ``server_version_num``.
        refused: Sentences.
    """
    wanted = {
        name: (table, extended)
        for table, facts in statistics.tables.items()
        if table in catalog.tables
        for name, extended in facts.extended.items()
    }
    if not wanted:
        return
    queries = named_queries(__package__, "extended.sql")
    targets = _targets(connection, queries["objects"], server_version)
    connection.execute(queries["begin"])
    for name, (table, extended) in wanted.items():
        target = targets.get(name)
        if target is None or target.table != table:
            refused.append(
                f"the extended statistics {name} were not used: {table} has no such object"
            )
            continue
        _Writer(connection, queries, name, target, server_version, refused).write(extended)
    connection.execute(queries["end"])


def _targets(
    connection: psycopg.Connection[Any], query: str, server_version: int
) -> dict[str, Target]:
    """The database's statistics objects by schema-qualified name."""
    from psycopg import sql

    has = server_version >= _EXPRESSIONS_SINCE
    texts = sql.SQL("pg_get_statisticsobjdef_expressions(s.oid)" if has else "NULL::text[]")
    rows = connection.execute(sql.SQL(query).format(expressions=texts)).fetchall()
    return {
        name: Target(oid, table, kind, tuple(keys), frozenset(kinds), tuple(names), tuple(exprs))
        for name, oid, table, kind, keys, kinds, names, exprs in rows
    }


def sides(
    extended: ExtendedStatistics, kind: str, server_version: int
) -> list[tuple[bool, ExtendedNumbers]]:
    """What is written of an object, and whether as inherited.

    Args:
        extended: At the source.
        kind: ``relkind`` of the table.
        server_version: ``server_version_num`` of this server; before 15 there is one row.
    """
    rows = [(False, extended.own), (True, extended.inherited)]
    if server_version < _INHERITED_SINCE:
        rows = [(False, extended.inherited if kind == "p" else extended.own)]
    return [(inherited, numbers) for inherited, numbers in rows if numbers is not None]


class _Writer:
    """Writes the data of one object."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        queries: Mapping[str, str],
        name: str,
        target: Target,
        server_version: int,
        refused: list[str],
    ) -> None:
        self._connection = connection
        self._queries = queries
        self._name = name
        self._target = target
        self._version = server_version
        self._refused = refused

    def write(self, extended: ExtendedStatistics) -> None:
        """Own and inherited data, each in a savepoint of its own."""
        import psycopg

        names = self._names_at_source(extended)
        if names is None:
            self._say("was not used: the object here has other columns")
            return
        for inherited, numbers in sides(extended, self._target.kind, self._version):
            try:
                with self._connection.transaction():
                    self._write(numbers, extended.columns, names, inherited=inherited)
            except (psycopg.Error, ValueError) as error:
                why = condition(error) if isinstance(error, psycopg.Error) else str(error)
                self._say(f"was refused: {why}")

    def _say(self, what: str) -> None:
        self._refused.append(f"what is known for the extended statistics {self._name} {what}")

    def _names_at_source(self, extended: ExtendedStatistics) -> list[str] | None:
        """The source's name of each dimension here; None where they are not the same ones.

        An expression that prints otherwise here is told by its place.
        """
        columns = set(self._target.columns)
        texts = [name for name in extended.columns if name not in columns]
        if len(texts) != len(self._target.expressions) or not columns <= set(extended.columns):
            return None
        rest = [text for text in texts if text not in self._target.expressions]
        found = [text if text in texts else rest.pop(0) for text in self._target.expressions]
        return [*self._target.columns, *found]

    def _write(
        self,
        numbers: ExtendedNumbers,
        order: Sequence[str],
        names: Sequence[str],
        *,
        inherited: bool,
    ) -> None:
        """One row of ``pg_statistic_ext_data``; only kinds the object has.

        Args:
            numbers: What to write.
            order: The source's dimensions.
            names: The same by the source's names, in this database's order.
            inherited: Of the table with its children.
        """
        from psycopg import sql

        kinds = self._target.kinds
        numbered = [*self._target.keys, *(-1 - n for n in range(len(self._target.expressions)))]
        attributes = dict(zip(names, numbered, strict=True))
        values = {
            "oid": self._target.oid,
            "inherited": inherited,
            "ndistinct": ndistinct_bytes(numbers.ndistinct, order, attributes)
            if "d" in kinds else None,
            "dependencies": dependencies_bytes(numbers.dependencies, order, attributes)
            if "f" in kinds else None,
            "values": None,
        }  # fmt: skip
        with_expressions = bool(numbers.expressions) and "e" in kinds
        if (numbers.values and "m" in kinds) or with_expressions:
            self._make_scratch_table()
        if numbers.values and "m" in kinds:
            values["values"] = self._combinations(numbers, [order.index(name) for name in names])
        if with_expressions:
            self._write_expressions(numbers, names)
        query = self._queries[self._write_query]
        expressions = self._queries["expressions"] if with_expressions else "NULL"
        first = sql.Literal(len(self._target.columns))
        self._connection.execute(
            sql.SQL(query).format(expressions=sql.SQL(expressions).format(first=first)),
            values,
        )
        self._connection.execute("DROP TABLE IF EXISTS planguard_scratch.dimensions CASCADE")

    @property
    def _write_query(self) -> str:
        if self._version >= _INHERITED_SINCE:
            return "write_since_15"
        return "write_14" if self._version >= _EXPRESSIONS_SINCE else "write_13"

    def _make_scratch_table(self) -> None:
        """An empty table with a column per dimension, of its very type and collation."""
        from psycopg import sql

        table = sql.Identifier(*self._target.table.split(".", 1))
        rows = self._connection.execute(
            self._queries["columns"], {"table": table.as_string(self._connection)}
        )
        hidden = dict(rows.fetchall())
        texts: list[sql.Composable] = [
            sql.SQL("{}::{}").format(sql.Identifier(name), sql.SQL(hidden[name]))
            if hidden[name] else sql.Identifier(name)
            for name in self._target.columns
        ]  # fmt: skip
        texts += [sql.SQL(text) for text in self._target.expressions]
        self._connection.execute(
            sql.SQL("CREATE TABLE planguard_scratch.dimensions AS SELECT {} FROM ONLY {}"
                    " WITH NO DATA").format(
                sql.SQL(", ").join(
                    sql.SQL("{} AS {}").format(text, sql.Identifier(f"d{n}"))
                    for n, text in enumerate(texts)
                ), table,
            )
        )  # fmt: skip

    def _combinations(self, numbers: ExtendedNumbers, places: Sequence[int]) -> bytes:
        """``pg_mcv_list`` as the server builds it, with the frequencies there should be.

        Args:
            numbers: Combinations and frequencies.
            places: For each dimension here, where the source has it.
        """
        from psycopg import sql

        with self._connection.cursor() as cursor:
            with cursor.copy("COPY planguard_scratch.dimensions FROM STDIN") as copy:
                for combination in numbers.values:
                    copy.write_row([combination[place] for place in places])
            printed = sql.SQL(", ").join(
                sql.SQL("CASE WHEN {0} IS NOT NULL THEN format('%s', {0}) END").format(
                    sql.Identifier(f"d{n}")
                )
                for n in range(len(places))
            )
            query = sql.SQL("SELECT ARRAY[{}] FROM planguard_scratch.dimensions ORDER BY ctid")
            sent = [tuple(row[0]) for row in cursor.execute(query.format(printed)).fetchall()]
            dimensions = sql.SQL(", ").join(sql.Identifier(f"d{n}") for n in range(len(places)))
            target = sql.Literal(min(10_000, max(1, len(sent))))
            cursor.execute(
                sql.SQL(
                    "CREATE STATISTICS planguard_scratch.combinations (mcv) ON {}"
                    " FROM planguard_scratch.dimensions;"
                    " ALTER STATISTICS planguard_scratch.combinations SET STATISTICS {};"
                    " ANALYZE planguard_scratch.dimensions"
                ).format(dimensions, target)
            )
            built = cursor.execute(self._queries["analyzed"]).fetchone()
            items = [tuple(row[0]) for row in cursor.execute(self._queries["items"]).fetchall()]
        where = {item: position for position, item in enumerate(items)}
        if built is None or len(where) != len(sent) or not set(sent) <= set(where):
            raise ValueError("its combinations are not distinct here")
        order = [where[combination] for combination in sent]
        return with_frequencies(built[0], order, numbers.freqs, numbers.base_freqs)

    def _write_expressions(self, numbers: ExtendedNumbers, names: Sequence[str]) -> None:
        """Rows of ``pg_statistic`` for the scratch table's columns that stand for expressions."""
        self._connection.execute(self._queries["forget"])
        first = len(self._target.columns)
        rows = [
            attribute_row("planguard_scratch", "dimensions", f"d{n}", facts)
            for n, name in enumerate(names)
            if n >= first and (facts := numbers.expressions.get(name)) is not None
        ]
        write_attributes(self._connection, rows, self._refused)
