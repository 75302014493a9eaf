"""Updates that are killed, or that meet another one: nothing is lost, nothing is half there."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

import fix_reports
from pytest_planguard.baseline import files
from pytest_planguard.baseline.accept import update
from pytest_planguard.baseline.locking import locked, shared
from pytest_planguard.errors import BaselineError
from pytest_planguard.model.plan import Planned
from pytest_planguard.model.report import Change, ChangeKind
from pytest_planguard.model.statement import Origin

MOVED, EDITED, GONE, NEW = "feed00000001", "feed00000002", "feed00000003", "feed00000004"
AFTER_EDIT = "feed0000000e"


class Killed(BaseException):
    """As SIGKILL: nobody handles it, and nothing is tidied up."""


def start(folder):
    parts = (
        fix_reports.missing_index(MOVED),
        fix_reports.function_on_column(EDITED),
        fix_reports.missing_index(GONE, function="oldest"),
    )
    update(folder, None, fix_reports.report(*parts))


def run(baseline):
    """A run that moved one query, edited one, lost one and sees a new one."""
    moved, _ = fix_reports.missing_index(MOVED)
    place = Origin("web/feed.py", 1, "latest")
    moved = as_seen(moved, MOVED, MOVED, place)
    old, _ = fix_reports.function_on_column(EDITED)
    before = EDITED if ("default", EDITED) in baseline.entries else AFTER_EDIT
    edited = as_seen(old, AFTER_EDIT, before, Origin("app/customers.py", 12, "by_email"))
    new, _ = fix_reports.missing_index(NEW, function="newest")
    gone = (Change(ChangeKind.GONE, GONE, "default"),)
    return msgspec.structs.replace(fix_reports.report(), queries=(moved, edited, new), gone=gone)


def as_seen(one, key, before, place):
    query = fix_reports.query(key, f"{one.query.sql} AND x", place)
    change = Change(
        ChangeKind.CHANGED, key, "default", renamed_from=before if before != key else ""
    )
    outcome = Planned((fix_reports.plan(cost=17.0),))
    return msgspec.structs.replace(one, query=query, change=change, outcome=outcome)


def trimmed(folder):
    baseline = files.read(folder)
    return update(folder, baseline, run(baseline), trim=True)


def contents(folder):
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


class Killer:
    """Lets so many changes of the file system through; a write it kills is half there."""

    def __init__(self, monkeypatch, left):
        self.left = left
        self.killed = False
        for name in ("write_bytes", "replace", "unlink", "rmdir", "mkdir"):
            monkeypatch.setattr(Path, name, self._watched(getattr(Path, name)))

    def _watched(self, real):
        def call(path, *arguments, **options):
            if self.left == 0:
                self.killed = True
                if real.__name__ == "write_bytes":
                    real(path, arguments[0][: len(arguments[0]) // 2])
                raise Killed
            self.left -= 1
            return real(path, *arguments, **options)

        return call


def test_an_update_killed_at_any_write_leaves_old_or_new_entries_and_the_next_one_ends_it(tmp_path):
    start(tmp_path / "whole")
    before = files.read(tmp_path / "whole").entries
    trimmed(tmp_path / "whole")
    after, wanted = files.read(tmp_path / "whole").entries, contents(tmp_path / "whole")
    allowed = [*before.values(), *after.values()]
    for number in range(1000):
        folder = tmp_path / str(number)
        start(folder)
        with pytest.MonkeyPatch.context() as patches:
            killer = Killer(patches, number)
            with suppress(Killed):
                trimmed(folder)
        if not killer.killed:
            break
        found = files.read(folder).entries
        assert all(one in allowed for one in found.values())
        assert {key for _, key in found} >= {MOVED}
        assert {EDITED, AFTER_EDIT} & {key for _, key in found}
        trimmed(folder)
        assert contents(folder) == wanted
    assert number > 10  # moves, writes, half-written files, folders that are empty now


def test_what_another_update_wrote_meanwhile_is_not_written_over(tmp_path):
    start(tmp_path)
    then = files.read(tmp_path)
    trimmed(tmp_path)
    now = contents(tmp_path)
    report, _ = fix_reports.missing_index(MOVED)
    other = as_seen(report, MOVED, MOVED, Origin("other.py", 1, "f"))
    late = msgspec.structs.replace(fix_reports.report(), queries=(other,))
    with pytest.raises(BaselineError, match=f"another update wrote {MOVED}") as caught:
        update(tmp_path, then, late)
    assert caught.value.hint == "nothing was written; run it again"
    assert contents(tmp_path) == now


def test_two_updates_that_write_the_same_agree(tmp_path):
    start(tmp_path)
    then = files.read(tmp_path)
    trimmed(tmp_path)
    now = contents(tmp_path)
    update(tmp_path, then, run(then), trim=True)
    assert contents(tmp_path) == now


def test_an_update_and_another_or_a_run_that_reads_wait_for_each_other(tmp_path):
    def is_free(kind):
        handle = os.open(tmp_path, os.O_RDONLY)  # its lock is its own, as another process's
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(handle)
        return True

    with locked(tmp_path):
        assert not is_free(fcntl.LOCK_EX)
        assert not is_free(fcntl.LOCK_SH)
    with shared(tmp_path):
        assert not is_free(fcntl.LOCK_EX)
        assert is_free(fcntl.LOCK_SH)
    assert is_free(fcntl.LOCK_EX)
