"""QRY006: pages are counted off: the further one gets, the more rows are thrown away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_planguard.model import words
from pytest_planguard.model.catalog import Table
from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.judgement import Context, DeepPage
from pytest_planguard.model.ports import quoted

FACTS = RuleFacts(
    code="QRY006",
    name="deep-offset",
    severity=Severity.WARNING,
    condition=(
        "A query pages by OFFSET; planned again with the offset at 10 % of the rows it counts "
        "through (at least large-table-rows), it costs minimum-gain and minimum-gain-units more "
        "than the page the tests asked for."
    ),
    effect=(
        "Each page reads all rows before it and throws them away; a row that is inserted or "
        "deleted meanwhile shifts all pages, so that rows are shown twice or never."
    ),
    remedy="Page by key: ask for what comes after the last row of the page before.",
    source=(
        "PostgreSQL manual, 7.6 LIMIT and OFFSET (skipped rows are computed all the same); the "
        "10 % are advice.paging.DEPTH."
    ),
)


def check(context: Context) -> Iterator[Candidate]:
    """At most one candidate, of the table that is paged through."""
    page, limits = context.deep_page, context.thresholds
    if page is None:
        return
    more = page.cost - page.cost_before
    if more < limits.minimum_gain_units or more < limits.minimum_gain * page.cost:
        return
    table = _table(page, context)
    yield Candidate(
        rule=FACTS.code,
        key=context.query.key,
        database=context.query.database,
        relation=table.qualified if table is not None else None,
        severity=Severity.WARNING,
        message=(
            f"a page behind {words.rows(page.skipped)} rows, a tenth of all, costs "
            f"{words.cost(page.cost)}; the one that was asked for "
            f"{words.cost(page.cost_before)}"
        ),
        remedy=_remedy(page, table),
        rows=table.rows if table is not None else page.skipped,
        evidence={
            "rows_skipped": page.skipped,
            "cost_before": page.cost_before,
            "cost_deep": page.cost,
        },
    )


def _table(page: DeepPage, context: Context) -> Table | None:
    """The table whose column leads the order, else the first of FROM."""
    catalog = context.catalog
    read = [catalog.root_of(one.relation) for one in context.plan.root.walk() if one.relation]
    tables = [
        (alias, catalog.tables[name])
        for short, alias in page.relations
        for name in dict.fromkeys(read)
        if name in catalog.tables and catalog.tables[name].name == short
    ]
    leading = page.order[0][0].rpartition(".")[0] if page.order else ""
    chosen = [table for alias, table in tables if leading in (alias, quoted(alias))]
    return next(iter([*chosen, *(table for _, table in tables)]), None)


def _remedy(page: DeepPage, table: Table | None) -> str:
    """The condition and the order of the next page, for the query's own columns."""
    order = list(page.order)
    if table is None or not _is_unique(page.columns, table):
        order += [(name, _descending(order)) for name in _key(table, order)]
    if not order:
        return "order by a unique key, and page by it: WHERE id > <last id> ORDER BY id LIMIT n"
    by = ", ".join(name + (" DESC" if down else "") for name, down in order)
    nulls = _may_be_null(page.columns, table)
    proviso = f"; rows where {nulls} is NULL are asked for apart" if nulls else ""
    return (
        f"instead of OFFSET page by key: WHERE {_after(order)} ORDER BY {by} LIMIT n, with the "
        f"last row of the page before{proviso}"
    )


def _is_unique(columns: Sequence[str], table: Table) -> bool:
    return any(
        one.kind in ("p", "u") and set(one.columns) <= set(columns) for one in table.constraints
    )


def _key(table: Table | None, order: Sequence[tuple[str, bool]]) -> list[str]:
    """Columns of the primary key that the order does not have, as the query names its tables."""
    keys = next((one.columns for one in table.constraints if one.kind == "p"), ()) if table else ()
    before = order[0][0].rpartition(".")[0] if order else ""
    names = [f"{before}.{quoted(name)}" if before else quoted(name) for name in keys]
    have = {name for name, _ in order}
    return [name for name in names if name not in have]


def _descending(order: Sequence[tuple[str, bool]]) -> bool:
    """A key that is added goes the way of the last one: one index then serves both."""
    return order[-1][1] if order else False


def _after(order: Sequence[tuple[str, bool]]) -> str:
    """What comes after the last row; as one comparison of rows where all go the same way."""
    names = [name for name, _ in order]
    values = [f"<last {name.rpartition('.')[2]}>" for name in names]
    if len({down for _, down in order}) == 1:
        sign = "<" if order[0][1] else ">"
        if len(names) == 1:
            return f"{names[0]} {sign} {values[0]}"
        return f"({', '.join(names)}) {sign} ({', '.join(values)})"
    return _one_by_one(list(zip(names, values, (down for _, down in order), strict=True)))


def _one_by_one(keys: Sequence[tuple[str, str, bool]]) -> str:
    """``a <= x AND (a < x OR b > y)``: the first part is what an index is entered by."""
    (name, value, down), *rest = keys
    sign = "<" if down else ">"
    if not rest:
        return f"{name} {sign} {value}"
    return f"{name} {sign}= {value} AND ({name} {sign} {value} OR {_one_by_one(rest)})"


def _may_be_null(columns: Sequence[str], table: Table | None) -> str:
    known = {one.name: one for one in table.columns} if table is not None else {}
    return ", ".join(name for name in columns if name in known and not known[name].not_null)
