"""What planguard reads of the tests' databases: the same through every driver they may use."""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from pytest_planguard.capture import asyncpg as listened
from pytest_planguard.capture.connection import APPLICATION_NAME, ConnectionParameters
from pytest_planguard.capture.files import Files
from pytest_planguard.capture.origin import OriginFinder
from pytest_planguard.capture.recorder import Recorder
from pytest_planguard.capture.sqlalchemy_level import _meet
from pytest_planguard.plugin.readers import reading
from pytest_planguard.plugin.schemas import take_schema, take_types

HERE = Path(__file__).parent
DRIVERS = ("psycopg", "psycopg2", "asyncpg", "pg8000")


def parameters(driver: str, url: str) -> ConnectionParameters:
    parts = urlsplit(url)
    host, name = parse_qs(parts.query)["host"][0], parts.path.strip("/")
    if driver != "pg8000":
        values = {"host": host, "user": parts.username or "", "dbname": name}
        return ConnectionParameters(values, driver)
    sqlalchemy = pytest.importorskip("sqlalchemy")
    engine = sqlalchemy.create_engine(
        f"postgresql+pg8000://{parts.username}@/{name}?unix_sock={host}/.s.PGSQL.5432"
    )
    known = _meet(engine.url, engine.dialect)
    assert known is not None
    return known.parameters


@pytest.fixture(params=DRIVERS)
def there(request: pytest.FixtureRequest, database_url: str) -> ConnectionParameters:
    """A database with every kind of object, and how a driver reaches it."""
    pytest.importorskip(request.param)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute((HERE / "every_kind.sql").read_bytes())
    return parameters(request.param, database_url)


def test_schema_and_types_are_the_same_through_every_driver(
    there: ConnectionParameters, database_url: str
) -> None:
    expected = take_schema(parameters("psycopg", database_url))
    assert take_schema(there) == expected
    with psycopg.connect(database_url) as connection:
        types = connection.execute(
            "SELECT oid::bigint, 'sales.' || typname FROM pg_type"
            " WHERE typnamespace = 'sales'::regnamespace AND typtype = 'e'"
        ).fetchall()
    assert types
    assert take_types(there, [oid for oid, _ in types] + [4_000_000_000]) == dict(types)


def test_a_session_is_ours_by_its_name_and_waits_for_nothing(there: ConnectionParameters) -> None:
    with reading(there) as run:
        assert [tuple(row) for row in run("SHOW lock_timeout")] == [("500ms",)]
        assert [tuple(row) for row in run("SHOW statement_timeout")] == [("5s",)]
        if there.driver != "pg8000":  # it is opened as the engine opens it
            assert [tuple(row) for row in run("SHOW application_name")] == [(APPLICATION_NAME,)]


def test_a_running_loop_is_left_alone(database_url: str) -> None:
    pytest.importorskip("asyncpg")

    async def inside() -> list[int]:
        with reading(parameters("asyncpg", database_url)) as run:
            return [number for (number,) in run("SELECT 5")]

    assert asyncio.run(inside()) == [5]


def test_what_is_read_in_a_thread_of_its_own_is_not_counted(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where something between us and the server does not pass on our session's name."""
    pytest.importorskip("asyncpg")
    monkeypatch.setattr(listened, "is_own", lambda _: False)
    recorder = Recorder(OriginFinder(Files(HERE)))
    uninstall = listened.install(recorder)

    def heard(reads: AbstractContextManager[None]) -> list[str]:
        with reads, reading(parameters("asyncpg", database_url)) as run:
            run("SELECT 5")
        return [statement.text for statement in recorder.take().statements]

    try:
        assert heard(recorder.paused()) == []
        assert "SELECT 5" in heard(nullcontext())
    finally:
        uninstall()
