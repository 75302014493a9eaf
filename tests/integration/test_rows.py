"""Rows that are really loaded: like what they were made from, and always the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from fix_fixturedb import tools_for
from fix_servers import Project, need_major
from pytest_planguard.errors import ScaleError
from pytest_planguard.fixturedb.build import build
from pytest_planguard.fixturedb.scale import loaded
from pytest_planguard.fixturedb.scale.generated import load_rows
from pytest_planguard.fixturedb.scale.loaded import load_and_freeze
from pytest_planguard.fixturedb.scale.observed import observe
from pytest_planguard.fixturedb.scale.references import Reference
from pytest_planguard.model.spec import ColumnDeclaration, DatabaseSpec, TableDeclaration
from pytest_planguard.model.statistics import ScaleSource, Statistics
from pytest_planguard.planner.catalog import read_catalog

DDL = Path(__file__).with_name("rows.sql").read_text(encoding="utf-8")
ROWS = 40_000
"""More than ANALYZE reads as a whole."""
COLUMNS = {
    "status": ColumnDeclaration({"done": 0.7, "open": 0.2}, distinct=12),
    "placed": ColumnDeclaration(correlation=0.9),
    "rank": ColumnDeclaration(distinct=1_000, correlation=-0.6),
    "height": ColumnDeclaration(distinct=30_000),
    "pad": ColumnDeclaration(distinct=0.5, width=80),
}
PEOPLE = {
    "mood": ColumnDeclaration({"glad": 0.6, "ok": 0.3, "sad": 0.1}),
    "vip": ColumnDeclaration({"true": 0.05, "false": 0.95}),
    "born": ColumnDeclaration(nulls=0.25),
    "note": ColumnDeclaration(nulls=0.4, distinct=500, width=20),
}
SMALL = dict.fromkeys(
    ("chickens", "eggs", "lands", "rooms", "log", "spread", "of_log", "flags", "sites"), 2_000
)
SPEC = DatabaseSpec(
    scale="rows",
    tables={
        "tenants": TableDeclaration(20),
        "people": TableDeclaration(5_000, PEOPLE),
        "things": TableDeclaration(3_000),
        "owned": TableDeclaration(ROWS, COLUMNS),
        "links": TableDeclaration(9_000),
        "towns": TableDeclaration(
            2_000, {"land": ColumnDeclaration({"DE": 0.5, "AT": 0.3}, distinct=40)}
        ),
        **{name: TableDeclaration(rows) for name, rows in SMALL.items()},
    },
)


@pytest.fixture(params=[15, 16, 18])
def server(
    request: pytest.FixtureRequest, shared_project: Callable[[int], Project]
) -> Iterator[Any]:
    need_major(request.param)
    with shared_project(request.param).open() as opened:
        yield opened


@pytest.fixture
def filled(server: Any) -> Iterator[Any]:
    """(fixture, connection) of the whole schema with rows."""
    with (
        build(SPEC, server, None, tools_for(DDL)) as fixture,
        psycopg.connect(fixture.conninfo, autocommit=True) as connection,
    ):
        connection.execute("SET default_transaction_read_only = off")
        yield fixture, connection


def value(connection: Any, query: str) -> Any:
    return connection.execute(query).fetchone()[0]


def test_every_table_has_its_rows_and_every_foreign_key_holds(filled):
    fixture, connection = filled
    catalog = read_catalog(connection)
    for name, declared in SPEC.tables.items():
        assert (name, value(connection, f"SELECT count(*) FROM {name}")) == (name, declared.rows)
    keys = [
        Reference(table, one, catalog.tables[one.references])
        for table in catalog.tables.values()
        for one in table.constraints
        if one.kind == "f"
    ]
    assert len(keys) >= 14
    assert [one.constraint.name for one in keys
            if value(connection, f"SELECT count(*) {one.orphans}")] == []  # fmt: skip
    assert value(connection, "SELECT count(*) FROM pg_index WHERE NOT (indisvalid AND indisready)"
                             " AND indrelid > 16384") == 0  # fmt: skip
    assert value(connection, "SELECT sum(n) FROM sums") == ROWS
    assert [text for text in fixture.lacking if "check" not in text] == []


def test_what_analyze_finds_in_the_rows_is_what_was_declared(filled):
    fixture, connection = filled
    frozen = fixture.statistics.tables["public.owned"].columns
    connection.execute("SET default_statistics_target = 1000")  # 300,000 rows: all of them
    connection.execute("ANALYZE owned, people")
    found = {
        column: facts
        for column, *facts in connection.execute(
            "SELECT attname, null_frac, n_distinct, avg_width, correlation,"
            " most_common_vals::text::text[], most_common_freqs FROM pg_stats"
            " WHERE tablename IN ('owned', 'people')"
        ).fetchall()
    }
    shares = dict(zip(found["status"][4], found["status"][5], strict=True))
    assert shares["done"] == pytest.approx(0.7, abs=0.001)
    assert shares["open"] == pytest.approx(0.2, abs=0.001)
    for column, wanted in (("status", 12), ("rank", 1_000), ("height", 30_000), ("pad", 20_000)):
        distinct = found[column][1]
        assert (distinct if distinct > 0 else -distinct * ROWS) == pytest.approx(wanted, rel=0.05)
    for column, wanted in (("placed", 0.9), ("rank", -0.6), ("id", 1.0), ("height", 0.0)):
        assert found[column][3] == pytest.approx(wanted, abs=0.1), column
        assert frozen[column].correlation is None or frozen[column].correlation == pytest.approx(
            wanted, abs=0.1
        )
    assert found["pad"][2] == pytest.approx(80, abs=2)
    assert found["born"][0] == pytest.approx(0.25, abs=0.001)
    assert found["note"][0] == pytest.approx(0.4, abs=0.001)
    moods = dict(zip(found["mood"][4], found["mood"][5], strict=True))
    assert moods == pytest.approx({"glad": 0.6, "ok": 0.3, "sad": 0.1}, abs=0.001)


def everything(connection: Any) -> list[Any]:
    """What the planner is told, some plans, and a sum over the rows."""
    queries = (
        "SELECT * FROM owned WHERE status = 'open' ORDER BY placed LIMIT 5",
        "SELECT * FROM owned JOIN people p ON p.id = person_id WHERE rank < 20 AND mood = 'sad'",
        "SELECT count(*) FROM log WHERE at > '2025-06-01' AND kind = 'a'",
    )
    plans = [connection.execute(f"EXPLAIN {query}").fetchall() for query in queries]
    told = connection.execute(
        "SELECT s::text FROM pg_stats s WHERE schemaname = 'public' ORDER BY 1"
    ).fetchall()
    sizes = connection.execute(
        "SELECT relname, relpages, reltuples FROM pg_class WHERE relnamespace ="
        " 'public'::regnamespace AND relkind IN ('r', 'i', 'm') ORDER BY 1"
    ).fetchall()
    return [plans, told, sizes]


def digest(connection: Any) -> str:
    """Of all rows of some tables, in the order they lie in."""
    tables = ("people", "owned", "links", "log", "of_log", "towns")
    parts = [
        value(
            connection, f"SELECT md5(string_agg(t::text, ',' ORDER BY tableoid, ctid)) FROM {one} t"
        )
        for one in tables
    ]
    return ",".join(parts)


def test_two_builds_of_one_seed_are_the_same_to_the_byte(server):
    seen = []
    for mark in ("first", "second"):
        with (
            build(SPEC, server, None, tools_for(f"{DDL}-- {mark}\n")) as fixture,
            psycopg.connect(fixture.conninfo) as connection,
        ):
            seen.append((everything(connection), digest(connection),
                         msgspec.json.encode(fixture.statistics)))  # fmt: skip
    assert seen[0] == seen[1]


def test_another_seed_gives_other_rows_alike(server, filled):
    _, connection = filled
    other = msgspec.structs.replace(SPEC, seed=2)
    with (
        build(other, server, None, tools_for(DDL)) as fixture,
        psycopg.connect(fixture.conninfo) as second,
    ):
        count = "SELECT count(*) FROM owned WHERE status = 'open'"
        assert value(second, count) == value(connection, count)
        assert digest(second) != digest(connection)


def test_rows_are_the_same_on_every_major(shared_project):
    seen = {}
    for major in (15, 16, 18):
        need_major(major)
        with (
            shared_project(major).open() as server,
            build(SPEC, server, None, tools_for(DDL)) as fixture,
            psycopg.connect(fixture.conninfo) as connection,
        ):
            seen[major] = digest(connection)
    assert len(set(seen.values())) == 1, seen


PRODUCTION = """
CREATE TABLE kinds (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE real (id int PRIMARY KEY, kind int NOT NULL REFERENCES kinds, price numeric(9,2),
  at timestamptz NOT NULL, name text NOT NULL, day date);
"""
LOADED = """
INSERT INTO kinds SELECT i, 'kind ' || i FROM generate_series(1, 50) i;
INSERT INTO real SELECT i, 1 + (50 * ((i * 7919 % 25000) / 25000.0) ^ 3)::int % 50,
  CASE WHEN i % 10 < 8 THEN ((i * 31 % 997) ^ 2) / 100 END,
  '2025-01-01+00'::timestamptz + (i - i % 50) * interval '1 minute', 'name ' || i % 2500,
  date '2020-01-01' + (i / 20) FROM generate_series(1, 25000) i;
VACUUM ANALYZE;
"""


def seen(connection: Any, source: ScaleSource = ScaleSource.PRODUCTION) -> Statistics:
    return observe(
        connection, read_catalog(connection), clock="2026-01-01T00:00:00+00:00", source=source
    )


def test_rows_follow_statistics_that_were_observed_elsewhere(server):
    names = [f"planguard_run_{server.run_token}_{number}" for number in (71, 72)]
    for name in names:
        server.create_database(name)
    try:
        with server.connect(names[0]) as connection:
            for statement in (PRODUCTION + LOADED).strip().split(";\n"):
                connection.execute(statement.rstrip(";"))
            wanted = seen(connection)
            price = "SELECT count(*) FROM real WHERE price < 1000"
            cheap = value(connection, price)
        with server.connect(names[1]) as connection:
            connection.execute(PRODUCTION)
            notes = load_rows(
                connection, read_catalog(connection), wanted, seed=1, progress=lambda _: None
            )
            connection.execute("ANALYZE")
            got = seen(connection)
            assert value(connection, price) == pytest.approx(cheap, rel=0.03)
    finally:
        for name in names:
            server.drop_database(name)
    assert notes == []
    assert got.tables["public.real"].rows == wanted.tables["public.real"].rows
    for column, facts in got.tables["public.real"].columns.items():
        like = wanted.tables["public.real"].columns[column]
        assert facts.null_frac == pytest.approx(like.null_frac, abs=0.01), column
        assert facts.correlation == pytest.approx(like.correlation, abs=0.1), column
        assert facts.avg_width == pytest.approx(like.avg_width, abs=3), column
        assert facts.n_distinct == pytest.approx(like.n_distinct, rel=0.05), column
        shares = dict(zip(facts.most_common_values, facts.most_common_freqs, strict=True))
        for known, share in zip(like.most_common_values[:5], like.most_common_freqs, strict=False):
            assert shares.get(known, 0.0) == pytest.approx(share, abs=0.02), (column, known)


def test_large_tables_keep_what_their_rows_were_made_from(filled):
    fixture, connection = filled
    told = connection.execute(
        "SELECT most_common_freqs, n_distinct FROM pg_stats"
        " WHERE tablename = 'owned' AND attname = 'status'"
    ).fetchone()
    assert told[0] == pytest.approx([0.7, 0.2])
    facts = fixture.statistics.tables["public.owned"]
    assert (facts.source, facts.rows) == (ScaleSource.GENERATED, ROWS)
    assert facts.pages == value(connection, "SELECT pg_relation_size('owned') / 8192")


def test_rows_that_take_more_than_half_of_the_disk_are_refused(server, monkeypatch):
    class Usage(msgspec.Struct):
        free: int

    monkeypatch.setattr(loaded.shutil, "disk_usage", lambda _: Usage(10_000_000))
    with (
        pytest.raises(ScaleError, match=r"about .* GB, most of it in public\.owned \(40,000\)"),
        build(SPEC, server, None, tools_for(DDL + "-- no room")),
    ):
        pass
    assert not any("building" in name for name in server.databases())


def test_an_interruption_in_the_middle_leaves_nothing(server):
    def interrupted(text: str) -> None:
        if "public.owned" in text:
            raise KeyboardInterrupt

    before = server.databases()
    with (
        pytest.raises(KeyboardInterrupt),
        build(SPEC, server, None, tools_for(DDL + "-- stopped"), interrupted),
    ):
        pass
    assert server.databases() == before


def test_progress_tells_percent_and_rows(server):
    heard: list[str] = []
    with build(SPEC, server, None, tools_for(DDL + "-- heard"), heard.append):
        pass
    assert any(f"% · public.owned, {ROWS:,} rows" in text for text in heard)
    assert any("public.people, 0 of 5,000" in text for text in heard)


def test_a_role_that_may_not_is_told_so(server):
    name = f"planguard_run_{server.run_token}_73"
    server.create_database(name)
    try:
        with server.connect(name) as connection:
            connection.execute("CREATE TABLE t (i int)")
            catalog = read_catalog(connection)
            wanted = seen(connection)
            connection.execute("CREATE ROLE planguard_reader")
            connection.execute("SET ROLE planguard_reader")
            with pytest.raises(ScaleError, match="rows cannot be loaded: permission denied"):
                load_and_freeze(
                    connection, catalog, wanted, read_catalog, seed=1, folder=None,
                    progress=lambda _: None,
                )  # fmt: skip
            connection.execute("RESET ROLE")
            connection.execute("DROP ROLE planguard_reader")
    finally:
        server.drop_database(name)
