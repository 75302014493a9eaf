"""Which drivers there are to listen to, and listening to all of them at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from types import ModuleType

from pytest_planguard.capture import (
    asyncpg,
    asyncpg_pools,
    django,
    psycopg,
    psycopg2,
    psycopg_pools,
    sqlalchemy,
    sqlalchemy_pools,
)
from pytest_planguard.capture.recorder import Recorder

DRIVERS: tuple[ModuleType, ...] = (psycopg, psycopg2, asyncpg)
"""They hear statements; each has ``NAME``, ``is_available()`` and ``install(recorder)``, and
``look_back(recorder)`` where something may have escaped it."""

ANNOTATORS: tuple[ModuleType, ...] = (sqlalchemy, django)
"""They know better who asked, and hear nothing themselves."""

LENDERS: tuple[ModuleType, ...] = (psycopg_pools, asyncpg_pools, sqlalchemy_pools)
"""Pools: they know who has a connection."""


@dataclasses.dataclass(frozen=True)
class Listening:
    """Drivers being listened to."""

    drivers: tuple[str, ...]
    _uninstallers: list[Callable[[], None]]
    _recorder: Recorder

    def look_back(self) -> None:
        """Lets drivers say what they could not hear; to be called at the end, for it takes time."""
        for module in DRIVERS:
            if module.NAME in self.drivers and hasattr(module, "look_back"):
                module.look_back(self._recorder)

    def stop(self) -> None:
        """Restores every library; may be called twice."""
        while self._uninstallers:
            self._uninstallers.pop()()


def listen(recorder: Recorder) -> Listening:
    """Listens to every driver the application could use, without importing any."""
    drivers = [module for module in DRIVERS if module.is_available()]
    others = [module for module in (*ANNOTATORS, *LENDERS) if module.is_available()]
    return Listening(
        drivers=tuple(module.NAME for module in drivers),
        _uninstallers=[module.install(recorder) for module in (*drivers, *others)],
        _recorder=recorder,
    )
