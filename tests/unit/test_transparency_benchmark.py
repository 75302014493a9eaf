"""What a run of a driver's own suite has to have captured to prove anything."""

from __future__ import annotations

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


def test_a_run_without_a_capture_proves_nothing(tmp_path: Path) -> None:
    from transparency import unheard

    assert unheard(tmp_path / "capture.json.gz").startswith("nothing was captured: ")
