from __future__ import annotations

import msgspec
import pytest

from pytest_planguard.capture import file as capture_file
from pytest_planguard.fixturedb.scale import statistics_file
from pytest_planguard.model.capture import Capture
from pytest_planguard.model.statement import Session, Statement
from pytest_planguard.model.statistics import (
    ColumnStatistics,
    IndexStatistics,
    ProductionCall,
    ScaleSource,
    Statistics,
    TableStatistics,
    ValuePolicy,
)

LONG = "public." + "a_very_long_name_" * 6
STATISTICS = Statistics(
    {
        "public.orders": TableStatistics(
            47_000_000.0,
            900_000,
            file_pages=1_000_000,
            toast_pages=10,
            analyzed="2026-11-01T10:00:00+00:00",
            columns={
                "id": ColumnStatistics(0.0, 8, -1.0),
                "note": ColumnStatistics(0.0, 30, 9.0, ("xxxx",), (0.5,), masked=True),
            },
            indexes={"orders_pkey": IndexStatistics(128_000, 47_000_000.0, 2)},
        ),
        "public.events": TableStatistics(0.0, 0, kind="p"),
        "public.new": TableStatistics(-1.0, 1),
        LONG: TableStatistics(5.0, 1),
    },
    "2026-11-02T03:04:05+00:00",
    ScaleSource.PRODUCTION,
    server_version=150018,
    values=ValuePolicy.MASKED,
    kept=("public.orders.id",),
    settings={"random_page_cost": "1.1"},
    unseen=("heights of 1 btree, they are derived: public.x",),
    calls=(
        ProductionCall("SELECT *\nFROM [bold]orders WHERE id = $1", 100, 8.0, 100),
        ProductionCall("select * from orders where id = $1", 1_000_000, 0.0001, 9),
    ),
)


@pytest.fixture
def pulled(project):
    statistics_file.write(STATISTICS, project / "planguard" / "statistics.json")
    return project


@pytest.fixture
def no_server(monkeypatch):
    for name in ("PLANGUARD_STATISTICS_URL", "PGHOST", "PGHOSTADDR", "PGSERVICE", "PGDATABASE",
                 "PGPORT", "PGUSER"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)


def test_show_prints_tables_by_size_in_eighty_columns(pulled, say):
    said = say("statistics", "show")
    assert (said.status, said.err) == (0, "")
    lines = said.out.splitlines()
    assert lines[0].startswith("PostgreSQL 15.18 · read 2026-11-02 (")
    assert lines[1] == "4 tables, 9.2 GB with 1 index"
    assert lines[2] == ("values: stand-ins for what may be personal, kept: public.orders.id")
    assert lines[3] == "settings: random_page_cost = 1.1"
    assert "masked" in lines[5]
    assert lines[6].split() == ["public.orders", "47.0M", "8.2", "GB", "1.0", "GB", "1", "of", "2",
                                "2026-11-01"]  # fmt: skip
    assert "public.events (partitioned)" in said.out
    assert "unknown" in said.out
    assert "! not seen, or not repeated by a fixture:" in lines
    assert "  heights of 1 btree, they are derived: public.x" in lines
    assert all(len(line) <= 80 for line in lines)


def test_show_lists_production_s_heavy_queries_that_no_test_covers(pulled, say):
    statement = Statement("SELECT * FROM orders WHERE id = 7", (), Session("db", "psycopg"))
    capture_file.write(Capture((statement,)), pulled / ".planguard/capture.json.gz")
    lines = say("statistics", "show").out.splitlines()
    assert "tests cover 1 of 2 statements of production, 11% of their time" in lines
    assert " ".join(lines[-1].split()) == "SELECT * FROM [bold]orders WHERE id = $1 100 8 88.9%"


def test_without_a_capture_show_says_how_to_have_one(pulled, say):
    (pulled / ".planguard/capture.json.gz").unlink()
    said = say("statistics", "show")
    assert said.status == 0
    assert "run pytest --planguard once" in said.out


def test_show_takes_any_file(pulled, say, tmp_path):
    grown = msgspec.structs.replace(STATISTICS, grown=10.0, calls=(), thinned="less was kept")
    statistics_file.write(grown, tmp_path / "other.json")
    said = say("statistics", "show", "other.json")
    assert "grown ×10" in said.out.splitlines()[0]
    assert "! less was kept" in said.out


def test_show_without_a_file_is_status_3_with_what_would_do(project, say):
    said = say("statistics", "show")
    assert said.status == 3
    assert "statistics.json cannot be read: No such file or directory" in said.err
    assert "pytest-planguard statistics pull" in said.err


def test_scale_grows_the_file_itself_or_another(pulled, say):
    assert say("statistics", "scale", "10", "-o", "large.json").status == 0
    assert statistics_file.read(pulled / "large.json").tables["public.orders"].rows == 470_000_000
    said = say("statistics", "scale", "0.1")
    assert said.err == "wrote planguard/statistics.json: 4 tables, ×0.1 in all\n"
    assert say("statistics", "scale", "10").err.endswith("as they were read\n")
    again = statistics_file.read(pulled / "planguard" / "statistics.json")
    assert again.tables["public.orders"].rows == 47_000_000


@pytest.mark.parametrize("factor", ["0", "-1", "nan"])
def test_scale_by_nothing_is_status_2(pulled, say, factor):
    said = say("statistics", "scale", "--", factor)
    assert said.status == 2
    assert "the factor is" in said.err


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--all-values", "--no-values"), "--all-values and --no-values exclude each other"),
        (("--all-values", "--keep", "a.b"), "--all-values that none are"),
        ((), "no server to pull statistics from is named"),
        (
            ("--url", "postgresql://u:hunter2@[x/y"),
            "--url is no connection string that libpq can read",
        ),
        (("--timeout", "0", "--url", "host=h"), "--timeout"),
    ],
)
def test_a_pull_that_cannot_be_meant_is_status_2(project, say, no_server, options, sentence):
    said = say("statistics", "pull", *options)
    assert said.status == 2
    assert sentence in said.err
    assert "hunter2" not in said.err
    assert not (project / "planguard").exists()


def test_no_password_is_ever_shown(project, say, no_server, monkeypatch):
    url = "postgresql://me:hunter2@127.0.0.1:1/db"
    option = say("statistics", "pull", "--url", url)
    monkeypatch.setenv("PLANGUARD_STATISTICS_URL", url)
    variable = say("statistics", "pull")
    for said in (option, variable):
        assert said.status == 3
        assert "no connection to the server" in said.err
        assert "hunter2" not in said.err + said.out
    assert "list of processes" in option.err
    assert "list of processes" not in variable.err


def test_a_configured_file_may_be_missing_before_the_first_pull_only(project, say, no_server):
    (project / "pyproject.toml").write_text(
        '[tool.pytest-planguard.database]\nstatistics = "statistics/production.json"\n'
    )
    assert "no server to pull" in say("statistics", "pull").err
    assert 'no file "statistics/production.json"' in say("check").err


def test_of_several_databases_one_must_be_named_and_have_a_file(project, say, no_server):
    (project / "pyproject.toml").write_text(
        '[tool.pytest-planguard.databases.shop]\nmatch = "shop"\nstatistics = "shop.json"\n'
        '[tool.pytest-planguard.databases.blog]\nmatch = "blog"\n'
    )
    assert "there are several databases" in say("statistics", "show").err
    assert "shop.json cannot be read" in say("statistics", "show", "--database", "shop").err
    said = say("statistics", "show", "--database", "blog")
    assert said.status == 2
    assert 'the database "blog" has no statistics file' in said.err
    assert "[tool.pytest-planguard.databases.blog]" in said.err
