"""A statistics file becomes a fixture that plans as the server it is from."""

import json
import math

import msgspec
import psycopg
import pytest

from fix_fixturedb import UrlServer, tools_for
from fix_production import postgres_15
from pytest_planguard.errors import StatisticsError
from pytest_planguard.fixturedb.build import build
from pytest_planguard.fixturedb.scale import statistics_file
from pytest_planguard.fixturedb.scale.observed import observe
from pytest_planguard.model.spec import DatabaseSpec, TableDeclaration
from pytest_planguard.model.statistics import ScaleSource
from pytest_planguard.planner.catalog import read_catalog

DDL = """
CREATE TABLE c (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE o (id bigint PRIMARY KEY, c_id int NOT NULL REFERENCES c, kind text, at timestamptz);
CREATE INDEX o_c ON o (c_id, at DESC);
"""
ROWS = """
INSERT INTO c SELECT i, 'Name ' || i FROM generate_series(1, 5000) i;
INSERT INTO o SELECT i, 1 + i * 7919 % 5000, 'k' || i % 12,
                     timestamptz '2025-01-01' + i * interval '1 minute'
FROM generate_series(1, 50000) i;
"""
QUERY = "SELECT * FROM o JOIN c ON c.id = o.c_id WHERE c_id = 77 AND kind = 'k3' ORDER BY at"


@pytest.fixture
def source(database_url, tmp_path):
    """The file of a database with rows, and the database."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(DDL + ROWS)
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
        connection.execute("SET random_page_cost = 1.5")
        read = observe(
            connection,
            read_catalog(connection),
            clock="2025-02-01T00:00:00+00:00",
            source=ScaleSource.PRODUCTION,
        )
        read = msgspec.structs.replace(read, settings={"random_page_cost": "1.5"})
        file = tmp_path / "statistics.json"
        statistics_file.write(read, file)
        yield connection, file


def cost(connection, query=QUERY):
    plan = connection.execute(f"EXPLAIN (FORMAT JSON) {query}").fetchone()[0]
    return json.dumps(plan[0]["Plan"], sort_keys=True)


@pytest.fixture
def fixture(server_url, source, tmp_path):
    """Opens the fixture database of the file."""
    server = UrlServer(server_url, direct=False)

    def opened(ddl=DDL, **more):
        spec = DatabaseSpec(schema="s.sql", root=tmp_path, statistics=source[1], **more)
        return build(spec, server, None, tools_for(ddl))

    yield opened
    for name in server.databases():
        if name.startswith("planguard_template"):
            server.drop_database(name)


def test_plan_cost_settings_and_clock_are_the_sources(fixture, source):
    with fixture() as made, psycopg.connect(made.conninfo) as virtual:
        assert cost(virtual) == cost(source[0])
        assert virtual.execute("SELECT planguard.now()::text").fetchone()[0].startswith("2025-02")
        assert made.statistics.source is ScaleSource.PRODUCTION
        assert made.lacking == ()


def test_ranges_without_an_end_are_in_the_fixture_and_in_that_of_the_next_run(fixture, source):
    ddl = DDL + "CREATE TABLE stays (id int, during tstzrange);"
    connection, file = source
    connection.execute(
        "CREATE TABLE stays (id int, during tstzrange);"
        "INSERT INTO stays SELECT n, CASE WHEN n % 5 = 0 THEN 'empty' WHEN n % 3 = 0 THEN"
        " tstzrange(timestamptz '2025-01-01' + n * interval '1 hour', NULL) ELSE"
        " tstzrange(timestamptz '2025-01-01' + n * interval '1 hour', '2026-01-01') END"
        " FROM generate_series(1, 5000) n;"
    )
    connection.execute("VACUUM ANALYZE stays")
    known = statistics_file.read(file)
    read = observe(
        connection, read_catalog(connection), clock=known.clock, source=ScaleSource.PRODUCTION
    )
    assert math.inf in read.tables["public.stays"].columns["during"].range_length_histogram
    statistics_file.write(msgspec.structs.replace(read, settings=known.settings), file)
    query = "SELECT * FROM stays WHERE during <@ tstzrange('2025-02-01', NULL)"
    for _ in range(2):  # the second takes the template of the first
        with fixture(ddl) as made, psycopg.connect(made.conninfo) as virtual:
            assert made.lacking == ()
            assert cost(virtual, query) == cost(connection, query)


def test_configured_settings_beat_the_sources(fixture):
    with (
        fixture(settings={"random_page_cost": "3"}) as made,
        psycopg.connect(made.conninfo) as virtual,
    ):
        assert virtual.execute("SHOW random_page_cost").fetchone() == ("3",)


def test_what_production_leaves_at_its_default_is_so_on_any_server(source, tmp_path):
    production = statistics_file.read(source[1])
    assert "work_mem" not in production.settings
    spec = DatabaseSpec(
        schema="s.sql", root=tmp_path, statistics=source[1], settings={"cpu_tuple_cost": "0.02"}
    )
    own = ("work_mem=64MB", "random_page_cost=9", "cpu_tuple_cost=0.5", "enable_hashjoin=off")
    with (
        postgres_15(*own) as url,
        build(spec, UrlServer(url, direct=False), None, tools_for(DDL)) as made,
        psycopg.connect(made.conninfo) as virtual,
    ):
        in_force = {
            name: virtual.execute(f"SHOW {name}").fetchone()[0]
            for name in ("work_mem", "random_page_cost", "cpu_tuple_cost", "enable_hashjoin")
        }
        assert in_force == {
            "work_mem": "4MB",
            "random_page_cost": "1.5",
            "cpu_tuple_cost": "0.02",
            "enable_hashjoin": "on",
        }
        assert read_catalog(virtual).server.settings == production.settings | spec.settings


def test_a_new_table_is_assumed_and_said(fixture):
    with fixture(DDL + "CREATE TABLE fresh (id int)") as made:
        assert made.statistics.tables["public.fresh"].source is ScaleSource.ASSUMED
        assert made.statistics.tables["public.o"].source is ScaleSource.PRODUCTION
        assert made.lacking == (
            "1 table is not in the statistics, the size is assumed: public.fresh",
        )


def test_a_table_only_in_the_file_is_said(fixture):
    only_c = DDL.split(";", maxsplit=1)[0]
    with fixture(only_c) as made:
        assert made.lacking == ("the statistics have tables the schema lacks: public.o",)


def test_declared_rows_beat_the_file(fixture):
    with fixture(tables={"o": TableDeclaration(rows=9e6)}) as made:
        assert made.statistics.tables["public.o"].rows == 9e6
        assert made.statistics.tables["public.o"].source is ScaleSource.DECLARED
        assert made.statistics.tables["public.c"].rows == 5000


def test_statistics_of_another_database_are_refused_with_both_sides_named(fixture):
    with (
        pytest.raises(StatisticsError, match=r"public\.c, public\.o, the schema has public\.x"),
        fixture("CREATE TABLE x (id int)"),
    ):
        pass
