from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

import pytest

from fix_folders import closed
from pytest_planguard.errors import ServerError
from pytest_planguard.fixturedb.providers.binaries import Installation
from pytest_planguard.fixturedb.providers.places import cache_of, make_folder, places_for
from pytest_planguard.model.spec import DatabaseSpec


class Known(Installation):
    version = "18.1"  # type: ignore[assignment]


INSTALLATION = Known(Path("/opt/pg/bin"), "a test's")


@pytest.fixture
def project(monkeypatch):
    """A short folder that everybody can pass through."""
    monkeypatch.delenv("PLANGUARD_CACHE_DIR", raising=False)
    with tempfile.TemporaryDirectory(prefix="pgp-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def test_the_same_project_has_the_same_places_each_time(project):
    spec = DatabaseSpec(root=project)
    assert places_for(spec, INSTALLATION) == places_for(spec, INSTALLATION)


def test_another_installation_has_a_server_of_its_own(project):
    spec = DatabaseSpec(root=project)
    other = Known(Path("/opt/other/bin"), "a test's")
    first, second = places_for(spec, INSTALLATION), places_for(spec, other)
    assert first.root != second.root
    assert first.root.parent == second.root.parent == cache_of(spec)


def test_a_project_by_another_path_is_the_same_one(project):
    (project / "real").mkdir()
    (project / "link").symlink_to("real")
    found = [places_for(DatabaseSpec(root=project / n), INSTALLATION) for n in ("real", "link")]
    assert found[0] == found[1]


def test_the_cache_ignores_itself_and_is_nobody_elses(project):
    places = places_for(DatabaseSpec(root=project), INSTALLATION)
    assert (project / ".planguard" / ".gitignore").read_text() == "*\n"
    assert stat.S_IMODE(places.cluster.stat().st_mode) == 0o700
    assert places.root.stat().st_uid == os.geteuid()
    if places.owner is not None:
        assert places.cluster.stat().st_uid == places.owner.uid


def test_the_socket_has_a_folder_with_a_short_name(project, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(project))
    short = places_for(DatabaseSpec(root=project), INSTALLATION).socket
    assert short.parent == project.resolve()
    assert not short.exists()  # the server is not started yet
    monkeypatch.setattr(tempfile, "tempdir", str(project / ("x" * 90)))
    long = places_for(DatabaseSpec(root=project), INSTALLATION).socket
    assert long == Path("/tmp") / short.name


def test_a_configured_cache_is_used(project, monkeypatch):
    monkeypatch.setenv("PLANGUARD_CACHE_DIR", str(project / "elsewhere"))
    spec = DatabaseSpec(root=project / "project")
    assert places_for(spec, INSTALLATION).root.is_relative_to(project / "elsewhere")
    assert not (project / "project").exists()


def test_a_folder_that_cannot_be_written_is_one_clear_error():
    with closed() as folder, pytest.raises(ServerError, match="can't be made: Permission") as e:
        make_folder(folder / "servers", 0o700)
    assert "PLANGUARD_CACHE_DIR" in e.value.hint


def test_a_file_in_its_place_is_one_clear_error(project):
    (project / "servers").write_text("")
    with pytest.raises(ServerError, match="servers is there, but no folder") as caught:
        make_folder(project / "servers", 0o700)
    assert "remove it" in caught.value.hint
    with pytest.raises(ServerError, match="servers/more can't be made"):
        make_folder(project / "servers" / "more", 0o700)


def test_a_link_in_its_place_is_not_followed(project):
    (project / "mine").mkdir()
    (project / "servers").symlink_to("mine")
    with pytest.raises(ServerError, match="no folder, not one of ours"):
        make_folder(project / "servers", 0o700)


def test_a_folder_that_has_become_too_open_is_closed(project):
    (project / "servers").mkdir()
    (project / "servers").chmod(0o777)
    make_folder(project / "servers", 0o700)
    assert stat.S_IMODE((project / "servers").stat().st_mode) == 0o700


@pytest.mark.parametrize(("mode", "above"), [(0o711, 0o755), (0o700, 0o700)])
def test_the_umask_changes_nothing(project, mode, above):
    before = os.umask(0o277)
    try:
        make_folder(project / "a" / "b", mode)
    finally:
        os.umask(before)
    assert stat.S_IMODE((project / "a").stat().st_mode) == above
    assert stat.S_IMODE((project / "a" / "b").stat().st_mode) == mode
