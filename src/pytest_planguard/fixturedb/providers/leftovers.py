"""Removes servers that nobody is to use any more, with their files."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from pytest_planguard.errors import ServerError
from pytest_planguard.fixturedb.providers import watchdog
from pytest_planguard.fixturedb.providers.locks import FileLock
from pytest_planguard.fixturedb.providers.places import CONTAINER, PROJECT

REMOVE_SECONDS = 1.0
"""In which a server whose last user has just gone is stopped; longer, and somebody uses it."""


def remove(root: Path, seconds: float = REMOVE_SECONDS) -> bool:
    """Stops a server, also one that was asked to stay, and removes its files; False: it is in use.

    Args:
        root: The server's folder, as ``Places.root``.
        seconds: How long to wait for a user that is about to go.

    Raises:
        ServerError: It can't be stopped, or its files can't be removed.
    """
    users = FileLock(root / "users.lock")
    try:
        if not users.try_for(seconds):
            return False
        (root / "keep").unlink(missing_ok=True)
        if not watchdog.stop(str(root)):
            raise ServerError(f"the server in {root} does not stop", hint="end it by hand")
        shutil.rmtree(root)
    except OSError as error:
        raise ServerError(f"{root} can't be removed: {error}", hint="remove it by hand") from error
    finally:
        users.close()
    return True


def remove_rest(cache: Path) -> None:
    """Removes what no server needs any more, if none is left in a folder of servers.

    Copies of binaries, and the folders themselves if nothing else is in them.
    """
    if any(cache.glob("server-*")) or any(cache.glob(f"{CONTAINER}*")):
        return
    for copy in cache.glob("binaries-*"):
        shutil.rmtree(copy, ignore_errors=True)
    (cache / PROJECT).unlink(missing_ok=True)
    for folder in (cache, cache.parent):
        try:
            folder.rmdir()
        except OSError:  # other files, or another project's servers, are there
            return


def forget_projects_that_are_gone(cache: Path) -> None:
    """Removes the servers of a project that was removed, where they are kept far from it.

    One at a time: that takes a second on a slow disk, and somebody waits for a server.

    Args:
        cache: The folder of servers of a project that is there.
    """
    if not (cache / PROJECT).exists():  # it is within its project, and goes with it
        return
    for note in cache.parent.glob(f"*/{PROJECT}"):
        with suppress(OSError, ServerError):  # another run is doing the same
            if Path(note.read_text(encoding="utf-8")).exists():
                continue
            if all(remove(root, seconds=0) for root in note.parent.glob("server-*")):
                remove_rest(note.parent)
                return
