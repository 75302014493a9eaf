from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_planguard.model.capture import Capture
from pytest_planguard.model.statement import Via
from pytest_planguard.model.tenants import Tenants
from pytest_planguard.sql.normalise import queries

CaptureOf = Callable[..., Capture]

pytest.importorskip("sqlalchemy")

MODELS = """
from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

class Base(DeclarativeBase):
    pass

class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    lines: Mapped[list["Line"]] = relationship()

class Line(Base):
    __tablename__ = "lines"
    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
"""

ASYNC = """
import asyncio
import models
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

def lines_of(session, order):
    loaded = session.get(models.Order, order)
    return loaded.lines

async def first(session):
    return await session.scalar(select(models.Order.id).limit(1))

async def run(url):
    engine = create_async_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    async with engine.begin() as connection:
        await connection.run_sync(models.Base.metadata.create_all)
    async with AsyncSession(engine) as session:
        session.add(models.Order(id=1, lines=[models.Line(id=1)]))
        await session.commit()
        session.expunge_all()
        await session.run_sync(lines_of, 1)
        await first(session)
    await engine.dispose()

def main(url):
    asyncio.run(run(url))
"""


def lines(capture: Capture, containing: str) -> list[tuple[int, str]]:
    return [
        (place.origin.line, place.origin.function)
        for statement in capture.statements
        if containing in statement.text
        for place in statement.places
    ]


@pytest.mark.parametrize("driver", ["psycopg", "asyncpg"])
def test_the_line_inside_of_an_async_engines_greenlet_is_found(
    capture_of: CaptureOf, driver: str
) -> None:
    pytest.importorskip(driver)
    capture = capture_of(ASYNC.replace("+psycopg:", f"+{driver}:"), models=MODELS)
    assert capture.notes == ()
    assert {item.session.driver for item in capture.statements} == {driver}
    assert lines(capture, "LIMIT") == [(12, "first")]
    assert lines(capture, "WHERE orders.id =") == [(8, "lines_of")]
    assert lines(capture, "FROM lines") == [(9, "lines_of")]
    assert lines(capture, "INSERT INTO orders") == [(20, "run")]


def test_an_annotation_never_reaches_another_statement(capture_of: CaptureOf) -> None:
    capture = capture_of(ASYNC, models=MODELS)
    assert lines(capture, "LIMIT") == [(12, "first")]


def test_the_tables_an_engine_makes_are_ddl(capture_of: CaptureOf) -> None:
    capture = capture_of(ASYNC, models=MODELS)
    assert [item.text.split()[:3] for item in capture.ddl] == [
        ["CREATE", "TABLE", "orders"],
        ["CREATE", "TABLE", "lines"],
    ]


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
def test_a_sync_engine_needs_no_annotation(capture_of: CaptureOf, driver: str) -> None:
    pytest.importorskip(driver)
    app = """
import models
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

def find(session):
    return session.scalars(
        select(models.Order).where(models.Order.id.in_([1, 2]))
    ).all()

def main(url):
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    models.Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all(models.Order(id=n) for n in range(5))
        session.flush()
        find(session)
    engine.dispose()
"""
    capture = capture_of(app.replace("+psycopg:", f"+{driver}:"), models=MODELS)
    assert {item.session.driver for item in capture.statements} == {driver}
    assert lines(capture, "WHERE orders.id IN") == [(7, "find")]
    assert lines(capture, "INSERT INTO orders") == [(16, "main")]


def vias(capture: Capture, containing: str) -> set[Via]:
    return {
        place.origin.via
        for statement in capture.statements
        if containing in statement.text
        for place in statement.places
    }


ASYNCPG = ASYNC.replace("postgresql+psycopg:", "postgresql+asyncpg:")


def test_the_line_is_found_over_asyncpg_too(capture_of: CaptureOf) -> None:
    capture = capture_of(ASYNCPG, models=MODELS)
    assert capture.notes == ()
    assert lines(capture, "WHERE orders.id =") == [(8, "lines_of")]
    assert lines(capture, "FROM lines") == [(9, "lines_of")]
    assert lines(capture, "INSERT INTO orders") == [(20, "run")]
    assert lines(capture, "LIMIT") == [(12, "first")]
    assert {item.session.driver for item in capture.statements} == {"asyncpg"}


