"""A server named by its URL: exact for a superuser; for others, a database as it is."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace

import pytest

from fix_fixturedb import SHOP, tools_for
from pytest_planguard import cli, config, pipeline
from pytest_planguard.errors import ServerError
from pytest_planguard.fixturedb.build import build
from pytest_planguard.fixturedb.providers import binaries, postmaster
from pytest_planguard.fixturedb.providers.owner import reachable, unprivileged
from pytest_planguard.fixturedb.providers.url import as_its_role_allows
from pytest_planguard.model.plan import Planned
from pytest_planguard.model.ports import Needs
from pytest_planguard.model.statistics import ScaleSource

psycopg = pytest.importorskip("psycopg")

ROWS = """
CREATE TABLE orders (id int PRIMARY KEY, customer int, note text);
INSERT INTO orders SELECT n, n % 500, 'x' FROM generate_series(1, 20000) n;
CREATE TABLE secrets (id int PRIMARY KEY, word text);
INSERT INTO secrets SELECT n, 'w' || n FROM generate_series(1, 3000) n;
"""


@pytest.fixture
def shop(project) -> Iterator[SimpleNamespace]:
    """A server with the database shop, read by a role that is no superuser."""
    with project.open() as server, server.connect() as admin:
        admin.execute("CREATE DATABASE shop")
        admin.execute("CREATE ROLE reader LOGIN")
        with server.connect("shop") as connection:
            connection.execute(ROWS)
            connection.execute("GRANT SELECT ON orders TO reader")
            connection.execute("VACUUM ANALYZE")
        own = server.url("shop")
        yield SimpleNamespace(
            project=project,
            server=server,
            admin=admin,
            superuser=own,
            reader=own.replace("postgres@", "reader@"),
        )
        admin.execute("DROP DATABASE shop WITH (FORCE)")
        admin.execute("DROP ROLE reader")


def spec_for(shop, url, **more):
    return shop.project.spec(provider="url", url=url, version=None, **more)


def settled_config(shop, url, text=""):
    """The project's configuration, written down and read."""
    table = f'[tool.pytest-planguard.database]\nprovider = "url"\nurl = "{url}"\n{text}'
    (shop.project.root / "pyproject.toml").write_text(table)
    return config.load(shop.project.root, {})


class TestWithoutSuperuser:
    def test_the_database_is_used_with_its_own_contents_and_the_report_says_so(self, shop):
        report = pipeline.explain(
            settled_config(shop, shop.reader), "SELECT * FROM orders WHERE customer = 5"
        )
        facts = report.databases["default"]
        assert facts.source is ScaleSource.AS_IS
        assert facts.tables["public.orders"].rows == 20_000
        assert not facts.fidelity.exact
        plain, unreadable = facts.fidelity.reasons[1:3]
        assert plain == (
            "the role reader is no superuser: the database shop is used with its own contents, "
            "not at the configured scale"
        )
        assert unreadable == (
            "the role reader may not read 1 of 2 tables, e.g. public.secrets: "
            "queries on them are not planned"
        )
        assert report.notes[0] == (
            "1 index was not tried: the database is used as it is (orders_customer_idx)"
        )
        (query,) = report.queries
        assert isinstance(query.outcome, Planned)
        with psycopg.connect(shop.superuser) as connection:
            # the plan is the one its owner gets
            text = "EXPLAIN (FORMAT JSON) SELECT * FROM orders WHERE customer = 5"
            expected = connection.execute(text).fetchone()[0][0]["Plan"]["Total Cost"]
        assert [plan.cost for plan in query.outcome.plans if plan.sample == "captured"] == [
            expected
        ]

    def test_a_query_that_may_not_be_read_is_not_plannable_with_the_reason(self, shop):
        report = pipeline.explain(settled_config(shop, shop.reader), "SELECT * FROM secrets")
        (query,) = report.queries
        assert "permission denied for table secrets" in query.outcome.reason

    def test_a_role_that_may_read_nothing_is_told_what_to_grant(self, shop):
        with psycopg.connect(shop.superuser) as connection:
            connection.execute("REVOKE SELECT ON orders FROM reader")
        with pytest.raises(ServerError, match="may read none of the 2 tables of the database shop"
                           ) as caught:  # fmt: skip
            pipeline.explain(settled_config(shop, shop.reader), "SELECT 1 FROM orders")
        assert "GRANT pg_read_all_data TO reader" in caught.value.hint

    def test_a_role_that_may_not_connect(self, shop):
        shop.admin.execute("REVOKE CONNECT ON DATABASE shop FROM PUBLIC")
        with pytest.raises(ServerError, match='permission denied for database "shop"'):
            pipeline.explain(settled_config(shop, shop.reader), "SELECT 1 FROM orders")

    def test_a_url_that_names_no_database_has_no_contents_to_use(self, shop):
        spec = spec_for(shop, shop.reader.replace("/shop?", "/?"))
        with pytest.raises(ServerError, match="names no database whose own contents"):
            as_its_role_allows(spec)

    def test_an_option_names_a_server_and_never_a_database(self, shop):
        (shop.project.root / "schema.sql").write_text("CREATE TABLE orders (id int)")
        table = '[tool.pytest-planguard.database]\nschema = "schema.sql"\n'
        (shop.project.root / "pyproject.toml").write_text(table)
        settled = config.load(shop.project.root, {"db": shop.reader})
        assert settled.databases["default"].server_only
        with pytest.raises(ServerError, match="the role is no superuser"):
            pipeline.explain(settled, "SELECT 1 FROM orders")

    def test_a_superuser_gets_the_configured_scale(self, shop):
        spec = spec_for(shop, shop.superuser)
        assert as_its_role_allows(spec) == spec

    @pytest.mark.parametrize("creates", [True, False])
    def test_an_empty_database_is_to_be_had_where_the_role_may_make_one(self, shop, creates):
        shop.admin.execute(f"ALTER ROLE reader {'CREATEDB' if creates else 'NOCREATEDB'}")
        with shop.project.open(provider="url", url=shop.reader) as server:
            name = f"planguard_tests_{server.run_token}_main"
            if creates:
                server.create_database(name)
                assert server.databases() == [name]
            else:
                with pytest.raises(ServerError, match="the role reader has no CREATEDB: no data"):
                    server.create_database(name)
        assert shop.server.databases() == []


