import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_planguard.errors import ScaleError
from pytest_planguard.fixturedb.inflate.direct import inflate_directly
from pytest_planguard.fixturedb.inflate.files import (
    SEGMENT_PAGES,
    RelationFile,
    segments,
)
from pytest_planguard.fixturedb.inflate.first_pages import BtreeTop
from pytest_planguard.fixturedb.inflate.shell import script_lines


def made(tmp_path, pages, size=0):
    folder = tmp_path / "base" / "5"
    folder.mkdir(parents=True, exist_ok=True)
    first = folder / "100"
    first.write_bytes(bytes(size))
    first.chmod(0o600)
    inflate_directly(tmp_path, [RelationFile("public.t", "base/5/100", pages)], checksums=False)
    return {path.name: path.stat() for path in folder.iterdir()}


def sizes_in(tmp_path):
    return {path.name: path.stat().st_size for path in (tmp_path / "base" / "5").iterdir()}


@pytest.mark.parametrize(
    ("pages", "sizes"),
    [
        (1, [1]),
        (SEGMENT_PAGES - 1, [SEGMENT_PAGES - 1]),
        (SEGMENT_PAGES, [SEGMENT_PAGES]),
        (SEGMENT_PAGES + 1, [SEGMENT_PAGES, 1]),
        (2 * SEGMENT_PAGES, [SEGMENT_PAGES] * 2),
    ],
)
def test_every_segment_but_the_last_is_full(tmp_path, pages, sizes):
    found = made(tmp_path, pages)
    names = ["100", *(f"100.{number}" for number in range(1, len(sizes)))]
    assert [found[name].st_size for name in names] == [size * 8192 for size in sizes]
    assert len(found) == len(sizes)


def test_files_take_no_room_and_have_the_mode_and_owner_of_the_first(tmp_path):
    found = made(tmp_path, 3 * SEGMENT_PAGES)
    assert sum(facts.st_blocks * 512 for facts in found.values()) < 2**20
    assert {facts.st_mode & 0o777 for facts in found.values()} == {0o600}
    assert {facts.st_uid for facts in found.values()} == {os.geteuid()}


def test_full_segments_are_one_file_under_many_names(tmp_path):
    found = made(tmp_path, 4 * SEGMENT_PAGES + 1)
    assert [found[f"100.{n}"].st_nlink for n in (1, 2, 3, 4)] == [3, 3, 3, 1]
    assert found["100"].st_nlink == 1


def test_where_a_file_has_one_name_only_each_segment_is_a_file(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EMLINK, "too many links")

    monkeypatch.setattr(os, "link", refuse)
    found = made(tmp_path, 4 * SEGMENT_PAGES)
    assert {facts.st_nlink for facts in found.values()} == {1}
    assert {facts.st_size for facts in found.values()} == {SEGMENT_PAGES * 8192}


def test_a_file_is_never_cut(tmp_path):
    assert made(tmp_path, 1, size=4 * 8192)["100"].st_size == 4 * 8192


def test_a_file_system_that_stores_zeros_is_refused_before_any_file_grows(tmp_path, monkeypatch):
    real = os.truncate
    monkeypatch.setattr(os, "truncate", lambda path, size: Path(path).write_bytes(b"x" * size))
    with pytest.raises(ScaleError, match="no sparse files"):
        made(tmp_path, 1000)
    monkeypatch.setattr(os, "truncate", real)
    assert sizes_in(tmp_path) == {"100": 0}


