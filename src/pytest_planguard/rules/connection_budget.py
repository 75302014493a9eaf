"""CON004: all processes together may open more connections than the server takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_planguard.model import words
from pytest_planguard.model.connections import UNBOUNDED, Deployment, Per, Pool
from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.judgement import ConnectionsContext

FACTS = RuleFacts(
    code="CON004",
    name="connection-budget",
    severity=Severity.WARNING,
    condition=(
        "The largest sizes of all pools the application makes in the tests, times the workers of "
        "an instance, times the instances, as [tool.pytest-planguard.connections] has them, are "
        "more than max-connections without the reserved ones. With a pooler: more than it takes "
        "from clients, or it opens more itself than the server takes."
    ),
    effect=(
        "At the peak, or while a deployment runs old and new instances side by side, the server "
        "refuses connections: FATAL: sorry, too many clients already. Not the service that grew "
        "fails, but whichever connects next."
    ),
    remedy=(
        "Make the pools smaller, put a pooler in transaction mode between, or raise "
        "max_connections with the memory it takes; leave room for deployments, jobs and people."
    ),
    source=(
        "PostgreSQL manual, 19.3.1 max_connections, superuser_reserved_connections and "
        "reserved_connections; SQLAlchemy, pool_size and max_overflow; PgBouncer, "
        "max_client_conn and default_pool_size."
    ),
)


def check_connections(context: ConnectionsContext) -> Iterator[Candidate]:
    """At most one candidate for the sum, and one for a pooler that is larger than the server."""
    deployment, pools = context.deployment, _counted(context.pools)
    pooler = deployment.pooler
    if pooler is None:
        if deployment.max_connections is not None and pools:
            yield from _sum(deployment, pools, _room(deployment), _server(deployment))
        return
    if pooler.clients is not None and pools:
        yield from _sum(deployment, pools, pooler.clients, f"the pooler takes {pooler.clients:,}")
    if deployment.max_connections is not None and pooler.servers is not None and pools:
        yield from _pooler(deployment, pools, pooler.servers)


def _counted(pools: Sequence[Pool]) -> list[Pool]:
    """The largest pool of each line and database: each test may have made one anew."""
    largest: dict[tuple[object, ...], Pool] = {}
    for pool in pools:
        where = pool.origin, pool.database
        known = largest.get(where)
        if pool.most != UNBOUNDED and (known is None or known.most < pool.most):
            largest[where] = pool
    return [largest[where] for where in sorted(largest)]


def _room(deployment: Deployment) -> int:
    return (deployment.max_connections or 0) - deployment.reserved


def _server(deployment: Deployment) -> str:
    return (
        f"max_connections are {deployment.max_connections:,}, {deployment.reserved} of them "
        f"reserved: {_room(deployment):,}"
    )


def _sum(
    deployment: Deployment, pools: Sequence[Pool], room: int, limit: str
) -> Iterator[Candidate]:
    of_process = sum(_of_process(pool, deployment) for pool in pools)
    processes = deployment.instances * deployment.workers
    if of_process * processes <= room:
        return
    most = max(room // processes, 1)
    yield _candidate(
        pools,
        message=f"{_written(deployment, pools)} = {of_process * processes:,}; {limit}",
        remedy=(
            f"{words.counted(most, 'connection')} a process would fit: make the pools smaller"
            + ("" if deployment.pooler is not None else ", or put a pooler between")
        ),
        evidence={
            "connections": float(of_process * processes),
            "available": float(room),
            "instances": float(deployment.instances),
            "workers": float(deployment.workers),
        },
    )


def _pooler(deployment: Deployment, pools: Sequence[Pool], servers: int) -> Iterator[Candidate]:
    if servers > _room(deployment):
        yield _candidate(
            pools,
            message=f"the pooler opens {servers:,} connections; {_server(deployment)}",
            remedy="lower the pooler's default_pool_size or max_db_connections",
            evidence={"connections": float(servers), "available": float(_room(deployment))},
        )


def _of_process(pool: Pool, deployment: Deployment) -> int:
    return pool.most * (deployment.threads if pool.per is Per.THREAD else 1)


def _written(deployment: Deployment, pools: Sequence[Pool]) -> str:
    """``6 instances × 4 workers × (10 of app/db.py:18 + 5 of app/jobs.py:7)``."""
    parts = [f"{_times(pool, deployment)} of {_place(pool)}" for pool in pools]
    listed = " + ".join(parts)
    return " × ".join(
        (
            words.counted(deployment.instances, "instance"),
            words.counted(deployment.workers, "worker"),
            f"({listed})" if len(parts) > 1 else listed,
        )
    )


def _times(pool: Pool, deployment: Deployment) -> str:
    if pool.per is Per.THREAD:
        return f"{pool.most:,} × {words.counted(deployment.threads, 'thread')}"
    return f"{pool.most:,}"


def _place(pool: Pool) -> str:
    return f"{pool.origin.file}:{pool.origin.line} ({pool.written})"


def _candidate(
    pools: Sequence[Pool], message: str, remedy: str, evidence: dict[str, float]
) -> Candidate:
    return Candidate(
        rule=FACTS.code,
        key="",
        database=pools[0].database,
        relation=None,
        severity=Severity.WARNING,
        message=message,
        remedy=remedy,
        evidence=evidence,
        origins=tuple(sorted({pool.origin for pool in pools})),
    )
