"""A server in a container: who reaches it, who ends it, and what is said where there is none."""

from __future__ import annotations

import os
import re
import signal
from contextlib import ExitStack

import pytest

from fix_containers import containers, docker, need_image, specification
from fix_fixturedb import SHOP, tools_for
from fix_servers import Project, expect_clean, short_folder, sockets_in
from pytest_planguard.errors import ServerError
from pytest_planguard.fixturedb import status
from pytest_planguard.fixturedb.build import build
from pytest_planguard.fixturedb.providers import container, engine, keeper, kept_between_uses
from pytest_planguard.model.ports import Needs

psycopg = pytest.importorskip("psycopg")

HOLD = """
with opened(provider="container", image=sys.argv[1]) as server:
    server.create_database(f"planguard_run_{server.run_token}_1")
    print(server.run_token, flush=True)
    sys.stdin.readline()
"""


def hold(project, stack):
    """A run that uses the container until it is told to end, or killed."""
    run = stack.enter_context(project.run(HOLD, need_image()))
    assert run.stdout.readline(), run.communicate()
    return run


def folder_of(project):
    (folder,) = (project.root / ".planguard" / "servers").glob("container-*")
    return folder


class TestReach:
    def test_only_this_machine_reaches_it(self, container_project):
        project = container_project()
        (name,) = containers(project)
        template = '{{(index (index .NetworkSettings.Ports "5432/tcp") 0).HostIp}}'
        assert docker("inspect", "--format", template, name) == "127.0.0.1"

    def test_its_password_is_needed_and_stands_only_where_its_owner_can_read_it(
        self, container_project
    ):
        project = container_project()
        with project.open(**specification()) as server:
            url = server.url("postgres")
            with psycopg.connect(url) as connection:
                assert connection.info.user == "postgres"
            password = re.search(":([0-9a-f]{32})@", url)[1]
            with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
                psycopg.connect(url.replace(password, "guessed"))
        holders = [
            path
            for path in project.root.rglob("*")
            if path.is_file() and password in path.read_text(errors="replace")
        ]
        assert [path.name for path in holders] == [keeper.STATE]
        assert holders[0].stat().st_mode & 0o077 == 0
        assert not any(password in line for line in project.processes())

    def test_variables_of_the_environment_make_no_difference(self, container_project, monkeypatch):
        odd = {"PGHOST": "nowhere", "PGHOSTADDR": "127.0.0.9", "PGPORT": "1", "PGUSER": "somebody",
               "PGPASSWORD": "x", "PGSSLMODE": "verify-full", "PGOPTIONS": "-c geqo=off",
               "PGREQUIREAUTH": "none", "PGCHANNELBINDING": "require"}  # fmt: skip
        for name, value in odd.items():
            monkeypatch.setenv(name, value)
        with container_project().open(**specification()) as server, server.connect() as connection:
            assert connection.execute("SHOW geqo").fetchone() == ("on",)

    def test_it_costs_the_tests_own_process_no_library(self, container_project):
        script = f"with opened(provider='container', image={need_image()!r}): print("
        script += "sorted({'docker', 'testcontainers', 'requests'} & set(sys.modules)))"
        with container_project().run(script) as run:
            assert run.communicate(timeout=60) == ("[]\n", "")


