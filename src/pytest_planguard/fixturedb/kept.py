"""How large the templates that are kept would be at scale, told while no server runs.

A template's own files are nearly empty. What a run makes of them is in its record, for which only
a running server can be asked; beside the server's data the sum is always at hand.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

import msgspec

from pytest_planguard.fixturedb.inflate.btree import PAGE
from pytest_planguard.fixturedb.inflate.files import RelationFile, total_pages
from pytest_planguard.whole import replace_file

_FILE = "at-scale.json"


def note(
    folder: Path, template: str, files: Collection[RelationFile], kept: Collection[str]
) -> None:
    """Writes down what a template's files have at scale; a disk that takes nothing is no error.

    Args:
        folder: Where the server's data directory stands.
        template: Its name.
        files: What a run makes of it.
        kept: Names of all templates the server has: others are forgotten.
    """
    known = {name: size for name, size in _read(folder).items() if name in kept}
    known[template] = total_pages(files) * PAGE
    if folder.is_dir():
        with suppress(OSError):
            replace_file(folder / _FILE, msgspec.json.encode(known, order="sorted"))


def bytes_at_scale(folder: Path) -> int:
    """What the templates of the server in a folder would take, all together."""
    return sum(_read(folder).values())


def _read(folder: Path) -> dict[str, int]:
    try:
        return msgspec.json.decode((folder / _FILE).read_bytes(), type=dict[str, int])
    except (OSError, msgspec.MsgspecError):
        return {}
