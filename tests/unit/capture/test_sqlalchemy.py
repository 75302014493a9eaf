from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_planguard.model.capture import Capture

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


def test_the_listeners_are_taken_off_at_the_end(capture_of: CaptureOf) -> None:
    app = """
import sqlalchemy
from __main__ import listening

def main(url):
    from sqlalchemy import create_engine, event
    from sqlalchemy.engine import Engine
    listening.stop()
    dispatch = create_engine(url.replace("postgresql:", "postgresql+psycopg:")).dispatch
    assert not list(dispatch.before_cursor_execute)
    assert not list(dispatch.after_cursor_execute)
"""
    assert capture_of(app).statements == ()
