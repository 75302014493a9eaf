"""Who wants psycopg: the project, another package, somebody by hand, or only planguard."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions
from pathlib import Path

_OURS = "pytest-planguard"
_PSYCOPG = re.compile(r"psycopg(?![2\w])", re.IGNORECASE)
"""Also in ``psycopg[binary]`` and ``sqlalchemy[postgresql-psycopg]``; not in ``psycopg2``."""
_NAME = re.compile(r"[\w.-]+")
_FILES = (
    "pyproject.toml", "setup.cfg", "setup.py", "Pipfile", "environment.y*ml",
    "requirements*.txt", "requirements*.in", "requirements/*.txt", "requirements/*.in",
)  # fmt: skip
"""Where projects write down what they need. Lock files say nothing: they name what planguard
brings too."""
_LARGEST_FILE = 1_000_000


def only_planguard_wants_psycopg(root: Path) -> bool:
    """Whether psycopg and psycopg2 are both installed, and the former because of planguard alone.

    Args:
        root: The project's folder.
    """
    if _found("psycopg") is None or not (_found("psycopg2") or _found("psycopg2-binary")):
        return False
    return not (_by_hand() or _by_package(distributions()) or _by_project(root))


def _by_hand() -> bool:
    """Installers leave a file REQUESTED in what they were asked for by name (PEP 376)."""
    found = _found("psycopg")
    return found is not None and found.read_text("REQUESTED") is not None


def _by_package(installed: Iterable[Distribution]) -> bool:
    """Whether a package needs it always; what only an extra needs, the project has to ask for."""
    for one in installed:
        name = _plain(one.metadata["Name"] or "")
        if name == _OURS or name.startswith("psycopg"):
            continue
        for requirement in one.requires or ():
            wanted, _, marker = requirement.partition(";")
            found = _NAME.match(wanted.strip())
            if found and _plain(found[0]) == "psycopg" and "extra" not in marker:
                return True
    return False


def _by_project(root: Path) -> bool:
    return any(_PSYCOPG.search(text) for text in _requirements(root))


def _requirements(root: Path) -> Iterator[str]:
    for pattern in _FILES:
        for file in sorted(root.glob(pattern)):
            if file.is_file() and file.stat().st_size <= _LARGEST_FILE:
                lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
                yield "\n".join(line.partition("#")[0] for line in lines)


def _found(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
