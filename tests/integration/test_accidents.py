"""A server that is killed and a run that is interrupted: results stay, nothing runs on."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from fix_small import Small, project, refused, small_folder

__all__ = ["project", "small_folder"]


@pytest.fixture
def own(project: Small) -> Iterator[Small]:
    """A project with servers of its own."""
    alone = Small(project.root, project.root / "cache")
    yield alone
    assert alone.command("db", "down").status == 0


def test_a_server_killed_while_planning_leaves_the_tests_results_and_an_incomplete_run(own):
    ran = own.pytest(
        "--planguard-report=json", "--planguard-update", ACCIDENT="planning:server killed"
    )
    refused(ran, 1, "2 passed, 2 planguard errors in", "the baseline is not updated")
    assert "while it was planning" in ran.out
    report = own.report()
    assert report["verdict"]["status"] == "incomplete"
    assert report["complete"] is False
    assert report["totals"]["queries"] == report["totals"]["unexplained"] == 2
    assert not (own.root / "planguard").exists()
    _is_as_new(own)


@pytest.mark.parametrize("when", ["building", "planning"])
def test_ctrl_c_leaves_nothing_behind(own, when):
    ran = own.pytest(ACCIDENT=f"{when}:ctrl-c")
    assert ran.status == 2
    assert "interrupted" in ran.out
    assert "2 passed" in ran.out
    assert "stopped" in own.command("db", "status").out
    _is_as_new(own)


def _is_as_new(project: Small) -> None:
    """The next run finds what there is to find, and leaves no server running."""
    ran = project.pytest("--planguard-report=json")
    assert ran.status == 0, ran.out
    assert [one["rule"] for one in project.report()["findings"]] == ["IDX001"]
    assert "running" not in project.command("db", "status").out
    mentioned = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert str(project.cache) not in mentioned.stdout
