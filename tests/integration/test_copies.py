"""Copies that outlive their run: taken over whole, by one run alone, and never when in doubt."""

import importlib
import secrets

import psycopg
import pytest

from fix_fixturedb import UrlServer, tools_for
from pytest_planguard.fixturedb import copies
from pytest_planguard.fixturedb.build import build
from pytest_planguard.model.ports import HypotheticalIndex
from pytest_planguard.model.spec import DatabaseSpec, TableDeclaration

DDL = """
CREATE TABLE kept (id bigint PRIMARY KEY, tags text[], at date, u int) PARTITION BY RANGE (id);
CREATE TABLE kept_1 PARTITION OF kept FOR VALUES FROM (0) TO (100000000);
CREATE TABLE kept_2 PARTITION OF kept DEFAULT;
CREATE INDEX kept_gin ON kept USING gin (tags);
CREATE INDEX kept_brin ON kept USING brin (at);
CREATE UNLOGGED TABLE volatile (id bigint PRIMARY KEY, n int);
"""
SPEC = DatabaseSpec(
    tables={"kept": TableDeclaration(90_000_000), "volatile": TableDeclaration(70_000)}
)
INDEX = HypotheticalIndex("kept_u", "public.kept", "btree", ("u",), tuples=90e6)
REFUSED = HypotheticalIndex("kept_n", "public.kept", "btree", ("n",), tuples=90e6)
QUERY = "EXPLAIN SELECT * FROM kept JOIN volatile USING (id) WHERE u = 5 AND tags @> '{a}'"


def rows(conninfo, query):
    with psycopg.connect(conninfo, autocommit=True) as connection:
        return connection.execute(query).fetchall()


def one(conninfo, query):
    return rows(conninfo, query)[0][0]


@pytest.fixture
def own(postmasters):
    """Makes runs on one server, each with a token of its own, where nothing is left before."""
    url = postmasters(18).url

    def run():
        server = UrlServer(url, direct=True)
        server.run_token = secrets.token_hex(4)
        return server

    yield run
    for name in run().databases():
        if not name.startswith("planguard_virtual"):
            if name.startswith(copies.PREFIX):
                run()._execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
            run().drop_database(name)


def planned(server, *, keep=True):
    """OID, plan, and the plan with one more index: of a run."""
    with build(SPEC, server, None, tools_for(DDL), keep=keep) as fixture:
        oid = one(
            fixture.conninfo, "SELECT oid FROM pg_database WHERE datname = current_database()"
        )
        plan = rows(fixture.conninfo, QUERY)
        with fixture.copy_with([INDEX, REFUSED]) as copy:
            more = rows(copy.conninfo, QUERY), copy.sizes, copy.refused, copy.catalog
            other = one(
                copy.conninfo, "SELECT oid FROM pg_database WHERE datname = current_database()"
            )
    return (oid, other), (plan, more)


def kept(server):
    return sorted(name for name in server.databases() if name.startswith(copies.PREFIX))


def apparent(server):
    """Bytes that files below the data directory say they have."""
    return sum(path.stat().st_size for path in server.data_directory.rglob("*") if path.is_file())


def test_the_next_run_takes_both_copies_over_and_plans_the_same(own):
    first, plans = planned(own())
    assert plans[1][2].keys() == {"kept_n"}
    assert planned(own()) == (first, plans)
    assert len(kept(own())) == 2


def test_who_takes_over_a_copy_that_was_at_scale_in_part_has_it_whole(own):
    _, wanted = planned(own(), keep=False)
    with (
        build(SPEC, own(), None, tools_for(DDL), keep=True) as fixture,
        fixture.copy_with([INDEX, REFUSED], relations={"public.kept"}) as copy,
    ):
        partly = one(copy.conninfo, "SELECT pg_relation_size('volatile')")
        assert one(copy.conninfo, "SELECT pg_relation_size('kept_1')") > 1e9
    assert partly == 0
    before = kept(own())
    assert planned(own())[1] == wanted
    assert kept(own()) == before


def test_what_is_kept_is_small_and_shut(own):
    server = own()
    with build(SPEC, server, None, tools_for(DDL), keep=True) as fixture:
        large = apparent(server)
        name = fixture.name
    assert large > 7e9
    assert apparent(server) < large - 7e9
    assert name not in server.databases()
    (left,) = kept(server)
    with pytest.raises(psycopg.OperationalError, match="not currently accepting connections"):
        one(server.conninfo(left), "SELECT 1")


