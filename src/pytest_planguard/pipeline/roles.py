"""Row-level security: queries are planned under the role the tests asked as.

Policies hold for everybody but superusers, roles with BYPASSRLS and, mostly, a table's owner. A
plan made as a superuser has none of their conditions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import unquote, urlsplit

import msgspec

from pytest_planguard.model.capture import Database
from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.plan import Planned, Unexplained
from pytest_planguard.model.query import Query, Variant

_ROLES = """
SELECT rolname FROM pg_catalog.pg_roles
WHERE NOT rolsuper AND NOT rolbypassrls AND pg_catalog.pg_has_role(oid, 'MEMBER')
"""


def bound_roles(conninfo: str) -> frozenset[str]:
    """Roles of the fixture's server that policies hold for, and that can be planned under."""
    import psycopg

    with psycopg.connect(conninfo, autocommit=True) as connection:
        return frozenset(name for (name,) in connection.execute(_ROLES))


def under_their_roles(
    queries: Sequence[Query], databases: Mapping[str, Database], known: frozenset[str]
) -> list[Query]:
    """Queries whose sessions have the role that asked, where the fixture has it.

    Args:
        queries: As they were sent.
        databases: What is known of the tests' databases, by their names there.
        known: Roles of the fixture's server that policies hold for.
    """

    def with_role(variant: Variant) -> Variant:
        session = variant.session
        role = session.role or _user(databases.get(session.database))
        if role not in known:
            return variant
        settings = {**session.settings, "role": role}
        return msgspec.structs.replace(
            variant, session=msgspec.structs.replace(session, settings=settings)
        )

    return [
        msgspec.structs.replace(query, variants=tuple(map(with_role, query.variants)))
        for query in queries
    ]


def _user(database: Database | None) -> str:
    """Whom the tests connected as."""
    return unquote(urlsplit(database.url).username or "") if database is not None else ""


def not_applied(
    outcomes: Iterable[tuple[Query, Planned | Unexplained]], catalog: Catalog
) -> tuple[str, ...]:
    """What is said of queries on guarded tables that were planned as a superuser."""
    found: Counter[str] = Counter()
    for query, outcome in outcomes:
        if not isinstance(outcome, Planned):
            continue
        worst = outcome.worst
        if "role" not in query.variants[worst.variant].session.settings:
            names = (node.relation for node in worst.root.walk() if node.relation is not None)
            found.update({catalog.root_of(name) for name in names} & catalog.guarded)
    return tuple(
        f"row-level security of {table} is not in the plans of {_queries(count)}: the tests ask "
        "as a superuser, or as a role no policy names, and production's application mostly does "
        "not; connect, or SET ROLE, as it does"
        for table, count in sorted(found.items())
    )


def _queries(count: int) -> str:
    return "1 query" if count == 1 else f"{count:,} queries"