@contextmanager
def standby(project) -> Iterator[str]:
    """A server in recovery on the project's files; its URL, of a role that is no superuser."""
    installation, _ = binaries.choose(None, project.major, Needs())
    owner = unprivileged() if os.geteuid() == 0 else None
    cache = project.server_root.parent
    postgres = reachable(installation.bindir, installation.version, cache, owner) / "postgres"
    (project.data / "standby.signal").touch()
    command = [postgres, "-D", project.data, "-c", "listen_addresses=",
               "-c", "max_connections=200", "-c", "max_prepared_transactions=20",
               "-c", f"unix_socket_directories={project.data}"]  # fmt: skip
    who = {"user": owner.uid, "group": owner.gid, "extra_groups": []} if owner else {}
    with subprocess.Popen(command, cwd="/", stderr=subprocess.PIPE, text=True, **who) as server:
        said = []
        for line in server.stderr:
            said.append(line)
            if "accept read-only connections" in line:
                break
        else:
            pytest.fail("".join(said))
        yield f"postgresql://reader@/shop?host={str(project.data).replace('/', '%2F')}"
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=60)
    (project.data / "standby.signal").unlink()


def test_a_standby_is_read_as_it_is_and_refused_for_anything_else(make_project, monkeypatch):
    for name, value in {"wal_level": "replica", "max_wal_senders": "2"}.items():
        monkeypatch.setitem(postmaster._SETTINGS, name, value)
    project = make_project(seeded=False)
    with project.open() as server:
        with server.connect() as admin:
            admin.execute("CREATE DATABASE shop")
            admin.execute("CREATE ROLE reader LOGIN")
        with server.connect("shop") as connection:
            connection.execute(ROWS)
            connection.execute("GRANT pg_read_all_data TO reader")
            connection.execute("VACUUM ANALYZE")
    with standby(project) as url:
        shop = SimpleNamespace(project=project)
        for text, user in (("", "reader"), ("as-is = true\n", "postgres")):
            settled = settled_config(shop, url.replace("reader@", f"{user}@"), text)
            report = pipeline.explain(settled, "SELECT * FROM secrets WHERE id = 7")
            assert report.databases["default"].source is ScaleSource.AS_IS
            assert report.totals.explained == 1
        superuser = url.replace("reader@", "postgres@")
        with pytest.raises(ServerError, match="the server is a standby: no database can be made"):
            project.open(provider="url", url=superuser).__enter__()
        with (
            project.open(provider="url", url=superuser, as_is=True) as server,
            pytest.raises(ServerError, match="the server is a standby: no database can be made"),
        ):
            server.create_database("planguard_x")


class TestStatus:
    def test_it_tells_what_is_kept_how_large_it_would_be_and_what_runs_left(self, shop):
        spec = spec_for(shop, shop.superuser)
        settled_config(shop, shop.superuser)
        with ExitStack() as stack:
            server = stack.enter_context(shop.project.open(provider="url", url=shop.superuser))
            stack.enter_context(build(spec, server, None, tools_for(SHOP)))
            shop.server.create_database("planguard_run_00000000_1")
            shop.server.create_database("planguard_of_somebody")
            out = self.run("db", "status")
            left, used, kept = out.splitlines()
            assert left.startswith("planguard_run_00000000_1  left behind  ")
            assert used.startswith(f"planguard_run_{server.run_token}_1  in use  ")
            assert kept.startswith("planguard_template_")
            for line in (used, kept):
                on_disk, apparent = line.split(" on disk, ")
                assert on_disk.endswith(" MB")
                assert apparent.endswith(" MB apparent")
                assert float(apparent.split()[0]) > 50 * float(on_disk.split()[-2])
            refused = self.run("db", "down", status=3)
            assert "in use by another run" in refused
        assert self.run("db", "down") == ""
        assert shop.server.databases() == ["planguard_of_somebody"]
        assert self.run("db", "status") == "nothing is there\n"
        shop.server.drop_database("planguard_of_somebody")

    def test_a_role_without_rights_drops_nothing_and_says_so(self, shop):
        shop.server.create_database("planguard_run_00000000_1")
        settled_config(shop, shop.reader)
        assert "must be owner of database" in self.run("db", "down", status=3)
        assert shop.server.databases() == ["planguard_run_00000000_1"]
        shop.server.drop_database("planguard_run_00000000_1")

    def test_doctor_says_that_the_database_is_used_as_it_is(self, shop):
        settled_config(shop, shop.reader)
        out = self.run("doctor")
        assert "database default: 2 tables, used as they are; the role reader is no super" in out

    @pytest.fixture(autouse=True)
    def _captured(self, capsys, monkeypatch, shop):
        self.capsys = capsys
        monkeypatch.chdir(shop.project.root)

    def run(self, *arguments, status=0):
        """What a command printed, on both channels."""
        found = cli.run(arguments)
        out, error = self.capsys.readouterr()
        assert found == status, (out, error)
        return out + error
