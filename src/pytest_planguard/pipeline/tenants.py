"""A tenant's query is planned in its schema, or in another tenant's where that one is gone."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from pytest_planguard.model.query import Query, Variant
from pytest_planguard.model.tenants import Tenants


def in_schemas_there_are(
    queries: Sequence[Query], tables: Collection[str], tenants: Tenants
) -> list[Query]:
    """Queries whose search_paths name tenants that the fixture has.

    Suites that make a schema for each test drop it again: when the schema was read, others lived.

    Args:
        queries: As they were sent.
        tables: The fixture's, schema-qualified.
        tenants: Which schemas are alike.
    """
    there = sorted({name.partition(".")[0] for name in tables if tenants.include(name)})
    if not there:
        return list(queries)
    host = tenants.model if tenants.model in there else there[0]

    def moved(variant: Variant) -> Variant:
        path = variant.session.search_path
        if path is None:
            return variant
        items = [item.strip() for item in path.split(",")]
        known = [
            host if tenants.have(name := item.strip('"')) and name not in there else item
            for item in items
        ]
        if known == items:
            return variant
        session = msgspec.structs.replace(variant.session, search_path=", ".join(known))
        return msgspec.structs.replace(variant, session=session)

    return [
        msgspec.structs.replace(query, variants=tuple(map(moved, query.variants)))
        for query in queries
    ]
