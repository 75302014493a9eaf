"""A database with real rows and an empty one with its statistics and sizes plan alike."""

import psycopg
import pytest

from fix_fixturedb import UrlServer
from pytest_planguard.fixturedb.inflate.database import inflate
from pytest_planguard.fixturedb.inflate.files import relation_files
from pytest_planguard.fixturedb.inflate.statistics import inject
from pytest_planguard.fixturedb.scale.indexes import index_statistics
from pytest_planguard.fixturedb.scale.observed import observe
from pytest_planguard.model.statistics import ScaleSource
from pytest_planguard.planner.catalog import read_catalog
from pytest_planguard.planner.selfcheck import check_scale

DDL = """
CREATE TABLE c (id int PRIMARY KEY, name text NOT NULL, tags text[]);
CREATE TABLE o (id bigint PRIMARY KEY, c_id int NOT NULL REFERENCES c, kind text, at timestamptz);
CREATE INDEX o_c ON o (c_id, at DESC);
CREATE INDEX o_kind ON o (kind);
CREATE INDEX c_lower ON c (lower(name));
"""
ROWS = """
INSERT INTO c SELECT i, 'Name ' || i, ARRAY['t' || i % 7, 's' || i % 50]
FROM generate_series(1, 20000) i;
INSERT INTO o SELECT i, 1 + i * 7919 % 20000, 'k' || i % 12,
                     timestamptz '2025-01-01' + i * interval '1 minute'
FROM generate_series(1, 200000) i;
"""
QUERIES = [
    "SELECT * FROM o WHERE c_id = 77 ORDER BY at DESC LIMIT 20",
    "SELECT * FROM o WHERE id = 5",
    "SELECT * FROM o WHERE id BETWEEN 60000 AND 70000 ORDER BY id",
    "SELECT count(*) FROM o WHERE kind = 'k3' AND at > '2025-03-01'",
    "SELECT c.name, count(*) FROM c JOIN o ON o.c_id = c.id WHERE c.id < 9000 GROUP BY 1",
    "SELECT * FROM c WHERE lower(name) = 'name 5'",
    "SELECT * FROM c WHERE tags @> ARRAY['t3']",
    "SELECT DISTINCT c_id FROM o",
]


def shape(plan):
    facts = tuple(plan.get(key) for key in ("Node Type", "Relation Name", "Index Name"))
    return facts, [shape(child) for child in plan.get("Plans", ())]


@pytest.fixture
def real(database_url):
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(DDL + ROWS)
        connection.execute("REINDEX TABLE o")
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")  # heights are read from the files
        yield connection


def test_plans_and_costs_are_those_of_the_real_rows(real, server_url):
    statistics = observe(
        real, read_catalog(real), clock="2026-01-01", source=ScaleSource.PRODUCTION
    )
    assert statistics.tables["public.o"].indexes["o_pkey"].height == 2
    server = UrlServer(server_url, direct=False)
    template, copy = f"planguard_a_{server.run_token}", f"planguard_b_{server.run_token}"
    try:
        server.create_database(template)
        with psycopg.connect(server.conninfo(template), autocommit=True) as connection:
            connection.execute(DDL)
            catalog = read_catalog(connection)
            assert inject(connection, catalog, statistics, server.version) == []
            files = relation_files(connection, statistics)
        server.create_database(copy, template)
        with psycopg.connect(server_url, autocommit=True) as connection:
            inflate(connection, server, copy, files)
        with psycopg.connect(server.conninfo(copy)) as virtual:
            check_scale(virtual, statistics)
            for query in QUERIES:
                plans = [
                    connection.execute(f"EXPLAIN (FORMAT JSON) {query}").fetchone()[0][0]["Plan"]
                    for connection in (real, virtual)
                ]
                assert shape(plans[0]) == shape(plans[1]), query
                assert plans[1]["Total Cost"] == pytest.approx(plans[0]["Total Cost"], rel=5e-5)
    finally:
        server.drop_database(copy)
        server.drop_database(template)


def test_modelled_index_sizes_are_those_of_create_index(real):
    catalog = read_catalog(real)
    statistics = observe(real, catalog, clock="2026-01-01", source=ScaleSource.PRODUCTION)
    facts = statistics.tables["public.o"]
    for index in catalog.indexes_of("public.o"):
        model = index_statistics(index, catalog.tables["public.o"], facts)
        assert model.height == facts.indexes[index.name].height
        assert model.pages == pytest.approx(facts.indexes[index.name].pages, rel=0.03), index.name
