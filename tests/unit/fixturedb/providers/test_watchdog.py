from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pytest_planguard.fixturedb.providers import watchdog
from pytest_planguard.fixturedb.providers.locks import FileLock


@pytest.fixture
def folder(tmp_path):
    """A server's folder, with a pid file and its socket's folder."""
    (tmp_path / "cluster" / "data").mkdir(parents=True)
    (tmp_path / "planguard-0-x").mkdir()
    (tmp_path / "planguard-0-x" / ".s.PGSQL.5432").touch()
    return tmp_path


def write(folder, pid, sockets="planguard-0-x"):
    text = f"{pid}\n{folder}/cluster/data\n1\n5432\n{folder / sockets}\n\n1 2\nready   \n"
    (folder / "cluster" / "data" / "postmaster.pid").write_text(text)


def sleeper(*words):
    command = [sys.executable, "-I", "-S", "-c", "print(flush=True); input()", *words]
    process = subprocess.Popen(command, stdin=-1, stdout=-1)
    assert process.stdout is not None
    process.stdout.readline()  # its command line can be read by now
    return process


def test_a_pid_file_without_the_lock_is_no_server(folder):
    write(folder, 1)
    assert not watchdog.is_running(str(folder))
    (folder / "server.lock").touch()
    assert not watchdog.is_running(str(folder))


def test_the_lock_is_a_server(folder):
    lock = FileLock(folder / "server.lock")
    assert lock.try_acquire(exclusive=True)
    assert watchdog.is_running(str(folder))
    lock.close()


def test_a_process_that_does_not_name_the_data_directory_is_not_the_postmaster(folder):
    with sleeper() as unrelated, sleeper(f"{folder}/cluster/data") as related:
        write(folder, unrelated.pid)
        assert watchdog.postmaster(str(folder)) == 0
        write(folder, related.pid)
        assert watchdog.postmaster(str(folder)) == related.pid
        for process in (unrelated, related):
            process.communicate(b"\n")
        write(folder, related.pid)
        assert watchdog.postmaster(str(folder)) == 0


@pytest.mark.parametrize("text", ["", "\n", "postgres\n", "12"])
def test_half_a_pid_file_is_none(folder, text):
    (folder / "cluster" / "data" / "postmaster.pid").write_text(text)
    assert watchdog.socket_folder(str(folder)) == ""
    assert text == "12" or watchdog.postmaster(str(folder)) == 0


def test_stopping_what_is_dead_signals_nobody_and_tidies_up(folder):
    with sleeper(f"{folder}/cluster/data") as related:
        write(folder, related.pid)
        assert watchdog.stop(str(folder))
        assert related.poll() is None
        related.communicate(b"\n")
    assert not (folder / "planguard-0-x").exists()


def test_only_folders_of_sockets_are_removed(folder):
    (folder / "other").mkdir()
    (folder / "other" / ".s.PGSQL.5432").touch()
    write(folder, 1, "other")
    (folder / "planguard-0-x" / "a file of somebody's").touch()
    assert watchdog.stop(str(folder), str(folder / "planguard-0-x"))
    assert (folder / "other" / ".s.PGSQL.5432").exists()
    assert [path.name for path in (folder / "planguard-0-x").iterdir()] == ["a file of somebody's"]


def test_a_server_that_ignores_a_friendly_signal_is_ended(folder, monkeypatch):
    monkeypatch.setattr(watchdog, "STOP_SECONDS", 0.1)
    ignoring = "[signal.signal(s, signal.SIG_IGN) for s in (2, 3)]"
    script = f"import signal; {ignoring}; print(flush=True); input()"
    command = [sys.executable, "-c", script, f"{folder}/cluster/data"]
    lock = FileLock(folder / "server.lock")
    assert lock.try_acquire(exclusive=True)
    with subprocess.Popen(command, stdin=-1, stdout=-1, pass_fds=[lock._file]) as server:
        assert server.stdout is not None
        server.stdout.readline()
        os.close(lock._file)  # the child holds it alone
        write(folder, server.pid)
        assert watchdog.stop(str(folder))
        assert server.wait() == -9


def test_one_that_cannot_be_found_is_given_up(folder, monkeypatch):
    monkeypatch.setattr(watchdog, "STOP_SECONDS", 0.02)
    lock = FileLock(folder / "server.lock")
    assert lock.try_acquire(exclusive=True)
    assert not watchdog.stop(str(folder))
    lock.close()
