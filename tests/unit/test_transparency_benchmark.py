"""What a run of a driver's own suite has to have captured to prove anything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_planguard.capture import file
from pytest_planguard.capture.recorder import switched_off
from pytest_planguard.model.capture import Capture
from pytest_planguard.model.statement import Session, Statement

SENT = Statement("SELECT 1", (), Session("shop", "psycopg"))


@pytest.fixture(autouse=True)
def _benchmarks_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))


@pytest.mark.parametrize(
    ("capture", "reason"),
    [
        (Capture((SENT,), notes=("something else",)), ""),
        (Capture(()), "nothing was captured: the capture has no statements"),
        (
            Capture((SENT,), notes=(switched_off("psycopg", NameError("odd")),)),
            "capture was switched off: psycopg: NameError: odd",
        ),
    ],
)
def test_a_capture_that_is_empty_or_was_switched_off_proves_nothing(
    tmp_path: Path, capture: Capture, reason: str
) -> None:
    from transparency import unheard

    file.write(capture, tmp_path / "capture.json.gz")
    assert unheard(tmp_path / "capture.json.gz") == reason


def heard_in(folder: Path, statements: dict[str, tuple[Statement, ...]]) -> Callable[..., object]:
    """Runs one test a part; the second way captures these statements of it."""

    def run(way: str, part: str) -> dict[str, str]:
        if way == "with":
            file.write(Capture(statements[part]), folder / "capture.json.gz")
        return {f"{part}::test": "passed"}

    return run


def test_a_file_without_statements_is_no_matter_where_others_have_some(tmp_path: Path) -> None:
    from transparency import in_both_ways

    run = heard_in(tmp_path, {"a.py": (), "b.py": (SENT,)})
    found = in_both_ways(run, ["a.py", "b.py"], tmp_path / "capture.json.gz")
    both = {"a.py::test": "passed", "b.py::test": "passed"}
    assert found == {"without": both, "with": both}
    with pytest.raises(SystemExit, match="no statements"):
        in_both_ways(run, ["a.py"], tmp_path / "capture.json.gz")


@pytest.mark.parametrize(
    ("classes", "node"),
    [
        ("tests.test_a", "tests/test_a.py::test_b[c.d]"),
        ("tests.test_a.Outer.Inner", "tests/test_a.py::Outer::Inner::test_b[c.d]"),
    ],
)
def test_what_differs_is_run_again_by_its_own_name(tmp_path: Path, classes: str, node: str) -> None:
    from transparency import read_outcomes

    result = tmp_path / "result.xml"
    result.write_text(
        f'<testsuite><testcase file="tests/test_a.py" classname="{classes}" name="test_b[c.d]"/>'
        "</testsuite>"
    )
    assert dict(read_outcomes(result)) == {node: "passed"}


def test_a_run_without_a_capture_proves_nothing(tmp_path: Path) -> None:
    from transparency import unheard

    assert unheard(tmp_path / "capture.json.gz").startswith("nothing was captured: ")
