"""Several runs on one embedded server, and runs and servers that are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from pytest_planguard.errors import ServerError
from pytest_planguard.fixturedb import status
from pytest_planguard.fixturedb.providers import embedded, watchdog
from pytest_planguard.fixturedb.providers.locks import FileLock

psycopg = pytest.importorskip("psycopg")

RANDOM = """
import random, time
chance = random.Random(int(sys.argv[1]))
for _ in range(3):
    with opened() as server:
        name = f"planguard_run_{server.run_token}_1"
        server.create_database(name)
        time.sleep(chance.random() / 20)
        assert name in server.databases()
        print(postmaster(server))
    time.sleep(chance.random() / 20)
"""

HOLD = """
with opened() as server:
    server.create_database(f"planguard_run_{server.run_token}_1")
    server.create_database(f"planguard_tests_{server.run_token}_gw0")
    print(server.run_token, flush=True)
    sys.stdin.readline()
"""


def run_all(project, script, count):
    """What each of so many runs at once printed, in lines."""
    with ExitStack() as stack:
        runs = [stack.enter_context(project.run(script, str(n))) for n in range(count)]
        ended = [run.communicate(timeout=60) for run in runs]
    assert [error for _, error in ended] == [""] * count
    assert [run.returncode for run in runs] == [0] * count
    return [out.split() for out, _ in ended]


def hold(project, stack):
    """A run that holds the server until it is told to end; its token."""
    run = stack.enter_context(project.run(HOLD))
    token = run.stdout.readline().strip()
    assert token, run.communicate()
    return run, token


def test_all_runs_see_the_same_server(project):
    with project.open() as server:
        pid = str(project.postmaster())
        assert run_all(project, RANDOM, 6) == [[pid] * 3] * 6
        assert server.databases() == []


def test_runs_that_come_and_go_start_and_stop_it_without_an_error(project):
    run_all(project, RANDOM, 6)
    assert project.eventually(project.is_clean)
    assert list(project.server_root.glob("run-*")) == []


def test_runs_at_once_make_one_cluster(make_project):
    project = make_project(seeded=False)
    run_all(project, "with opened() as server: print(server.version)", 3)
    assert sorted(path.name for path in (project.server_root / "cluster").iterdir()) == ["data"]


def test_the_last_one_stops_it(project):
    with ExitStack() as stack:
        run, _ = hold(project, stack)
        with project.open():
            pass
        assert project.postmaster()
        run.communicate("\n", timeout=30)
        assert project.postmaster() == 0


def test_a_run_that_is_killed_leaves_no_server(project):
    with ExitStack() as stack:
        run, _ = hold(project, stack)
        run.kill()
        run.wait()
        assert project.eventually(project.is_clean)


def test_the_databases_of_a_killed_run_are_dropped_by_the_next(project):
    with ExitStack() as stack:
        killed, token = hold(project, stack)
        living, other = hold(project, stack)
        killed.kill()
        killed.wait()
        with project.open() as server:
            server.create_database("planguard_template_ab")
            names = server.databases()
        assert [name for name in names if token in name] == []
        assert f"planguard_run_{other}_1" in names
        living.communicate("\n", timeout=30)
    with project.open() as server:
        assert server.databases() == ["planguard_template_ab"]


def test_a_watchdog_that_is_killed_is_not_missed(project):
    with project.open():
        found = [int(pid.name) for pid in Path("/proc").glob("[0-9]*") if is_watchdog(pid, project)]
        assert len(found) == 1
        os.kill(found[0], signal.SIGKILL)
    assert project.postmaster() == 0


def is_watchdog(pid, project):
    try:
        words = (pid / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return watchdog.__file__.encode() in words and str(project.server_root).encode() in words


@pytest.mark.parametrize("major", [18, 16, 15])
def test_after_a_server_was_killed_the_next_run_starts_another(make_project, major):
    project = make_project(major)
    with ExitStack() as stack:
        run, token = hold(project, stack)
        killed = project.postmaster()
        os.kill(killed, signal.SIGKILL)
        with project.open() as server:
            assert project.postmaster() not in {0, killed}
            assert f"planguard_run_{token}_1" in server.databases()  # its run lives
            assert server.lacking == ()
        run.communicate("\n", timeout=30)
    with project.open() as server:
        assert server.databases() == []


def test_a_run_whose_server_was_killed_ends_with_one_clear_error(project):
    with project.open() as server:
        os.kill(project.postmaster(), signal.SIGKILL)
        project.eventually(lambda: not embedded.is_running(project.server_root))
        with pytest.raises(ServerError, match="the server can't be reached") as caught:
            server.create_database("planguard_x")
    assert "server.log" in caught.value.hint
    with project.open() as server:  # which frees the dead one's shared memory too
        assert server.lacking == ()


@pytest.mark.parametrize("major", [18, 16, 15])
def test_a_number_in_an_old_pid_file_is_not_believed(make_project, major):
    project = make_project(major)
    with subprocess.Popen(["sleep", "60"]) as unrelated:
        stale = f"{unrelated.pid}\n{project.data}\n1\n5432\n{project.temporary}/planguard-x\n"
        (project.data / "postmaster.pid").write_text(f"{stale}\n\nready   \n")
        assert not embedded.is_running(project.server_root)
        assert project.postmaster() == 0
        with project.open() as server:
            sockets = server.url("postgres").partition("host=")[2]
            assert "planguard-x" not in sockets
        # and with the lock held, as between the death of a postmaster and its children's
        with project.open():
            own = (project.data / "postmaster.pid").read_text()
            (project.data / "postmaster.pid").write_text(f"{stale}\n\nready   \n")
            assert project.postmaster() == 0
            (project.data / "postmaster.pid").write_text(own)
        assert unrelated.poll() is None
        unrelated.kill()


def test_a_socket_lock_of_another_process_does_not_keep_it_from_starting(project):
    with project.open():
        sockets = next(project.temporary.iterdir())
        lock = (sockets / ".s.PGSQL.5432.lock").read_text()
        os.kill(project.postmaster(), signal.SIGKILL)
        project.eventually(lambda: not embedded.is_running(project.server_root))
        (sockets / ".s.PGSQL.5432.lock").write_text(f"{os.getppid()}\n{lock.partition(chr(10))[2]}")
        with project.open() as server:
            assert server.databases() == []


def test_a_server_whose_socket_was_swept_away_is_replaced(project):
    with project.open():
        (next(project.temporary.iterdir()) / ".s.PGSQL.5432").unlink()
        with project.open() as server:
            assert server.databases() == []


def test_a_forked_child_that_unwinds_leaves_the_server_alone(project):
    with ExitStack() as stack:
        server = stack.enter_context(project.open())
        child = os.fork()
        if not child:
            try:
                stack.close()
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        assert server.databases() == []
        with project.open() as other:  # it is known to live
            assert other.run_token != server.run_token


class TestKept:
    def test_it_runs_on_until_it_is_removed(self, project):
        with project.open() as server:
            embedded.keep(project.server_root)
            server.create_database(f"planguard_run_{server.run_token}_1")
        kept = project.postmaster()
        assert kept
        with project.open() as server:
            assert project.postmaster() == kept
            assert server.databases() == []
        assert [one.kind for one in status.status(project.spec())] == ["running"]
        status.stop(project.spec())
        assert status.status(project.spec()) == []
        assert project.eventually(project.is_clean)


class TestDown:
    def test_it_is_refused_while_a_run_uses_the_server(self, project):
        with ExitStack() as stack:
            run, _ = hold(project, stack)
            embedded.keep(project.server_root)
            with pytest.raises(ServerError, match="in use by another run"):
                status.stop(project.spec())
            assert (project.server_root / "keep").exists()  # nothing was changed
            with project.open() as server:
                server.databases()
            run.communicate("\n", timeout=30)
        status.stop(project.spec())
        assert not (project.root / ".planguard" / "servers").exists()

    def test_a_run_that_waited_for_it_makes_a_new_server(self, project):
        root = project.server_root
        users = FileLock(root / "users.lock")
        assert users.try_acquire(exclusive=True)
        with project.run("with opened() as server: print(server.lacking)") as run:
            waiting = Path(f"/proc/{run.pid}/fd")
            assert project.eventually(lambda: holds(waiting, root / "users.lock"))
            for path in sorted(root.rglob("*"), reverse=True):
                path.rmdir() if path.is_dir() else path.unlink()
            root.rmdir()
            users.close()
            out, error = run.communicate(timeout=60)
        assert (out, error) == ("()\n", "")

    def test_nothing_is_there_to_remove_in_a_new_project(self, make_project):
        spec = make_project(seeded=False).spec()
        status.stop(spec)
        assert status.status(spec) == []


def holds(folder, path):
    try:
        return any(file.readlink() == path for file in folder.iterdir())
    except OSError:
        return False


def test_status_tells_what_is_on_disk(project):
    (stopped,) = status.status(project.spec())
    assert (stopped.kind, stopped.source) == ("stopped", str(project.server_root))
    with project.open() as server:
        with server.connect() as connection:
            connection.execute("CREATE TABLE large AS SELECT 1")
            path = connection.execute("SELECT pg_relation_filepath('large')").fetchone()[0]
        os.truncate(project.data / path, 500_000_000)
        (running,) = status.status(project.spec())
        os.truncate(project.data / path, 8192)
    assert running.kind == "running"
    assert running.bytes_apparent - running.bytes_on_disk > 400_000_000
    assert 10_000_000 < running.bytes_on_disk < 60_000_000


def test_interrupting_the_start_leaves_nothing(make_project):
    for wait in (0.05, 0.3, 0.5):
        project = make_project(seeded=False)
        with project.run(HOLD, start_new_session=True) as run:
            assert project.eventually(lambda p=project: (p.root / ".planguard").exists())
            time.sleep(wait)
            os.killpg(run.pid, signal.SIGINT)  # as a terminal sends it
            _, error = run.communicate(timeout=60)
        assert "KeyboardInterrupt" in error
        assert project.eventually(project.is_clean), project.processes()
        assert not (project.server_root / "cluster" / "new").exists()
