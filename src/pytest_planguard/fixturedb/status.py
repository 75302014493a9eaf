"""What is kept between runs, or runs now, how large it is, and how it is removed."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from pytest_planguard.errors import ServerError
from pytest_planguard.fixturedb import kept, ours
from pytest_planguard.fixturedb.providers import container, embedded, keeper, leftovers, url
from pytest_planguard.fixturedb.providers.places import cache_of, containers_of
from pytest_planguard.model.spec import DatabaseSpec

BLOCK = 512
"""Bytes of one ``st_blocks``, on every system."""


class DatabaseStatus(msgspec.Struct, frozen=True):
    """One server of ours, or on somebody else's, one database."""

    name: str
    kind: str
    """A server: ``running`` or ``stopped``. A database: ``kept``, ``in use`` or ``left behind``."""
    bytes_on_disk: int
    bytes_apparent: int
    """As large as the files say they are, and what is kept would be at scale: production's size."""
    source: str
    """Where it is."""


def status(spec: DatabaseSpec) -> list[DatabaseStatus]:
    """What there is of a fixture database's provider; nothing is started or changed.

    Raises:
        ServerError: A server named by its URL can't be reached.
    """
    match spec.provider:
        case "container":
            return [one for root in containers_of(spec) for one in _container(root)]
        case "url":
            return _on_server(spec)
        case _:
            return [_embedded(root) for root in _servers(spec)]


def stop(spec: DatabaseSpec) -> None:
    """Stops and removes it; on somebody else's server, only what planguard made is dropped.

    Raises:
        ServerError: Another run is using it, or it can't be removed.
    """
    match spec.provider:
        case "container":
            for root in containers_of(spec):
                _see_that(container.remove(root), f"the container of {root}")
        case "url":
            server, _ = url.connected(spec)
            found = ours.databases(server)
            if found:
                _see_that(not url.living(server), f"one of {len(found)} databases of planguard")
                ours.drop(server)
            return
        case _:
            for root in _servers(spec):
                _see_that(leftovers.remove(root), f"the server in {root}")
    leftovers.remove_rest(cache_of(spec))


def _see_that(removed: bool, what: str) -> None:
    if not removed:
        raise ServerError(
            f"{what} is in use by another run",
            hint="wait until that run has ended, then try again",
        )


def _embedded(root: Path) -> DatabaseStatus:
    kind = "running" if embedded.is_running(root) else "stopped"
    on_disk, apparent = _size(root)
    apparent += kept.bytes_at_scale(root / "cluster")
    return DatabaseStatus(root.name, kind, on_disk, apparent, str(root))


def _container(root: Path) -> list[DatabaseStatus]:
    """The container, if it is there; one whose keeper was killed is not at hand to be asked."""
    found = container.Container(root, "", None).running()
    if found is None:
        lost = (root / keeper.PID).exists() and not keeper.is_running(root)
        return [DatabaseStatus(root.name, "left behind", 0, 0, str(root))] if lost else []
    server, name = found
    databases = ours.databases(server)
    on_disk = sum(one.bytes_on_disk for one in databases)
    apparent = sum(one.bytes_apparent for one in databases)
    return [DatabaseStatus(root.name, "running", on_disk, apparent, name)]


def _on_server(spec: DatabaseSpec) -> list[DatabaseStatus]:
    server, _ = url.connected(spec)
    living = url.living(server)
    return [
        DatabaseStatus(
            one.name,
            "kept" if not one.token else "in use" if one.token in living else "left behind",
            one.bytes_on_disk,
            one.bytes_apparent,
            "",
        )
        for one in ours.databases(server)
    ]


def _servers(spec: DatabaseSpec) -> list[Path]:
    """Folders of this user's servers; what others made in the same cache is theirs."""
    found = [path for path in cache_of(spec).glob("server-*") if path.is_dir()]
    return sorted(path for path in found if path.stat().st_uid == os.geteuid())


def _size(root: Path) -> tuple[int, int]:
    """(bytes on disk, bytes apparent) of all files below."""
    on_disk = apparent = 0
    for path in root.rglob("*"):
        try:
            facts = path.lstat()
        except OSError:  # gone since, as files of a running server may be
            continue
        on_disk += facts.st_blocks * BLOCK
        apparent += facts.st_size if path.is_file() else 0
    return on_disk, apparent
