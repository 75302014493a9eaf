"""What the rules say of the application's connections, once in a run."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from typing import TypeVar

import msgspec

from pytest_planguard.config import Config
from pytest_planguard.model.capture import Capture
from pytest_planguard.model.connections import TIMEOUTS, Held, Opened, Pool
from pytest_planguard.model.finding import Candidate
from pytest_planguard.model.judgement import ConnectionsContext
from pytest_planguard.pipeline.databases import databases_of
from pytest_planguard.pipeline.judges import Judges

_SETS = re.compile(
    r"\balter\s+(?:role|user|database|system)\b[^;]*?\bset\s+"
    rf"({'|'.join(TIMEOUTS)})\s*(?:=|\bto\b)\s*(?!\s|'?0\b|default\b)",
    re.IGNORECASE,
)

One = TypeVar("One", Pool, Opened, Held)


def said_of_connections(
    config: Config, capture: Capture, judged: Collection[str], judges: Judges
) -> list[Candidate]:
    """What all rules say.

    Args:
        config: The project's.
        capture: What was heard.
        judged: Databases that queries were planned for: what belongs to another one, or to one
            nobody knows, is told with the first of them.
        judges: The rules; they keep count of those that fail.
    """
    return judges.of_connections(context_of(config, capture, judged))


def context_of(config: Config, capture: Capture, judged: Collection[str]) -> ConnectionsContext:
    """What a rule is given; arguments as of ``said_of_connections``."""
    database_of = databases_of(config, capture)
    first = min(judged, default=next(iter(config.databases), "default"))

    def named(label: str) -> str:
        name = database_of(label) if label else None
        return name if name is not None and name in judged else first

    return ConnectionsContext(
        pools=_named(capture.pools, named),
        opened=_named(capture.opened, named),
        held=_named(capture.held, named),
        deployment=config.deployment,
        timeouts=config.deployment.timeouts | set_by_migrations(one.text for one in capture.ddl),
    )


def _named(found: Iterable[One], named: Callable[[str], str]) -> tuple[One, ...]:
    """The same with the names the report has, each once."""
    renamed = {msgspec.structs.replace(one, database=named(one.database)) for one in found}
    return tuple(sorted(renamed, key=msgspec.json.encode))


def set_by_migrations(texts: Iterable[str]) -> frozenset[str]:
    """Timeouts that DDL gives a role, a database or the server.

    >>> sorted(set_by_migrations(["ALTER ROLE app SET statement_timeout = '30s'"]))
    ['statement_timeout']
    """
    return frozenset(found[1].lower() for text in texts for found in _SETS.finditer(text))
