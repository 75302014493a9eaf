"""Where a project lies in its repository: hosts of code show paths from the repository's top."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

_WORKSPACES = ("GITHUB_WORKSPACE", "CI_PROJECT_DIR")
"""Where GitHub Actions and GitLab CI say that the repository is, for jobs without its ``.git``."""


def folder_in_repository(root: Path, environ: Mapping[str, str]) -> str:
    """``services/shop``; empty: the top itself, or nobody knows where that is.

    The nearest ``.git`` upwards tells, as it tells git: a checkout may lie below the job's
    workspace, and files may belong to somebody git would not trust. A worktree and a submodule have
    a file of that name.

    Args:
        root: Of the project.
        environ: The environment.
    """
    root = root.resolve()
    top = next(filter(_holds_git, (root, *root.parents)), None) or _workspace(root, environ)
    return "" if top in {None, root} else root.relative_to(top).as_posix()


def _holds_git(folder: Path) -> bool:
    with suppress(OSError):  # a folder above may be closed to us
        return (folder / ".git").exists()
    return False


def _workspace(root: Path, environ: Mapping[str, str]) -> Path | None:
    for name in _WORKSPACES:
        if (given := environ.get(name)) and root.is_relative_to(top := Path(given).resolve()):
            return top
    return None
