"""``[tool.pytest-planguard.connections]``: how many processes share the server's connections."""

from __future__ import annotations

from pytest_planguard.config.checks import Reader, check_choice
from pytest_planguard.model.connections import TIMEOUTS, Deployment, Pooler

_RESERVED = Deployment().reserved


def read_deployment(reader: Reader) -> Deployment:
    """What is said of production; mistakes are noted."""
    given = {name: reader.integer(name, 1, 1) or 1 for name in ("instances", "workers", "threads")}
    most = reader.integer("max-connections", None, 1)
    reserved = reader.integer("reserved", _RESERVED, 0)
    named = reader.texts("server-timeouts")
    name = reader.name("server-timeouts")
    deployment = Deployment(
        **given,
        max_connections=most,
        reserved=_RESERVED if reserved is None else reserved,
        pooler=_pooler(reader.table("pooler")) if reader.has("pooler") else None,
        timeouts=frozenset(
            one for one in named if check_choice(reader.mistakes, name, one, TIMEOUTS)
        ),
    )
    if most is not None and deployment.reserved >= most:
        reader.wrong("reserved", f"found {deployment.reserved}, max-connections are {most}")
    reader.finish()
    return deployment


def _pooler(reader: Reader) -> Pooler:
    pooler = Pooler(
        clients=reader.integer("max-client-connections", None, 1),
        servers=reader.integer("max-server-connections", None, 1),
    )
    reader.finish()
    return pooler
