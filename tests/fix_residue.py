"""What of planguard's can be reached in a library: nothing may, once nobody listens any more."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator, Sequence
from types import CellType, FunctionType
from typing import Any

_OURS = "pytest_planguard"
_DEEPEST = 6
"""Steps from a module to what is looked at."""


def residue(libraries: Sequence[str]) -> list[str]:
    """Where functions, classes or objects of planguard's are found, by module or class.

    Args:
        libraries: Top-level packages; those that are imported are looked through.
    """
    waiting: list[tuple[str, Any, int]] = []
    for name, module in sorted(sys.modules.items()):
        if name.partition(".")[0] in libraries:
            loader = getattr(module, "__loader__", None)
            waiting += [(name, vars(module), 0), (f"{name}'s loader", _vars(loader), 0)]
    found, seen = [], {}
    while waiting:
        where, value, depth = waiting.pop()
        if id(value) in seen:
            continue
        seen[id(value)] = value
        if _is_ours(value):
            found.append(where)
        elif depth < _DEEPEST:
            where = f"{where}.{value.__name__}" if _is_class(value) else where
            waiting += [(where, part, depth + 1) for part in _inside(value, libraries)]
    return sorted(found)


def _is_ours(value: Any) -> bool:
    """By the globals of a function and the type of a class: names may be a library's."""
    if type(value) is FunctionType:
        return _begins(value.__globals__.get("__name__"))
    return _begins(type(value).__module__)


def _begins(module: object) -> bool:
    return isinstance(module, str) and module.partition(".")[0] == _OURS


def _inside(value: Any, libraries: Sequence[str]) -> Iterator[Any]:
    """What a value holds; of an object of a library's own kind nothing: reading may do anything."""
    kind = type(value)
    if kind is dict:
        yield from list(value.values())
    elif kind in {list, tuple, set, frozenset}:
        yield from list(value)
    elif _is_class(value) and str(value.__module__).partition(".")[0] in libraries:
        yield _vars(value)
    elif kind in {staticmethod, classmethod}:
        yield value.__func__
    elif kind is property:
        yield from (value.fget, value.fset, value.fdel)
    elif kind is functools.partial:
        yield value.func
    elif kind is FunctionType:
        yield _vars(value)
        yield from value.__closure__ or ()
    elif kind is CellType and value != CellType():
        yield value.cell_contents


def _is_class(value: Any) -> bool:
    return issubclass(type(value), type)  # what a lazy object says of itself, it looks up


def _vars(value: object) -> dict[str, Any]:
    return dict(getattr(value, "__dict__", {}))
