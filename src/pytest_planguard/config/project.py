"""The project's name: what tells its captures from another project's."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

_PLACES = (("project", "name"), ("tool", "poetry", "name"))


def project_name(root: Path) -> str:
    """The name in the ``pyproject.toml`` of a folder; empty: it has none.

    It is the same in every clone, fork and shard, however shallow and whatever the folder is
    called, and differs between the services of one repository.
    """
    try:
        content = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):  # a file that is wrong has been told by whoever read our table
        return ""
    return next((name for place in _PLACES if (name := _found(content, place))), "")


def _found(content: dict[str, Any], place: tuple[str, ...]) -> str:
    value: Any = content
    for part in place:
        value = value.get(part) if isinstance(value, dict) else None
    return value.strip() if isinstance(value, str) else ""
