"""A query in other words, to be planned with the values it was sent with."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pytest_planguard.model.query import Query, Variant
from pytest_planguard.sql.tree import Statement

_TEXT = "25"
"""The OID of ``text``."""


def rewritten(query: Query, statements: Sequence[Statement | None]) -> Query | None:
    """The query with other texts.

    Args:
        query: As it was sent.
        statements: One for each of its variants, in their order.

    Returns:
        None where one of them could not be written.
    """
    known = [one for one in statements if one is not None]
    if len(known) < len(query.variants):
        return None
    pairs = zip(query.variants, known, strict=True)
    return msgspec.structs.replace(query, variants=tuple(_variant(*pair) for pair in pairs))


def _variant(variant: Variant, statement: Statement) -> Variant:
    used = {number for _, _, number in statement.spans}
    # An untyped parameter that is no longer used would have no type at all.
    types = tuple(
        name or (None if number in used else _TEXT)
        for number, name in enumerate(variant.parameter_types, 1)
    )
    return msgspec.structs.replace(
        variant,
        plannable=statement.text,
        spans=statement.spans,
        parameter_types=types,
        literal=tuple(number for number in variant.literal if number in used),
        as_sent="",
    )
