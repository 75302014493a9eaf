"""A baseline as a revision of the repository has it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pytest_planguard.errors import BaselineError

if TYPE_CHECKING:
    from pytest_planguard.baseline.document import Document
    from pytest_planguard.model.baseline import Baseline


def baseline_at(revision: str, directory: Path) -> Baseline | None:
    """The baseline of a revision; None where it had none.

    Args:
        revision: As git understands it: a branch, a tag, ``HEAD~2``.
        directory: The baseline's, in the working tree; it may be gone there.

    Raises:
        BaselineError: There is no git, no repository or no such revision, or a file is broken.
    """
    from pytest_planguard.baseline.files import baseline_of

    return baseline_of(_documents(revision, directory))


def merge_base(directory: Path, candidates: Sequence[str]) -> str | None:
    """The commit at which what is checked out left the branch it is compared with.

    Args:
        directory: In the working tree.
        candidates: Revisions of that branch, best first: the first one that git has and that
            shares history with HEAD is taken.

    Returns:
        None where the clone does not reach back so far.

    Raises:
        BaselineError: There is no git, or no repository.
    """
    _git(directory, "rev-parse", "--show-toplevel")
    for name in candidates:
        try:
            found = _git(directory, "merge-base", "HEAD", _commit(directory, name))
        except BaselineError:
            continue
        return found.decode().split()[0]
    return None


def _documents(revision: str, directory: Path) -> Iterator[Document]:
    from pytest_planguard.baseline.document import Document

    there = next(one for one in (directory, *directory.parents) if one.is_dir())
    top = Path(_git(there, "rev-parse", "--show-toplevel").decode().rstrip("\n"))
    folder = PurePosixPath(directory.resolve().relative_to(top.resolve()).as_posix())
    commit = _commit(top, revision)
    listed = _git(top, "ls-tree", "-r", "-z", "--full-tree", commit, "--", str(folder))
    found = []
    for line in listed.split(b"\0")[:-1]:
        facts, _, name = line.partition(b"\t")
        path = PurePosixPath(name.decode("utf-8", "surrogateescape"))
        if facts.split()[1] == b"blob" and path.suffix == ".json":
            found.append((facts.split()[2], path))
    for path, data in zip((path for _, path in found), _blobs(top, found), strict=True):
        yield Document(path.relative_to(folder), f"{revision}:{path}", data)


def _commit(top: Path, revision: str) -> str:
    try:
        found = _git(top, "rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}")
    except BaselineError:
        raise BaselineError(
            f'git knows no revision "{revision}"',
            hint="give a branch, a tag or a commit; a shallow clone may lack it: git fetch",
        ) from None
    return found.decode().strip()


def _blobs(top: Path, found: list[tuple[bytes, PurePosixPath]]) -> Iterator[bytes]:
    """Contents in order: one process for thousands of files."""
    asked = b"".join(name + b"\n" for name, _ in found)
    answer = _git(top, "cat-file", "--batch", given=asked)
    position = 0
    for _ in found:
        end = answer.index(b"\n", position)
        size = int(answer[position:end].split()[2])
        yield answer[end + 1 : end + 1 + size]
        position = end + 2 + size


def _git(folder: Path, *arguments: str, given: bytes | None = None) -> bytes:
    try:
        done = subprocess.run(
            [shutil.which("git") or "git", *arguments],
            cwd=folder,
            input=given,
            capture_output=True,
            check=False,
        )
    except OSError as error:
        raise BaselineError(
            f"git cannot be run: {error.strerror or error}", hint="install git"
        ) from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().removeprefix("fatal: ")
        raise BaselineError(f"git says: {said}", hint=f"run it in a git repository: {folder}")
    return done.stdout
