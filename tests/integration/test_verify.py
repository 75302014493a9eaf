"""What a real database says of the plans made in an empty one with its statistics."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import psycopg
import pytest

import fix_standby
from fix_fixturedb import UrlServer
from pytest_planguard.capture import file
from pytest_planguard.cli import run
from pytest_planguard.cli.verify import lines
from pytest_planguard.config import load
from pytest_planguard.errors import ServerError
from pytest_planguard.fixturedb.inflate.database import inflate
from pytest_planguard.fixturedb.inflate.files import relation_files
from pytest_planguard.fixturedb.inflate.statistics import inject
from pytest_planguard.fixturedb.queries import named_queries
from pytest_planguard.fixturedb.scale.observed import observe
from pytest_planguard.model.capture import Capture, Database
from pytest_planguard.model.statement import Layer, Origin, Phase, Place, Sample, Session, Statement
from pytest_planguard.model.statistics import ScaleSource
from pytest_planguard.model.verification import Likeness, Verification
from pytest_planguard.pipeline.fixtures import Planner
from pytest_planguard.pipeline.verify import catalog_of, compare
from pytest_planguard.planner.catalog import read_catalog
from pytest_planguard.planner.explain import Explainer
from pytest_planguard.planner.wire import Wire

CLOCK = "2026-01-01T00:00:00+00:00"
DDL = """
CREATE TYPE kind AS ENUM ('goods', 'gift');
CREATE TABLE c (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE o (id bigint PRIMARY KEY, c_id int NOT NULL, kind kind NOT NULL,
                at timestamptz NOT NULL);
CREATE INDEX o_c ON o (c_id, at DESC);
CREATE FUNCTION threshold() RETURNS bigint STABLE LANGUAGE sql AS 'SELECT 5::bigint';
"""
ROWS = """
INSERT INTO c SELECT i, 'Name ' || i FROM generate_series(1, 2000) i;
INSERT INTO o SELECT i, 1 + i * 7919 % 2000,
                     CASE WHEN i % 10 = 0 THEN 'gift' ELSE 'goods' END::kind,
                     timestamptz '2025-01-01' + i * interval '10 minutes'
FROM generate_series(1, 40000) i;
"""
INT4, INT8, TEXT, OWN = 23, 20, 25, 99_999

Sent = tuple[str, tuple[int, ...], tuple[tuple[str | None, ...], ...]]

QUERIES: list[Sent] = [
    ("SELECT * FROM o WHERE id = $1", (INT4,), (("5",),)),
    ("SELECT * FROM o WHERE c_id = $1 ORDER BY at DESC LIMIT $2", (INT4, INT4), (("7", "20"),)),
    ("SELECT count(*) FROM o WHERE kind = $1", (OWN,), (("gift",), ("goods",))),
    ("SELECT c.name, count(*) FROM c JOIN o ON o.c_id = c.id WHERE c.id < $1 GROUP BY 1",
     (INT4,), (("900",),)),
    ("INSERT INTO c (id, name) VALUES ($1, $2)", (INT4, TEXT), (("9999", "new"),)),
    ("UPDATE o SET kind = 'gift' WHERE id = $1", (INT8,), (("8",),)),
    ("DELETE FROM o WHERE c_id = $1", (INT4,), (("3",),)),
    ("SELECT id FROM o WHERE id = $1 FOR UPDATE", (INT4,), (("6",),)),
]  # fmt: skip


def capture(*queries: Sent) -> Capture:
    """What a suite that sent these would have captured."""
    place = Place(Origin("app/orders.py", 41, "orders"), "tests/t.py::test", Phase.CALL)
    return Capture(
        tuple(
            Statement(text, types, Session("app", "psycopg"), tuple(map(Sample, values)), (place,))
            for text, types, values in queries
        ),
        databases={"app": Database("app", types={OWN: "public.kind"})},
        captured_at=CLOCK,
    )


@contextlib.contextmanager
def virtual(server_url: str, real_url: str, ddl: str = DDL) -> Iterator[Planner]:
    """A planner on an empty database with the statistics of a real one."""
    with psycopg.connect(real_url, autocommit=True) as real:
        source = ScaleSource.PRODUCTION
        statistics = observe(real, read_catalog(real), clock=CLOCK, source=source)
    server = UrlServer(server_url, direct=False)
    template, copy = f"planguard_v_{server.run_token}", f"planguard_w_{server.run_token}"
    clock = named_queries("pytest_planguard.fixturedb", "clock.sql")["clock"]
    try:
        server.create_database(template)
        with psycopg.connect(server.conninfo(template), autocommit=True) as connection:
            connection.execute(ddl)
            connection.execute(clock.format(clock=f"'{CLOCK}'"))
            inject(connection, read_catalog(connection), statistics, server.version)
            files = relation_files(connection, statistics)
        server.create_database(copy, template)
        with psycopg.connect(server_url, autocommit=True) as connection:
            inflate(connection, server, copy, files)
        with psycopg.connect(server.conninfo(copy), autocommit=True) as connection:
            catalog = read_catalog(connection)
        with Wire(server.conninfo(copy)) as wire:
            fixture: Any = SimpleNamespace(conninfo=server.conninfo(copy), statistics=statistics)
            explainer = Explainer(wire, catalog, statistics, CLOCK)
            yield Planner(fixture, catalog, explainer, None, None, None, None)  # type: ignore[arg-type]
    finally:
        server.drop_database(copy)
        server.drop_database(template)


@pytest.fixture
def real(database_url: str) -> str:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(DDL + ROWS)
        connection.execute("REINDEX TABLE o")
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")  # heights are read from the files
    return database_url


def change(url: str, *commands: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for command in commands:
            connection.execute(command)


@pytest.fixture
def standby(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """A loaded primary and its standby."""
    with fix_standby.pair(DDL + ROWS) as urls:
        yield urls


def verified(
    planner: Planner, url: str, folder: Path, *queries: Sent, timeout: float = 10.0
) -> Verification:
    (folder / "schema.sql").write_text(DDL)
    (folder / "pyproject.toml").write_text(
        '[tool.pytest-planguard.database]\nschema = "schema.sql"\n'
    )
    config, sent = load(folder, environ={}), capture(*queries or QUERIES)
    return compare(config, sent, planner, url, catalog_of(url), timeout=timeout)


def said(found: Verification) -> str:
    return "\n".join(lines(found))


def test_plans_with_its_statistics_are_identical_and_nothing_was_executed(
    real, server_url, tmp_path
):
    with virtual(server_url, real) as planner:
        found = verified(planner, real, tmp_path)

    assert said(found).splitlines()[0] == "8 of 8 identical"
    assert found.exit_status == 0
    with psycopg.connect(real) as connection:
        counts = "SELECT count(*), count(*) FILTER (WHERE kind = 'gift') FROM o"
        assert connection.execute(counts).fetchone() == (40_000, 4_000)
        assert connection.execute("SELECT count(*) FROM c").fetchone() == (2_000,)
        left = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pytest-planguard'"
        assert connection.execute(left).fetchone() == (0,)


def test_the_server_there_plans_at_its_own_clock_and_the_difference_is_said(
    real, server_url, tmp_path
):
    recent = "SELECT * FROM o WHERE at > now() - interval '300 days'"
    with virtual(server_url, real) as planner:
        found = verified(planner, real, tmp_path, (recent, (), ()))

    assert found.exit_status == 1
    assert "it asks for the time: here it is 2026-01-01" in said(found)


def test_ends_of_an_index_that_only_the_real_one_has_are_named(real, server_url, tmp_path):
    with virtual(server_url, real) as planner:
        more = "INSERT INTO o SELECT i, 1, 'goods', '2026-01-01' FROM "
        change(real, more + "generate_series(40001, 40400) i")  # too few for autovacuum
        newest = ("SELECT * FROM o WHERE id > $1", (INT8,), (("40000",),))
        found = verified(planner, real, tmp_path, newest)

    assert "for ranges of id the planner there may have read" in " ".join(said(found).split())


def test_masked_values_are_named(real, server_url, tmp_path):
    with virtual(server_url, real) as planner:
        table = planner.fixture.statistics.tables["public.c"]
        masked = msgspec.structs.replace(table.columns["name"], masked=True)
        table.columns["name"] = masked
        change(real, "INSERT INTO c SELECT i, 'n' FROM generate_series(2001, 9000) i", "ANALYZE c")
        by_name = ("SELECT * FROM c WHERE name = $1", (TEXT,), (("n",),))
        found = verified(planner, real, tmp_path, by_name)

    assert "public.c: values of name are stand-ins here (masked)" in said(found)


def test_a_missing_index_is_named_with_both_shapes(real, server_url, tmp_path):
    with virtual(server_url, real) as planner:
        change(real, "DROP INDEX o_c")
        found = verified(planner, real, tmp_path, QUERIES[1])

    assert found.exit_status == 1
    text = said(found)
    assert text.startswith("0 of 1 identical (1 another plan)")
    assert "app/orders.py:41 orders" in text
    assert "Bitmap Index Scan on o_c" in text
    assert "Seq Scan on o" in text
    assert "- an index is missing there: CREATE INDEX o_c ON public.o USING btree" in text
    assert max(map(len, text.splitlines())) <= 80


def test_an_index_under_another_name_is_the_same_index(real, server_url, tmp_path):
    with virtual(server_url, real) as planner:
        change(real, "ALTER INDEX o_c RENAME TO made_by_hand")
        found = verified(planner, real, tmp_path)

    assert said(found).splitlines()[0] == "8 of 8 identical"


def test_a_table_that_has_grown_is_named_with_its_sizes(real, server_url, tmp_path):
    with virtual(server_url, real) as planner:
        more = "INSERT INTO o SELECT i, 1 + i % 2000, 'goods', '2026-01-01' FROM "
        change(real, more + "generate_series(40001, 80000) i", "ANALYZE o")
        found = verified(planner, real, tmp_path, QUERIES[2])

    assert found.exit_status == 1
    assert "- public.o: 80,000 rows in " in said(found)
    assert "40,000 in " in said(found)


def test_settings_are_proven_to_be_the_reason(real, server_url, tmp_path):
    name = real.rpartition("/")[2].partition("?")[0]
    with virtual(server_url, real) as planner:
        change(real, f'ALTER DATABASE "{name}" SET random_page_cost = 1.1')
        found = verified(planner, real, tmp_path, QUERIES[0])

    assert found.settings == (("random_page_cost", "4", "1.1"),)
    assert "settings: with those of here (random_page_cost) it is identical" in said(found)
    assert found.exit_status == 1


def test_a_column_of_another_type_is_named(real, server_url, tmp_path):
    with virtual(server_url, real) as planner:
        change(real, "ALTER TABLE o ALTER c_id TYPE numeric", "VACUUM ANALYZE o")
        found = verified(planner, real, tmp_path, QUERIES[3])

    assert "public.o.c_id is numeric there, integer here" in said(found)


def test_pages_that_index_only_scans_must_look_at_are_named(real, server_url, tmp_path):
    with virtual(server_url, real) as planner:
        change(real, "UPDATE c SET name = name WHERE id % 40 = 0")
        counted = ("SELECT count(*) FROM c WHERE id < $1", (INT4,), (("900",),))
        found = verified(planner, real, tmp_path, counted)

    assert "Index Only Scan" in said(found)
    assert "of its pages are all-visible there, 100% here" in " ".join(said(found).split())


PARTITIONED = """
CREATE TABLE e (id bigint NOT NULL, at date NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE e_1 PARTITION OF e FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
"""


def test_partitions_the_schema_lacks_are_counted_by_their_root(real, server_url, tmp_path):
    change(real, PARTITIONED)
    with virtual(server_url, real, DDL + PARTITIONED) as planner:
        part = (
            "CREATE TABLE e_{0} PARTITION OF e FOR VALUES FROM ('202{0}-01-01') TO ('202{1}-01-01')"
        )
        change(real, part.format(6, 7), part.format(7, 8))
        found = verified(planner, real, tmp_path, ("SELECT * FROM e", (), ()))

    assert "- 2 partitions of public.e missing here" in said(found)


@pytest.fixture
def reader(real: str, server_url: str) -> Iterator[str]:
    """The real database as a role that may read one table."""
    name = "planguard_test_reader"
    change(real, f"CREATE ROLE {name} LOGIN", f"GRANT SELECT ON o TO {name}")
    yield real.replace("postgres@", f"{name}@")
    change(real, f"DROP OWNED BY {name}", f"DROP ROLE {name}")


def test_an_ordinary_reader_will_do_and_what_it_may_not_is_a_reason(
    real, reader, server_url, tmp_path
):
    with virtual(server_url, real) as planner:
        found = verified(planner, reader, tmp_path)

    text = said(found)
    assert text.startswith("3 of 8 identical (5 not planned there)")
    assert "there: permission denied for table c" in text
    assert "grant the role what the statement needs" in text
    assert found.exit_status == 3


def test_row_level_security_is_named(real, reader, server_url, tmp_path):
    with virtual(server_url, real) as planner:
        change(
            real,
            "ALTER TABLE o ENABLE ROW LEVEL SECURITY",
            "CREATE POLICY own ON o USING (c_id = 7)",
        )
        found = verified(planner, reader, tmp_path, QUERIES[0])

    assert "public.o: row-level security applies to the role there" in said(found)


def test_a_table_that_is_missing_there_is_a_reason(real, server_url, tmp_path):
    with virtual(server_url, real) as planner:
        change(real, "DROP TABLE c")
        found = verified(planner, real, tmp_path)

    text = said(found)
    assert text.startswith("6 of 8 identical (2 not planned there)")
    assert 'there: relation "c" does not exist' in text
    assert "not migrated yet" in text


def test_a_statement_that_takes_too_long_to_plan_is_given_up_and_the_next_is_planned(
    real, server_url, tmp_path
):
    slow = "SELECT * FROM o WHERE id < threshold()"
    sleeping = (
        "CREATE OR REPLACE FUNCTION threshold() RETURNS bigint STABLE LANGUAGE plpgsql "
        "AS 'BEGIN PERFORM pg_sleep(30); RETURN 5; END'"
    )
    with virtual(server_url, real) as planner:
        change(real, sleeping)
        found = verified(planner, real, tmp_path, (slow, (), ()), QUERIES[0], timeout=0.3)

    text = said(found)
    assert text.startswith("1 of 2 identical (1 not planned there)")
    assert "canceling statement due to statement timeout" in text
    assert "--timeout" in text


def test_a_lock_held_there_is_not_waited_for(real, server_url, tmp_path):
    with virtual(server_url, real) as planner, psycopg.connect(real) as other:
        catalog = catalog_of(real)
        other.execute("LOCK TABLE c IN ACCESS EXCLUSIVE MODE")
        (tmp_path / "pyproject.toml").write_text("[tool.pytest-planguard.database]\n"
                                                 'schema = "command: true"\n')  # fmt: skip
        found = compare(
            load(tmp_path, environ={}), capture(QUERIES[4], QUERIES[0]), planner, real, catalog
        )

    assert "canceling statement due to lock timeout" in said(found)
    assert found.count(Likeness.IDENTICAL) == 1


def test_a_server_that_goes_away_leaves_what_was_compared(real, server_url, tmp_path, monkeypatch):
    from pytest_planguard.planner.elsewhere import Elsewhere

    plan, seen = Elsewhere.plan, []

    def planned(self, *arguments):
        seen.append(arguments)
        if len(seen) == 3:
            change(
                server_url,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'pytest-planguard' AND datname LIKE 'test_%'",
            )
        return plan(self, *arguments)

    with virtual(server_url, real) as planner:
        monkeypatch.setattr(Elsewhere, "plan", planned)
        found = verified(planner, real, tmp_path)

    assert found.incomplete
    assert 1 <= len(found.queries) < len(QUERIES)
    assert found.exit_status == 3
    assert "incomplete after" in said(found)


def test_a_server_that_is_not_there_is_named_without_the_password(tmp_path):
    with pytest.raises(ServerError) as caught:
        catalog_of(f"postgresql://u:secret@/db?host={tmp_path}")

    assert "can't be read" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_standby_plans_writes_too_and_executes_nothing(standby, server_url, tmp_path):
    primary, copy = standby
    with virtual(server_url, primary) as planner:
        found = verified(planner, copy, tmp_path)

    assert found.in_recovery
    assert ", a standby" in said(found)
    assert found.count(Likeness.REFUSED) == 0
    with psycopg.connect(primary) as connection:
        assert connection.execute("SELECT count(*) FROM c").fetchone() == (2_000,)


def test_the_command_plans_in_the_fixture_and_there(
    real, server_url, tmp_path, monkeypatch, capsys
):
    (tmp_path / "schema.sql").write_text(DDL)
    (tmp_path / "pyproject.toml").write_text(
        f'[tool.pytest-planguard.database]\nprovider = "url"\nurl = "{real}"\nas-is = true\n'
        'schema = "schema.sql"\n'
    )
    file.write(capture(*QUERIES), tmp_path / ".planguard/capture.json.gz")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PLANGUARD_VERIFY_URL", real)

    assert run(["verify"]) == 0
    assert capsys.readouterr().out.startswith("8 of 8 identical\nplanned here by PostgreSQL 18")

    change(real, "DROP TABLE c")
    assert run(["verify"]) == 0  # what has no plan here is none that differs
    assert '2 not plannable: the server says: relation "c" does not exist' in (
        capsys.readouterr().out
    )


def test_what_only_the_suite_sends_is_not_asked_about(real, server_url, tmp_path):
    asked = capture(*QUERIES[:2])
    first, second = asked.statements
    place = msgspec.structs.replace(
        second.places[0],
        origin=msgspec.structs.replace(second.places[0].origin, layer=Layer.TEST),
    )
    own = msgspec.structs.replace(second, places=(place,))
    asked = msgspec.structs.replace(asked, statements=(first, own))
    with virtual(server_url, real) as planner:
        (tmp_path / "schema.sql").write_text(DDL)
        (tmp_path / "pyproject.toml").write_text(
            '[tool.pytest-planguard.database]\nschema = "schema.sql"\n'
        )
        found = compare(load(tmp_path, {}, {}), asked, planner, real, catalog_of(real))
    assert [one.query.sql for one in found.queries] == ["SELECT * FROM o WHERE id = $1"]
