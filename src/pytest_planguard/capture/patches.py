"""Attributes of a library that were replaced, so that they can be put back exactly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytest_planguard.capture.imports import when_imported

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


def patch_when_imported(
    module: str, patch: Callable[[Patches], None], failed: Callable[[Exception], None]
) -> Callable[[], None]:
    """Patches a library as soon as it is imported; a bug of ours never reaches that import.

    Args:
        module: The library's.
        patch: Replaces what is to be heard.
        failed: Told what ``patch`` raised, when the library is as it was again.

    Returns:
        A function that restores the library exactly.
    """
    patches = Patches()

    def imported() -> None:
        try:
            patch(patches)
        except Exception as error:  # noqa: BLE001 -- runs inside the application's own import
            patches.restore()
            failed(error)

    cancel = when_imported(module, imported)

    def uninstall() -> None:
        cancel()
        patches.restore()

    return uninstall
