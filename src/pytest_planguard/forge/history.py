"""What a pull request changed below a folder, from git's history where it is there."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import msgspec

_SECONDS = 60


class Changed(msgspec.Struct, frozen=True):
    """The files that are not as they were."""

    before: tuple[bytes, ...]
    """Contents, at the merge base, of those that changed or are gone."""
    after: tuple[Path, ...]
    """Those that changed or are new."""
    begins: bool
    """The folder had no files then."""


class Unknown(msgspec.Struct, frozen=True):
    """It cannot be told, and why."""

    reason: str


class _NoAnswerError(Exception):
    pass


def changed(folder: Path, bases: Sequence[str]) -> Changed | Unknown:
    """The JSON files below a folder that differ from the merge base.

    Args:
        folder: Inside a work tree.
        bases: Revisions the pull request is compared with, best first: the first one that git
            has, and that shares history with what is checked out, is taken.
    """
    try:
        top = Path(_git(folder, "rev-parse", "--show-toplevel").decode().rstrip("\n"))
        base = _merge_base(top, bases)
        if base is None:
            return Unknown("git's history does not reach back to the base (fetch-depth: 0 would)")
        below = folder.resolve().relative_to(top.resolve()).as_posix()
        return _between(top, base, below)
    except (_NoAnswerError, ValueError):
        return Unknown("there is no git history to ask")


def _merge_base(top: Path, bases: Sequence[str]) -> str | None:
    for name in bases:
        try:
            commit = _git(top, "rev-parse", "--verify", "--quiet", "--end-of-options",
                          f"{name}^{{commit}}").decode().strip()  # fmt: skip
            return _git(top, "merge-base", "HEAD", commit).decode().split()[0]
        except (_NoAnswerError, IndexError):
            continue
    return None


def _between(top: Path, base: str, below: str) -> Changed:
    names = _names(
        _git(
            top,
            "--literal-pathspecs",
            "diff",
            "--name-status",
            "-z",
            "--no-renames",
            base,
            "--",
            below,
        )
    )
    there = [name for status, name in names if status != "D"]
    then = [name for status, name in names if status != "A"]
    then_there = _git(top, "ls-tree", "-r", "--name-only", "-z", base, "--", below)
    return Changed(
        before=_contents(top, [f"{base}:{name}" for name in then]),
        after=tuple(top / name for name in there),
        begins=not then_there,
    )


def _names(output: bytes) -> list[tuple[str, str]]:
    r"""Status and name of each JSON file.

    >>> _names(b"M\0a/b.json\0A\0c.txt\0")
    [('M', 'a/b.json')]
    """
    parts = output.decode("utf-8", "surrogateescape").split("\0")
    return [
        (status, name)
        for status, name in zip(parts[::2], parts[1::2], strict=False)
        if name.endswith(".json")
    ]


def _contents(top: Path, objects: Sequence[str]) -> tuple[bytes, ...]:
    """Of files in commits, by one process for all of them."""
    asked = "".join(f"{name}\n" for name in objects).encode("utf-8", "surrogateescape")
    output, found = _git(top, "cat-file", "--batch", given=asked), []
    while output:
        head, _, rest = output.partition(b"\n")
        if head.endswith(b" missing"):
            output = rest
            continue
        size = int(head.split()[-1])
        found.append(rest[:size])
        output = rest[size + 1 :]
    return tuple(found)


def _git(folder: Path, *arguments: str, given: bytes = b"") -> bytes:
    """What git says.

    Raises:
        _NoAnswerError: There is no git, or it refuses.
    """
    git = shutil.which("git")
    if git is None or not folder.is_dir():
        raise _NoAnswerError
    try:
        done = subprocess.run(
            [git, *arguments],
            cwd=folder,
            input=given,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        raise _NoAnswerError from None
    if done.returncode != 0:
        raise _NoAnswerError
    return done.stdout
