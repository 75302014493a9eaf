"""JSON that reads in a diff: sorted keys, one fact a line, a list of values on one line."""

from __future__ import annotations

import json
from typing import Any

from pytest_planguard.model.terse import number_text

_WIDTH = 100
"""Characters of an object that is nothing but numbers, to stand on one line."""


def text(value: Any, depth: int = 0) -> str:
    """A value as it stands behind ``depth`` spaces; numbers have no more digits than needed."""
    if isinstance(value, dict):
        return _object(value, depth)
    if isinstance(value, (list, tuple)):
        return _list(value, depth)
    return _scalar(value)


def _list(value: list[Any] | tuple[Any, ...], depth: int) -> str:
    if all(isinstance(item, str) for item in value):
        return json.dumps(value, ensure_ascii=False)
    match value:
        case [str(line), dict(rest)]:
            return f"[{_scalar(line)}, {_beside(rest, depth)}]"
    if not any(isinstance(item, (dict, list, tuple)) for item in value):
        return f"[{', '.join(_scalar(item) for item in value)}]"
    return _block("[", [text(item, depth + 1) for item in value], "]", depth)


def _beside(rest: dict[str, Any], depth: int) -> str:
    """What stands beside a line: on the same one if it is a single thing."""
    if len(rest) == 1:
        ((key, item),) = rest.items()
        return f"{{{_scalar(key)}: {text(item, depth + 1)}}}"
    return _object(rest, depth)


def _object(value: dict[str, Any], depth: int) -> str:
    items = [f"{_scalar(key)}: {text(item, depth + 1)}" for key, item in sorted(value.items())]
    numbers = all(isinstance(item, (int, float)) for item in value.values())
    if numbers and sum(map(len, items)) + 2 * len(items) + depth <= _WIDTH:
        return f"{{{', '.join(items)}}}"
    return _block("{", items, "}", depth)


def _block(opening: str, items: list[str], closing: str, depth: int) -> str:
    pad = "\n" + " " * (depth + 1)
    return f"{opening}{pad}{f',{pad}'.join(items)}\n{' ' * depth}{closing}"


def _scalar(value: Any) -> str:
    if isinstance(value, float):
        return number_text(value)
    return json.dumps(value, ensure_ascii=False)
