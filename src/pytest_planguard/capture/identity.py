"""What is known of living objects, by their identity.

A class of the application may define equality as it likes, and may then have no hash.
"""

from __future__ import annotations

import weakref
from typing import Any, Generic, TypeVar

V = TypeVar("V")


class ByIdentity(Generic[V]):
    """Values by object; gone with it."""

    __slots__ = ("_known", "find")

    def __init__(self) -> None:
        self._known: dict[int, tuple[weakref.ref[Any], V]] = {}
        self.find = self._known.get
        """The entry of a living object's identity: its second item is what ``get`` gives. A dead
        object's is gone before another one can have its identity."""

    def __len__(self) -> int:
        return len(self._known)

    def __setitem__(self, key: object, value: V) -> None:
        number, entries = id(key), self._known

        def forget(reference: weakref.ref[Any]) -> None:
            found = entries.get(number)
            if found is not None and found[0] is reference:
                del entries[number]

        entries[number] = (weakref.ref(key, forget), value)

    def get(self, key: object) -> V | None:
        """The value of an object; None: there is none."""
        found = self._known.get(id(key))
        return found[1] if found is not None and found[0]() is key else None

    def forget(self, key: object) -> None:
        """Takes an object's value away, if it has one."""
        self._known.pop(id(key), None)
