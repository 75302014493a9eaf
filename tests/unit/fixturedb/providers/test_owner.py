from __future__ import annotations

import os
import stat

import pytest

from pytest_planguard.errors import ServerError
from pytest_planguard.fixturedb.providers.owner import Owner, can_reach, reachable

STRANGER = Owner(54321, 54321, "stranger")


@pytest.fixture
def open_folder(tmp_path):
    """A folder with closed ones above it, seen as if there were none."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.geteuid() and folder.name.startswith(("pytest-", "test_")):
            folder.chmod(folder.stat().st_mode | 0o011)
    if not can_reach(tmp_path / "x", STRANGER):
        pytest.skip("temporary folders are closed to other users")
    return tmp_path


def test_every_folder_on_the_way_must_let_him_through(open_folder):
    (open_folder / "a" / "b").mkdir(parents=True)
    assert can_reach(open_folder / "a" / "b" / "file", STRANGER)
    (open_folder / "a").chmod(0o700)
    assert not can_reach(open_folder / "a" / "b" / "file", STRANGER)
    assert can_reach(open_folder / "a" / "b" / "file", Owner(os.geteuid(), 1, "me"))


def test_group_and_owner_count_as_the_kernel_counts_them(open_folder):
    group = open_folder.stat().st_gid
    (open_folder / "a").mkdir()
    (open_folder / "a").chmod(0o710)
    assert can_reach(open_folder / "a" / "x", Owner(54321, group, "in the group"))
    (open_folder / "a").chmod(0o701)
    assert not can_reach(open_folder / "a" / "x", Owner(54321, group, "in the group"))


def test_what_is_not_there_yet_will_be_open(open_folder):
    assert can_reach(open_folder / "new" / "newer" / "file", STRANGER)


@pytest.fixture
def wheel(open_folder):
    """An installation as a wheel has it, with its libraries beside the package."""
    bindir = open_folder / "site" / "wheel" / "pginstall" / "bin"
    bindir.mkdir(parents=True)
    (bindir / "postgres").write_text("server")
    (bindir / "postgres").chmod(0o755)
    (bindir.parent / "lib").mkdir()
    (bindir.parent / "lib" / "libpq.so.5").write_text("library")
    (bindir.parent / "lib" / "libpq.so").symlink_to("libpq.so.5")
    (open_folder / "site" / "wheel.libs").mkdir()
    (open_folder / "site" / "wheel.libs" / "libz.so").write_text("library")
    return bindir


def test_binaries_that_can_be_reached_are_used_where_they_are(wheel, open_folder):
    assert reachable(wheel, "18.1", open_folder / "cache", STRANGER) == wheel
    assert reachable(wheel, "18.1", open_folder / "cache", None) == wheel


@pytest.mark.parametrize("closed", ["..", ".", "postgres"])
def test_others_are_copied_with_their_libraries(wheel, open_folder, closed):
    cache = open_folder / "cache"
    cache.mkdir()
    (wheel / closed).resolve().chmod(0o700)
    copy = reachable(wheel, "18.1", cache, STRANGER)
    assert copy.is_relative_to(cache)
    assert can_reach(copy / "postgres", STRANGER)
    assert stat.S_IMODE((copy / "postgres").stat().st_mode) == 0o755
    assert (copy / "../../../wheel.libs/libz.so").resolve().read_text() == "library"
    assert (copy.parent / "lib" / "libpq.so").is_symlink()
    assert reachable(wheel, "18.1", cache, STRANGER) == copy
    assert reachable(wheel, "18.2", cache, STRANGER) != copy
    assert stat.S_IMODE((wheel / closed).resolve().stat().st_mode) == 0o700  # nothing is opened


def test_half_a_copy_is_never_used(wheel, open_folder):
    cache = open_folder / "cache"
    cache.mkdir()
    wheel.chmod(0o700)
    copy = reachable(wheel, "18.1", cache, STRANGER)
    draft = copy.parents[2].rename(copy.parents[2].with_name(f"{copy.parents[2].name}.draft"))
    (draft / "wheel" / "pginstall" / "bin" / "postgres").unlink()
    again = reachable(wheel, "18.1", cache, STRANGER)
    assert again == copy
    assert (again / "postgres").exists()


def test_no_room_for_a_copy_is_one_clear_error(wheel, open_folder):
    wheel.chmod(0o700)
    (open_folder / "cache").write_text("")
    with pytest.raises(ServerError, match="can't be read by stranger, nor copied to") as caught:
        reachable(wheel, "18.1", open_folder / "cache", STRANGER)
    assert "make it readable" in caught.value.hint
