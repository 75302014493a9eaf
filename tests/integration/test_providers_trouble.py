"""What an embedded server may meet: damage, closed folders, other users, odd environments."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fix_folders import NOBODY
from fix_servers import short_folder
from pytest_planguard.errors import ConfigurationError, ServerError
from pytest_planguard.fixturedb import status
from pytest_planguard.fixturedb.providers import (
    binaries,
    cluster,
    open_server,
    places,
    postmaster,
)
from pytest_planguard.model.spec import DatabaseSpec

psycopg = pytest.importorskip("psycopg")

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can run it as somebody else")

USE = """
with opened({more}) as server:
    server.create_database(f"planguard_run_{{server.run_token}}_1")
    print(server.version // 10000, server.databases() != [], server.file_owner, server.lacking)
"""


@contextmanager
def temporary_folder(folder: Path) -> Iterator[None]:
    """Python's own, and before the project's is gone the former again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(folder))
        yield


class TestDamage:
    def test_a_damaged_cluster_is_made_anew_and_every_report_can_say_so(self, project):
        os.truncate(project.data / "global" / "pg_control", 100)
        with project.open() as server:
            (sentence,) = server.lacking
            assert server.databases() == []
        assert sentence.startswith("the embedded server did not start on the files it had")
        assert "pg_control" in sentence
        assert "pg_control" in (project.server_root / "damaged.log").read_text()
        assert [path.name for path in project.data.parent.iterdir()] == ["data"]
        with project.open() as server:
            assert server.lacking == ()

    def test_half_a_cluster_is_never_used(self, make_project):
        project = make_project(seeded=False)
        with project.open():
            pass
        half = project.data.rename(project.data.with_name("new"))
        os.truncate(half / "global" / "pg_control", 0)
        with project.open() as server:
            assert server.lacking == ()
        assert [path.name for path in project.data.parent.iterdir()] == ["data"]

    def test_files_are_kept_where_new_ones_do_no_better(self, project, monkeypatch):
        with project.open() as server:
            server.create_database("planguard_template_x")
        monkeypatch.setitem(postmaster._SETTINGS, "shared_buffers", "1TB")
        with pytest.raises(ServerError, match=r"the embedded server does not start: .*memory") as e:
            project.open().__enter__()
        assert "server.log" in e.value.hint
        monkeypatch.setitem(postmaster._SETTINGS, "shared_buffers", "32MB")
        with project.open() as server:
            assert server.databases() == ["planguard_template_x"]

    def test_initdb_that_fails_is_quoted(self, make_project, monkeypatch):
        project = make_project(seeded=False)
        monkeypatch.setattr(cluster, "_locale", lambda: "xx_YY")
        with pytest.raises(ServerError, match=r'initdb failed: .*"xx_YY"') as caught:
            project.open().__enter__()
        assert str(project.root) in caught.value.hint

    def test_initdb_that_hangs_is_ended(self, make_project, monkeypatch):
        project = make_project(seeded=False)
        monkeypatch.setattr(cluster, "_SECONDS", 0.01)
        with pytest.raises(ServerError, match="initdb did not end within"):
            project.open().__enter__()
        assert not (project.server_root / "cluster" / "new").exists()


class TestNoServer:
    def test_no_postgresql_at_all(self, tmp_path, monkeypatch):
        monkeypatch.setattr(binaries, "_WHEELS", ())
        monkeypatch.setattr(binaries, "_FOLDERS", ("/nowhere/*/bin",))
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(ServerError, match="no PostgreSQL was found; looked in") as caught:
            open_server(DatabaseSpec(root=tmp_path)).__enter__()
        assert 'pip install "pytest-planguard[embedded]"' in caught.value.hint

    def test_a_major_that_is_not_there(self, project):
        with pytest.raises(ServerError, match=r"there is no PostgreSQL 99 here; found: .* 18") as e:
            project.open(version=99).__enter__()
        assert "install postgresql-99" in e.value.hint

    def test_an_unknown_provider(self, project):
        with pytest.raises(ConfigurationError, match='no provider "oracle"'):
            project.open(provider="oracle").__enter__()