def test_a_folder_with_too_few_inodes_is_refused_before_any_file_grows(tmp_path, monkeypatch):
    few = os.statvfs_result((4096, 4096, 10**6, 10**6, 10**6, 10**6, 1005, 1005, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda _: few)
    with pytest.raises(
        ScaleError, match="needs 6 more files of up to 1 GiB and has room for 1,005"
    ):
        made(tmp_path, 7 * SEGMENT_PAGES)
    assert sizes_in(tmp_path) == {"100": 0}


def test_a_full_disk_is_refused_before_any_file_grows(tmp_path, monkeypatch):
    full = os.statvfs_result((4096, 4096, 10**6, 0, 0, 10**6, 10**6, 10**6, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda _: full)
    with pytest.raises(ScaleError, match=r"needs 16,[\d,]+ bytes free for 1 relations, and 0 are"):
        made(tmp_path, 7)
    assert sizes_in(tmp_path) == {"100": 0}


def test_what_fails_in_the_middle_is_cut_back(tmp_path, monkeypatch):
    real = os.ftruncate

    left = [1, 1]

    def full_after_two(descriptor, size):
        if not left:
            raise OSError(errno.ENOSPC, "No space left on device")
        left.pop()
        real(descriptor, size)

    monkeypatch.setattr(os, "ftruncate", full_after_two)
    with pytest.raises(ScaleError, match=r"cannot be extended: .*No space left"):
        made(tmp_path, 5 * SEGMENT_PAGES + 1, size=8192)
    assert sizes_in(tmp_path) == {"100": 8192}


_LIMITED = """
import resource, sys
from pathlib import Path
from pytest_planguard.errors import ScaleError
from pytest_planguard.fixturedb.inflate.direct import inflate_directly
from pytest_planguard.fixturedb.inflate.files import RelationFile
resource.setrlimit(resource.RLIMIT_FSIZE, (2**24, 2**24))
try:
    inflate_directly(Path(sys.argv[1]), [RelationFile("public.t", "base/5/100", 10_000)],
                     checksums=False)
except ScaleError as error:
    print(error)
"""


def test_a_limit_on_the_size_of_files_is_an_error_that_names_it(tmp_path):
    made(tmp_path, 1)
    ran = subprocess.run(
        [sys.executable, "-c", _LIMITED, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert "File too large" in ran.stdout
    assert "ulimit -f" in ran.stdout
    assert sizes_in(tmp_path) == {"100": 8192}


def test_three_hundred_gigabytes_are_three_hundred_files_that_take_no_room(tmp_path):
    found = made(tmp_path, 300 * SEGMENT_PAGES)
    assert len(found) == 300
    assert {facts.st_size for facts in found.values()} == {2**30}
    assert sum(facts.st_blocks for facts in found.values()) * 512 < 2**22


def test_an_unlogged_table_has_nothing_a_crashed_server_would_begin_anew_with(tmp_path):
    made(tmp_path, 1)
    fork = tmp_path / "base" / "5" / "100_init"
    fork.touch()
    file = RelationFile("public.t", "base/5/100", 2, unlogged=True)
    inflate_directly(tmp_path, [file], checksums=False)
    assert sizes_in(tmp_path) == {"100": 16384}


def test_a_file_that_is_not_there_is_an_error_with_a_way_out(tmp_path):
    with pytest.raises(ScaleError, match="cannot be extended") as caught:
        inflate_directly(tmp_path, [RelationFile("public.t", "base/1/2", 5)], checksums=False)
    assert "superuser" in caught.value.hint


def test_the_copy_has_the_same_names_in_another_folder():
    inside = RelationFile("public.t", "base/16384/2619", 5).in_database(99)
    assert inside.path == "base/99/2619"
    outside = RelationFile("public.t", "pg_tblspc/7/PG_18_202506291/16384/2619", 5)
    assert outside.in_database(99).path == "pg_tblspc/7/PG_18_202506291/99/2619"


def test_the_script_sends_equal_trees_once_and_truncates_by_size():
    files = [RelationFile(f"public.t{n}", f"base/5/{n}", 200, BtreeTop(1)) for n in range(3)]
    trees = {file.path: b"tree" for file in files}
    lines = list(script_lines(files, dict.fromkeys(trees, 8192), trees))
    assert sum(line.startswith("base64") for line in lines) == 1
    assert "truncate -s 1638400 base/5/0 base/5/1 base/5/2" in lines
    assert lines[0] == "set -e"


def test_segments_of_a_terabyte_are_a_thousand():
    file = RelationFile("public.t", "base/5/1", SEGMENT_PAGES * 1024)
    assert len(list(segments(file))) == 1024
