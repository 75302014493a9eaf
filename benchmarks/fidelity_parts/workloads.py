"""The two workloads: how each is loaded for real, and its queries."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

from fidelity_parts.source import Source, let_read, make_database

if TYPE_CHECKING:
    import psycopg

TPCH = Path(__file__).parents[1] / "fidelity_tpch"
MIXED = Path(__file__).parents[1] / "fidelity_mixed"
TABLES = ("region", "nation", "part", "supplier", "partsupp", "customer", "orders", "lineitem")

_NODES = frozenset({
    "Append", "BitmapAnd", "BitmapOr", "CTE Scan", "Gather", "Incremental Sort", "Index Only Scan",
    "Memoize", "Merge Append", "Merge Join", "WindowAgg",
})  # fmt: skip
"""What the mixed workload's queries were written for, where the planner has a choice."""

Progress = Callable[[str], None]


class Workload(msgspec.Struct, frozen=True):
    """A database to load, and what is asked of it."""

    name: str
    database: str
    schema: str
    load: Callable[[Source, Progress], None]
    """Makes the tables, loads, indexes, vacuums and analyses."""
    queries: dict[str, str]
    """By name."""
    tolerance: float
    """Relative, of costs."""
    harmless: tuple[str, ...]
    """Columns a careful owner would keep the values of: they are of things, not of people."""
    goal: float
    """Share of the queries whose plans must be identical."""
    nodes: frozenset[str] = frozenset()
    """Types of node that the real plans must have among them."""


def tpch(scale: float, folder: Path) -> Workload:
    """TPC-H: rows by ``tpchgen-cli``, texts of the queries by DuckDB's extension ``tpch``.

    Args:
        scale: Scale factor; 1 is a gigabyte of text.
        folder: Where the rows are kept as CSV, and found by the next server.
    """
    queries = _tpch_queries()

    def load(source: Source, progress: Progress) -> None:
        make_database(source, "tpch")
        with source.connect("tpch") as connection:
            with connection.transaction():  # rows of a new table need no write-ahead log
                connection.execute(script(TPCH / "tables.sql"))
                for table in TABLES:
                    progress(f"TPC-H: {table}")
                    _copy(connection, table, _rows_of(table, scale, folder))
            progress("TPC-H: keys and indexes")
            connection.execute(script(TPCH / "keys.sql"))
            progress("TPC-H: vacuum analyze")
            connection.execute("VACUUM (ANALYZE)")
            connection.execute("CHECKPOINT")
            let_read(connection, "public")

    harmless = ("part.p_name", "part.p_type")
    return Workload("TPC-H", "tpch", "public", load, queries, 0.001, harmless=harmless, goal=1.0)


def mixed(scale: float) -> Workload:
    """Twelve million skewed rows, made in the server, under every kind of index.

    Args:
        scale: 1 for all of them.
    """

    def load(source: Source, progress: Progress) -> None:
        make_database(source, "mixed")
        with source.connect("mixed") as connection:
            connection.execute("SET TimeZone = 'UTC'")
            with connection.transaction():
                connection.execute(script(MIXED / "tables.sql"))
                for statement in statements(script(MIXED / "rows.sql")):
                    progress(f"mixed: {statement.partition('(')[0].split()[2]}")
                    connection.execute(statement.replace(":scale", str(scale)))
            for name in ("indexes", "analyze"):
                for statement in statements(script(MIXED / f"{name}.sql")):
                    progress(f"mixed: {' '.join(statement.split()[:4])}")
                    connection.execute(statement)
            let_read(connection, "mixed")

    harmless = ("accounts.country", "accounts.settings", "countries.code", "products.brand")
    return Workload(
        "mixed",
        "mixed",
        "mixed",
        load,
        mixed_queries(),
        0.01,
        harmless=harmless,
        goal=0.98,
        nodes=_NODES,
    )


def mixed_queries() -> dict[str, str]:
    """The second workload's queries by name."""
    parts = script(MIXED / "queries.sql").split("-- name: ")[1:]
    named = (part.partition("\n") for part in parts)
    return {name.strip(): text.strip() for name, _, text in named}


def script(path: Path) -> str:
    """A file's text."""
    return path.read_text(encoding="utf-8")


def statements(text: str) -> Iterator[str]:
    """Statements of a script of ours, in which a semicolon only ever ends a line."""
    for part in text.split(";\n"):
        lines = [line for line in part.splitlines() if not line.startswith("--")]
        if any(line.strip() for line in lines):
            yield "\n".join(lines).strip()


def _tpch_queries() -> dict[str, str]:
    try:
        import duckdb
    except ImportError:
        _need("duckdb==0.10.3")
    rows = duckdb.connect().execute("SELECT query_nr, query FROM tpch_queries()").fetchall()
    return {f"Q{number}": text.strip().rstrip(";") for number, text in sorted(rows)}


def _rows_of(table: str, scale: float, folder: Path) -> Path:
    """A table's rows as a file, made if it is not there."""
    target = folder / f"tpch-{scale:g}"
    file = target / f"{table}.csv"
    if not file.exists():
        program = shutil.which("tpchgen-cli") or _need("tpchgen-cli")
        draft = target / "draft"
        command = [program, "csv", "-s", f"{scale:g}", "-T", table, "-o", str(draft)]
        subprocess.run(command, check=True)
        (draft / f"{table}.csv").rename(file)
    return file


def _copy(connection: psycopg.Connection[Any], table: str, file: Path) -> None:
    command = f"COPY {table} FROM STDIN (FORMAT csv, HEADER)"
    with connection.cursor() as cursor, cursor.copy(command) as copy, file.open("rb") as stream:
        while block := stream.read(1 << 20):
            copy.write(block)


def _need(package: str) -> NoReturn:
    raise SystemExit(f"the benchmark needs {package}: pip install tpchgen-cli duckdb==0.10.3")
