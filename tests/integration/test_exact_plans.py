"""An empty database plans like a loaded one to the last digit, whatever kind of object it has."""

from pathlib import Path

import msgspec
import psycopg
import pytest

from fix_exact import MAJORS, explained, real_database, virtual_database
from pytest_planguard.errors import ScaleError
from pytest_planguard.planner.selfcheck import check_scale

HERE = Path(__file__).with_name("exact")
DDL = (HERE / "schema.sql").read_text()
ROWS = (HERE / "rows.sql").read_text()
QUERIES = [query for query in (HERE / "queries.sql").read_text().split(";\n") if query]
ORDERED_OTHERWISE = DDL.replace(
    """\
CREATE INDEX ties_z ON ties (a, b);
CREATE INDEX ties_m ON ties (a, c);
CREATE INDEX ties_b ON ties (a);
CREATE INDEX ties_a ON ties (a);
""",
    """\
CREATE INDEX ties_a ON ties (a);
CREATE INDEX ties_b ON ties (a);
CREATE INDEX ties_m ON ties (a, c);
CREATE INDEX ties_z ON ties (a, b);
""",
)
SLOTS = """
SELECT {name}, a.attname, s.stainherit, s.stanullfrac, s.stawidth, s.stadistinct,
       ARRAY(SELECT ROW(x.kind, x.op::regoperator, x.coll::regcollation, x.numbers, x.vals)::text
             FROM (VALUES (stakind1, staop1, stacoll1, stanumbers1, stavalues1::text),
                          (stakind2, staop2, stacoll2, stanumbers2, stavalues2::text),
                          (stakind3, staop3, stacoll3, stanumbers3, stavalues3::text),
                          (stakind4, staop4, stacoll4, stanumbers4, stavalues4::text),
                          (stakind5, staop5, stacoll5, stanumbers5, stavalues5::text))
               AS x(kind, op, coll, numbers, vals)
             WHERE x.kind <> 0 ORDER BY x.kind)
FROM {rows}
WHERE {schema} = 'public'::regnamespace
ORDER BY 1, 2, 3
"""
COLUMNS = """pg_statistic s JOIN pg_class c ON c.oid = s.starelid
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = s.staattnum"""
EXPRESSIONS = """pg_statistic_ext c JOIN pg_statistic_ext_data d ON d.stxoid = c.oid,
LATERAL (SELECT u.*, row_number() OVER () AS number FROM unnest(d.stxdexpr) u) s,
LATERAL (SELECT d.stxdinherit::text || number AS attname) a"""
OBJECTS = """
SELECT o.stxname, d.stxdinherit, d.stxdndistinct::bytea, d.stxddependencies::text,
       ARRAY(SELECT m::text FROM pg_mcv_list_items(d.stxdmcv) m ORDER BY m.index)
FROM pg_statistic_ext o JOIN pg_statistic_ext_data d ON d.stxoid = o.oid ORDER BY 1, 2
"""


@pytest.fixture(scope="module", params=MAJORS)
def real(request, postmasters):
    url = postmasters(request.param).url
    with real_database(url, DDL, ROWS) as loaded:
        yield url, loaded


@pytest.fixture(scope="module", params=["files", "shell"])
def pair(request, real):
    url, loaded = real
    with virtual_database(
        url, ORDERED_OTHERWISE, loaded.statistics, direct=request.param == "files"
    ) as virtual:
        yield loaded, virtual


def rows_of(conninfo, query):
    with psycopg.connect(conninfo) as connection:
        return connection.execute(query).fetchall()


@pytest.mark.parametrize(
    "settings",
    [
        (),
        ("SET enable_seqscan = off",),
        ("SET enable_seqscan = off", "SET enable_bitmapscan = off"),
        ("SET enable_seqscan = off", "SET enable_indexscan = off"),
        ("SET parallel_setup_cost = 0", "SET min_parallel_table_scan_size = 0"),
    ],
    ids=["plain", "indexes", "index-scans", "bitmaps", "parallel"],
)
def test_plans_and_costs_are_equal_to_the_last_digit(pair, settings):
    real, virtual = pair
    there = explained(real.conninfo, QUERIES, *settings)
    assert explained(virtual.conninfo, QUERIES, *settings) == there


def test_the_self_check_agrees(pair):
    real, virtual = pair
    with psycopg.connect(virtual.conninfo) as connection:
        check_scale(connection, real.statistics)