def test_of_two_runs_at_once_each_has_its_own_and_one_is_kept(own):
    planned(own())
    before = kept(own())
    with build(SPEC, own(), None, tools_for(DDL), keep=True) as fixture:
        assert len(kept(own())) == 1
        _, plans = planned(own())
        assert rows(fixture.conninfo, QUERY) == plans[0]
    assert kept(own()) == before


def test_a_run_that_shows_its_database_around_keeps_nothing(own):
    planned(own(), keep=False)
    assert kept(own()) == []


@pytest.mark.parametrize("step", ["deflate_directly", "_is_alone", "_renamed"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_who_is_interrupted_while_giving_back_leaves_nothing_half_kept(
    own, monkeypatch, step, after
):
    place = importlib.import_module("pytest_planguard.fixturedb.copies")
    real = getattr(place, step)

    def interrupted(*arguments):
        if after:
            real(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(place, step, interrupted)
        with (
            pytest.raises(KeyboardInterrupt),
            build(SPEC, own(), None, tools_for(DDL), keep=True),
        ):
            pass
    assert not [name for name in own().databases() if name.startswith("planguard_run_")]
    assert len(kept(own())) == (step == "_renamed" and after)
    assert planned(own())[1] == planned(own(), keep=False)[1]


def test_a_copy_that_lost_a_file_is_made_anew(own):
    (oid, _), plans = planned(own())
    server = own()
    path = one(server.conninfo(""), f"SELECT 'base/' || {oid}")
    with build(SPEC, server, None, tools_for(DDL)) as fixture:
        number = one(fixture.conninfo, "SELECT pg_relation_filenode('kept_2')")
    (server.data_directory / path / str(number)).unlink()

    (again, _), same = planned(own())
    assert again != oid
    assert same == plans


def test_a_copy_with_more_indexes_that_lost_a_file_is_made_anew(own):
    (_, oid), plans = planned(own())
    server = own()
    with build(SPEC, server, None, tools_for(DDL), keep=True) as fixture:
        with fixture.copy_with([INDEX, REFUSED]) as copy:
            path = one(copy.conninfo, "SELECT pg_relation_filepath('kept_2_u_idx')")
        assert f"/{oid}/" in path
        (server.data_directory / path).unlink()

    (_, again), same = planned(own())
    assert again != oid
    assert same == plans


def test_a_copy_that_is_not_at_scale_is_made_anew(own):
    (oid, _), plans = planned(own())
    server = own()
    name = one(server.conninfo(""), f"SELECT datname FROM pg_database WHERE oid = {oid}")
    server._execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    rows(
        f"{server.conninfo(name)}&options=-c%20default_transaction_read_only%3Doff",
        "UPDATE pg_class SET reltuples = 5 WHERE relname = 'kept_1' RETURNING 1",
    )
    server._execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')

    (again, _), same = planned(own())
    assert again != oid
    assert same == plans


def test_a_template_that_is_made_anew_has_copies_of_its_own(own):
    planned(own())
    before = kept(own())
    (template,) = [name for name in own().databases() if "_template_" in name]
    own().drop_database(template)

    planned(own())
    assert len(kept(own())) == 2
    assert not set(before) & set(kept(own()))  # nobody could extend their files


def test_other_settings_are_other_copies_and_the_oldest_go(own):
    for number in range(copies.KEPT + 2):
        spec = DatabaseSpec(tables=SPEC.tables, settings={"work_mem": f"{number + 5}MB"})
        with build(spec, own(), None, tools_for(DDL), keep=True) as fixture:
            assert one(fixture.conninfo, "SHOW work_mem") == f"{number + 5}MB"
    assert len(kept(own())) == copies.KEPT


def test_one_without_a_time_goes_first_and_stops_no_cleaning_up(own):
    planned(own())
    names = kept(own())
    own()._execute(f"COMMENT ON DATABASE \"{names[0]}\" IS 'planguard_template_of_it'")
    for number in range(copies.KEPT):
        spec = DatabaseSpec(tables=SPEC.tables, settings={"work_mem": f"{number + 5}MB"})
        with build(spec, own(), None, tools_for(DDL), keep=True):
            pass
    assert len(kept(own())) == copies.KEPT
    assert names[0] not in kept(own())
