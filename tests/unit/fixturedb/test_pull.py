from types import SimpleNamespace

import pytest

from pytest_planguard.errors import StatisticsError
from pytest_planguard.fixturedb.scale.heights import Trees
from pytest_planguard.fixturedb.scale.pull import Wanted, pull
from pytest_planguard.fixturedb.scale.pulled import Facts, statistics
from pytest_planguard.fixturedb.scale.unseen import besides, sentences

NAMES = ("database", "settings", "roles", "dotted", "tablespaces", "tables", "columns",
         "constraints", "indexes", "index_expressions", "types", "sizes", "statistics", "ranges",
         "extended", "own_analyze", "extended_numbers", "extended_expressions",
         "hidden")  # fmt: skip
CLOCK = "2026-11-02T03:04:05+00:00"


def facts(*, superuser=False, standby=False, costs=None, version=150018, block=8192, **rows):
    database = (version, "C", "libc", "UTF8", CLOCK, costs, block)
    return Facts(
        {**{key: [] for key in NAMES}, "database": [database], **rows},
        {},
        superuser,
        superuser,
        superuser,
        standby,
    )


def told(**given):
    return "\n".join(sentences(facts(**given), Trees({}, {})))


def index(number, method="btree", valid=True):
    name = f"i{number}"
    return ("public.t", name, method, valid, 5, 10.0, number, f"CREATE INDEX {name} …", "public")


def test_a_server_older_than_13_is_refused():
    connection = SimpleNamespace(info=SimpleNamespace(server_version=120022))
    with pytest.raises(StatisticsError, match="PostgreSQL 12, statistics are read from 13"):
        pull(connection, Wanted())


def test_where_nothing_is_hidden_nothing_is_told():
    assert told(superuser=True, version=180006) == ""


def test_five_hundred_tables_make_one_sentence():
    hidden = [(f"public.t{n:03d}", False, False, True, ["id"]) for n in range(500)]
    assert told(hidden=hidden) == (
        "columns of 500 tables without the right to SELECT (or pg_read_all_data): public.t000, "
        "public.t001, public.t002, public.t003 and 496 more"
    )


def test_an_invalid_index_is_left_out_and_told():
    given = facts(
        indexes=[index(1), index(2, valid=False)],
        tables=[("public.t", "r", 9.0, 1, 0, [], "", "", 0)],
    )
    found = statistics(given, Trees({"public.i1": 0}, {}))
    assert found.tables["public.t"].indexes.keys() == {"i1"}
    (sentence,) = (one for one in sentences(given, Trees({"public.i1": 0}, {})) if "inval" in one)
    assert sentence.endswith("left out: public.i2")


def test_costs_of_the_databases_own_tablespace_hold_instead_of_the_settings():
    given = facts(
        settings=[("random_page_cost", "4", False), ("work_mem", "64MB", False)],
        costs=["random_page_cost=1.1", "maintenance_io_concurrency=5"],
    )
    assert statistics(given, Trees({}, {})).settings == {
        "random_page_cost": "1.1",
        "work_mem": "64MB",
    }


def test_what_no_fixture_repeats_is_told():
    text = told(
        roles=[("app", "work_mem", "1GB")],
        tablespaces=[("fast", ["seq_page_cost=0.5"], 3)],
        block=16384,
    )
    assert "settings of roles, which a fixture does not repeat: app: work_mem = 1GB" in text
    assert "fast: seq_page_cost = 0.5 (3 relations)" in text
    assert "the server's pages have 16,384 bytes, those of a fixture 8,192" in text


def test_what_a_standby_does_not_know_makes_no_plan_doubtful():
    given = facts(standby=True)
    assert "the server is a standby" in besides(given)[0]
    assert sentences(given, Trees({}, {})) == ()
    assert besides(facts()) == ()
