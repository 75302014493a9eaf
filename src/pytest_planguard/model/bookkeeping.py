"""Tables whose size follows from the code, not from the traffic: never assumed to be large."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_planguard.model.statistics import ScaleSource

BOOKKEEPING: dict[str, float] = {
    # one row for each head of the migrations
    "alembic_version": 1,
    # a row for each migration there ever was
    "django_migrations": 500,
    "aerich": 500,
    "_yoyo_migration": 500,
    "_yoyo_log": 500,
    "_yoyo_version": 10,
    "yoyo_lock": 1,
    "schema_migrations": 500,
    "flyway_schema_history": 500,
    # a row for each model, and four permissions a model
    "django_content_type": 200,
    "auth_permission": 800,
    # PostGIS ships them
    "spatial_ref_sys": 8_500,
}
"""Rows by table name, in any schema. The numbers are orders of magnitude, of large projects: what
counts is that they stay far below ``large-table-rows``."""


def assumed(table: str, otherwise: float) -> float:
    """Rows of a table nobody declared.

    >>> assumed("public.django_migrations", 1_000_000), assumed("public.orders", 1_000_000)
    (500, 1000000)
    """
    return BOOKKEEPING.get(table.rpartition(".")[2], otherwise)


def is_kept_by_a_tool(table: str) -> bool:
    """Whether a table's size needs nobody's word.

    >>> is_kept_by_a_tool("public.django_migrations"), is_kept_by_a_tool("public.orders")
    (True, False)
    """
    return table.rpartition(".")[2] in BOOKKEEPING


def least_certain(sources: Mapping[str, ScaleSource], otherwise: ScaleSource) -> ScaleSource:
    """Where the sizes of a database's tables come from, by the one that is known least.

    Args:
        sources: By table; those that a tool keeps decide nothing beside others.
        otherwise: Where there is no table.
    """
    own = [source for name, source in sources.items() if not is_kept_by_a_tool(name)]
    known = own or list(sources.values()) or [otherwise]
    return max(known, key=list(ScaleSource).index)
