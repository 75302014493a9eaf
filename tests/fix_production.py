"""A database with rows, as production has one: everything a pull must see, and small."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fix_servers import absent

PRODUCTION = """
CREATE TYPE status AS ENUM ('new', 'open', 'done');
CREATE TABLE customers (
  id bigint PRIMARY KEY, email text NOT NULL COLLATE "C" UNIQUE, city varchar(40),
  tags text[], born date, stay int4range, weight numeric(10, 2));
INSERT INTO customers
SELECT n, 'u' || n || '@example.org', 'city ' || n % 50, ARRAY['a' || n % 7, 'b' || n % 3],
       date '1960-01-01' + n % 9000,
       CASE WHEN n % 10 = 0 THEN 'empty' WHEN n % 11 = 0 THEN int4range(n, NULL)
            ELSE int4range(n, n + n % 40 + 1) END, n / 7.0
FROM generate_series(1, 20000) n;
CREATE INDEX customers_lower ON customers (lower(email));
CREATE INDEX customers_city_pattern ON customers (city varchar_pattern_ops DESC, born);
CREATE INDEX customers_tags ON customers USING gin (tags);
CREATE INDEX customers_stay ON customers USING gist (stay);
CREATE STATISTICS customers_both (ndistinct, dependencies, mcv) ON city, born FROM customers;
CREATE TABLE orders (
  id bigint NOT NULL, customer_id bigint NOT NULL REFERENCES customers, state status NOT NULL,
  total numeric CHECK (total >= 0), at timestamptz NOT NULL, PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);
CREATE TABLE orders_old PARTITION OF orders FOR VALUES FROM ('2020-01-01') TO ('2026-01-01');
CREATE TABLE orders_new PARTITION OF orders FOR VALUES FROM ('2026-01-01') TO ('2030-01-01');
INSERT INTO orders
SELECT n, n % 20000 + 1, (ARRAY['new', 'open', 'done']::status[])[n % 3 + 1], n % 900,
       timestamptz '2025-06-01 00:00+00' + n * interval '10 minutes'
FROM generate_series(1, 60000) n;
CREATE INDEX orders_open ON orders (customer_id) WHERE state = 'open';
CREATE INDEX orders_large ON orders (customer_id, total) WHERE total >= 890;
CREATE TABLE documents (id int, body jsonb);
INSERT INTO documents SELECT n, jsonb_build_object('n', n) FROM generate_series(1, 500) n;
CREATE INDEX documents_id_brin ON documents USING brin (id);
CREATE TABLE notes (text text) INHERITS (documents);
CREATE MATERIALIZED VIEW cities AS SELECT city, count(*) AS customers FROM customers GROUP BY city;
CREATE UNIQUE INDEX cities_city ON cities (city);
CREATE TABLE "Odd Table" ("Some Column" int, "key" int);
CREATE INDEX "Odd Index" ON "Odd Table" ("Some Column", "key" DESC NULLS LAST);
CREATE FOREIGN DATA WRAPPER nowhere;
CREATE SERVER elsewhere FOREIGN DATA WRAPPER nowhere;
CREATE FOREIGN TABLE far_away (id int) SERVER elsewhere;
"""


def make_production(url: str) -> None:
    """Fills the database of a URL and analyses it."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(PRODUCTION)
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


@contextlib.contextmanager
def postgres_15(*settings: str) -> Iterator[str]:
    """A URL of the database ``postgres`` on the installed PostgreSQL 15, with its contrib."""
    binaries = Path("/usr/lib/postgresql/15/bin")
    if not (binaries / "initdb").exists():
        absent("no PostgreSQL 15 is installed")
    who: dict[str, Any] = {}
    folder = Path(tempfile.mkdtemp(prefix="pg15-"))
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        entry = pwd.getpwnam("nobody")
        who = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        os.chown(folder, entry.pw_uid, entry.pw_gid)
    options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
    options += "".join(f" -c {setting}" for setting in settings)
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
