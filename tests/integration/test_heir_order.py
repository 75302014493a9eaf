"""Tables that inherit are read in the order of the source, whatever order a dump makes them in."""

import contextlib
import os
import subprocess

import psycopg
import pytest

from fix_exact import MAJORS
from fix_fixturedb import UrlServer
from pytest_planguard.fixturedb.inflate.heirs import order_heirs
from pytest_planguard.model.statistics import ScaleSource, Statistics, TableStatistics

DDL = """
CREATE TABLE notes (id serial, body text DEFAULT 'none');
CREATE TABLE internal (weight int CHECK (weight > 0), PRIMARY KEY (id)) INHERITS (notes);
CREATE TABLE letters (code text UNIQUE) INHERITS (notes);
CREATE TABLE public_notes (at date) INHERITS (notes);
CREATE INDEX letters_body ON letters (body);
CREATE TABLE of_internal (id int REFERENCES internal);
COMMENT ON TABLE letters IS 'sent';
"""
SOURCE = Statistics(
    {
        f"public.{name}": TableStatistics(0, 0, order=order)
        for order, name in enumerate(("notes", "public_notes", "internal"))
    },
    "2026-01-01",
    ScaleSource.PRODUCTION,
)


@pytest.fixture(params=MAJORS)
def postmaster(request, postmasters):
    return postmasters(request.param)


@pytest.fixture
def database(postmaster):
    server = UrlServer(postmaster.url, direct=False)
    name = f"planguard_heirs_{server.run_token}"
    server.create_database(name)
    try:
        with psycopg.connect(server.conninfo(name), autocommit=True) as connection:
            connection.execute(DDL)
            yield connection
    finally:
        server.drop_database(name)


def scanned(connection):
    rows = connection.execute("EXPLAIN SELECT * FROM notes").fetchall()
    return [row[0].split(" on ")[1].split()[0] for row in rows if " on " in row[0]]


def dumped(postmaster, name):
    url = postmaster.url.replace("/postgres?", f"/{name}?")
    ran = subprocess.run(
        [postmaster.bindir / "pg_dump", "-d", url],
        capture_output=True, text=True, check=True, env={**os.environ, "PGOPTIONS": ""},
    )  # fmt: skip
    return sorted(line for line in ran.stdout.splitlines() if "restrict" not in line)


def test_heirs_follow_one_another_as_at_the_source_and_new_ones_come_last(database):
    assert scanned(database) == ["notes", "internal", "letters", "public_notes"]
    assert order_heirs(database, SOURCE) == []
    assert scanned(database) == ["notes", "public_notes", "internal", "letters"]
    assert order_heirs(database, SOURCE) == []
    assert scanned(database) == ["notes", "public_notes", "internal", "letters"]


def test_the_database_dumps_and_works_as_before(database, postmaster):
    before = dumped(postmaster, database.info.dbname)
    order_heirs(database, SOURCE)
    assert dumped(postmaster, database.info.dbname) == before
    database.execute("INSERT INTO internal (weight) VALUES (3)")
    database.execute("INSERT INTO of_internal VALUES (1)")
    with pytest.raises(psycopg.errors.CheckViolation):
        database.execute("INSERT INTO internal (weight) VALUES (0)")
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        database.execute("INSERT INTO of_internal VALUES (9)")
    database.execute("ANALYZE; ALTER TABLE letters ADD more int; DROP TABLE notes CASCADE")
    with contextlib.closing(database.cursor()) as cursor:
        cursor.execute("SELECT count(*) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
                       " WHERE NOT c.relispartition")  # fmt: skip
        assert cursor.fetchone() == (0,)


def test_where_a_view_names_one_of_them_all_stay_and_it_is_said(database):
    database.execute("CREATE VIEW of_letters AS SELECT * FROM letters")
    (sentence,) = order_heirs(database, SOURCE)
    assert sentence.startswith("the tables that inherit from public.notes are read in another")
    assert scanned(database) == ["notes", "internal", "letters", "public_notes"]
    assert database.execute("SELECT count(*) FROM of_letters").fetchone() == (0,)