class TestFolders:
    def test_a_file_in_the_place_of_the_cache(self, make_project):
        project = make_project(seeded=False)
        (project.root / ".planguard").write_text("")
        with pytest.raises(ServerError, match=r"\.planguard/servers.* can't be made") as caught:
            project.open().__enter__()
        assert "PLANGUARD_CACHE_DIR" in caught.value.hint

    def test_a_file_in_the_place_of_a_lock(self, project):
        (project.server_root / "users.lock").unlink()
        (project.server_root / "users.lock").mkdir()
        with pytest.raises(ServerError, match=r"users\.lock can't be opened"):
            project.open().__enter__()

    @as_root
    def test_a_folder_nobody_else_may_write_to(self, make_project):
        project = make_project(seeded=False)
        _, error = project.run_as(NOBODY, USE.format(more=""))
        assert "ServerError" in error
        assert "can't be made: Permission denied" in error
        assert "set PLANGUARD_CACHE_DIR to a folder that can be written" in error

    @as_root
    def test_a_folder_of_somebody_else(self, project):
        os.chown(project.server_root, NOBODY, 0)
        with pytest.raises(ServerError, match=r"not one of ours \(uid 0\)"):
            project.open().__enter__()

    def test_a_long_temporary_folder(self, make_project):
        project = make_project(seeded=False)
        long = project.temporary / ("x" * 120)
        long.mkdir()
        with temporary_folder(long), project.open() as server:
            sockets = Path(server.url("postgres").rpartition("host=")[2].replace("%2F", "/")
                           .partition("&")[0])  # fmt: skip
            assert sockets.parent == Path("/tmp")
        assert not sockets.exists()
        long.rmdir()

    @as_root
    def test_a_temporary_folder_the_server_cannot_reach(self, project):
        closed = project.temporary / "closed"
        closed.mkdir(mode=0o700)
        with temporary_folder(closed), project.open() as server:
            assert "closed" not in server.url("postgres")
        closed.rmdir()

    def test_the_configured_cache_is_used_and_the_project_stays_clean(
        self, make_project, monkeypatch
    ):
        project, other = make_project(seeded=False), make_project(seeded=False)
        monkeypatch.setenv("PLANGUARD_CACHE_DIR", str(other.root / "cache"))
        with project.open() as server:
            assert server.data_directory.is_relative_to(other.root / "cache")
        assert sorted(path.name for path in project.root.iterdir()) == ["t"]


class TestUsers:
    @as_root
    def test_an_ordinary_user(self, make_project):
        project = make_project(seeded=False)
        give(project.root, NOBODY)
        assert project.run_as(NOBODY, USE.format(more="")) == ("18 True None ()\n", "")
        assert {path.stat().st_uid for path in project.data.iterdir()} == {NOBODY}
        assert project.run_as(NOBODY, USE.format(more="")) == ("18 True None ()\n", "")

    @as_root
    def test_a_number_without_a_name_is_told_what_is_missing(self, make_project):
        project = make_project(seeded=False)
        give(project.root, 54321)
        _, error = project.run_as(54321, USE.format(more=""))
        assert "initdb failed: " in error
        assert "effective user ID 54321: user does not exist" in error
        assert "give the user a line in /etc/passwd" in error

    @as_root
    def test_root_in_a_project_that_only_root_can_reach(self, make_project, far_folder):
        project = make_project(seeded=False)
        project.root.chmod(0o700)
        with project.open() as server:
            far = server.data_directory.parents[2]
            assert far.is_relative_to(far_folder)
            assert server.file_owner is not None
            server.create_database(f"planguard_run_{server.run_token}_1")
        status.stop(project.spec())
        assert not far.exists()

    @as_root
    def test_servers_far_from_their_project_go_when_it_is_gone(self, make_project, far_folder):
        gone, project = make_project(seeded=False), make_project(seeded=False)
        for one in (gone, project):
            one.root.chmod(0o700)
        with gone.open() as server:
            far = server.data_directory.parents[2]
        temporary = gone.root.rename(gone.root.with_name("elsewhere"))
        with project.open() as server:
            assert not far.exists()
            assert server.data_directory.exists()
        status.stop(project.spec())
        temporary.rename(gone.root)

    @as_root
    def test_root_with_binaries_that_only_root_can_reach(self, make_project):
        project = make_project(seeded=False)
        wheel = next(binaries.installations()).bindir.parents[1]
        closed = project.root / "closed"
        for folder in (wheel, wheel.with_name(f"{wheel.name}.libs")):
            shutil.copytree(folder, closed / folder.name, copy_function=link, symlinks=True)
        closed.chmod(0o700)
        (bindir,) = closed.glob("*/pginstall/bin")
        with project.open(bindir=bindir, version=None) as server:
            assert server.version // 10000 == 18
            (copy,) = server.data_directory.parents[2].glob("binaries-*")
            with server.connect() as connection:
                connection.execute("CREATE EXTENSION IF NOT EXISTS plpgsql")
        status.stop(project.spec())
        assert not copy.exists()

    @as_root
    def test_root_with_a_strict_umask(self, make_project):
        project = make_project(seeded=False)
        before = os.umask(0o077)
        try:
            with project.open() as server:
                assert server.data_directory.is_relative_to(project.root)
        finally:
            os.umask(before)

    @as_root
    def test_root_in_a_folder_an_ordinary_user_began(self, make_project):
        project = make_project(seeded=False)
        (project.root / ".planguard" / "servers").mkdir(parents=True)
        give(project.root, NOBODY)
        with project.open() as server:
            assert server.data_directory.is_relative_to(project.root)


