"""Statements over a driver that is not listened to, whatever its connections are like."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import make_url

from pytest_planguard.capture.files import Files
from pytest_planguard.capture.origin import OriginFinder
from pytest_planguard.capture.recorder import Recorder
from pytest_planguard.capture.sqlalchemy import _Annotator
from pytest_planguard.capture.sqlalchemy_events import Events
from pytest_planguard.capture.sqlalchemy_level import Level


class Plain:
    """As nearly all are."""


class ByValue:  # noqa: PLW1641 -- Python takes the hash away: that is the point
    """Compared as the application likes."""

    def __eq__(self, other: object) -> bool:
        return True


class Unheld:
    """Takes no weak reference."""

    __slots__ = ()


def over(raw: object, name: str) -> Any:
    """What SQLAlchemy has of a connection."""
    return SimpleNamespace(
        connection=SimpleNamespace(dbapi_connection=raw),
        engine=SimpleNamespace(url=make_url(f"postgresql+other://me@db/{name}")),
        dialect=SimpleNamespace(name="postgresql", driver="other", paramstyle="format"),
    )


@pytest.mark.parametrize(
    ("kind", "followed"), [(Plain, {"app.a": "1"}), (ByValue, {"app.a": "1"}), (Unheld, {})]
)
def test_connections_are_told_apart_by_identity(
    kind: type, followed: dict[str, str], tmp_path: Path
) -> None:
    recorder = Recorder(OriginFinder(Files(tmp_path)))
    level = Level(recorder)
    one, other = over(kind(), "one"), over(kind(), "other")
    level.record(one, "SET app.a = 1", None, many=False, before=None)
    for connection in (one, other):
        level.record(connection, "SELECT 1", None, many=False, before=None)
    sessions = [item.session for item in recorder.take().statements]
    assert [(item.database, item.settings) for item in sessions] == [
        ("one@db:5432", followed),
        ("other@db:5432", {}),
    ]


def test_statements_of_another_database_are_none_of_ours(tmp_path: Path) -> None:
    recorder = Recorder(OriginFinder(Files(tmp_path)))
    connection = over(Plain(), "one")
    connection.dialect.name = "mssql"
    events = Events(recorder)
    events.before(connection, Unheld(), "SELECT 1", None, None, executemany=False)
    events.said(connection, b"BEGIN")
    capture = recorder.take()
    assert (capture.statements, capture.notes, recorder.listening) == ((), (), True)


def test_a_cursor_of_another_database_is_left_alone(tmp_path: Path) -> None:
    """Those written in C may take no weak reference."""
    recorder = Recorder(OriginFinder(Files(tmp_path)))
    annotated: list[list[int]] = []
    send = _Annotator(recorder).wrap_sending(lambda *_: annotated.append(list(recorder.said)))
    dialect = SimpleNamespace(name="mssql", driver="psycopg_async")
    cursor = Unheld()
    send(dialect, cursor, "SELECT 1", (), None)
    dialect.name = "postgresql"
    send(dialect, cursor, "SELECT 1", (), None)
    assert annotated == [[], [id(cursor)]]
    assert (recorder.failure, recorder.said) == (None, {})
