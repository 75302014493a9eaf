from __future__ import annotations

import pytest

from fix_suite import Suite

KILLS = """
import os
import app

def test_kills(connection):
    app.find(connection, 3)
    if os.environ.get("PYTEST_XDIST_WORKER"):
        os._exit(3)
    raise KeyboardInterrupt
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ("-k", "one"),
        ("-m", "not slow"),
        ("test_app.py::test_one",),
        ("test_app.py",),
        ("--deselect", "test_app.py::test_one"),
        ("--ignore", "test_other.py"),
    ],
)
def test_a_part_of_the_suite_is_partial(suite: Suite, arguments: tuple[str, ...]) -> None:
    suite.write(test_other="def test_other(): pass\n")
    suite.run("--planguard", *arguments)
    assert suite.captured.partial
    assert not suite.captured.interrupted


@pytest.mark.parametrize("arguments", [(), (".",)])
def test_the_whole_root_is_complete(suite: Suite, arguments: tuple[str, ...]) -> None:
    suite.run("--planguard", *arguments)
    assert suite.captured.complete


def test_paths_that_cover_the_test_paths_are_complete(suite: Suite) -> None:
    for name in ("a", "b"):
        suite.pytester.mkdir(name).joinpath(f"test_{name}.py").write_text("def test(): pass\n")
    suite.pytester.makeini("[pytest]\ntestpaths = a b\n")
    for arguments, partial in (((), False), (("a", "b"), False), (("a",), True)):
        suite.run("--planguard", *arguments)
        assert suite.captured.partial is partial


def test_deselected_tests_are_collected_but_not_finished(suite: Suite) -> None:
    suite.run("--planguard", "-k", "one")
    assert len(suite.captured.collected) == 2
    assert suite.captured.finished == ("test_app.py::test_one",)


def test_stopping_at_the_first_failure_is_an_interruption(suite: Suite) -> None:
    suite.write(test_aaa="def test_fails(): assert False\n")
    result = suite.run("--planguard", "-x")
    assert result.ret in {1, 2}  # xdist's own status is 2
    result.stdout.no_fnmatch_line("*planguard error*")
    assert "stopping after 1 failures" in suite.captured.interrupted
    assert suite.judged.interrupted


def test_a_collection_error_is_an_interruption(suite: Suite) -> None:
    suite.write(test_broken="import nothing_like_it\n")
    suite.run("--planguard")
    wanted = "1 error during collection" if suite.mode == "alone" else "test_broken.py could not"
    assert wanted in suite.captured.interrupted


def test_a_crash_keeps_what_finished_tests_sent(suite: Suite) -> None:
    suite.write(test_zzz=KILLS)
    result = suite.run(
        "--planguard", *(["--max-worker-restart=0"] if suite.mode != "alone" else [])
    )
    assert result.ret != 0
    captured = suite.captured
    assert captured.interrupted
    assert "test_zzz.py::test_kills" not in captured.finished
    if suite.mode == "alone":
        assert len(captured.finished) == 2
        result.stdout.fnmatch_lines(["*nothing was planned: interrupted from the keyboard"])


def test_a_skipped_test_has_finished(suite: Suite) -> None:
    suite.write(test_skip="import pytest\n\ndef test_skip(): pytest.skip()\n")
    suite.run("--planguard")
    assert suite.captured.complete
    assert "test_skip.py::test_skip" in suite.captured.finished
