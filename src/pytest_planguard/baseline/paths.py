"""Where an entry stands: under the module it came from, by function and key."""

from __future__ import annotations

import hashlib
import re
from pathlib import PurePosixPath

from pytest_planguard.model.baseline import Entry

_LONGEST = 80
"""Characters of a path's component; with key and ending still below 100, and far below the 143
bytes an encrypted home directory allows (eCryptfs)."""

_ODD = re.compile(r"[^A-Za-z0-9._+-]+")
_DEVICES = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|$)")
"""Names Windows keeps for devices, whatever follows the first dot."""


def entry_path(entry: Entry, mark: str = "") -> PurePosixPath:
    """The file of an entry, below the baseline's directory.

    The key makes it unique, also where the file system does not tell upper from lower case.

    Args:
        entry: The entry.
        mark: What its name ends in instead of the key: that of a query that was edited ends in the
            key it had first.

    >>> from pytest_planguard.model.baseline import Origin
    >>> entry = Entry("ab12", "default", "", (), (Origin("app/orders.py", "list"),), (), ())
    >>> str(entry_path(entry))
    'queries/app/orders/list-ab12.json'
    """
    first = min(entry.origins, key=lambda o: (o.file, o.function), default=None)
    module = first.file.removesuffix(".py") if first is not None else "unknown"
    function = first.function if first is not None else "query"
    folders = [_component(part) for part in re.split(r"[/\\]", module) if part]
    name = _component(function)
    if entry.database != "default":
        name = f"{name}-{_component(entry.database)[:40]}"
    mark = mark or _component(entry.key)
    return PurePosixPath("queries", *folders, f"{name[:_LONGEST]}-{mark}.json")


def mark_of(path: PurePosixPath) -> str:
    """What tells an entry's file from others of its function.

    >>> mark_of(PurePosixPath("queries/app/orders/list-ab12.json"))
    'ab12'
    """
    return path.stem.rpartition("-")[2]


def world_path(database: str) -> PurePosixPath:
    """The folder of a database's header."""
    return PurePosixPath("world", _component(database))


def table_path(table: str) -> PurePosixPath:
    """The file of a table, below its database's header.

    >>> str(table_path("public.orders"))
    'tables/public.orders.json'
    """
    name = _component(table)
    if table != table.lower() or name != table:  # two may differ in what the name does not tell
        name = f"{name[: _LONGEST - 9]}-{_digest(table)}"
    return PurePosixPath("tables", f"{name}.json")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:8]


def _component(text: str) -> str:
    """A name every file system takes; shortened ones keep a digest of the whole."""
    plain = _ODD.sub("_", text).strip(".") or "_"
    if _DEVICES.match(plain):
        plain = f"_{plain}"
    if len(plain) <= _LONGEST:
        return plain
    return f"{plain[: _LONGEST - 9]}-{_digest(text)}"
