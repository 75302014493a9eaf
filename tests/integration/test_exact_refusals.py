"""What a database lacks of its statistics' source is said, and costs nothing else."""

import msgspec
import psycopg
import pytest

from fix_exact import MAJORS, explained, real_database, virtual_database
from fix_fixturedb import UrlServer, tools_for
from pytest_planguard.fixturedb.build import build
from pytest_planguard.model.ports import HypotheticalIndex
from pytest_planguard.model.spec import DatabaseSpec, TableDeclaration
from pytest_planguard.model.statistics import (
    ColumnStatistics,
    ExtendedNumbers,
    ExtendedStatistics,
    ScaleSource,
    Statistics,
    TableStatistics,
)
from pytest_planguard.planner.selfcheck import check_scale

DDL = """
CREATE TABLE t (id int PRIMARY KEY, code text, a int, b int, kind text);
CREATE INDEX t_lower ON t (lower(code));
CREATE STATISTICS same (ndistinct, mcv) ON a, b FROM t;
CREATE STATISTICS other ON a, b FROM t;
CREATE STATISTICS gone ON a, kind FROM t;
CREATE STATISTICS expression ON (a % 3), kind FROM t;
"""
HERE = """
CREATE TABLE t (id int PRIMARY KEY, code int, b int, a int, kind text);
CREATE INDEX t_lower ON t ((code + 1));
CREATE STATISTICS same (ndistinct, mcv) ON b, a FROM t;
CREATE STATISTICS other ON id, b FROM t;
CREATE STATISTICS expression ON (abs(a)), kind FROM t;
"""
ROWS = """
INSERT INTO t SELECT i, 'c' || i % 50, i % 20, i % 20 / 2, 'k' || i % 3
FROM generate_series(1, 9000) i;
VACUUM ANALYZE
"""


@pytest.fixture(scope="module", params=MAJORS)
def url(request, postmasters):
    return postmasters(request.param).url


def test_what_is_not_there_or_not_readable_is_named_and_the_rest_is_exact(url):
    with (
        real_database(url, DDL, ROWS) as real,
        virtual_database(url, HERE, real.statistics) as virtual,
    ):
        said = "\n".join(virtual.lacking)
        assert "public.t.code were refused: invalid text representation (22P02)" in said
        assert "c4" not in said  # no value
        assert "statistics of lower in the index t_lower were not used" in said
        assert "public.other was not used: the object here has other columns" in said
        assert "the extended statistics public.gone were not used: public.t has no" in said
        assert len(virtual.lacking) == 4  # an expression that prints otherwise goes by its place
        queries = ["SELECT * FROM t WHERE a = 3 AND b = 1", "SELECT a, b FROM t GROUP BY a, b"]
        assert explained(virtual.conninfo, queries) == explained(real.conninfo, queries)
        with psycopg.connect(virtual.conninfo) as connection:
            check_scale(connection, real.statistics)


def test_combinations_a_type_cannot_hold_are_named(url):
    numbers = ExtendedNumbers(
        values=(("1", "x"), (None, "2")), freqs=(0.5, 0.2), base_freqs=(0.1, 0.1)
    )
    twice = msgspec.structs.replace(numbers, values=(("1", "2"), ("01", "2")))
    objects = {
        "public.same": ExtendedStatistics("", ("a", "b"), numbers),
        "public.other": ExtendedStatistics("", ("id", "b"), twice),
    }
    facts = TableStatistics(10, 1, extended=objects)
    statistics = Statistics({"public.t": facts}, "2026-01-01", ScaleSource.PRODUCTION)
    with virtual_database(url, HERE, statistics) as virtual:
        refused, doubled = virtual.lacking
    assert "public.same was refused: invalid text representation (22P02)" in refused
    assert "public.other was refused: its combinations are not distinct here" in doubled


def test_text_in_another_order_is_said(url):
    facts = TableStatistics(
        10, 1,
        columns={name: ColumnStatistics(histogram_bounds=("1", "2")) for name in ("a", "kind")},
        types={"a": "integer", "kind": "text"},
        collations={"kind": 'app."german"'},
    )  # fmt: skip
    statistics = Statistics(
        {"public.t": facts}, "2026-01-01", ScaleSource.PRODUCTION, collation="en_US.UTF-8"
    )
    with virtual_database(url, HERE, statistics) as virtual:
        whole, column = virtual.lacking
    assert whole.startswith("text is ordered by en_US.UTF-8 in the statistics and by C.UTF-8 here")
    assert column.startswith("public.t.kind is ordered by german in the statistics and by C.UTF-8")


@pytest.mark.parametrize("way", ["files", "shell"])
def test_relations_at_the_ends_of_a_segment_are_as_large_as_they_should_be(url, way):
    sizes = [131_071, 131_072, 131_073, 300 * 131_072, 1, 2]
    tables = {f"public.s{n}": TableStatistics(pages * 10.0, pages) for n, pages in enumerate(sizes)}
    ddl = "".join(f"CREATE TABLE s{n} (i int);" for n in range(len(sizes)))
    statistics = Statistics(tables, "2026-01-01", ScaleSource.PRODUCTION)
    with (
        virtual_database(url, ddl, statistics, direct=way == "files") as virtual,
        psycopg.connect(virtual.conninfo) as connection,
    ):
        check_scale(connection, statistics)
        found = [
            connection.execute(f"SELECT pg_relation_size('s{n}') / 8192").fetchone()[0]
            for n in range(len(sizes))
        ]
    assert found == sizes


@pytest.mark.parametrize("method", ["brin", "btree", "hash", "gist"])
def test_a_candidate_costs_what_the_same_index_costs_in_the_schema(url, method):
    # Its first page was in the server's buffers when it was made: what is read must be the file's.
    column = "r" if method == "gist" else "n"
    ddl = (
        "CREATE TABLE t (id int, n int, r int4range);"
        f"CREATE INDEX there ON t USING {method} ({column});"
    )
    spec = DatabaseSpec(tables={"t": TableDeclaration(90_000_000)})
    query = f"SELECT * FROM t WHERE {column} = {'int4range(1, 2)' if method == 'gist' else '1'}"
    settings = ["SET enable_seqscan = off", "SET default_transaction_read_only = off"]
    server = UrlServer(url, direct=True)
    try:
        with build(spec, server, None, tools_for(ddl)) as fixture:
            (plan,) = explained(fixture.conninfo, [query], *settings).values()
            candidate = HypotheticalIndex("cand", "public.t", method, (column,))
            with fixture.copy_with([candidate]) as copy:
                drop = "DROP INDEX there"
                (again,) = explained(copy.conninfo, [query], *settings, drop).values()
    finally:
        for name in server.databases():
            server.drop_database(name)
    assert "on there" in plan or "using there" in plan
    assert again == plan.replace("there", "cand")
