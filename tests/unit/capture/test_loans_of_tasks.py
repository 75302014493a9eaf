"""Whether what runs has a connection already is asked of what runs, not of where it lies."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_planguard.capture.files import Files
from pytest_planguard.capture.origin import OriginFinder
from pytest_planguard.capture.recorder import Recorder
from pytest_planguard.model.connections import Hold, Maker, Per, Pool
from pytest_planguard.model.statement import Layer, Origin, Phase

TEST = "t::a"


class Connection:
    """Of a driver."""


class App:
    """An application whose tasks take connections of one pool and keep them."""

    def __init__(self, folder: Path) -> None:
        self.recorder = Recorder(OriginFinder(Files(folder)))
        self.recorder.origins.passed.add(__file__)  # the pool
        self.recorder.enter(TEST, Phase.CALL)
        self.kept: list[Connection] = []
        origin = Origin("app.py", 1, "", Layer.APPLICATION)
        pool = Pool(origin, "shop", Maker.SQLALCHEMY, "QueuePool", 90, "pool_size=90", Per.PROCESS)
        self.recorder.holdings.add_pool(pool, self)
        path = folder / "app.py"
        path.write_text(
            "async def work(take):\n    take()\n\n"
            "async def work_twice(take):\n    take()\n    take()\n"
        )
        names: dict[str, Any] = {"__name__": "app"}
        exec(compile(path.read_text(), str(path), "exec"), names)
        self.work: Callable[..., Awaitable[None]] = names["work"]
        self.work_twice: Callable[..., Awaitable[None]] = names["work_twice"]

    def take(self) -> None:
        """One more connection is lent."""
        connection = Connection()
        holdings = self.recorder.holdings
        holdings.made(connection, "shop", Maker.ASYNCPG, lambda: 0)
        holdings.lent(connection, self, Maker.SQLALCHEMY)
        self.kept.append(connection)

    def held(self) -> list[Hold]:
        """What is said of it when the test is over."""
        self.recorder.holdings.look(TEST, passed=True)
        return [one.hold for one in self.recorder.take().held]


@pytest.fixture
def app(tmp_path: Path) -> App:
    return App(tmp_path)


def test_a_task_that_lies_where_one_lay_that_is_over_has_taken_nothing(app: App) -> None:
    places = set()

    async def serve() -> None:
        for _ in range(50):
            task = asyncio.ensure_future(app.work(app.take))
            places.add(id(task))
            await task
            del task

    asyncio.run(serve())
    assert len(places) < 50
    assert Hold.NESTED not in app.held()


def test_a_task_that_takes_a_second_connection_is_told(app: App) -> None:
    asyncio.run(app.work_twice(app.take))
    assert Hold.NESTED in app.held()