@pytest.fixture
def far_folder(monkeypatch):
    """What stands for /var/tmp."""
    with short_folder() as folder:
        monkeypatch.setattr(places, "_FAR", folder)
        yield folder


def give(root, who):
    for path in (root, *root.rglob("*")):
        os.chown(path, who, who)


def link(source, target):
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def test_variables_of_the_environment_make_no_difference(project, monkeypatch):
    service = project.root / "services"
    service.write_text("[s]\nhost=nowhere\nport=3\nuser=z\ndbname=q\noptions=-c geqo=off\n")
    odd = {
        "PGHOST": "nowhere", "PGHOSTADDR": "127.0.0.1", "PGPORT": "1", "PGUSER": "somebody",
        "PGDATABASE": "shop", "PGPASSWORD": "x", "PGOPTIONS": "-c enable_seqscan=off",
        "PGSERVICE": "s", "PGSERVICEFILE": str(service), "PGSSLMODE": "verify-full",
        "PGTARGETSESSIONATTRS": "standby", "PGREQUIREAUTH": "scram-sha-256",
        "PGCHANNELBINDING": "require", "PGGSSENCMODE": "require", "PGDATA": "/nowhere",
    }  # fmt: skip
    for name, value in odd.items():
        monkeypatch.setenv(name, value)
    with project.open() as server, psycopg.connect(server.conninfo()) as connection:
        assert connection.info.user == "postgres"
        assert connection.info.dbname == "postgres"
        for setting in ("enable_seqscan", "geqo"):
            assert connection.execute(f"SHOW {setting}").fetchone() == ("on",)


class TestUrl:
    def test_one_that_cannot_be_read_is_not_repeated_with_its_password(self, project):
        with pytest.raises(ConfigurationError, match="is no connection string") as caught:
            project.open(provider="url", url="postgresql://u:secret@[::1/x").__enter__()
        assert "secret" not in str(caught.value)
        assert caught.value.__cause__ is None

    def test_a_server_that_is_not_there(self, project):
        url = f"postgresql://u@/x?host={project.temporary}"
        with pytest.raises(ServerError, match="the server can't be reached") as caught:
            project.open(provider="url", url=url).__enter__()
        assert "URL is right" in caught.value.hint

    def test_a_role_that_is_no_superuser(self, project):
        with project.open() as server:
            with server.connect() as connection:
                connection.execute("CREATE ROLE plain LOGIN CREATEDB")
            url = server.url("postgres").replace("postgres@", "plain@")
            with pytest.raises(ServerError, match="no superuser"):
                project.open(provider="url", url=url, server_only=True).__enter__()
            with server.connect() as connection:
                connection.execute("DROP ROLE plain")

    def test_a_server_with_replication_clients(self, project, monkeypatch):
        for name, value in {"wal_level": "replica", "max_wal_senders": "2"}.items():
            monkeypatch.setitem(postmaster._SETTINGS, name, value)
        with project.open() as server:
            url = server.url("postgres")
            with (
                psycopg.connect(f"{url}&replication=true", autocommit=True),
                pytest.raises(ServerError, match="feeds 1 replication client:"),
            ):
                project.open(provider="url", url=url).__enter__()

    def test_the_databases_of_a_killed_run_are_dropped_by_the_next(self, project):
        script = """
with opened(provider="url", url=sys.argv[1]) as server:
    server.create_database(f"planguard_run_{server.run_token}_1")
    print(server.run_token, flush=True)
    sys.stdin.readline()
"""
        with project.open() as held:
            url = held.url("postgres")
            with project.run(script, url) as killed, project.run(script, url) as living:
                token, other = (run.stdout.readline().strip() for run in (killed, living))
                killed.kill()
                killed.wait()
                gone = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE %s"
                with held.connect() as connection:
                    assert project.eventually(
                        lambda: connection.execute(gone, [f"%{token}"]).fetchone() == (0,)
                    )
                with project.open(provider="url", url=url) as server:
                    assert server.databases() == [f"planguard_run_{other}_1"]
                living.communicate("\n", timeout=30)
            assert held.databases() == []
