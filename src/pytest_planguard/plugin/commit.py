"""The git commit a capture was made of."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path


def commit_of(root: Path) -> str:
    """The commit checked out at ``root``; empty where there is none or no git."""
    git = shutil.which("git")
    if git is None:
        return ""
    try:
        done = subprocess.run(
            [git, "rev-parse", "--verify", "--quiet", "HEAD"],
            cwd=root,
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
