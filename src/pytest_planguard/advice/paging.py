"""Pages far behind the first: the same query planned with the offset somebody gets to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pytest_planguard.advice.rewritten import rewritten
from pytest_planguard.advice.suspects import Item
from pytest_planguard.model.judgement import DeepPage
from pytest_planguard.model.plan import Planned, PlanNode, Unexplained
from pytest_planguard.model.query import Query
from pytest_planguard.model.spec import Thresholds
from pytest_planguard.model.statement import Via
from pytest_planguard.sql.offsets import Paging, at_offset, paging
from pytest_planguard.sql.tree import without_sizes

DEPTH = 0.10
"""Of the rows there are; rules.md's. A crawler, an export or "last page" gets far beyond it."""

Plan = Callable[[Sequence[Query]], list[Planned | Unexplained]]

_WRITES_NUMBERS = frozenset({Via.ORM, Via.DJANGO_ORM})
"""Interfaces that write an offset into the text, whoever computed it."""


def deep_pages(items: Sequence[Item], thresholds: Thresholds, plan: Plan) -> dict[str, DeepPage]:
    """The queries that page by OFFSET through many rows, planned at a tenth of them.

    Args:
        items: Queries with their plans.
        thresholds: What counts as many rows.
        plan: Plans queries at scale.

    Returns:
        By key.
    """
    found = [
        (item, rows, known)
        for item in items
        if (rows := DEPTH * _rows(item.planned.worst.root)) >= thresholds.large_table_rows
        and (known := _paging(item)) is not None
    ]
    wanted = [(item, rows, known, deeper) for item, rows, known in found
              if (deeper := _at(item.query, int(rows))) is not None]  # fmt: skip
    outcomes = plan([deeper for *_, deeper in wanted]) if wanted else []
    return {
        item.query.key: DeepPage(
            rows,
            item.planned.worst.cost,
            outcome.worst.cost,
            known.order,
            known.columns,
            known.relations,
        )
        for (item, rows, known, _), outcome in zip(wanted, outcomes, strict=True)
        if isinstance(outcome, Planned)
    }


def _rows(root: PlanNode) -> float:
    """Rows there would be without a LIMIT; 0 where there is none."""
    while root.node_type in ("Result", "Subquery Scan") and len(root.children) == 1:
        (root,) = root.children
    return root.children[0].rows if root.node_type == "Limit" and root.children else 0.0


def _paging(item: Item) -> Paging | None:
    """How it pages; None for an offset that is a constant of the code: that page is the only."""
    variant = item.query.variants[item.planned.worst.variant]
    if "offset" not in item.query.sql.lower():
        return None
    sent, found = paging(variant.plannable), paging(without_sizes(item.query.sql))
    written = bool(variant.as_sent) or any(
        place.origin.via in _WRITES_NUMBERS or place.origin.file.startswith("<")  # typed in
        for place in item.query.places
    )
    pages = sent is not None and (sent.parameter or written)
    return found if pages else None  # of the normal form, which holds no value


def _at(query: Query, rows: int) -> Query | None:
    return rewritten(query, [at_offset(one.plannable, rows) for one in query.variants])
