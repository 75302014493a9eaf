"""Index OIDs are exchanged in the template: ties fall as at the source, and all goes on working."""

import contextlib
import os
import subprocess

import psycopg
import pytest

from fix_exact import MAJORS, explained
from fix_fixturedb import UrlServer
from pytest_planguard.fixturedb.inflate.order import order_indexes
from pytest_planguard.model.statistics import (
    IndexStatistics,
    ScaleSource,
    Statistics,
    TableStatistics,
)
from pytest_planguard.planner.catalog import read_catalog

DDL = """
CREATE TABLE parent (id int CONSTRAINT parent_key PRIMARY KEY, code text NOT NULL);
CREATE UNIQUE INDEX first ON parent (code);
CREATE INDEX second ON parent (code);
CREATE INDEX third ON parent (lower(code));
CREATE INDEX later ON parent (code);
COMMENT ON INDEX second IS 'the second';
ALTER TABLE parent REPLICA IDENTITY USING INDEX first;
ALTER TABLE parent CLUSTER ON second;
CREATE TABLE child (id int REFERENCES parent, at date);
CREATE TABLE events (id int, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE INDEX events_at ON events (at);
CREATE INDEX events_at_2 ON events (at, id);
"""


def table(*indexes):
    facts = {name: IndexStatistics(1, 0.0, order=n + 1) for n, name in enumerate(indexes)}
    return TableStatistics(0, 0, indexes=facts)


ORDERED = Statistics(
    {
        "public.parent": table("second", "third", "parent_key", "first"),
        "public.events": table("events_at_2", "events_at", "events_pkey"),
        "public.events_1": table("events_1_at_id_idx", "events_1_at_idx", "events_1_pkey"),
        "public.gone": table("x"),
    },
    "2026-01-01",
    ScaleSource.PRODUCTION,
)
MADE_IN_ORDER = """
CREATE TABLE parent (id int NOT NULL, code text NOT NULL);
CREATE INDEX second ON parent (code);
CREATE INDEX third ON parent (lower(code));
ALTER TABLE parent ADD CONSTRAINT parent_key PRIMARY KEY (id);
CREATE UNIQUE INDEX first ON parent (code);
CREATE INDEX later ON parent (code);
CREATE TABLE events (id int, at date) PARTITION BY RANGE (at);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE INDEX events_at_2 ON events (at, id);
CREATE INDEX events_at ON events (at);
ALTER TABLE events ADD PRIMARY KEY (id, at);
"""
TIES = ["SELECT * FROM parent WHERE code > 'a'", "SELECT id FROM events WHERE at > '2020-05-05'"]
OF_TABLE = (
    "SELECT array_agg(c.relname::text ORDER BY c.oid) FROM pg_index i"
    " JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = %s::regclass"
)


@pytest.fixture(params=MAJORS)
def postmaster(request, postmasters):
    return postmasters(request.param)


@pytest.fixture
def make(postmaster):
    """Makes a database of a schema; gives a connection of the session that made it."""
    server = UrlServer(postmaster.url, direct=False)
    with contextlib.ExitStack() as stack:

        def made(ddl, name):
            database = f"planguard_{name}_{server.run_token}"
            server.create_database(database)
            stack.callback(server.drop_database, database)
            connection = psycopg.connect(server.conninfo(database), autocommit=True)
            stack.enter_context(connection)
            connection.execute(ddl)
            return connection

        yield made


@pytest.fixture
def ordered(make):
    """A database whose indexes were brought into order, by the session that knew them before."""
    connection = make(DDL, "o")
    explained_here(connection)
    assert order_indexes(connection, read_catalog(connection), ORDERED) == 8
    return connection


def explained_here(connection):
    connection.execute("SET enable_seqscan = off")
    return [connection.execute(f"EXPLAIN {query}").fetchall() for query in TIES]


def dumped(postmaster, database):
    url = postmaster.url.replace("/postgres?", f"/{database}?")
    ran = subprocess.run(
        [postmaster.bindir / "pg_dump", "-d", url],
        capture_output=True, text=True, check=True, env={**os.environ, "PGOPTIONS": ""},
    )  # fmt: skip
    lines = [line for line in ran.stdout.splitlines() if "restrict" not in line]
    return sorted(lines)  # objects of equal name and kind may change places


def test_indexes_follow_one_another_as_at_the_source_and_new_ones_come_last(ordered):
    found = {
        name: ordered.execute(OF_TABLE, [name]).fetchone()[0]
        for name in ("parent", "events", "events_1")
    }
    assert found == {
        "parent": ["second", "third", "parent_key", "first", "later"],
        "events": ["events_at_2", "events_at", "events_pkey"],
        "events_1": ["events_1_at_id_idx", "events_1_at_idx", "events_1_pkey"],
    }


def test_doing_it_again_changes_nothing(ordered):
    assert order_indexes(ordered, read_catalog(ordered), ORDERED) == 0


def test_ties_fall_as_where_indexes_were_made_in_that_order(ordered, make):
    other = explained_here(make(DDL, "other"))
    same = explained_here(make(MADE_IN_ORDER, "same"))
    assert explained_here(ordered) == same
    assert explained(ordered.info.dsn, TIES, "SET enable_seqscan = off") == {
        query: "\n".join(row[0] for row in rows) for query, rows in zip(TIES, same, strict=True)
    }
    assert other != same


def test_the_database_dumps_as_before(ordered, make, postmaster):
    before = dumped(postmaster, make(DDL, "before").info.dbname)
    assert dumped(postmaster, ordered.info.dbname) == before


def test_constraints_hold_and_indexes_drop_as_ever(ordered):
    ordered.execute("INSERT INTO parent VALUES (1, 'a'), (2, 'b')")
    ordered.execute("INSERT INTO child VALUES (1, '2020-01-01')")
    with pytest.raises(psycopg.errors.UniqueViolation, match='"first"'):
        ordered.execute("INSERT INTO parent VALUES (3, 'b')")
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        ordered.execute("INSERT INTO child VALUES (9, '2020-01-01')")
    ordered.execute("ANALYZE parent; REINDEX TABLE parent; REINDEX TABLE events_1")
    with pytest.raises(psycopg.errors.DependentObjectsStillExist, match="parent_key"):
        ordered.execute("ALTER TABLE parent DROP CONSTRAINT parent_key")
    ordered.execute("ALTER TABLE parent DROP CONSTRAINT parent_key CASCADE")
    ordered.execute("DROP INDEX second, third, events_at; ALTER INDEX later RENAME TO last")
    ordered.execute("ALTER TABLE parent DROP COLUMN code; DROP TABLE events")
    rows = ordered.execute(
        "SELECT relname::text FROM pg_class WHERE relkind IN ('i', 'I')"
        " AND relnamespace = 'public'::regnamespace"
    )
    assert rows.fetchall() == []
    orphans = ordered.execute(
        "SELECT count(*) FROM pg_attribute a"
        " WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = a.attrelid)"
    )
    assert orphans.fetchone() == (0,)
