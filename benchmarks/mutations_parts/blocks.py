"""Blocks a plan read that was run, as ``EXPLAIN (ANALYZE, BUFFERS)`` has them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_BLOCKS = ("Shared Hit Blocks", "Shared Read Blocks", "Temp Read Blocks", "Temp Written Blocks")
_WRITES = {"ModifyTable", "LockRows"}


def blocks_read(root: dict[str, Any]) -> float:
    """Blocks of all nodes but writes and locks, which are in their own figures only."""
    own = 0.0
    for node in _walked(root):
        if node["Node Type"] not in _WRITES:
            own += _blocks(node) - sum(map(_blocks, node.get("Plans", ())))
    return own


def _walked(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _walked(child)


def _blocks(node: dict[str, Any]) -> float:
    return float(sum(node.get(name, 0) for name in _BLOCKS))
