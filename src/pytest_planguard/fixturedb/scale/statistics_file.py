"""Placeholder until the file format lands."""

from __future__ import annotations

from pathlib import Path

import msgspec

from pytest_planguard.model.statistics import Statistics


def read(path: Path) -> Statistics:
    """The statistics of a file."""
    return msgspec.json.decode(path.read_bytes(), type=Statistics)
