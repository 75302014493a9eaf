"""Findings that mean lines and no query: whose database, what the baseline knows, what fails."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import msgspec
import pytest

import fix_reports
from pytest_planguard.baseline import files
from pytest_planguard.baseline.accept import update
from pytest_planguard.baseline.entries import world_from
from pytest_planguard.config import Config, load
from pytest_planguard.model.baseline import Baseline
from pytest_planguard.model.capture import Capture, Ddl, Suppression
from pytest_planguard.model.connections import UNBOUNDED, Held, Hold, Maker, Opened, Pool
from pytest_planguard.model.settle import settle
from pytest_planguard.model.silence import Remark, Silence
from pytest_planguard.model.statement import Origin, Phase, Place
from pytest_planguard.pipeline.connections import context_of, said_of_connections
from pytest_planguard.pipeline.gate import Gate
from pytest_planguard.pipeline.judges import judges_of

LINE = Origin("app/db.py", 9, "make_engine")
OPEN = Pool(LINE, "", Maker.SQLALCHEMY, "QueuePool", UNBOUNDED, "max_overflow=-1")
LEFT = Held(Hold.TRANSACTION, LINE, "", Maker.PSYCOPG, "t.py::test_a")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "pyproject.toml").write_text(
        "[tool.pytest-planguard.databases.default]\nmatch = 'shop*'\n"
        "[tool.pytest-planguard.databases.archive]\nmatch = 'old*'\n"
    )
    return load(tmp_path, environ={})


def findings(config: Config, capture: Capture, baseline: Baseline | None):
    report = fix_reports.empty()
    said = said_of_connections(config, capture, report.databases, judges_of(config))
    today = dt.date(2026, 1, 1)
    gate = Gate(config, baseline, report.databases, {}, capture, today)
    return gate.findings(settle(said), {})


def known(**accepted: tuple[str, ...]) -> Baseline:
    world = world_from(fix_reports.database())
    return Baseline({}, {"default": msgspec.structs.replace(world, connections=accepted)})


def test_an_error_of_a_line_fails_where_there_is_a_baseline_that_does_not_know_it(config):
    capture = Capture((), pools=(OPEN,), held=(LEFT,))
    for one in findings(config, capture, None):
        assert (one.origins, one.is_new, one.fails) == ((LINE,), True, False)
    assert [(one.rule, one.fails) for one in findings(config, capture, known())] == [
        ("CON002", True),
        ("CON007", True),
    ]
    place = ("app/db.py::make_engine",)
    assert [
        (one.rule, one.is_new, one.fails) for one in findings(config, capture, known(CON007=place))
    ] == [("CON002", True, True), ("CON007", False, False)]


def test_a_comment_on_the_line_and_a_marker_of_all_its_tests_silence_it(config):
    remark = Remark("app/db.py", 9, 9, 9, Silence(("CON007",), "one process"))
    capture = Capture((), pools=(OPEN,), held=(LEFT,), remarks=(remark,))
    silent = {one.rule for one in findings(config, capture, known()) if one.suppressed}
    assert silent == {"CON007"}
    marked = Capture((), held=(LEFT,), suppressions=(Suppression(LEFT.test, ("CON",), "x"),))
    assert [bool(one.suppressed) for one in findings(config, marked, known())] == [True]
    other = msgspec.structs.replace(LEFT, test="t.py::test_b")
    marked = msgspec.structs.replace(marked, held=(LEFT, other))
    assert [bool(one.suppressed) for one in findings(config, marked, known())] == [False]


def test_workers_databases_are_one_and_an_unknown_one_is_told_with_the_first(config):
    pools = tuple(
        msgspec.structs.replace(OPEN, database=name)
        for name in ("shop_gw0@localhost:5432", "shop_gw1@localhost:5432", "other", "")
    )
    context = context_of(config, Capture((), pools=pools), ["default", "archive"])
    assert [one.database for one in context.pools] == ["archive", "default"]
    assert {one.database for one in context_of(config, Capture((), pools=pools), []).pools} == {
        "default"
    }


def test_timeouts_of_the_configuration_and_of_migrations_count(config):
    place = Place(LINE, "", Phase.OUTSIDE)
    ddl = (
        Ddl("ALTER DATABASE shop SET statement_timeout = '30s'", "shop", place),
        Ddl("ALTER ROLE app SET lock_timeout TO 0", "shop", place),
        Ddl("ALTER TABLE transaction_timeout ADD c int", "shop", place),
    )
    opened = (Opened(LINE, "shop", Maker.PSYCOPG),)
    context = context_of(config, Capture((), ddl=ddl, opened=opened), ["default"])
    assert context.timeouts == {"statement_timeout"}
    (found,) = findings(config, Capture((), ddl=ddl, opened=opened), None)
    assert "no idle_in_transaction_session_timeout" in found.message


def test_an_update_accepts_lines_and_a_whole_one_forgets_those_that_are_gone(config, tmp_path):
    def accepted(*, complete: bool, **heard: object) -> dict[str, tuple[str, ...]]:
        found = findings(config, Capture((), **heard), files.read(tmp_path / "b"))
        report = msgspec.structs.replace(fix_reports.empty(), findings=found, complete=complete)
        update(tmp_path / "b", files.read(tmp_path / "b"), report, "all", "why")
        return files.read(tmp_path / "b").worlds["default"].connections

    place = ("app/db.py::make_engine",)
    assert accepted(complete=True, pools=(OPEN,)) == {"CON007": place}
    assert accepted(complete=False, held=(LEFT,)) == {"CON002": place, "CON007": place}
    assert accepted(complete=True, held=(LEFT,)) == {"CON002": place}
    assert accepted(complete=True) == {}
    assert "connections" not in (tmp_path / "b/world/default/server.json").read_text()
