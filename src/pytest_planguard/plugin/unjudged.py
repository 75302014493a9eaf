"""A run that could not be judged: its report files say so, where an earlier run's would be read."""

from __future__ import annotations

from pytest_planguard.errors import PlanguardError, described
from pytest_planguard.model.capture import Capture
from pytest_planguard.plugin.settings import Settings


def leave_unjudged(settings: Settings, capture: Capture, reason: str) -> list[str]:
    """Writes the report files; a sentence where that fails.

    The reason itself is told in the terminal: trouble with the files must not hide it.
    """
    try:
        from pytest_planguard.report.write import parse_destinations

        config = settings.config
        if all(one.path is None for one in parse_destinations(config.reports, config.root)):
            return []  # who has stopped a run waits for no import
        from pytest_planguard import pipeline

        pipeline.write_unjudged(config, capture, reason)
    except Exception as error:  # noqa: BLE001 -- see above
        return [f"reports were not written: {described(error)}"]
    return []


def why(error: BaseException) -> str:
    """Why nothing was judged; no message but ours: it may quote a value."""
    if isinstance(error, PlanguardError):
        return error.message
    if isinstance(error, Exception):
        return f"internal error of planguard: {described(error)}"
    return "interrupted while planning"
