"""A tenant's query is planned in its schema, or in another tenant's where that one is gone.

One whose text names the schema is planned in the model's, where all of its kind meet.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from pytest_planguard.model.ports import quoted
from pytest_planguard.model.query import Query, Variant
from pytest_planguard.model.tenants import Tenants
from pytest_planguard.sql.schemas import in_schemas


def in_schemas_there_are(
    queries: Sequence[Query], tables: Collection[str], tenants: Tenants
) -> list[Query]:
    """Queries that name tenants the fixture has, in their texts and search_paths.

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
        if host != tenants.model:
            variant = _in_text(variant, tenants.model, host)
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


def _in_text(variant: Variant, model: str, host: str) -> Variant:
    """A variant whose text names another schema than the model's."""
    if model not in variant.plannable:
        return variant
    names = {model: quoted(host)}
    plannable, spans = in_schemas(variant.plannable, variant.spans, names)
    as_sent, _ = in_schemas(variant.as_sent, (), names)
    return msgspec.structs.replace(variant, plannable=plannable, spans=spans, as_sent=as_sent)
