"""CON002: the application begins a transaction and leaves it open."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_planguard.model import words
from pytest_planguard.model.connections import Hold, Maker
from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.judgement import ConnectionsContext

FACTS = RuleFacts(
    code="CON002",
    name="left-in-transaction",
    severity=Severity.ERROR,
    condition=(
        "A line of the application begins a transaction in a test's own call, on a connection the "
        "application itself has made, or on Django's outside of its atomic blocks, and the "
        "transaction is open when the test has passed and its fixtures are over. A SELECT begins "
        "one too where the driver does not commit by itself. Transactions that fixtures open, or "
        "an ORM's session, are not the application's; what a pool does not get back is CON001's."
    ),
    effect=(
        "The session is idle in transaction: its locks stay, VACUUM removes no row that died "
        "since, in any table, and a migration that wants one of its tables waits, with all that "
        "comes after it."
    ),
    remedy="Commit or roll back whatever happens: a block that does it, or autocommit for reads.",
    source=(
        "PostgreSQL manual, 19.11.1 idle_in_transaction_session_timeout, and 24.1.5 on old "
        "transactions that hold VACUUM back; psycopg 3, Transactions management: the first "
        "statement begins one, a SELECT too."
    ),
)

_PSYCOPG = (
    "use with connection.transaction(): on a connection with autocommit=True, or commit() and "
    "rollback() in a finally; a SELECT alone begins a transaction as well"
)
_REMEDIES = {
    Maker.DJANGO: "use transaction.atomic() instead of set_autocommit(False) or BEGIN",
    Maker.ASYNCPG: "async with connection.transaction(): …",
    Maker.PSYCOPG: _PSYCOPG,
    Maker.PSYCOPG2: "with connection: …, which commits or rolls back; a SELECT begins one as well",
}


def check_connections(context: ConnectionsContext) -> Iterator[Candidate]:
    """One candidate for each line that begins transactions and leaves them open."""
    for place, tests in context.held_by_place(Hold.TRANSACTION).items():
        yield Candidate(
            rule=FACTS.code,
            key="",
            database=place.database,
            relation=None,
            severity=Severity.ERROR,
            message=(
                "a transaction begun here is neither committed nor rolled back: still open "
                f"{words.after_tests(len(tests))}"
            ),
            remedy=_REMEDIES.get(place.maker, FACTS.remedy),
            evidence={"tests": float(len(tests))},
            origins=(place.origin,),
            tests=tests,
        )
