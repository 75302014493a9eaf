"""Changes to shop's schema: every index dropped, turned round, cut short, and more."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from mutations_parts.change import Change, replaced
from pytest_planguard.model.catalog import Catalog, Index

_ON = re.compile(r" ON (?:ONLY )?\S+ USING \w+ \(")

ADDED = (
    "orders_tracking_idx ON orders (tracking_number)",
    "reviews_created_idx ON reviews (created_at)",
    "audit_log_actor_idx ON audit_log (actor, created_at DESC)",
    "payments_provider_idx ON payments (provider, created_at)",
    "customers_phone_idx ON customers (phone)",
    "sessions_created_idx ON sessions (created_at)",
    "jobs_kind_idx ON jobs (kind, run_at)",
    "orders_status_idx ON orders (status, placed_at)",
    "products_sold_idx ON products (units_sold_30d)",
    "cart_items_quantity_idx ON cart_items (customer_id, quantity)",
)
CONSTRAINTS = (
    ("categories", "categories_slug_key"),
    ("orders", "orders_order_number_key"),
    ("coupon_redemptions", "coupon_redemptions_coupon_id_customer_id_key"),
)
"""Unique constraints no ON CONFLICT names."""
COLUMNS = (
    ("reviews", "body", "words"),
    ("products", "units_sold_30d", "sold_lately"),
    ("sessions", "user_agent", "agent"),
    ("payments", "legacy_invoice", "old_invoice"),
    ("audit_log", "entity_id", "entity_number"),
)
SOUND = (
    ("column added", "ALTER TABLE orders ADD COLUMN gift_note text"),
    ("column added", "ALTER TABLE payments ADD COLUMN fee_cents bigint NOT NULL DEFAULT 0"),
    ("column retyped", "ALTER TABLE customers ALTER COLUMN full_name TYPE varchar"),
    ("column retyped", "ALTER TABLE audit_log ALTER COLUMN actor TYPE varchar"),
    ("column retyped", "ALTER TABLE sessions ALTER COLUMN user_agent TYPE varchar"),
    ("constraint changed", "ALTER TABLE orders ALTER COLUMN order_number DROP NOT NULL"),
    ("constraint changed", "ALTER TABLE reviews ADD CONSTRAINT sane CHECK (length(body) < 99999)"),
    ("constraint changed", "ALTER TABLE reviews DROP CONSTRAINT reviews_rating_check"),
    ("constraint changed", "ALTER TABLE orders DROP CONSTRAINT orders_coupon_id_fkey"),
)  # fmt: skip


def schema_changes(catalog: Catalog) -> Iterator[Change]:
    """All of them, in a fixed order."""
    own = [index for _, index in sorted(catalog.indexes.items()) if _is_own(index)]
    yield from (_dropped(index) for index in own)
    for table, name in CONSTRAINTS:
        yield Change(
            "index dropped",
            name,
            f"index {name} ",
            (f"ALTER TABLE {table} DROP CONSTRAINT {name}",),
        )
    yield from (change for index in own if (change := _otherwise(index, "turned round")))
    yield from (change for index in own if (change := _otherwise(index, "cut short")))
    yield from (_renamed(index) for index in own[::9])
    yield from (Change("index added", one, ddl=(f"CREATE INDEX {one}",)) for one in ADDED)
    yield from (Change(kind, ddl, ddl=(ddl,)) for kind, ddl in SOUND)
    yield from (_column_renamed(*column) for column in COLUMNS)


def _is_own(index: Index) -> bool:
    """One that a statement of its own made: no constraint's, and no partition's."""
    return index.constraint is None and index.parent is None and not index.primary


def _dropped(index: Index) -> Change:
    return Change(
        "index dropped", index.name, f"index {index.name} is gone", (f"DROP INDEX {index.name}",)
    )


def _otherwise(index: Index, how: str) -> Change | None:
    """The same index with its columns turned round, or without its last one."""
    keys = _keys(index.definition)
    if len(keys) < 2 or (index.unique and how == "cut short"):
        return None
    changed = keys[::-1] if how == "turned round" else keys[:-1]
    start = _ON.search(index.definition)
    assert start is not None
    end = start.end() + len(", ".join(keys))
    made = index.definition[: start.end()] + ", ".join(changed) + index.definition[end:]
    ddl = (f"DROP INDEX {index.name}", made.replace(" ON ONLY ", " ON "))
    return Change(f"index {how}", index.name, f"index {index.name} changed", ddl)


def _keys(definition: str) -> Sequence[str]:
    """The keys of an index as its definition has them, split at the outer commas."""
    start = _ON.search(definition)
    assert start is not None
    keys, depth = [""], 0
    for character in definition[start.end() :]:
        if character == ")" and depth == 0:
            break
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            keys.append("")
        else:
            keys[-1] += character
    return [key.strip() for key in keys]


def _renamed(index: Index) -> Change:
    return Change(
        "index renamed", index.name, ddl=(f"ALTER INDEX {index.name} RENAME TO {index.name}_2",)
    )


def _column_renamed(table: str, old: str, new: str) -> Change:
    return Change(
        "column renamed, with its code",
        f"{table}.{old}",
        ddl=(f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}",),
        edit=replaced(rf"\b{old}\b", new),
        columns=(table, old, new),
    )