def test_the_self_check_names_a_table_and_an_index_that_are_not_so(pair):
    real, virtual = pair
    tables = dict(real.statistics.tables)
    index = msgspec.structs.replace(tables["public.k"].indexes["k_pkey"], height=4)
    tables["public.k"] = msgspec.structs.replace(tables["public.k"], indexes={"k_pkey": index})
    tables["public.bloat"] = msgspec.structs.replace(tables["public.bloat"], file_pages=None)
    other = msgspec.structs.replace(real.statistics, tables=tables)
    with psycopg.connect(virtual.conninfo) as connection, pytest.raises(ScaleError) as caught:
        check_scale(connection, other)
    assert "public.bloat has " in caught.value.message
    assert "k_pkey is 1 levels high instead of 4" in caught.value.message


def test_nothing_is_lacking(pair):
    assert pair[1].lacking == []


def test_every_slot_is_what_analyze_wrote(pair):
    real, virtual = pair
    query = SLOTS.format(name="c.relname", schema="c.relnamespace", rows=COLUMNS)
    there = rows_of(real.conninfo, query)
    kinds = {slot.partition(",")[0] for row in there for slot in row[-1]}
    assert kinds == {f"({kind}" for kind in range(1, 8)}
    assert rows_of(virtual.conninfo, query) == there


def test_extended_statistics_are_what_analyze_found(pair):
    real, virtual = pair
    expressions = SLOTS.format(name="c.stxname", schema="c.stxnamespace", rows=EXPRESSIONS)
    there = rows_of(real.conninfo, OBJECTS)
    assert any(row[2] for row in there)
    assert any(row[4] for row in there)
    assert rows_of(virtual.conninfo, OBJECTS) == there
    there = rows_of(real.conninfo, expressions)
    assert len(there) >= 3
    assert rows_of(virtual.conninfo, expressions) == there


def test_nothing_but_the_schema_is_left_of_making_it(pair):
    query = """
    SELECT nspname FROM pg_namespace WHERE nspname LIKE 'planguard%' UNION ALL
    SELECT castsource::regtype::text FROM pg_cast WHERE castsource = 'bytea'::regtype"""
    assert rows_of(pair[1].conninfo, query) == rows_of(pair[0].conninfo, query)


EXTENSIONS = """
CREATE EXTENSION citext; CREATE EXTENSION ltree;
CREATE TABLE people (id bigint PRIMARY KEY, email citext NOT NULL, path ltree, tags citext[]);
CREATE UNIQUE INDEX people_email ON people (email);
CREATE INDEX people_path ON people USING gist (path);
CREATE INDEX people_tags ON people USING gin (tags);
CREATE INDEX people_top ON people (subpath(path, 0, 1));
"""
PEOPLE = """
INSERT INTO people
SELECT i, CASE i % 2 WHEN 0 THEN 'Name' ELSE 'name' END || i || '@Example.org',
       ('top.a' || i % 40 || '.b' || i)::ltree,
       ARRAY['Tag' || i % 7, 'tag' || i % 1100]::citext[]
FROM generate_series(1, 30000) i;
VACUUM ANALYZE
"""
OF_PEOPLE = [
    "SELECT * FROM people WHERE email = 'NAME77@example.ORG'",
    "SELECT * FROM people WHERE email < 'name2'",
    "SELECT * FROM people WHERE email LIKE 'Name1%' ORDER BY email LIMIT 5",
    "SELECT a.id FROM people a JOIN people b USING (email) WHERE b.id < 700",
    "SELECT email, count(*) FROM people GROUP BY email",
    "SELECT * FROM people WHERE path <@ 'top.a7'",
    "SELECT * FROM people WHERE subpath(path, 0, 1) = 'top'",
    "SELECT * FROM people WHERE tags @> ARRAY['TAG900'::citext]",
]


@pytest.mark.parametrize("major", [15, 18])  # the build of 16 has no extensions
def test_types_of_extensions_plan_alike(postmasters, major):
    url = postmasters(major).url
    with (
        real_database(url, EXTENSIONS, PEOPLE) as real,
        virtual_database(url, EXTENSIONS, real.statistics) as virtual,
    ):
        assert virtual.lacking == []
        for settings in ((), ("SET enable_seqscan = off",)):
            there = explained(real.conninfo, OF_PEOPLE, *settings)
            assert explained(virtual.conninfo, OF_PEOPLE, *settings) == there
        used = " ".join(there.values())
        missing = [
            name for name in ("people_email", "people_path", "people_tags") if name not in used
        ]
        assert missing == []
