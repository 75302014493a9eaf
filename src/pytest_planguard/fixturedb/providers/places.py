"""Where an embedded server keeps its files, and as whom it runs.

PostgreSQL refuses to run as root. Where we are root, the server runs as an unprivileged user, who
must be able to reach its data, its socket and its binaries.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from pytest_planguard.errors import ServerError
from pytest_planguard.fixturedb.providers.binaries import Installation
from pytest_planguard.fixturedb.providers.owner import Owner, can_reach, unprivileged
from pytest_planguard.fixturedb.providers.watchdog import SOCKETS
from pytest_planguard.model.spec import DatabaseSpec

_LONGEST_SOCKET = 100
"""``sun_path`` holds 108 bytes on Linux and 104 on macOS, with the file's own name in it."""

_TMP = Path("/tmp")  # noqa: S108 - 0700, and its owner is checked
_FAR = Path("/var/tmp")  # noqa: S108 - reachable by everybody, and kept over a restart
PROJECT = "project"
"""File in a folder of servers that is far from its project: where that is."""

CONTAINER = "container-"
"""What the names of containers' folders begin with."""

_HINT = "set PLANGUARD_CACHE_DIR to a folder that can be written"


class Places(msgspec.Struct, frozen=True):
    """Folders of one embedded server; the same for all runs that share it."""

    root: Path
    """Locks, log and the cluster."""
    bindir: Path
    """The installation's; the server's user need not reach it, see ``owner.reachable``."""
    socket: Path
    """Made when the server is started, gone when it is stopped."""
    owner: Owner | None
    """None: the server runs as this process's user."""

    @property
    def cluster(self) -> Path:
        """The server's own folder."""
        return self.root / "cluster"

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.cluster / "data"

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.root / "server.log"


def places_for(spec: DatabaseSpec, installation: Installation) -> Places:
    """The folders for an installation's server; those that stay are made.

    Raises:
        ServerError: A folder can't be made, or belongs to somebody else.
    """
    owner = unprivileged() if os.geteuid() == 0 else None
    cache = _cache(spec, owner)
    mode = 0o711 if owner else 0o700
    _make_cache(spec, cache, mode)
    known_by = f"{installation.bindir}\0{installation.version}\0{os.geteuid()}\0{owner}"
    root = cache / f"server-{installation.major}-{_digest(known_by)}"
    make_folder(root, mode)
    make_folder(root / "cluster", 0o700, owner)
    return Places(root, installation.bindir, _socket_folder(root, owner), owner)


def container_folder(spec: DatabaseSpec, known_by: str) -> Path:
    """The folder of a container, which only this process's user needs to reach; it is made.

    Args:
        spec: Of the fixture database.
        known_by: What two containers of a project differ in.

    Raises:
        ServerError: It can't be made, or belongs to somebody else.
    """
    cache = _cache(spec, None)
    _make_cache(spec, cache, 0o711 if os.geteuid() == 0 else 0o700)  # as for embedded servers
    root = cache / (CONTAINER + _digest(f"{known_by}\0{os.geteuid()}"))
    make_folder(root, 0o700)
    return root


def containers_of(spec: DatabaseSpec) -> list[Path]:
    """Folders of this user's containers that are kept for a project."""
    found = [path for path in _cache(spec, None).glob(f"{CONTAINER}*") if path.is_dir()]
    return sorted(path for path in found if path.stat().st_uid == os.geteuid())


def cache_of(spec: DatabaseSpec) -> Path:
    """Where the servers of a project are kept; it need not exist."""
    return _cache(spec, unprivileged() if os.geteuid() == 0 else None)


def _wanted(spec: DatabaseSpec) -> Path:
    """The folder of servers, where whoever the server runs as can reach it."""
    configured = os.environ.get("PLANGUARD_CACHE_DIR")
    return (Path(configured) if configured else spec.root / spec.cache).resolve() / "servers"


def _cache(spec: DatabaseSpec, owner: Owner | None) -> Path:
    """The folder of servers: the project's, or where that can't be reached, one far from it."""
    wanted = _wanted(spec)
    if owner is not None and not can_reach(wanted / "server", owner):
        return _FAR / f"pytest-planguard-{os.geteuid()}" / _digest(str(wanted))
    return wanted


def _make_cache(spec: DatabaseSpec, cache: Path, mode: int) -> None:
    wanted = _wanted(spec)
    if cache != wanted:
        make_folder(cache.parent, mode)
        make_folder(cache, mode)
        _note(cache / PROJECT, str(wanted.parents[1]))
        return
    # the project's owner may have made it before us, as in a container that runs as root
    make_folder(cache, mode, others=frozenset(_owners(spec.root)))
    if (spec.root / spec.cache).is_dir():  # it is not to be committed
        _note(spec.root / spec.cache / ".gitignore", "*\n")


def _owners(folder: Path) -> Iterator[int]:
    try:
        yield folder.stat().st_uid
    except OSError:
        return


def _note(file: Path, text: str) -> None:
    if file.exists():
        return
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ServerError(f"{file} can't be written: {error.strerror}", hint=_HINT) from error


def _socket_folder(root: Path, owner: Owner | None) -> Path:
    """The first temporary folder whose name is short enough and that the owner can reach."""
    name = f"{SOCKETS}{os.geteuid()}-{_digest(str(root))}"
    for temporary in (Path(tempfile.gettempdir()).resolve(), _TMP, _FAR):
        folder = temporary / name
        short = len(os.fsencode(folder / ".s.PGSQL.5432")) <= _LONGEST_SOCKET
        if short and (owner is None or can_reach(folder, owner)):
            return folder
    return _TMP / name


def make_folder(
    folder: Path, mode: int, owner: Owner | None = None, *, others: frozenset[int] = frozenset()
) -> None:
    """Makes a folder of ours, or sees that it is.

    Args:
        folder: Its path; folders above are made too, open to be passed through where it is.
        mode: Its permissions.
        owner: Whose it is; None: this process's user's.
        others: Users to whom it may belong, if it is there already.

    Raises:
        ServerError: It can't be made, or is not ours.
    """
    try:
        for above in reversed([one for one in folder.parents if not one.exists()]):
            above.mkdir(exist_ok=True)
            above.chmod(0o755 if mode & 0o001 else 0o700)  # whatever the umask
        try:
            folder.mkdir(mode=mode)
        except FileExistsError:
            _see_that_it_is_ours(folder, mode, owner, others)
            return
        folder.chmod(mode)
        if owner is not None:
            os.chown(folder, owner.uid, owner.gid)
    except OSError as error:
        raise ServerError(
            f"{folder} can't be made: {error.strerror or error}", hint=_HINT
        ) from error


def _see_that_it_is_ours(
    folder: Path, mode: int, owner: Owner | None, others: frozenset[int]
) -> None:
    ours = owner.uid if owner is not None else os.geteuid()
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {ours, *others}:
        if owner is not None and found.st_uid == os.geteuid() and not any(folder.iterdir()):
            os.chown(folder, owner.uid, owner.gid)  # a run was killed between the two steps
            return
        what = f"a folder of uid {found.st_uid}" if stat.S_ISDIR(found.st_mode) else "no folder"
        raise ServerError(
            f"{folder} is there, but {what}, not one of ours (uid {ours})",
            hint="remove it, or set PLANGUARD_CACHE_DIR to another place",
        )
    if found.st_uid == ours and stat.S_IMODE(found.st_mode) != mode:
        folder.chmod(mode)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:10]
