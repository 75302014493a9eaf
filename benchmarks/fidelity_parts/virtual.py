"""The virtual database of a source, made the way a user makes it.

``pytest-planguard statistics pull`` writes the file, ``pg_dump -s`` the schema; a project's
configuration names both, and the pipeline opens the fixture database.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from fidelity_parts.source import Source, Stopwatch, stored_bytes
from pytest_planguard.config import load
from pytest_planguard.fixturedb.connection import connect
from pytest_planguard.fixturedb.providers.server import Server
from pytest_planguard.model.ports import PostgresServer
from pytest_planguard.model.statistics import Statistics
from pytest_planguard.pipeline import open_fixture

STATISTICS = Path("planguard") / "statistics.json"
FLAGS = {"all": ["--all-values"], "masked": [], "none": ["--no-values"]}
"""Options of the pull, by what is left of production's values."""


class Pulled(msgspec.Struct, frozen=True):
    """What the pull took."""

    seconds: float
    """Of the whole command."""
    size: int
    """Bytes of the file."""
    said: str
    """On standard error: what could not be seen."""


class Virtual(msgspec.Struct, frozen=True):
    """A virtual database while it is there."""

    conninfo: str
    seconds: float
    """From an existing server to a database that passed the self-check."""
    statistics: Statistics
    """What it was given."""
    stored: int
    """Bytes on disk, beside those of an empty database; 0 where they are out of reach."""
    lacking: tuple[str, ...]


def make_project(folder: Path, source: Source, database: str, provider: str, major: int) -> None:
    """A project as its owner has it: configuration and schema."""
    (folder / STATISTICS).parent.mkdir(parents=True, exist_ok=True)
    lines = [
        "[tool.pytest-planguard.database]",
        f'provider = "{provider}"',
        'schema = "schema.sql"',
        f'statistics = "{STATISTICS}"',
        f'url = "{source.url("postgres")}"' if provider == "url" else f"version = {major}",
    ]
    (folder / "pyproject.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "schema.sql").write_text(source.dump_schema(database), encoding="utf-8")


def pull(
    folder: Path, source: Source, database: str, user: str, values: str, keep: Sequence[str] = ()
) -> Pulled:
    """Pulls the statistics into a project.

    Args:
        folder: The project.
        source: Where from.
        database: The one with rows.
        user: A role of the source.
        values: ``all``, ``masked`` or ``none``.
        keep: Columns whose values are not masked.
    """
    command = [sys.executable, "-m", "pytest_planguard", "statistics", "pull", *FLAGS[values]]
    for column in keep:
        command += ["--keep", column]
    environment = {**os.environ, "PLANGUARD_STATISTICS_URL": source.url(database, user)}
    watch = Stopwatch()
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"statistics pull failed:\n{done.stderr}")
    return Pulled(watch.seconds, (folder / STATISTICS).stat().st_size, done.stderr)


@contextmanager
def virtual_database(folder: Path, server: Server, data: Path) -> Iterator[Virtual]:
    """The project's fixture database on a running server; dropped at the end.

    Args:
        folder: The project.
        server: Of its provider.
        data: The server's data directory, to see what is stored there.
    """
    config = load(folder)
    empty = _stored(server, data, server.conninfo())
    watch = Stopwatch()
    with open_fixture(config, server=server) as fixture:
        taken = watch.seconds
        stored = _stored(server, data, fixture.conninfo) - empty
        yield Virtual(fixture.conninfo, taken, fixture.statistics, stored, fixture.lacking)


def _stored(server: PostgresServer, data: Path, conninfo: str) -> int:
    """Bytes on disk of a database."""
    from psycopg.conninfo import conninfo_to_dict

    with connect(server) as connection:
        row = connection.execute(
            "SELECT oid FROM pg_database WHERE datname = %s", [conninfo_to_dict(conninfo)["dbname"]]
        ).fetchone()
    return stored_bytes(data / "base" / str(row[0])) if row else 0