def test_a_failed_statement_leaves_no_line_behind(capture_of: CaptureOf) -> None:
    app = """
import asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

async def fails(connection):
    try:
        await connection.execute(text("SELECT 1/0"))
    except Exception:
        await connection.rollback()

async def raw(connection):
    driver = (await connection.get_raw_connection()).driver_connection
    return await driver.fetchval("SELECT 2")

async def run(url):
    engine = create_async_engine(url.replace("postgresql:", "postgresql+asyncpg:"))
    async with engine.connect() as connection:
        await fails(connection)
        await raw(connection)
    await engine.dispose()

def main(url):
    asyncio.run(run(url))
"""
    capture = capture_of(app)
    assert lines(capture, "SELECT 1/0") == [(8, "fails")]
    assert lines(capture, "SELECT 2") == [(14, "raw")]
    assert vias(capture, "SELECT 1/0") == {Via.CORE}
    assert vias(capture, "SELECT 2") == {Via.DRIVER}


MANY = """
import models
from sqlalchemy import create_engine, insert, select, text
from sqlalchemy.orm import Session
from urls import engine_url

def fill(session):
    session.add_all(models.Order() for _ in range(2500))
    session.flush()

def both(connection):
    table = models.Order.__table__
    connection.execute(select(table).where(table.c.id == 1))
    connection.execute(insert(table).returning(table.c.id), [{"id": -n} for n in range(1, 1500)])

def main(url):
    engine = create_engine(engine_url(url, "DRIVER"))
    models.Base.metadata.create_all(engine)
    with Session(engine) as session:
        fill(session)
        both(session.connection())
        session.scalars(select(models.Order).where(models.Order.id < 3)).all()
    engine.dispose()
"""

URLS = """
def engine_url(url, driver):
    url = url.replace("postgresql:", f"postgresql+{driver}:")
    if driver == "pg8000":
        url = url.replace("?host=", "?unix_sock=") + "%2F.s.PGSQL.5432"
    return url
"""


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2", "pg8000"])
def test_rows_inserted_in_batches_count_once_and_orm_is_told_from_core(
    capture_of: CaptureOf, driver: str
) -> None:
    capture = capture_of(MANY.replace("DRIVER", driver), models=MODELS, urls=URLS)
    inserts = [item for item in capture.statements if item.text.startswith("INSERT")]
    assert len(inserts) > 1
    assert {(item.many, item.session.driver) for item in inserts} == {(True, driver)}
    counted = {"fill": 0, "both": 0}
    for item in inserts:
        for place in item.places:
            counted[place.origin.function] += place.executions
    assert counted == {"fill": 1, "both": 1}
    selects = {
        place.origin.function: place.origin.via
        for item in capture.statements
        if "FROM orders" in item.text
        for place in item.places
    }
    assert selects == {"both": Via.CORE, "main": Via.ORM}


def test_an_unknown_driver_is_heard_above_it_and_the_report_says_so(capture_of: CaptureOf) -> None:
    app = """
from sqlalchemy import create_engine, text
from urls import engine_url

def find(connection, name):
    return connection.execute(text("SELECT :name AS name, '%' AS sign"), {"name": name}).all()

def main(url):
    engine = create_engine(engine_url(url, "pg8000"))
    with engine.connect() as connection:
        connection.execute(text("SET search_path = tenant_a"))
        find(connection, "a'b")
        connection.execute(text("CREATE TABLE public.t (id int)"))
    engine.dispose()
"""
    capture = capture_of(app, urls=URLS)
    (statement,) = [item for item in capture.statements if "AS sign" in item.text]
    assert statement.text == "SELECT $1 AS name, '%' AS sign"
    assert [sample.values for sample in statement.samples] == [("a'b",)]
    assert (statement.session.driver, statement.session.search_path) == ("pg8000", "tenant_a")
    assert lines(capture, "AS sign") == [(6, "find")]
    assert [item.text for item in capture.ddl] == ["CREATE TABLE public.t (id int)"]
    assert capture.notes == (
        (
            "planguard does not know the driver pg8000: what SQLAlchemy gave it was captured, "
            "what the application gives it directly was not"
        ),
    )


