"""Older documents, brought up to this version one step at a time, as they are read.

An update writes what it changes in today's version and leaves the other files as they are: a new
planguard never makes one large diff, and both kinds may stand side by side for good.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from pytest_planguard.model.baseline import SCHEMA_VERSION

Step: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]
"""From one version's document to the next one's; what it was given stays as it is."""


def _to_2(document: dict[str, Any]) -> dict[str, Any]:
    """Entries are as they were; a header had one digest of all statistics.

    That of each table is not known. Tables, indexes and sizes stood in one file each:
    ``headers.py`` reads them.
    """
    return {name: value for name, value in document.items() if name != "statistics_digest"}


def _to_3(document: dict[str, Any]) -> dict[str, Any]:
    """Entries are as they were; of a table's statistics there was a digest alone."""
    digest = document.get("statistics")
    if not isinstance(digest, str):
        return document
    kept = {name: value for name, value in document.items() if name != "statistics"}
    return {**kept, "digest": digest}


STEPS: Mapping[int, Step] = {1: _to_2, 2: _to_3}
"""By the version they start at; there is one for every version but the last."""

SAME_ENTRIES = frozenset({1, 2})
"""Versions whose entries are as today's: thousands of them take no step."""


def upgraded(
    document: dict[str, Any], steps: Mapping[int, Step] = STEPS, to: int = SCHEMA_VERSION
) -> dict[str, Any]:
    """The document as this version writes it.

    Args:
        document: Of any version up to ``to``; without a version it is of the last one.
        steps: One for every older version.
        to: This version.
    """
    for version in range(document.get("schema", to), to):
        document = {**steps[version](document), "schema": version + 1}
    return document
