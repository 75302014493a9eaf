"""Tables whose size follows from the code, not from the traffic: never assumed to be large."""

from __future__ import annotations

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


def is_bookkeeping(table: str) -> bool:
    """Whether nobody needs to say the size of a table: it is small wherever it is.

    >>> is_bookkeeping("public.alembic_version"), is_bookkeeping("public.orders")
    (True, False)
    """
    return table.rpartition(".")[2] in BOOKKEEPING
