"""Files that are replaced as a whole."""

from __future__ import annotations

import os
import stat
import threading

import pytest

from pytest_planguard.whole import replace_file


def test_a_file_is_replaced_and_folders_are_made(tmp_path):
    file = tmp_path / "a" / "b" / "report.json"
    replace_file(file, b"one")
    replace_file(file, b"two")
    assert file.read_bytes() == b"two"
    assert [path.name for path in file.parent.iterdir()] == ["report.json"]


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "real.json").write_bytes(b"one")
    link = tmp_path / "link.json"
    link.symlink_to(tmp_path / "there" / "real.json")
    replace_file(link, b"two")
    assert link.is_symlink()
    assert (tmp_path / "there" / "real.json").read_bytes() == b"two"


def test_what_is_no_file_is_written_to_and_stays(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    heard: list[bytes] = []
    reader = threading.Thread(target=lambda: heard.append(pipe.read_bytes()))
    reader.start()
    replace_file(pipe, b"said")
    reader.join()
    assert heard == [b"said"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_nothing_is_left_beside_a_file_that_cannot_be_replaced(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match="exists"):
        replace_file(tmp_path / "file" / "report.json", b"one")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="directory"):
        replace_file(tmp_path / "folder", b"one")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]
