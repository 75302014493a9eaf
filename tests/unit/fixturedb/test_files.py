import os

import pytest

from pytest_planguard.errors import ScaleError
from pytest_planguard.fixturedb.inflate import files as module
from pytest_planguard.fixturedb.inflate.files import (
    SEGMENT_PAGES,
    RelationFile,
    inflate_directly,
    segments,
)
from pytest_planguard.fixturedb.inflate.shell import script_lines


def made(tmp_path, pages, size=0):
    folder = tmp_path / "base" / "5"
    folder.mkdir(parents=True, exist_ok=True)
    first = folder / "100"
    first.write_bytes(bytes(size))
    first.chmod(0o600)
    inflate_directly(tmp_path, [RelationFile("public.t", "base/5/100", pages)], checksums=False)
    return {path.name: path.stat() for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("pages", "sizes"),
    [
        (1, [1]),
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


def test_a_file_is_never_cut(tmp_path):
    assert made(tmp_path, 1, size=4 * 8192)["100"].st_size == 4 * 8192


def test_a_file_system_that_stores_zeros_is_refused_and_the_file_cut_back(tmp_path, monkeypatch):
    def stored_whole(path):
        os.truncate(path, 0)
        raise module.not_sparse(str(path), 10, 10)

    monkeypatch.setattr(module, "_refuse_if_stored_whole", stored_whole)
    with pytest.raises(ScaleError, match="no sparse files"):
        made(tmp_path, 1000)
    assert (tmp_path / "base" / "5" / "100").stat().st_size == 0


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
    files = [RelationFile(f"public.t{n}", f"base/5/{n}", 200, 1) for n in range(3)]
    trees = {file.path: b"tree" for file in files}
    lines = list(script_lines(files, dict.fromkeys(trees, 8192), trees))
    assert sum(line.startswith("base64") for line in lines) == 1
    assert "truncate -s 1638400 base/5/0 base/5/1 base/5/2" in lines
    assert lines[0] == "set -e"


def test_segments_of_a_terabyte_are_a_thousand():
    file = RelationFile("public.t", "base/5/1", SEGMENT_PAGES * 1024)
    assert len(list(segments(file))) == 1024
