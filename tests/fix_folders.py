"""Folders that refuse."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534


@contextmanager
def closed() -> Iterator[Path]:
    """A folder this process cannot write to, whoever it runs as (root could write anywhere)."""
    with tempfile.TemporaryDirectory(prefix="planguard-") as name:
        folder = Path(name)
        folder.chmod(0o555)
        root = os.geteuid() == 0
        if root:
            os.seteuid(NOBODY)
        try:
            yield folder
        finally:
            if root:
                os.seteuid(0)
            folder.chmod(0o755)