def test_settings_over_an_unknown_driver_are_followed_where_nobody_listens(
    capture_of: CaptureOf,
) -> None:
    app = """
from __main__ import recorder
from sqlalchemy import create_engine, text
from urls import engine_url

def main(url):
    engine = create_engine(engine_url(url, "pg8000"))
    with engine.connect() as connection:
        recorder.enable(on=False)
        connection.execute(text("SET app.tenant = 'acme'"))
        config = text("SELECT set_config('app.region', :name, false)")
        connection.execute(config, {"name": "north"})
        recorder.enable(on=True)
        connection.execute(text("SELECT 2 AS sign"))
    engine.dispose()
"""
    (statement,) = capture_of(app, urls=URLS).statements
    assert statement.text == "SELECT 2 AS sign"
    assert statement.session.settings == {"app.region": "north", "app.tenant": "acme"}


def test_a_translated_schema_is_a_tenants_and_probes_are_no_queries(capture_of: CaptureOf) -> None:
    app = """
import models
from sqlalchemy import create_engine, inspect, select, text
from sqlalchemy.orm import Session

def orders(session):
    return session.scalars(select(models.Order).where(models.Order.id == 5)).all()

def main(url):
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"), pool_pre_ping=True)
    for tenant in ("tenant_b", "tenant_a"):
        with engine.begin() as connection:
            connection.execute(text(f"CREATE SCHEMA {tenant}"))
        mapped = engine.execution_options(schema_translate_map={None: tenant})
        models.Base.metadata.create_all(mapped)
        inspect(engine).get_columns("orders", schema=tenant)
        with Session(mapped) as session:
            orders(session)
    engine.dispose()
"""
    capture = capture_of(app, models=MODELS)
    (query,) = queries(capture, tenants=Tenants("tenant_*", "tenant_a"))
    assert (
        query.sql
        == "SELECT tenant_a.orders.id FROM tenant_a.orders WHERE tenant_a.orders.id = $1::integer"
    )
    assert query.executions == 2
    (variant,) = query.variants
    assert "FROM tenant_a.orders" in variant.plannable
    assert [(place.origin.function, place.origin.via) for place in query.places] == [
        ("orders", Via.ORM)
    ]


def test_engines_over_drivers_that_are_heard_have_no_listeners(capture_of: CaptureOf) -> None:
    app = """
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Engine

def main(url):
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
    assert Engine._has_events is False
    assert not engine.pool.dispatch.checkout
    engine.dispose()
"""
    assert "SELECT 1" in [item.text for item in capture_of(app).statements]


def test_the_listeners_of_an_unknown_driver_are_taken_off_at_the_end(capture_of: CaptureOf) -> None:
    app = """
from __main__ import listening
from sqlalchemy import create_engine
from sqlalchemy.engine import Engine
from urls import engine_url

def main(url):
    engine = create_engine(engine_url(url, "pg8000"))
    assert Engine._has_events is False
    engine.connect().close()
    assert list(engine.dispatch.before_cursor_execute)
    listening.stop()
    assert not list(engine.dispatch.before_cursor_execute)
    assert Engine._has_events is False
    engine.dispose()
"""
    assert capture_of(app, urls=URLS).statements == ()


def test_listeners_of_the_application_go_on_being_called(capture_of: CaptureOf) -> None:
    app = """
from __main__ import listening
from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import Engine
from urls import engine_url

def main(url):
    engine = create_engine(engine_url(url, "pg8000"))
    engine.connect().close()
    seen = []
    event.listen(Engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
    listening.stop()
    assert Engine._has_events is True
    with engine.connect() as connection:
        connection.execute(text("SELECT 'seen'"))
    engine.dispose()
    assert "SELECT 'seen'" in seen
"""
    assert capture_of(app, urls=URLS).statements == ()
