from __future__ import annotations

from pathlib import Path

import pytest

from pytest_planguard.plugin.selection import leaves_out


@pytest.mark.parametrize(
    ("arguments", "test_paths", "expected"),
    [
        (["."], [], False),
        ([".."], [], False),
        (["unit"], [], True),
        (["unit", "other"], ["unit", "other"], False),
        (["."], ["unit"], False),
        (["unit"], ["unit", "other"], True),
        (["unit/test_a.py"], ["unit"], True),
        (["unit::test_a"], ["unit"], True),
        (["unit"], ["un*"], False),
        (["unit"], ["nowhere"], True),
        (["nowhere"], [], True),
    ],
)
def test_paths_are_whole_where_they_cover_what_is_configured(
    tmp_path: Path, arguments: list[str], test_paths: list[str], expected: bool
) -> None:
    for name in ("unit", "other"):
        (tmp_path / name).mkdir()
    found = leaves_out(arguments, folder=tmp_path, root=tmp_path, test_paths=test_paths)
    assert found is expected


def test_arguments_start_at_the_folder_pytest_was_called_in(tmp_path: Path) -> None:
    (tmp_path / "unit").mkdir()
    assert not leaves_out([".."], folder=tmp_path / "unit", root=tmp_path, test_paths=[])
    assert leaves_out(["."], folder=tmp_path / "unit", root=tmp_path, test_paths=[])