class TestEnd:
    @pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
    def test_a_run_that_is_killed_leaves_no_container(self, lonely_project, how):
        with ExitStack() as stack:
            run = hold(lonely_project, stack)
            assert len(containers(lonely_project)) == 1
            run.send_signal(how)
            run.communicate()
        assert lonely_project.eventually(lambda: not containers(lonely_project))

    @pytest.mark.parametrize("stage", ["identity", keeper.PID, keeper.STATE])
    def test_interrupting_the_start_leaves_nothing(self, lonely_project, stage):
        with lonely_project.run(HOLD, need_image(), start_new_session=True) as run:
            pattern = f".planguard/servers/container-*/{stage}"
            assert lonely_project.eventually(lambda: [*lonely_project.root.glob(pattern)])
            os.killpg(run.pid, signal.SIGINT)  # as a terminal sends it
            run.communicate(timeout=60)
        assert lonely_project.eventually(lambda: not lonely_project.processes())
        assert containers(lonely_project) == []
        assert not (folder_of(lonely_project) / keeper.PID).exists()

    def test_what_a_killed_keeper_left_is_removed_by_the_next_run(self, lonely_project):
        with ExitStack() as stack:
            run = hold(lonely_project, stack)
            (left,) = containers(lonely_project)
            os.kill(int((folder_of(lonely_project) / keeper.PID).read_text()), signal.SIGKILL)
            run.communicate("\n", timeout=60)
        assert containers(lonely_project) == [left]
        (found,) = status.status(lonely_project.spec(**specification()))
        assert found.kind == "left behind"
        with lonely_project.open(**specification()) as server:
            assert server.databases() == []
            (other,) = containers(lonely_project)
        assert other != left

    def test_what_a_killed_keeper_left_is_removed_by_hand(self, lonely_project):
        with ExitStack() as stack:
            run = hold(lonely_project, stack)
            os.kill(int((folder_of(lonely_project) / keeper.PID).read_text()), signal.SIGKILL)
            run.communicate("\n", timeout=60)
        labelled = f"label={keeper.LABEL}={(folder_of(lonely_project) / 'identity').read_text()}"
        status.stop(lonely_project.spec(**specification()))
        assert docker("ps", "--all", "--quiet", "--filter", labelled) == ""
        assert not (lonely_project.root / ".planguard" / "servers").exists()

    def test_a_container_that_is_lost_is_one_clear_error_and_the_next_run_has_another(
        self, lonely_project
    ):
        more = specification()
        with lonely_project.open(**more) as server:
            docker("kill", *containers(lonely_project))
            with pytest.raises(ServerError, match="the server can't be reached") as caught:
                server.create_database("planguard_x")
            assert "the next run starts a new container" in caught.value.hint
            with lonely_project.open(**more) as other:
                assert other.databases() == []

    def test_a_killed_runs_databases_are_dropped_and_the_living_ones_kept(self, container_project):
        project = container_project()
        with ExitStack() as stack:
            killed, living = hold(project, stack), hold(project, stack)
            killed.kill()
            killed.communicate()
            with project.open(**specification()) as server:
                assert len(server.databases()) == 1
            living.communicate("\n", timeout=60)
        with project.open(**specification()) as server:
            assert server.databases() == []

    def test_it_is_started_once_for_all_uses_that_are_claimed(self, lonely_project):
        spec = lonely_project.spec(**specification())
        with kept_between_uses([spec]):
            assert containers(lonely_project) == []
            seen = []
            for _ in range(2):
                with lonely_project.open(**specification()) as server:
                    server.create_database("planguard_template_0123456789abcdef", None)
                    server.drop_database("planguard_template_0123456789abcdef")
                seen += containers(lonely_project)
            assert len(seen) == 2
            assert len(set(seen)) == 1


class TestStatus:
    def test_it_tells_how_large_the_databases_would_really_be(self, container_project):
        project, more = container_project(), specification()
        spec = project.spec(**more)
        with project.open(**more) as server:
            with build(spec, server, None, tools_for(SHOP)) as fixture:
                (found,) = status.status(spec)
                (name,) = [name for name in server.databases() if "_template_" in name]
                pages = sum(table.pages for table in fixture.statistics.tables.values())
            server.drop_database(name)
        assert found.kind == "running"
        assert re.match("container [0-9a-f]{12} of ", found.source)
        assert found.bytes_apparent > 2 * pages * 8192  # the template's would be, the run's is
        assert 10_000_000 < found.bytes_on_disk < 60_000_000

    def test_it_is_not_removed_while_a_run_uses_it(self, container_project):
        project = container_project()
        with pytest.raises(ServerError, match="in use by another run"):
            status.stop(project.spec(**specification()))
        assert len(containers(project)) == 1


