"""Rows that are really loaded, after the distributions statistics describe.

Everything is made inside the server, INSERT … SELECT by INSERT … SELECT. A value is a function of
the row's number and the seed, in whole numbers: the same seed gives the same rows everywhere.
Tables are truncated in the transaction that fills them, so that nothing is logged where
``wal_level`` is ``minimal``, and indexes rest meanwhile and are built afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from pytest_planguard.errors import ScaleError
from pytest_planguard.fixturedb.queries import named_queries
from pytest_planguard.fixturedb.scale.bulk import fill_in_bulk
from pytest_planguard.fixturedb.scale.expressions import RowExpressions
from pytest_planguard.fixturedb.scale.partitions import Tree
from pytest_planguard.fixturedb.scale.references import mend_references
from pytest_planguard.model.catalog import Catalog, Table
from pytest_planguard.model.ports import quoted
from pytest_planguard.model.statistics import Statistics

if TYPE_CHECKING:
    import psycopg

Progress = Callable[[str], None]

_CHUNK = 100_000
"""Rows of one INSERT: some tenths of a second, after which progress is shown."""

_SETTINGS = {
    "session_replication_role": "replica",  # no triggers, no foreign keys
    "maintenance_work_mem": "128MB",
    "synchronous_commit": "off",
    "datestyle": "ISO",
    "timezone": "UTC",
    "jit": "off",
}


def load_rows(
    connection: psycopg.Connection[Any],
    catalog: Catalog,
    statistics: Statistics,
    *,
    seed: int,
    progress: Progress,
) -> list[str]:
    """Loads every table in one transaction; returns what came out otherwise than described.

    Triggers and foreign keys rest meanwhile: keys are made to point to rows that are there, and
    looked after where that is not certain. A check that made-up rows break stays, but is not
    validated.

    Args:
        connection: To the database, as superuser.
        catalog: Of the database.
        statistics: Rows and distributions.
        seed: Another one gives other rows.
        progress: Hears how far it is.

    Raises:
        ScaleError: The rows of a table cannot be made, or the role may not.
    """
    loader = _Loader(connection, catalog, statistics, seed, progress)
    with connection.transaction():
        _set(connection)
        loader.load()
        broken = mend_references(connection, catalog, loader.expressions, loader.short, progress)
    for view in (table for table in catalog.tables.values() if table.kind == "m"):
        progress(f"loading rows: {view.qualified} is refreshed")
        connection.execute(f"REFRESH MATERIALIZED VIEW {named(view)}")
    return [*loader.notes, *broken]


def insert_statement(expressions: RowExpressions, table: Table, *, keys_may_run_out: bool) -> str:
    """The statement that loads the rows from ``{first}`` to ``{last}``; pure."""
    columns = [column for column in table.columns if not column.generated]
    names = ", ".join(quoted(column.name) for column in columns)
    values = ",\n  ".join(expressions.value(table, column, "i") for column in columns)
    otherwise = "\nON CONFLICT DO NOTHING" if keys_may_run_out else ""
    text = (
        f"INSERT INTO {named(table)} ({names}) OVERRIDING SYSTEM VALUE\n"
        f"SELECT {values}\nFROM (SELECT generate_series({{first}}::bigint, {{last}})) AS g(i)"
    )
    return text + otherwise


def named(table: Table) -> str:
    """The table's name as SQL."""
    return f"{quoted(table.schema)}.{quoted(table.name)}"


def _set(connection: psycopg.Connection[Any]) -> None:
    """Settings of the transaction.

    Raises:
        ScaleError: The role is no superuser.
    """
    import psycopg

    try:
        for name, value in _SETTINGS.items():
            connection.execute("SELECT set_config(%s, %s, true)", [name, value])
    except psycopg.errors.InsufficientPrivilege as error:
        raise ScaleError(
            f"rows cannot be loaded: {error.diag.message_primary}",
            hint="name a superuser in the server's URL, or use the embedded provider",
        ) from error


