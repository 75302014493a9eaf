"""Which kinds of session are kept apart of one statement, where there are ever new ones.

A tenant's name in a custom setting, a schema or a role for each test: every value would be a
statement of its own, and memory would grow with the tests. Three kinds of a query are planned at
most (``sql.normalise``), the smallest first; a custom setting's value makes no kind of its own. So
a statement keeps the smallest few, with their parameter values, and counts what was sent in others
as if it were sent in the first. Smallest by name, not first by time: the choice depends on neither
the order of tests nor how a run was split.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from pytest_planguard.model.statement import Session

MOST_KINDS = 8
"""Paths, roles and choices of custom settings kept of one statement."""

MOST_VALUES = 3
"""Lists of custom settings' values kept of each kind."""

MOST_WAYS = 2 * MOST_KINDS * MOST_VALUES
"""Kinds of session from which on some of them are given up; choosing each time would cost."""

MANY_KINDS = (
    f"statements were sent with more than {MOST_KINDS} search_paths or roles each: what was sent "
    "with others than the first by name is counted with those, and planned as they are"
)
"""What a report says about it; of values nothing need be said."""

Fixed: TypeAlias = tuple[object, ...]


def varies(session: Session) -> bool:
    """Whether a session differs from others in what may have ever new values."""
    return (
        session.search_path is not None
        or session.role is not None
        or any("." in name for name in session.settings)
    )


def fixed(session: Session) -> Fixed:
    """What of a session has few values: sessions that differ in it are never counted as one."""
    planner = tuple(sorted(item for item in session.settings.items() if "." not in item[0]))
    return session.database, session.driver, session.isolation, session.prepares, planner


def kept(sessions: Iterable[Session]) -> list[Session]:
    """The sessions of one statement that are kept, in the order they are planned in.

    >>> many = [Session("shop", "psycopg", f"tenant_{n}") for n in range(9, 0, -1)]
    >>> [session.search_path for session in kept(many)][::7]
    ['tenant_1', 'tenant_8']
    """
    values: dict[object, int] = {}
    chosen = []
    for session in sorted(sessions, key=_order):
        known = values.get(kind := kind_of(session), 0)
        if known < MOST_VALUES and (known or len(values) < MOST_KINDS):
            values[kind] = known + 1
            chosen.append(session)
    return chosen


def kind_of(session: Session) -> tuple[object, ...]:
    """What planning tells apart of what varies: of custom settings which there are."""
    custom = tuple(sorted(name for name in session.settings if "." in name))
    return session.search_path, session.role, custom


def _order(session: Session) -> tuple[object, ...]:
    return session.search_path or "", sorted(session.settings.items()), session.role or ""
