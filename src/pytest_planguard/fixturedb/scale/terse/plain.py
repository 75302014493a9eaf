"""Structs as dictionaries of what differs from the defaults."""

from __future__ import annotations

import enum
import functools
from typing import Any

import msgspec


def plain(value: Any) -> Any:
    """Dictionaries of what differs from the default; msgspec leaves out identical objects only."""
    if isinstance(value, msgspec.Struct):
        fields = ((one, getattr(value, one.name)) for one in _fields(type(value)))
        return {
            one.encode_name: plain(found)
            for one, found in fields
            if one.required or not (found == one.default or found in ((), {}))
        }
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        is_plain = not value or isinstance(value[0], (str, float))
        return value if is_plain else [plain(item) for item in value]
    return value.value if isinstance(value, enum.Enum) else value


@functools.cache
def _fields(kind: type[msgspec.Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    """Looking them up takes longer than writing a table."""
    return msgspec.structs.fields(kind)
