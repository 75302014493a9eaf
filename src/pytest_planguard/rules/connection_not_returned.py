"""CON001: the application takes a connection out of a pool and does not give it back."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_planguard.model import words
from pytest_planguard.model.connections import Hold, Maker
from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.judgement import ConnectionsContext

FACTS = RuleFacts(
    code="CON001",
    name="connection-not-returned",
    severity=Severity.ERROR,
    condition=(
        "A line of the application takes a connection out of a pool (SQLAlchemy's, psycopg_pool's, "
        "asyncpg's) in a test's own call, and when the test has passed and its fixtures are over "
        "the pool does not have it back, although the task or thread that took it has ended. What "
        "an ORM's session holds, or the garbage collector gives back, does not count."
    ),
    effect=(
        "Each such call leaves the pool with one connection less. Under load it is empty after "
        "minutes: every request then waits for the pool's timeout and fails, while the server is "
        "idle."
    ),
    remedy=(
        "Take it in a with statement, which gives it back whatever happens: with "
        "engine.connect(), with pool.connection(), async with pool.acquire()."
    ),
    source=(
        "SQLAlchemy, Connection Pooling (QueuePool limit reached, error 3o7r); psycopg_pool, "
        "getconn: failing to call putconn will deplete the pool; asyncpg, Pool.acquire and release."
    ),
)

_WITH = {
    Maker.SQLALCHEMY: "with engine.connect() as connection: …",
    Maker.PSYCOPG_POOL: "with pool.connection() as connection: …, or putconn() in a finally",
    Maker.ASYNCPG_POOL: "async with pool.acquire() as connection: …, or release() in a finally",
}


def check_connections(context: ConnectionsContext) -> Iterator[Candidate]:
    """One candidate for each line that takes connections and keeps them."""
    for place, tests in context.held_by_place(Hold.CONNECTION).items():
        yield Candidate(
            rule=FACTS.code,
            key="",
            database=place.database,
            relation=None,
            severity=Severity.ERROR,
            message=(
                f"a connection of the {place.maker} pool is not given back: still taken "
                f"{words.after_tests(len(tests))}"
            ),
            remedy=_WITH.get(place.maker, FACTS.remedy),
            evidence={"tests": float(len(tests))},
            origins=(place.origin,),
            tests=tests,
        )
