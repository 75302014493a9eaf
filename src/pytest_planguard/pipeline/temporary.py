"""Temporary tables live in the tests' sessions: what reads one can't be planned elsewhere."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

import msgspec

from pytest_planguard.model.query import Query
from pytest_planguard.sql.named import named_relations, temporary_names

_SCHEMAS = ("", "pg_temp")


def without_temporary(
    queries: Sequence[Query], ddl: Iterable[str], tables: Container[str]
) -> list[Query]:
    """The queries, those on temporary tables with the reason why they are not planned.

    Args:
        queries: As they are to be planned.
        ddl: What the suite made, in the same database.
        tables: Names of the fixture's, without schema: a table of the same name is planned with.
    """
    made = temporary_names(ddl)
    return [_checked(query, made, tables) for query in queries] if made else list(queries)


def _checked(query: Query, made: frozenset[str], tables: Container[str]) -> Query:
    if query.why_not_explainable or not query.variants:
        return query
    for schema, name in named_relations(query.variants[0].plannable):
        if schema in _SCHEMAS and name in made and name not in tables:
            reason = f"it reads {name}, a temporary table of the tests' own session"
            return msgspec.structs.replace(query, why_not_explainable=reason)
    return query
