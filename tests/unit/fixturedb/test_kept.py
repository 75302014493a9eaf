"""Sizes of what is kept, without a server."""

from __future__ import annotations

from pytest_planguard.fixturedb import kept
from pytest_planguard.fixturedb.inflate.files import RelationFile


def file(pages):
    return RelationFile("public.orders", "base/5/16384", pages)


def test_templates_add_up_until_they_are_gone(tmp_path):
    assert kept.bytes_at_scale(tmp_path) == 0
    kept.note(tmp_path, "one", [file(10), file(5)], {"one"})
    kept.note(tmp_path, "two", [file(1)], {"one", "two"})
    assert kept.bytes_at_scale(tmp_path) == 16 * 8192
    kept.note(tmp_path, "two", [file(2)], {"two"})
    assert kept.bytes_at_scale(tmp_path) == 2 * 8192
    assert [path.name for path in tmp_path.iterdir()] == ["at-scale.json"]


def test_a_file_that_cannot_be_read_or_written_is_no_error(tmp_path):
    (tmp_path / "at-scale.json").write_text("{")
    assert kept.bytes_at_scale(tmp_path) == 0
    kept.note(tmp_path / "nowhere", "one", [file(1)], {"one"})
    assert kept.bytes_at_scale(tmp_path / "nowhere") == 0