class _Loader:
    """The state of one load."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        catalog: Catalog,
        statistics: Statistics,
        seed: int,
        progress: Progress,
    ) -> None:
        self.expressions = RowExpressions(catalog, statistics, seed)
        self.notes: list[str] = []
        self.short: set[str] = set()
        """Tables that got fewer rows than described."""
        self._connection = connection
        self._catalog = catalog
        self._statistics = statistics
        self._progress = progress
        self._queries = named_queries(__package__, "generated.sql")
        self._tree = Tree(catalog)
        self._done = 0
        self._all = max(1, sum(self._rows(table) for table in self._targets()))

    def load(self) -> None:
        """All tables."""
        targets = self._targets()
        everything = ", ".join(
            named(table) for table in self._catalog.tables.values() if table.kind in "rp"
        )
        if not everything:
            return
        self._connection.execute(f"TRUNCATE {everything}")
        for table in targets:
            self._load(table)

    def _rows(self, table: Table) -> int:
        return round(self._statistics.tables[table.qualified].rows)

    def _load(self, table: Table) -> None:
        """One table, without its indexes; with them where its keys do not suffice."""
        import psycopg

        wanted, before = self._rows(table), self._done
        try:
            try:
                loaded = self._without_indexes(table, wanted)
            except (psycopg.errors.UniqueViolation, psycopg.errors.ExclusionViolation):
                self._done = before
                loaded = self._with_indexes(table, wanted)
        except psycopg.OperationalError:
            raise
        except psycopg.Error as error:
            raise ScaleError(
                f"rows for {table.qualified} cannot be made: {error.diag.message_primary or error}",
                hint='declare values for its columns, or set scale = "statistics"',
            ) from error
        if loaded != wanted:
            self.short |= {table.qualified, *(one.qualified for one in self._tree.ancestors(
                table.qualified))}  # fmt: skip
            self.notes.append(f"{table.qualified} got {loaded:,} rows of {wanted:,}: keys ran out")

    def _without_indexes(self, table: Table, wanted: int) -> int:
        with self._connection.transaction():
            names = [named(one) for one in self._filled(table)]
            found = self._connection.execute(self._queries["rest"], [names]).fetchall()
            self._say(f"{table.qualified}, {wanted:,} rows")
            if fill_in_bulk(self._connection, self._queries, self.expressions, table, wanted):
                loaded = wanted
                self._done += wanted
            else:
                loaded = self._insert(table, wanted, keys_may_run_out=False)
            self._build([name for (name,) in found], table)
        return loaded

    def _with_indexes(self, table: Table, wanted: int) -> int:
        with self._connection.transaction():
            loaded = self._insert(table, wanted, keys_may_run_out=True)
            names = [named(one) for one in self._filled(table)]
            found = self._connection.execute(self._queries["indexes"], [names]).fetchall()
            self._build([name for (name,) in found], table)  # as they would be if made at once
        return loaded

    def _build(self, indexes: list[str], table: Table) -> None:
        for number, index in enumerate(indexes, 1):
            self._say(f"{table.qualified}, index {number} of {len(indexes)}")
            self._connection.execute(f"REINDEX INDEX {index}")

    def _insert(self, table: Table, wanted: int, *, keys_may_run_out: bool) -> int:
        """Inserts a table's rows; how many. Checks they break are set aside."""
        import psycopg

        text = insert_statement(self.expressions, table, keys_may_run_out=keys_may_run_out)
        aside: list[tuple[str, str]] = []
        before = self._done
        while True:
            try:
                with self._connection.transaction():
                    loaded = sum(self._chunks(table, text, wanted))
                break
            except psycopg.errors.CheckViolation as error:
                self._done = before
                name = error.diag.constraint_name or ""
                definition = self._check(table, name)
                if definition is None:  # of a domain, or a partition's bounds
                    raise
                self._connection.execute(
                    f"ALTER TABLE {named(table)} DROP CONSTRAINT {quoted(name)}"
                )
                aside.append((name, definition))
        for name, definition in aside:
            check = definition.removesuffix(" NOT VALID")
            self._connection.execute(
                f"ALTER TABLE {named(table)} ADD CONSTRAINT {quoted(name)} {check} NOT VALID"
            )
        self.notes += [
            f"the rows made for {table.qualified} break its check {name}, which was not validated"
            for name, _ in sorted(aside)
        ]
        return loaded

    def _chunks(self, table: Table, text: str, wanted: int) -> Iterator[int]:
        """Rows of each part that was inserted."""
        for first in range(1, wanted + 1, _CHUNK):
            last = min(wanted, first + _CHUNK - 1)
            self._say(f"{table.qualified}, {first - 1:,} of {wanted:,}")
            statement = text.replace("{first}", str(first)).replace("{last}", str(last))
            yield self._connection.execute(statement.encode()).rowcount
            self._done += last - first + 1

    def _say(self, text: str) -> None:
        self._progress(f"loading rows: {100 * self._done // self._all} % · {text}")

    def _check(self, table: Table, name: str) -> str | None:
        """A check of the table's own as SQL; None where it has none of that name."""
        row = self._connection.execute(self._queries["check"], [named(table), name]).fetchone()
        return None if row is None else str(row[0])

    def _targets(self) -> list[Table]:
        """Tables rows are inserted into: leaves, or the parent where a hash chooses the leaf."""
        found: list[Table] = []
        for _, table in sorted(self._catalog.tables.items()):
            hashed = (table.partition_key or "").startswith("HASH")
            below_hash = any(
                (parent.partition_key or "").startswith("HASH")
                for parent in self._tree.ancestors(table.qualified)
            )
            if not below_hash and (table.kind == "r" or (table.kind == "p" and hashed)):
                found.append(table)
        return found

    def _filled(self, table: Table) -> list[Table]:
        """The tables with storage that rows inserted into a table end in."""
        if table.kind != "p":
            return [table]
        return [self._catalog.tables[name] for name in self._tree.leaves(table.qualified)]
