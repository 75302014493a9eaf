"""A PostgreSQL server of our own: made, shared, and gone with its last user (see ``stay``).

The process that stops it when nobody uses it any more is the ``watchdog``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pytest_planguard.fixturedb.providers import watchdog
from pytest_planguard.fixturedb.providers.binaries import Installation, choose
from pytest_planguard.fixturedb.providers.leftovers import forget_projects_that_are_gone
from pytest_planguard.fixturedb.providers.places import Places, places_for
from pytest_planguard.fixturedb.providers.postmaster import (
    START_SECONDS,
    ensure_running,
    socket_in_use,
)
from pytest_planguard.fixturedb.providers.server import Server, import_psycopg
from pytest_planguard.fixturedb.providers.stay import Stay
from pytest_planguard.model.ports import Needs
from pytest_planguard.model.spec import DatabaseSpec


@contextmanager
def embedded_server(spec: DatabaseSpec, needs: Needs) -> Iterator[Server]:
    """The project's own server, started where it does not run.

    Raises:
        ServerError: There are no binaries, or the server does not start.
    """
    import_psycopg()
    installation, lacking = choose(spec.bindir, spec.version, needs, preferred=spec.source_major)
    stay = Stay.join(lambda: _Embedded(places_for(spec, installation), installation, lacking),
                     START_SECONDS)  # fmt: skip
    try:
        yield stay.begin()
    finally:
        stay.end()


class _Embedded:
    """Obeys ``stay.SharedServer``.

    Args:
        places: The server's folders.
        installation: What it runs.
        lacking: What that has not.
    """

    what = "the embedded server"
    start_seconds = START_SECONDS

    def __init__(
        self, places: Places, installation: Installation, lacking: tuple[str, ...]
    ) -> None:
        self._places = places
        self._installation = installation
        self._lacking = lacking

    @property
    def root(self) -> Path:
        """The server's folder."""
        return self._places.root

    def start(self, token: str) -> Server:
        """The server, running."""
        places = self._places
        said = ensure_running(places, self._installation)
        forget_projects_that_are_gone(places.root.parent)
        return Server(
            "embedded",
            {"host": socket_in_use(places), "port": "5432", "user": "postgres"},
            token,
            data_directory=places.data,
            file_owner=(places.owner.uid, places.owner.gid) if places.owner else None,
            lacking=(*self._lacking, *said),
            hint=f"see {places.log}; pytest-planguard db down makes a new one",
        )

    def is_running(self) -> bool:
        """Whether it runs."""
        return is_running(self.root)

    def stop(self) -> None:
        """Stops it."""
        watchdog.stop(str(self.root), str(self._places.socket))


def keep(root: Path) -> None:
    """Lets a server run on when its last user has gone, until ``leftovers.remove``."""
    (root / "keep").touch()


def is_running(root: Path) -> bool:
    """Whether the server of a folder runs."""
    return watchdog.is_running(str(root))
