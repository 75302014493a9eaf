"""A class of ours is called, printed and compared as the class of psycopg 2's it stands for.

Applications ask ``type(cursor) == psycopg2.extensions.cursor`` and keep dictionaries by class; only
``is`` tells the two apart.
"""

from __future__ import annotations

from typing import Any

_STANDS_FOR = "__stands_for__"


class Likeness(type):
    """The type of our classes; what the application derives from one of them is its own."""

    def __eq__(cls, other: object) -> bool:
        return _stood_for(cls) is _stood_for(other)

    def __hash__(cls) -> int:
        return type.__hash__(_stood_for(cls))


def _stood_for(kind: Any) -> Any:
    if not issubclass(type(kind), Likeness):
        return kind
    return type.__getattribute__(kind, "__dict__").get(_STANDS_FOR, kind)


def likeness_of(metaclass: type) -> Any:
    """The type a stand-in for a class of this type has."""
    if issubclass(metaclass, Likeness):
        return metaclass
    if metaclass is type:
        return Likeness
    kind: Any = type(metaclass)
    return kind(metaclass.__name__, (Likeness, metaclass), {})


def is_heard(kind: type) -> bool:
    """Whether objects of a class are ours, or of a class made from one of ours."""
    return issubclass(type(kind), Likeness)


def stand_in(made: type, base: type) -> type:
    """A class with the names of the one it stands for, and equal to it."""
    for name in ("__name__", "__qualname__", "__module__", "__doc__"):
        setattr(made, name, getattr(base, name))
    setattr(made, _STANDS_FOR, base)
    return made
