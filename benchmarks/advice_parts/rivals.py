"""Other advisors on the loaded database itself: they have no other way."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from fidelity_parts.source import Source, Stopwatch
from fidelity_parts.workloads import Workload

from advice_parts.sets import Advised

HYPOPG = "HypoPG (Debian: apt-get install postgresql-15-hypopg)"


def has_hypopg(source: Source) -> bool:
    """Whether the extension is installed for this server."""
    with source.connect("postgres") as connection:
        row = connection.execute(
            "SELECT FROM pg_available_extensions WHERE name = 'hypopg'"
        ).fetchone()
    return row is not None


def index_advisor(source: Source, workload: Workload, script: Path) -> Advised:
    """Supabase's index_advisor, query by query; all it names together is its advice.

    Args:
        source: With HypoPG.
        workload: Loaded.
        script: The extension's SQL file.
    """
    found: dict[str, None] = {}
    failed, reports = [], []
    with source.connect(workload.database) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("CREATE EXTENSION IF NOT EXISTS hypopg")
        connection.execute(script.read_text(encoding="utf-8"))
        watch = Stopwatch()
        for name, text in workload.queries.items():
            row = connection.execute(
                "SELECT index_statements, errors FROM index_advisor(%s)", [text]
            ).fetchone()
            assert row is not None
            found |= dict.fromkeys(row[0])
            failed += [f"{name}: {error}" for error in row[1]]
            reports += [name] if row[0] else []
        taken = watch.seconds
        connection.execute("DROP FUNCTION index_advisor(text)")
        connection.execute("DROP EXTENSION hypopg")
    ddl = tuple(_plain(text) for text in found)
    return Advised("index_advisor", ddl, taken, tuple(failed), tuple(reports))


def dexter(source: Source, workload: Workload, folder: Path, given: Path) -> Advised:
    """Dexter, from the texts of the queries in a file.

    Args:
        source: With HypoPG.
        workload: Loaded.
        folder: Its source, run by ``ruby`` (Debian: ruby, ruby-pg, ruby-pg-query, ruby-slop).
        given: Where the file may be written.
    """
    file = given / "queries.sql"
    file.write_text("".join(f"{text};\n" for text in workload.queries.values()), encoding="utf-8")
    with source.connect(workload.database) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS hypopg")
    command = ["ruby", f"-I{folder / 'lib'}", str(folder / "exe" / "dexter"), "-d",
               source.conninfo(workload.database), "--input-format", "sql", str(file)]  # fmt: skip
    watch = Stopwatch()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    taken = watch.seconds
    with source.connect(workload.database) as connection:
        connection.execute("DROP EXTENSION hypopg")
    found = re.findall(r"Index found: (\S+) \((.+)\)", done.stdout)
    failed = (done.stderr.strip().splitlines()[-1:]) if done.returncode else []
    ddl = tuple(f"CREATE INDEX ON {table} ({columns})" for table, columns in found)
    return Advised("dexter", tuple(dict.fromkeys(ddl)), taken, tuple(failed))


def _plain(definition: str) -> str:
    """A definition of HypoPG as a statement: without the name it made up."""
    return re.sub(r"^CREATE INDEX (?:\S+ )?ON", "CREATE INDEX ON", definition.strip())
