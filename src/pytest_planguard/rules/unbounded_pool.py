"""CON007: a pool that opens as many connections as are asked for."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_planguard.model.connections import UNBOUNDED, Pool
from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.judgement import ConnectionsContext

FACTS = RuleFacts(
    code="CON007",
    name="unbounded-pool",
    severity=Severity.ERROR,
    condition=(
        "A pool the application makes has no maximum: SQLAlchemy's pool_size=0 or "
        "max_overflow=-1. Classes that keep no connection (NullPool, psycopg_pool's "
        "NullConnectionPool without max_size) are a warning, and none where the configuration "
        "names a pooler: they are made for one."
    ),
    effect=(
        "When the database becomes slow, requests pile up and each opens a connection of its own, "
        "which makes it slower, until the server refuses all clients: the pool no longer protects "
        "what it is there for."
    ),
    remedy="Give the pool a maximum, and let what does not fit wait and fail by its timeout.",
    source=(
        "SQLAlchemy, QueuePool: pool_size 0 means no limit, max_overflow -1 no overflow limit; "
        "NullPool does not pool; psycopg_pool, NullConnectionPool: max_size 0 means no limit."
    ),
)

_KEEPS_NONE = ("NullPool", "NullConnectionPool", "AsyncNullConnectionPool")


def check_connections(context: ConnectionsContext) -> Iterator[Candidate]:
    """One candidate for each line that makes a pool without a maximum."""
    found = {(one.database, one.origin): one for one in sorted(context.pools) if _is_open(one)}
    for _, pool in sorted(found.items()):
        keeps_none = pool.kind in _KEEPS_NONE
        if not (keeps_none and context.deployment.pooler is not None):
            yield _candidate(pool, Severity.WARNING if keeps_none else Severity.ERROR)


def _is_open(pool: Pool) -> bool:
    return pool.most == UNBOUNDED


def _candidate(pool: Pool, severity: Severity) -> Candidate:
    keeps_none = severity is Severity.WARNING
    return Candidate(
        rule=FACTS.code,
        key="",
        database=pool.database,
        relation=None,
        severity=severity,
        message=(
            f"{pool.kind} has no maximum ({pool.written}): "
            + (
                "each one who asks opens a connection"
                if keeps_none
                else "it opens as many connections as are asked for"
            )
        ),
        remedy=_remedy(pool),
        origins=(pool.origin,),
    )


def _remedy(pool: Pool) -> str:
    if pool.kind == "NullPool":
        return (
            "a QueuePool with pool_size and max_overflow; behind PgBouncer, pooler in "
            "[tool.pytest-planguard.connections]"
        )
    if pool.kind in _KEEPS_NONE:
        return "give it a max_size"
    return "pool_size=10, max_overflow=0: ten at a time, the others wait pool_timeout seconds"
