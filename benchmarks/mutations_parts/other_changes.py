"""Changes to shop's settings, sizes and SQL."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mutations_parts.change import Change, Edit, moved_to, replaced, retyped, sent_by
from pytest_planguard.model.statement import Statement

SETTINGS = (
    ("random_page_cost", "1.1"),
    ("random_page_cost", "2"),
    ("random_page_cost", "8"),
    ("random_page_cost", "40"),
    ("seq_page_cost", "0.5"),
    ("effective_cache_size", "64MB"),
    ("work_mem", "64kB"),
    ("work_mem", "256MB"),
    ("max_parallel_workers_per_gather", "0"),
    ("enable_indexonlyscan", "off"),
    ("enable_indexscan", "off"),
    ("enable_bitmapscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_nestloop", "off"),
)
GROWN = ("orders", "order_lines", "payments", "reviews", "products", "jobs", "audit_log", "events")

_LIMIT = r"\s+LIMIT \$\d+(::integer)?"
UNLIMITED = {
    ("orders", "oldest_open"): 1, ("orders", "next_to_ship"): 2, ("catalog", "newest"): 1,
    ("catalog", "bestsellers"): 1, ("catalog", "bestsellers_of"): 2, ("catalog", "low_stock"): 2,
    ("audit", "latest"): 1, ("audit", "trail"): 3, ("reviews", "written_by"): 2,
    ("reviews", "awaiting_moderation"): 1, ("jobs", "latest_failures"): 1,
    ("customers", "due_for_anonymisation"): 1,
}  # fmt: skip
"""By module and function: the number of the parameter of its LIMIT."""

WRAPPED = (
    ("catalog", "product_by_sku", r"products\.sku = ", "lower(products.sku) = "),
    ("orders", "running_total", r"orders\.customer_id = ", "orders.customer_id + 0 = "),
    ("orders", "count_by_status", r"orders\.customer_id = ", "abs(orders.customer_id) = "),
    ("orders", "by_number", r"orders\.order_number = ", "upper(orders.order_number) = "),
    ("payments", "of_legacy_invoice", r"legacy_invoice = ", "coalesce(legacy_invoice, 0) = "),
    ("payments", "of_order", r"order_id = ", "order_id + 0 = "),
    ("audit", "trail", r"audit_log\.entity_id = ", "lower(audit_log.entity_id) = "),
    ("customers", "find_by_email", r"lower\(customers\.email\)", "upper(customers.email)"),
    ("customers", "registered_since_yesterday", r"customers\.created_at >=",
     "date_trunc('hour', customers.created_at) >="),
    ("coupons", "find", r"upper\(coupons\.code\)", "lower(coupons.code)"),
    ("reviews", "written_by", r"reviews\.customer_id = ", "coalesce(reviews.customer_id, 0) = "),
    ("sessions", "of_customer", r"sessions\.customer_id = ",
     "coalesce(sessions.customer_id, 0) = "),
    ("carts", "contents", r"cart_items\.customer_id = ", "cart_items.customer_id + 0 = "),
    ("catalog", "category_by_slug", r"categories\.slug = ", "lower(categories.slug) = "),
)  # fmt: skip
DROPPED = (
    ("orders", "next_to_ship", r" AND orders\.status = 'packed'", "", ()),
    ("orders", "oldest_open", r"WHERE orders\.status IN \('pending', 'paid', 'packed'\)", "", ()),
    ("orders", "placed_between", r"orders\.customer_id = \$1(::bigint)? AND ", "", (1,)),
    ("customers", "newsletter_batch", r"customers\.marketing_opt_in( IS true)? AND ", "", ()),
    ("customers", "profile", r" AND addresses\.is_default( IS true)?", "", ()),
    ("catalog", "bestsellers_of", r" AND products\.active( IS true)?", "", ()),
    ("catalog", "browse", r"products\.category_id = \$1(::integer)? AND ", "", (1,)),
    ("reviews", "latest", r" AND reviews\.approved( IS true)?", "", ()),
    ("reviews", "summary", r" AND reviews\.approved( IS true)?", "", ()),
    ("audit", "trail", r"audit_log\.entity_type = \$1(::varchar)? AND ", "", (1,)),
    ("payments", "stale_authorisations", r"status = 'authorised' AND ", "", ()),
    ("jobs", "latest_failures", r"WHERE jobs\.status = 'failed'", "", ()),
)  # fmt: skip
ADDED = (
    ("orders", "count_by_status", r"WHERE ", "WHERE orders.total_cents >= 0 AND "),
    ("orders", "running_total", r"WHERE ", "WHERE orders.total_cents >= 0 AND "),
    ("reviews", "summary", r"WHERE ", "WHERE reviews.rating > 0 AND "),
    ("carts", "contents", r"WHERE ", "WHERE cart_items.quantity > 0 AND "),
    ("sessions", "look_up", r"WHERE ", "WHERE sessions.user_agent <> '' AND "),
)
RETYPED = (
    ("payments", "of_legacy_invoice", r"legacy_invoice = \$1", 1, 1700, ""),
    ("payments", "of_order", r"order_id = \$1", 1, 1700, ""),
    ("payments", "of_order", r"order_id = \$1", 1, 701, ""),
    ("orders", "count_by_status", r"\$1::bigint", 1, 1700, "$1::numeric"),
    ("orders", "running_total", r"\$1::bigint", 1, 701, "$1::double precision"),
    ("reviews", "written_by", r"\$1::bigint", 1, 1700, "$1::numeric"),
    ("payments", "of_legacy_invoice", r"legacy_invoice = \$1", 1, 20, ""),
    ("orders", "history", r"\$1::bigint", 1, 23, "$1::integer"),
)
FORMATTED = (
    ("catalog", "newest"), ("orders", "history"), ("orders", "by_number"), ("payments", "of_order"),
    ("jobs", "claim"), ("customers", "register"),
)  # fmt: skip
RENAMED = (
    ("catalog", "search"), ("orders", "history"), ("payments", "settlement_page"),
    ("reviews", "latest"), ("audit", "trail"),
)  # fmt: skip
_SQL = "the SQL changed"
_TYPES = "the types of its parameters changed"


def other_changes() -> Iterator[Change]:
    """All of them, in a fixed order."""
    for name, value in SETTINGS:
        cause = f"setting {name} moved"
        yield Change("setting changed", f"{name} = {value}", cause, settings={name: value})
    for table in GROWN:
        yield Change("table ten times as large", table, f"public.{table} grew", grow=table)
    for (module, function), number in UNLIMITED.items():
        edit = replaced(_LIMIT, "", number)
        yield _sent("LIMIT dropped", module, function, edit)
    for module, function, pattern, by in WRAPPED:
        yield _sent("column wrapped in an expression", module, function, replaced(pattern, by))
    for module, function, pattern, by, drop in DROPPED:
        yield _sent("condition dropped", module, function, replaced(pattern, by, *drop))
    for module, function, pattern, by in ADDED:
        yield _sent("condition added", module, function, replaced(pattern, by))
    for module, function, pattern, number, oid, by in RETYPED:
        edit = retyped(pattern, number, oid, by)
        yield _sent("parameter retyped", module, function, edit, str(oid), _TYPES if not by else "")
    for module, function in FORMATTED:
        yield _sent("SQL formatted", module, function, _formatted)
    for module, function in RENAMED:
        yield _sent("function renamed", module, function, moved_to(function=f"{function}_now"))
        file = f"shop/{module}_now.py"
        yield _sent("module renamed", module, function, moved_to(file=file))


def _sent(
    kind: str, module: str, function: str, edit: Edit, more: str = "", cause: str = ""
) -> Change:
    name = f"{module}.{function}" + (f" {more}" if more else "")
    return Change(kind, name, cause or _SQL, edit=sent_by(module, function, edit))


def _formatted(statement: Statement) -> Statement:
    """Other blanks, a comment, keywords in lower case."""
    import msgspec

    text = re.sub(r"\s+", "\n  ", statement.text)
    text = re.sub(r"\b(SELECT|FROM|WHERE|ORDER BY|LIMIT|AND)\b", lambda m: m[0].lower(), text)
    return msgspec.structs.replace(statement, text=f"/* page */ {text} -- the end")
