"""Attributes of a library that were replaced, so that they can be put back exactly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_ABSENT: Any = object()


class Patches:
    """Replaced attributes of classes and modules, and what they were."""

    def __init__(self) -> None:
        self._replaced: list[tuple[Any, str, Any, Any]] = []

    def replace(self, owner: Any, name: str, wrap: Callable[[Any], Any]) -> None:
        """Puts ``wrap(original)`` in place of an attribute, own or inherited.

        Raises:
            AttributeError: There is no such attribute.
        """
        own = vars(owner).get(name, _ABSENT)
        wrapper = wrap(getattr(owner, name) if own is _ABSENT else own)
        setattr(owner, name, wrapper)
        self._replaced.append((owner, name, own, wrapper))

    def restore(self) -> None:
        """Puts everything back, last first; may be called twice.

        What somebody else has put in place since stays: it may call ours, which has to be silent.
        """
        while self._replaced:
            owner, name, own, wrapper = self._replaced.pop()
            if vars(owner).get(name) is not wrapper:
                continue
            if own is _ABSENT:
                delattr(owner, name)
            else:
                setattr(owner, name, own)
