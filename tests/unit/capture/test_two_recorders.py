"""A run within a run: two recorders wait for the same driver, and both hear it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_planguard.model.capture import Capture

CaptureOf = Callable[..., Capture]


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
def test_a_second_recorder_hears_a_driver_imported_later(
    capture_of: CaptureOf, driver: str
) -> None:
    pytest.importorskip(driver)
    app = f"""
    import sys
    from pathlib import Path
    from pytest_planguard.capture.files import Files
    from pytest_planguard.capture.listening import listen
    from pytest_planguard.capture.origin import OriginFinder
    from pytest_planguard.capture.recorder import Recorder
    from pytest_planguard.model.statement import Phase

    def main(url):
        other = Recorder(OriginFinder(Files(Path.cwd())))
        other.enter("test_inner.py::test_inner", Phase.CALL)
        second = listen(other)
        assert "{driver}" not in sys.modules
        import {driver} as driver
        connection = driver.connect(url)
        connection.cursor().execute("SELECT 'both'")
        second.stop()
        assert [item.text for item in other.take().statements] == ["SELECT 'both'"]
        connection.cursor().execute("SELECT 'outer'")
        connection.close()
        assert other.take().statements == ()
    """
    capture = capture_of(app)
    assert [item.text for item in capture.statements] == ["SELECT 'both'", "SELECT 'outer'"]
    assert capture.notes == ()
