from __future__ import annotations

import pytest

import fix_folders
import fix_reports
from pytest_planguard.errors import ConfigurationError
from pytest_planguard.report.write import NotWrittenError, parse_destinations, write


def test_without_a_path_term_goes_to_output_and_the_others_to_files(tmp_path):
    text = write(fix_reports.empty(), ["term", "json", "markdown"], tmp_path)
    assert text.startswith("planguard: passed")
    names = {file.name for file in (tmp_path / ".planguard").iterdir()}
    assert names == {".gitignore", "report.json", "report.md"}
    assert (tmp_path / ".planguard/.gitignore").read_text() == "*\n"


def test_a_path_is_taken_from_the_root_and_folders_are_made(tmp_path):
    assert write(fix_reports.empty(), ["term:out/a.txt"], tmp_path) == ""
    assert (tmp_path / "out/a.txt").read_text(encoding="utf-8").startswith("planguard: passed")


def test_a_dash_is_standard_output(tmp_path):
    assert write(fix_reports.empty(), ["json:-"], tmp_path).startswith("{")


def test_all_wrong_destinations_are_told_at_once_and_nothing_is_written(tmp_path):
    with pytest.raises(ConfigurationError) as caught:
        write(fix_reports.empty(), ["jsn", "markdown:", "json"], tmp_path)
    assert 'unknown report "jsn"; did you mean "json"?' in caught.value.message
    assert 'report "markdown:" has no path' in caught.value.message
    assert list(tmp_path.iterdir()) == []


def test_one_destination_given_twice_is_written_once(tmp_path):
    assert len(parse_destinations(["term", "term"], tmp_path)) == 1


def test_a_file_that_cannot_be_written_is_one_error_and_the_rest_is_written(tmp_path):
    (tmp_path / "blocked").write_text("a file where a folder should be")
    with pytest.raises(NotWrittenError) as caught:
        write(fix_reports.empty(), ["json:blocked/a.json", "markdown:b.md", "term"], tmp_path)
    assert "blocked/a.json cannot be written" in caught.value.message
    assert caught.value.text.startswith("planguard: passed")
    assert (tmp_path / "b.md").is_file()


def test_a_read_only_folder_is_the_same_error():
    with fix_folders.closed() as folder, pytest.raises(NotWrittenError, match="cannot be written"):
        write(fix_reports.empty(), ["json:a.json"], folder)


def test_a_caller_with_a_section_of_its_own_gets_no_title_and_files_keep_it(tmp_path):
    text = write(fix_reports.mixed(), ["term", "term:a.txt"], tmp_path, title=False)
    assert text.startswith("failed: 2 errors")
    assert " planguard =" in (tmp_path / "a.txt").read_text(encoding="utf-8").splitlines()[0]
