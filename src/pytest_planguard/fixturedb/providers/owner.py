"""The user a server runs as where we are root, and what that user can reach."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path

import msgspec

from pytest_planguard.errors import ServerError


class Owner(msgspec.Struct, frozen=True):
    """The user a server runs as."""

    uid: int
    gid: int
    name: str


def unprivileged() -> Owner:
    """The user for a server that root starts.

    Raises:
        ServerError: There is none that would do.
    """
    import pwd

    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    for name in ("postgres", "nobody"):
        if name in known:
            return Owner(known[name].pw_uid, known[name].pw_gid, name)
    raise ServerError(
        'PostgreSQL refuses to run as root, and there is no user "postgres" or "nobody"',
        hint="run as another user, or make one of these",
    )


def can_reach(path: Path, owner: Owner) -> bool:
    """Whether the owner may pass through all folders down to a path that exists or will."""
    for folder in path.absolute().parents:
        try:
            facts = folder.stat()
        except OSError:
            continue
        if stat.S_ISDIR(facts.st_mode) and not _may(facts, owner, stat.S_IXUSR):
            return False
    return True


def _may(facts: os.stat_result, owner: Owner, bits: int) -> bool:
    """Whether the owner has permissions, given as those of a file's user."""
    if facts.st_uid == owner.uid:
        wanted = bits
    elif facts.st_gid == owner.gid:
        wanted = bits >> 3
    else:
        wanted = bits >> 6
    return facts.st_mode & wanted == wanted


def reachable(bindir: Path, version: str, cache: Path, owner: Owner | None) -> Path:
    """The binaries, or a copy of their installation that the server's user can read.

    Args:
        bindir: Of the installation.
        version: What it says it is: another one gets another copy.
        cache: Where a copy is kept. Nobody else may be in here at the same time.
        owner: Who is to run them.

    Raises:
        ServerError: They can't be copied.
    """
    server = bindir / "postgres"
    if owner is None or (
        can_reach(server, owner) and _may(server.stat(), owner, stat.S_IRUSR | stat.S_IXUSR)
    ):
        return bindir
    trees = _trees(bindir)
    base = trees[-1].parent
    digest = hashlib.sha256(f"{bindir}\0{version}".encode()).hexdigest()[:10]
    copy = cache / f"binaries-{digest}"
    if not copy.exists():
        draft = cache / f"{copy.name}.draft"
        shutil.rmtree(draft, ignore_errors=True)  # of a run that was killed
        try:
            for tree in trees:
                _copy(tree, draft / tree.relative_to(base))
            draft.chmod(0o755)
            draft.rename(copy)
        except OSError as error:  # also shutil.Error
            shutil.rmtree(draft, ignore_errors=True)
            raise ServerError(
                f"{bindir.parent} can't be read by {owner.name}, nor copied to {cache}: {error}",
                hint="make it readable, or set PLANGUARD_CACHE_DIR to a folder with space",
            ) from error
    return copy / bindir.relative_to(base)


def _trees(bindir: Path) -> list[Path]:
    """The installation's folder, and where it is part of a wheel, the one of its libraries.

    A wheel's programs find their libraries by a path relative to their own (``auditwheel``).
    """
    libraries = bindir.parents[1].with_name(f"{bindir.parents[1].name}.libs")
    return [bindir.parent, *([libraries] if libraries.is_dir() else [])]


def _copy(tree: Path, target: Path) -> None:
    shutil.copytree(tree, target, symlinks=True, copy_function=_link_or_copy)
    for folder, _, _ in os.walk(target):
        Path(folder).chmod(0o755)
    target.parent.chmod(0o755)


def _link_or_copy(source: str, target: str) -> str:
    """A link where everybody may read the file; else a copy that everybody may."""
    mode = Path(source).stat().st_mode
    wanted = 0o055 if mode & stat.S_IXUSR else 0o044
    if mode & wanted == wanted:
        with suppress(OSError):  # another file system
            os.link(source, target)
            return target
    shutil.copy2(source, target)
    Path(target).chmod(mode | wanted)
    return target
