"""Migrations traced on a real server: what is seen on an empty twin, and what may go wrong."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import NamedTuple

import psycopg
import pytest
import sqlalchemy
from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.ext.asyncio import create_async_engine

from pytest_planguard.errors import SchemaError
from pytest_planguard.migrations.recorded import NOWHERE, Recording, Sent
from pytest_planguard.migrations.releases import Said, known, prepared
from pytest_planguard.migrations.session import Session
from pytest_planguard.migrations.tools.alembic import with_values
from pytest_planguard.migrations.trace import Trace, Traced, replay, trace
from pytest_planguard.model.baseline import Entry, PlanEntry
from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.migration import (
    Dropped,
    DroppedKind,
    LockMode,
    Migration,
    Step,
    Tool,
)
from pytest_planguard.model.statistics import ScaleSource, Statistics
from pytest_planguard.pipeline.migrated_plans import index_use
from pytest_planguard.planner.catalog import read_catalog
from pytest_planguard.planner.explain import Explainer
from pytest_planguard.planner.wire import Wire
from pytest_planguard.sql.safe import recipe, written
from pytest_planguard.sql.script import split_script

SCHEMA = """
CREATE TABLE customers (id bigint PRIMARY KEY, email text);
CREATE TABLE orders (
    id bigint PRIMARY KEY, customer_id bigint, note varchar(20), total int,
    at timestamptz DEFAULT now());
