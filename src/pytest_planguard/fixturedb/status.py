"""What the embedded provider keeps between runs, how large it is, and how it is removed."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from pytest_planguard.errors import ServerError
from pytest_planguard.fixturedb.providers import embedded, leftovers
from pytest_planguard.fixturedb.providers.places import cache_of
from pytest_planguard.model.spec import DatabaseSpec

BLOCK = 512
"""Bytes of one ``st_blocks``, on every system."""


class DatabaseStatus(msgspec.Struct, frozen=True):
    """One server that is kept."""

    name: str
    kind: str
    """``running`` or ``stopped``."""
    bytes_on_disk: int
    bytes_apparent: int
    """As large as the files say they are: production's size while a run inflates them."""
    source: str
    """Where it is."""


def status(spec: DatabaseSpec) -> list[DatabaseStatus]:
    """The embedded servers kept for a project; none for other providers."""
    return [
        DatabaseStatus(
            root.name,
            "running" if embedded.is_running(root) else "stopped",
            *_size(root),
            str(root),
        )
        for root in _servers(spec)
    ]


def stop(spec: DatabaseSpec) -> None:
    """Stops and removes them.

    Raises:
        ServerError: Another run is using one, or its files can't be removed.
    """
    for root in _servers(spec):
        if not leftovers.remove(root):
            raise ServerError(
                f"the server in {root} is in use by another run",
                hint="wait until that run has ended, then try again",
            )
    if spec.provider == "embedded":
        leftovers.remove_rest(cache_of(spec))


def _servers(spec: DatabaseSpec) -> list[Path]:
    """Folders of this user's servers; what others made in the same cache is theirs."""
    if spec.provider != "embedded":
        return []
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
