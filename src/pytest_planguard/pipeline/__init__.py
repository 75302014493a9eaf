"""The order of the steps: capture, normalise, plan, advise, judge, compare, settle, report."""

from pytest_planguard.pipeline.fixtures import open_fixture, open_planner
from pytest_planguard.pipeline.outcome import (
    Look,
    Options,
    Outcome,
    write_reports,
    write_unjudged,
)
from pytest_planguard.pipeline.run import plan_now, run
from pytest_planguard.pipeline.single import compared, explain
from pytest_planguard.pipeline.upgrade import upgrade
from pytest_planguard.pipeline.verify import verify

__all__ = [
    "Look",
    "Options",
    "Outcome",
    "compared",
    "explain",
    "open_fixture",
    "open_planner",
    "plan_now",
    "run",
    "upgrade",
    "verify",
    "write_reports",
    "write_unjudged",
]