CREATE INDEX orders_customer ON orders (customer_id);
CREATE TABLE events (id bigint, at date NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE events_rest PARTITION OF events DEFAULT;
CREATE TABLE archive (id bigint, at date NOT NULL);
CREATE MATERIALIZED VIEW totals AS SELECT customer_id, count(*) FROM orders GROUP BY 1;
CREATE UNIQUE INDEX ON totals (customer_id);
CREATE TABLE lines (
    id bigint PRIMARY KEY, order_id bigint REFERENCES orders ON DELETE CASCADE,
    code varchar(20) NOT NULL DEFAULT 'amount', amount int NOT NULL DEFAULT 0 CHECK (amount >= 0),
    UNIQUE (code, amount) DEFERRABLE);
CREATE INDEX ON lines (code) INCLUDE (id) WHERE amount > 0 AND code <> 'amount';
CREATE INDEX ON lines (lower(code), order_id);
CREATE TYPE mood AS ENUM ('good');
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE FUNCTION change() RETURNS void LANGUAGE plpgsql AS
    'BEGIN EXECUTE ''ALTER TABLE orders ALTER total TYPE bigint''; END';
"""


@pytest.fixture(scope="module")
def template(server_url: str) -> Iterator[str]:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE migrations_template")
        with psycopg.connect(_of(server_url, "migrations_template")) as there:
            there.execute(SCHEMA)
        yield "migrations_template"
        connection.execute("DROP DATABASE migrations_template WITH (FORCE)")


@contextmanager
def new_twin(server_url: str, template: str) -> Iterator[str]:
    name = f"migrations_twin_{next(_numbers)}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        yield _of(server_url, name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def twin(server_url: str, template: str) -> Iterator[str]:
    with new_twin(server_url, template) as url:
        yield url


_numbers = count()


def _of(url: str, database: str) -> str:
    return url.replace("/postgres?", f"/{database}?")


def traced(twin: str, *texts: str, **more) -> Trace:
    return trace(Recording(tuple(Sent(text) for text in texts), "a test"), twin, **more)


def answer(twin: str, query: str) -> object:
    with psycopg.connect(twin) as connection:
        return connection.execute(query).fetchone()[0]


ALL = LockMode.ACCESS_EXCLUSIVE
SRE = LockMode.SHARE_ROW_EXCLUSIVE
SUE = LockMode.SHARE_UPDATE_EXCLUSIVE


CASES = [
        ("ALTER TABLE orders ADD COLUMN a int", ALL, "", ""),
        ("ALTER TABLE orders ADD COLUMN a int NOT NULL DEFAULT 0", ALL, "", ""),
        ("ALTER TABLE orders ADD COLUMN a float DEFAULT random()", ALL, "orders", "orders"),
        ("ALTER TABLE orders ALTER note SET NOT NULL", ALL, "orders", ""),
        ("ALTER TABLE orders ALTER note TYPE varchar(50)", ALL, "", ""),
        ("ALTER TABLE orders ALTER note TYPE varchar(10)", ALL, "orders", "orders"),
        ("ALTER TABLE orders ALTER total TYPE bigint", ALL, "orders", "orders"),
        ("ALTER TABLE orders ADD CHECK (total > 0)", ALL, "orders", ""),
        ("ALTER TABLE orders ADD CHECK (total > 0) NOT VALID", ALL, "", ""),
        (
            "ALTER TABLE orders ADD FOREIGN KEY (customer_id) REFERENCES customers",
            SRE, "customers orders", "",
        ),
        (
            "ALTER TABLE orders ADD FOREIGN KEY (customer_id) REFERENCES customers NOT VALID",
            SRE, "", "",
        ),
        ("CREATE INDEX ON orders (note)", LockMode.SHARE, "orders", ""),
        ("CREATE INDEX CONCURRENTLY ON orders (note)", SUE, "orders", ""),
        ("DROP INDEX orders_customer", ALL, "", ""),
        ("DROP INDEX CONCURRENTLY orders_customer", SUE, "", ""),
        ("REINDEX INDEX orders_customer", ALL, "orders", ""),
        ("REINDEX INDEX CONCURRENTLY orders_customer", SUE, "orders", ""),
        ("CLUSTER orders USING orders_pkey", ALL, "orders", "orders"),
        ("VACUUM FULL orders", ALL, "orders", "orders"),
        ("VACUUM orders", SUE, "", ""),
        ("TRUNCATE orders, lines", ALL, "", ""),
        ("CREATE TRIGGER t BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION touch()",
         SRE, "", ""),
        ("ALTER TABLE orders SET (fillfactor = 70)", SUE, "", ""),
        ("SELECT change()", ALL, "orders", "orders"),
        ("DO $$ BEGIN EXECUTE 'ALTER TABLE orders ALTER total TYPE bigint'; END $$",
         ALL, "orders", "orders"),
]  # fmt: skip


@pytest.fixture(scope="module")
def effects_of(server_url: str, template: str) -> Iterator[dict[str, Traced]]:
    """What each case did; each is undone before the next where it can be."""
    texts = [text for text, *_ in CASES]
    alone = [one for one in texts if "CONCURRENTLY" in one or one.startswith("VACUUM")]
    undone = [one for text in texts if text not in alone for one in ("BEGIN", text, "ROLLBACK")]
    with new_twin(server_url, template) as twin:
        seen = traced(twin, *undone, *sorted(alone, key=lambda text: text.startswith("DROP")))
    assert seen.failure == ""
    return {one.sent.text: one for one in seen.statements}


@pytest.mark.parametrize(("text", "mode", "reads", "rewrites"), CASES)
def test_a_statement_on_the_empty_twin_shows_what_it_does(effects_of, text, mode, reads, rewrites):
    seen = effects_of[text].effects

    lock = next(lock for lock in seen.locks if lock.relation == "public.orders")
    assert lock.mode is mode
    assert seen.reads == tuple(f"public.{name}" for name in reads.split())
    assert seen.rewrites == tuple(f"public.{name}" for name in rewrites.split())


def test_what_is_dropped_is_known_by_its_name(twin):
    seen = traced(
        twin, "ALTER TABLE orders DROP COLUMN note", "DROP INDEX orders_customer",
        "TRUNCATE customers", "DROP TABLE archive",
    )  # fmt: skip

    gone = [
        (one.kind, one.relation, one.name) for s in seen.statements for one in s.effects.dropped
    ]
    assert gone == [
        (DroppedKind.COLUMN, "public.orders", "note"),
        (DroppedKind.INDEX, "public.orders", "public.orders_customer"),
        (DroppedKind.ROWS, "public.customers", ""),
        (DroppedKind.TABLE, "public.archive", ""),
    ]


def test_partitions_and_views_are_seen_too(twin):
    attach = "ALTER TABLE events ATTACH PARTITION archive FOR VALUES FROM ('2025-01-01') TO"
    seen = traced(
        twin, f"{attach} ('2026-01-01')", "REFRESH MATERIALIZED VIEW totals",
        "REFRESH MATERIALIZED VIEW CONCURRENTLY totals",
    ).statements  # fmt: skip

    assert seen[0].effects.reads == ("public.archive", "public.events_rest")
    assert seen[1].effects.rewrites == ("public.totals",)
    assert seen[2].effects.rewrites == ()
    assert [one.mode for one in seen[2].effects.locks][:1] == [LockMode.EXCLUSIVE]


def test_a_transaction_holds_what_its_earlier_statements_locked(twin):
    seen = traced(
        twin, "SET lock_timeout = '2s'", "BEGIN", "ALTER TABLE orders ADD COLUMN a int",
        "UPDATE customers SET email = ''", "COMMIT", "ALTER TABLE orders ADD COLUMN b int",
    ).statements  # fmt: skip

    first, second, third = seen
    assert (first.inside, second.inside, third.inside) == (True, True, False)
    assert first.transaction == second.transaction != third.transaction
    assert [one.relation for one in second.effects.held] == ["public.orders"]
    assert third.effects.held == ()
    assert {one.lock_timeout for one in seen} == {"2s"}


def test_a_migration_that_fails_half_way_says_what_stays_and_leaves_the_rest_undone(twin):
    seen = traced(
        twin, "ALTER TABLE orders ADD COLUMN a int", "BEGIN",
        "ALTER TABLE orders ADD COLUMN b int", "ALTER TABLE orders ADD COLUMN a int",
        "ALTER TABLE orders ADD COLUMN c int", "COMMIT",
    )  # fmt: skip

    assert 'column "a" of relation "orders" already exists' in seen.failure
    assert "1 statement before it would stay applied" in seen.failure
    assert "1 statement of its transaction would be rolled back" in seen.failure
    assert "2 statements after it never ran" in seen.failure
    columns = "SELECT string_agg(attname, ' ') FROM pg_attribute WHERE attname IN ('a', 'b')"
    assert answer(twin, columns) == "a"


def test_concurrently_inside_a_transaction_is_refused_as_in_production(twin):
    seen = traced(twin, "BEGIN", "CREATE INDEX CONCURRENTLY ON orders (note)", "COMMIT")

    assert seen.statements[0].refusal.needs_no_transaction
    assert "cannot run inside a transaction block" in seen.failure


def test_a_migration_that_never_ends_is_cancelled(twin):
    began = time.monotonic()
    seen = traced(twin, "DO $$ BEGIN LOOP END LOOP; END $$", "SELECT 1", time_limit=0.5)

    assert "did not end within 0.5 seconds" in seen.failure
    assert time.monotonic() - began < 30


def test_a_migration_that_needs_data_fails_with_the_servers_words(twin):
    block = "DO $$ BEGIN IF NOT EXISTS (SELECT FROM orders) THEN RAISE 'no orders'; END IF; END $$"
    assert "no orders" in traced(twin, block).failure


def test_a_block_that_commits_is_run_outside_of_a_transaction(twin):
    block = "DO $$ BEGIN UPDATE orders SET total = 1; COMMIT; UPDATE orders SET total = 2; END $$"
    seen = traced(twin, block)

    assert seen.failure == ""
    assert not seen.statements[0].inside


def test_roles_and_servers_are_let_alone(twin):
    seen = traced(
        twin, "CREATE ROLE planguard_never PASSWORD 'secret'", "BEGIN",
        "GRANT SELECT ON orders TO planguard_never", "ALTER TABLE orders ADD COLUMN a int",
        "COMMIT",
    )  # fmt: skip

    assert seen.failure == ""
    assert [note.partition(":")[0] for note in seen.notes] == [
        "CREATE ROLE planguard_never PASSWORD ''", "GRANT SELECT ON orders TO planguard_never",
    ]  # fmt: skip
    known = "SELECT count(*) FROM pg_roles WHERE rolname = 'planguard_never'"
    assert answer(twin, known) == 0


def test_what_the_parser_rejects_and_the_server_takes_is_traced(twin, monkeypatch):
    from pglast.parser import ParseError

    from pytest_planguard.sql import migration_text

    def refuse(_: str) -> None:
        raise ParseError("a newer server knows more")

    monkeypatch.setattr(migration_text, "parse_sql", refuse)
    (one,) = traced(twin, "ALTER TABLE orders ALTER total TYPE bigint").statements
    assert one.effects.rewrites == ("public.orders",)


def test_an_extension_the_server_lacks_stops_the_migration(twin):
    assert "postgis" in traced(twin, "CREATE EXTENSION postgis").failure


def test_a_statement_whose_values_are_not_known_is_told_and_the_rest_is_traced(twin):
    seen = traced(
        twin,
        "UPDATE orders SET note = $1",
        "CREATE FUNCTION half(int) RETURNS int LANGUAGE sql AS 'SELECT $1 / 2'",
        "ALTER TABLE orders ADD COLUMN a int",
    )
    assert seen.failure == ""
    assert len(seen.statements) == 2
    assert seen.notes == ("UPDATE orders SET note = $1: not traced, its values are not known",)


WITH_VALUES = "UPDATE orders SET note = :note WHERE total = :total OR note = 'costs $1, 100%'"


def _heard(engine: Engine) -> list[str]:
    texts: list[str] = []

    @event.listens_for(engine, "before_cursor_execute")
    def hear(connection, cursor, text, values, *_):
        texts.append(with_values(connection, cursor, text, values))

    return texts


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
def test_what_sqlalchemy_binds_is_written_into_the_text(twin, driver):
    url = make_url(twin).set(drivername=f"postgresql+{driver}")
    engine = create_engine(url)
    texts = _heard(engine)
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text(WITH_VALUES), {"note": "it's $2", "total": 7})
    engine.dispose()
    assert_same(twin, texts)


@pytest.mark.parametrize("driver", ["psycopg", "asyncpg"])
def test_what_sqlalchemy_binds_asynchronously_is_written_into_the_text(twin, driver):
    async def send() -> list[str]:
        url = make_url(twin).set(drivername=f"postgresql+{driver}")
        engine = create_async_engine(url)
        texts = _heard(engine.sync_engine)
        async with engine.connect() as connection:
            await connection.execute(sqlalchemy.text(WITH_VALUES), {"note": "it's $2", "total": 7})
        await engine.dispose()
        return texts

    assert_same(twin, asyncio.run(send()))


def assert_same(twin: str, texts: list[str]) -> None:
    text = texts[-1]
    assert "'it''s $2'" in text
    assert "'costs $1, 100%'" in text
    assert ":total" not in text
    assert traced(twin, text).notes == ()


def test_a_migration_that_does_not_commit_says_so(twin):
    seen = traced(twin, "BEGIN", "ALTER TABLE orders ADD COLUMN a int")
    assert seen.notes == ("the migration ends inside a transaction: what is in it is rolled back",)
    columns = (
        "SELECT count(*) FROM pg_attribute WHERE attname = 'a' AND attrelid = 'orders'::regclass"
    )
    assert answer(twin, columns) == 0


LISTED = "SELECT note FROM orders WHERE customer_id IN ($1, ...5) AND total = $2"
"""As a baseline has it: its list by size class, its constant as a parameter."""


def listed(sql: str = LISTED) -> Entry:
    access = {"orders": "index_lookup"}
    used = {"orders": ("orders_customer",)}
    plan = PlanEntry("generic", access, {"orders": "public.orders"}, used, 1.0, ())
    return Entry("a" * 12, "default", sql, ("integer",), (), (), (plan,))


def test_a_statement_with_a_list_breaks_by_what_the_migration_takes_from_it(
    server_url, template, twin
):
    asked = [known(listed()), known(listed("SELECT json FROM orders WHERE id IN ($1, ...)"))]
    with new_twin(server_url, template) as other:
        traced(other, "ALTER TABLE orders DROP COLUMN total")
        here, there = prepared(asked, twin, other)
    assert here[0] is None
    assert "total" in there[0].message
    assert "json" in here[1].message


def test_types_of_parameters_are_tried_and_a_search_path_is_followed(server_url, template, twin):
    with psycopg.connect(twin) as connection:
        connection.execute("CREATE SCHEMA apart; CREATE TABLE apart.notes (code int)")
    sql = "SELECT 1 FROM notes WHERE code = $1"
    asked = [Said(sql, "", oids=(23,), search_path="apart"), Said(sql, "", oids=(23,))]
    with new_twin(server_url, template) as other:
        with psycopg.connect(other) as connection:
            connection.execute("CREATE SCHEMA apart; CREATE TABLE apart.notes (code text)")
        here, there = prepared(asked, twin, other)
    assert here[0] is None
    assert "operator does not exist" in there[0].message
    assert "notes" in here[1].message


def test_a_dropped_index_of_a_statement_with_a_list_and_a_constant_is_planned_without_it(
    server_url, template, twin
):
    @contextmanager
    def at(url: str) -> Iterator[tuple[Explainer, Catalog]]:
        with psycopg.connect(url) as connection:
            catalog = read_catalog(connection)
        with Wire(url) as wire:
            yield Explainer(wire, catalog, Statistics({}, "", ScaleSource.DECLARED)), catalog

    gone = Dropped(DroppedKind.INDEX, "public.orders", "public.orders_customer")
    step = Step("DROP INDEX orders_customer", NOWHERE, dropped=(gone,))
    migration = Migration("default", Tool.SQL, "x.sql", (step,))
    with new_twin(server_url, template) as after:
        traced(after, "DROP INDEX orders_customer")
        use = index_use(migration, [listed()], [], lambda: at(twin), lambda: at(after))
    assert use is not None
    assert (use.looked_at, use.unplanned) == (1, 0)
    (lost,) = use.lost
    assert lost.sql == LISTED
    assert lost.before > 0 < lost.after


RECIPES = [
    "CREATE INDEX orders_note ON orders (note)",
    "CREATE UNIQUE INDEX ON orders (note DESC, total) WHERE total > 0",
    "CREATE INDEX events_id ON events (id)",
    "ALTER TABLE orders ALTER note SET NOT NULL",
    "ALTER TABLE orders ADD CHECK (total > 0)",
    "ALTER TABLE orders ADD CONSTRAINT c CHECK (total > 0), ADD COLUMN a int",
    "ALTER TABLE orders ADD FOREIGN KEY (customer_id) REFERENCES customers (id) ON DELETE CASCADE",
    "ALTER TABLE orders ADD CONSTRAINT n UNIQUE (note)",
    "ALTER TABLE archive ADD PRIMARY KEY (id)",
    "ALTER TABLE orders ALTER total TYPE bigint",
    "ALTER TABLE orders ALTER note TYPE int USING length(note)",
    "ALTER TABLE lines ALTER amount TYPE bigint",
    'ALTER TABLE lines ALTER code TYPE varchar(40) COLLATE "C"',
    "ALTER TABLE lines ALTER order_id TYPE int",
    "ALTER TABLE ONLY lines ADD UNIQUE NULLS NOT DISTINCT (id) INCLUDE (amount) DEFERRABLE",
    "ALTER TABLE lines ADD CHECK (amount < 9), ADD CHECK (amount < 8), ADD CHECK (amount < id)",
    'ALTER TABLE lines ADD a text COLLATE "C" NOT NULL DEFAULT random() UNIQUE CHECK (a > code)',
    "ALTER TABLE lines ADD COLUMN b bigint REFERENCES orders (id) ON DELETE CASCADE",
    "ALTER TABLE archive ADD COLUMN key uuid DEFAULT gen_random_uuid() PRIMARY KEY",
    "ALTER TABLE orders ADD COLUMN token uuid NOT NULL DEFAULT gen_random_uuid()",
    "ALTER TABLE orders ADD COLUMN other bigint DEFAULT random() * 10 REFERENCES customers",
    "ALTER TABLE events ATTACH PARTITION archive FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')",
    "REINDEX TABLE orders",
    "REINDEX INDEX orders_customer",
    "REFRESH MATERIALIZED VIEW totals",
    "DROP INDEX orders_customer",
    "UPDATE orders SET note = '' WHERE note IS NULL OR total = 0",
    "DELETE FROM orders o WHERE o.at < now()",
]


def schema(conninfo: str) -> tuple[object, ...]:
    """What a schema comes to, without the names of indexes and constraints."""
    with psycopg.connect(conninfo) as connection:
        catalog = read_catalog(connection)
    columns = {
        (name, one.name, one.type, one.not_null, one.default, one.collation)
        for name, table in catalog.tables.items()
        for one in table.columns
    }
    constraints = sorted(
        (name, one.kind, one.definition)
        for name, table in catalog.tables.items()
        for one in table.constraints
    )
    indexes = sorted(one.definition.partition(" ON ")[2] for one in catalog.indexes.values())
    return columns, constraints, indexes


class Followed(NamedTuple):
    """A recipe that was sent as it stands."""

    trace: Trace
    schema: object
    wanted: object
    """The schema the statement itself leads to."""


@pytest.fixture(scope="module")
def recipes(server_url: str, template: str) -> Iterator[dict[str, Followed]]:
    """Each recipe in SQL, sent as it stands to a twin of its own kind of schema."""
    with new_twin(server_url, template) as twin, psycopg.connect(twin) as connection:
        catalog = read_catalog(connection)
    found = {}
    for text in RECIPES:
        better = recipe(text, catalog, catalog.server.major)
        assert better is not None, text
        lines = written(better, Tool.SQL).replace(":last", "0").replace(":next", "5000")
        sent = [Sent(one.text) for one in split_script(lines)]
        with new_twin(server_url, template) as twin, new_twin(server_url, template) as other:
            with psycopg.connect(other) as connection:
                connection.execute(text.encode())
            traced = trace(Recording(tuple(sent), "a recipe"), twin)
            found[text] = Followed(traced, schema(twin), schema(other))
    return found


@pytest.mark.parametrize("text", RECIPES)
def test_a_recipe_leads_to_the_schema_of_the_statement(recipes, text):
    assert recipes[text].schema == recipes[text].wanted


@pytest.mark.parametrize("text", RECIPES)
def test_a_recipe_runs_as_it_stands_and_nobody_waits_for_a_table(recipes, text):
    seen = recipes[text].trace

    assert seen.failure == ""
    assert seen.statements
    for one in seen.statements:
        blocked = {lock.relation for lock in one.effects.locks if lock.mode.blocks}
        works = {*one.effects.reads, *one.effects.rewrites}
        works |= {table for _, table in (*one.effects.built, *one.effects.rebuilt)}
        if text.startswith("REFRESH"):
            works -= {"public.totals"}  # EXCLUSIVE: its readers go on
        assert not blocked & works - {"public.events_rest"}, one.sent.text


def test_a_deadline_that_cancels_our_own_question_is_the_statements_refusal(twin, monkeypatch):
    session = Session(twin, time.monotonic() + 60)
    try:
        start = session.start()

        def cancelled(_):
            raise psycopg.errors.QueryCanceled("canceling statement due to user request")

        with monkeypatch.context() as patched:
            patched.setattr(session, "_asked", cancelled)
            seen = session.observe("ALTER TABLE orders ADD COLUMN a int")
        assert (seen.refusal.message, seen.after) == (
            "canceling statement due to user request", start.snapshot,
        )  # fmt: skip
        assert not session.in_transaction
        assert session.observe("ALTER TABLE orders ADD COLUMN b int").refusal is None
    finally:
        session.close()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("DO $$ BEGIN IF NOT EXISTS (SELECT FROM orders) THEN RAISE 'no orders'; END IF; END $$",
         "no orders"),
        ("SELECT pg_sleep(30)", "no end within 0.2 seconds"),
    ],
)  # fmt: skip
def test_a_schema_that_cannot_be_made_again_is_not_planned_on(twin, text, why):
    sent = [Sent("INSERT INTO orders (id) VALUES (1)"), Sent(text)]
    with pytest.raises(SchemaError, match=why):
        replay(sent, twin, time_limit=0.2 if "sleep" in text else 60)