@pytest.fixture
def far_from_an_engine(monkeypatch):
    """A project on a machine without an engine."""
    with short_folder() as folder:
        project = Project(folder, 15)
        project.temporary.mkdir()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{project.temporary}/none.sock")
        with sockets_in(project.temporary):
            yield project
        expect_clean(project)


class TestWithoutEngine:
    def test_no_engine(self, far_from_an_engine):
        error = self.error(far_from_an_engine)
        assert error.message.startswith("no container engine answers at unix:///")
        assert "docker info" in error.hint

    def test_no_testcontainers(self, far_from_an_engine, monkeypatch):
        shadow = far_from_an_engine.root / "shadow" / "testcontainers"
        shadow.mkdir(parents=True)
        (shadow / "__init__.py").write_text("raise ImportError('it is not there')")
        monkeypatch.setenv("PYTHONPATH", str(shadow.parent))
        error = self.error(far_from_an_engine)
        assert "needs testcontainers, which can't be imported: it is not there" in error.message
        assert 'pip install "pytest-planguard[docker]"' in error.hint

    def test_something_nobody_thought_of(self, far_from_an_engine, monkeypatch):
        shadow = far_from_an_engine.root / "shadow" / "testcontainers"
        shadow.mkdir(parents=True)
        (shadow / "__init__.py").write_text("1 / 0")
        monkeypatch.setenv("PYTHONPATH", str(shadow.parent))
        error = self.error(far_from_an_engine)
        assert error.message.endswith("failed: ZeroDivisionError: division by zero")
        log = folder_of(far_from_an_engine) / "keeper.log"
        assert str(log) in error.hint
        assert "Traceback" in log.read_text()

    def test_status_and_down_need_none_where_nothing_was_started(self, far_from_an_engine):
        spec = far_from_an_engine.spec(provider="container", image="postgres:15.18")
        self.error(far_from_an_engine)
        assert status.status(spec) == []
        status.stop(spec)
        assert not (far_from_an_engine.root / ".planguard" / "servers").exists()

    def error(self, project):
        with pytest.raises(ServerError) as caught:
            project.open(provider="container", image="postgres:15.18").__enter__()
        return caught.value


class TestTrouble:
    def test_no_image(self, lonely_project):
        error = self.error(lonely_project, image="localhost:1/planguard-no-such-image:1")
        assert error.message.startswith(
            "the image localhost:1/planguard-no-such-image:1 is not here and can't be pulled: "
        )

    def test_a_server_that_does_not_start_is_quoted(self, lonely_project, monkeypatch):
        monkeypatch.setitem(engine._SETTINGS, "shared_buffers", "1x")
        error = self.error(lonely_project)
        assert re.match(
            'the container of .* ended by itself: .*FATAL: .*"shared_buffers"', error.message
        )

    def test_a_server_behind_another_port(self, lonely_project, monkeypatch):
        monkeypatch.setitem(engine._SETTINGS, "port", "5433")
        monkeypatch.setattr(engine, "START_SECONDS", 4.0)
        error = self.error(lonely_project)
        assert re.match("the container of .* runs, but its server can't be reached", error.message)

    def test_another_major_than_wanted(self, container_project):
        wanted = "the image .* holds PostgreSQL 15, wanted was 18"
        with pytest.raises(ServerError, match=wanted):
            container_project().open(**{**specification(), "version": 18}).__enter__()

    def test_what_the_server_lacks(self, container_project):
        project = container_project()
        spec = project.spec(**specification())
        needs = Needs(frozenset({"postgis_x"}), icu=True)
        with container.container_server(spec, needs) as server:
            assert "the extension postgis_x is not on the server" in server.lacking

    def error(self, project, **more):
        with pytest.raises(ServerError) as caught:
            project.open(**{**specification(), **more}).__enter__()
        assert "Traceback" not in str(caught.value)
        assert containers(project) == []
        return caught.value


def test_the_images_of_majors_are_pinned():
    for major, image in container._IMAGES.items():
        assert re.fullmatch(rf"postgres:{major}\.\d+", image)
