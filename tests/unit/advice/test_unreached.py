"""A LIMIT that the planner reckons is reached, and that is not."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

import fix_plans
from pytest_planguard.advice.unreached import Unreached, unreached
from pytest_planguard.model.catalog import Catalog, Index
from pytest_planguard.model.finding import Candidate, Severity
from pytest_planguard.model.plan import Planned, PlanNode, Unexplained
from pytest_planguard.model.query import Query, Variant
from pytest_planguard.model.spec import Thresholds
from pytest_planguard.model.statement import Session
from pytest_planguard.model.statistics import (
    ColumnStatistics,
    ScaleSource,
    Statistics,
    TableStatistics,
)
from pytest_planguard.sql.reads import reads

CATALOG = fix_plans.catalog()
ROWS = CATALOG.tables["public.orders"].rows
SCANNED = PlanNode(node_type="Seq Scan", total_cost=6_900)
FOLDED = "(upper((note)::text) = 'X'::text)"


class Planner:
    """Plans whatever it is asked as a scan to the end, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Query] = []

    def __call__(self, queries: Sequence[Query]) -> list[Planned | Unexplained]:
        self.asked += queries
        return [fix_plans.planned(SCANNED, CATALOG) for _ in queries]


def asked(text: str, *types: str | None) -> Query:
    spans = tuple(
        (text.index(f"${n}"), text.index(f"${n}") + 2, n) for n in range(1, len(types) + 1)
    )
    variant = Variant(
        text, types, Session("app", "psycopg"), plannable=text, spans=spans, literal=(2,)
    )
    return fix_plans.query(text, variants=(variant,))


GET = asked("SELECT id FROM orders WHERE upper(note) = $1 LIMIT $2", "25", None)


def found(
    condition: str = FOLDED,
    distinct: float = -0.9,
    *,
    limit: float = 21,
    query: Query = GET,
    catalog: Catalog = CATALOG,
    joined: float = 0.0,
) -> tuple[Planner, dict[str, Unreached]]:
    """What becomes of a scan below a LIMIT."""
    scan = PlanNode(
        node_type="Seq Scan", relation_name="orders", schema="public", alias="orders",
        rows=ROWS / 200, total_cost=6_900, filter=condition, parent_relationship="Outer",
    )  # fmt: skip
    root = PlanNode(node_type="Limit", rows=limit, total_cost=145, children=(scan,))
    planned = fix_plans.planned(root, catalog)
    columns = {name: ColumnStatistics(n_distinct=distinct) for name in ("note", "status", "id")}
    known = TableStatistics(ROWS, 4_445, ScaleSource.DECLARED, columns=columns)
    statistics = Statistics({"public.orders": known}, "2026-01-01", ScaleSource.DECLARED)
    seen = {query.key: {0: reads(root, catalog, Thresholds())}}
    if joined:
        (own,) = seen[query.key][0]
        other = msgspec.structs.replace(own, relation="public.customers", rows_read=joined)
        seen[query.key][0] = (own, msgspec.structs.replace(other, filter=(), limited=False))
    planner = Planner()
    return planner, unreached([(query, planned)], seen, catalog, statistics, Thresholds(), planner)


def test_a_computed_column_without_duplicates_is_searched_to_the_end_whatever_the_limit() -> None:
    planner, by_key = found()

    (variant,) = planner.asked[0].variants
    assert variant.plannable == "SELECT id FROM orders WHERE upper(note) = $1"
    assert (variant.parameter_types, variant.literal) == (("25", "25"), ())
    (one,) = by_key.values()
    assert (one.relation, one.planned.worst.cost) == ("public.orders", 6_900)


@pytest.mark.parametrize(
    "condition",
    [
        FOLDED,
        "(lower(btrim((note)::text)) = 'x'::text)",
        "((id)::text = '17'::text)",  # the primary key
        "((orders.id)::numeric = '17'::numeric)",
    ],
)
def test_folded_and_cast_columns_count(condition: str) -> None:
    assert found(condition)[1]


def test_a_unique_index_tells_it_where_statistics_do_not() -> None:
    unique = Index("i", "public", "public.orders", "btree", ("note",), unique=True)
    catalog = msgspec.structs.replace(CATALOG, indexes={**CATALOG.indexes, "public.i": unique})

    (unknown,) = found(distinct=0.0)[1].values()
    (unique_column,) = found(distinct=0.0, catalog=catalog)[1].values()
    assert (unknown.reason.certain, unique_column.reason.certain) == (False, True)


@pytest.mark.parametrize(
    ("condition", "distinct"),
    [
        (FOLDED, 90),  # 2,222 rows for each value: 21 of them are soon found
        ("(note = 'X'::text)", -0.9),  # the planner knows
        ("(date(created_at) = '2026-01-01'::date)", -0.9),  # a day has many moments
        ("((created_at)::date = '2026-01-01'::date)", -0.9),
        ("(substr(note, 1, 1) = 'x'::text)", -0.9),
        ("(upper((note)::text) <> 'X'::text)", -0.9),
        ("(upper((note)::text) = upper((status)::text))", -0.9),
    ],
)
def test_a_limit_that_is_reached_is_left_alone(condition: str, distinct: float) -> None:
    planner, by_key = found(condition, distinct)
    assert (planner.asked, by_key) == ([], {})


@pytest.mark.parametrize("limit", [1, 2, 21])
@pytest.mark.parametrize("condition", ["(note = 'X'::text)", FOLDED])
def test_who_looks_for_one_row_by_an_unknown_column_is_warned(condition: str, limit: float) -> None:
    (one,) = found(condition, 0.0, limit=limit)[1].values()
    said = Candidate("IDX001", "k", "default", "public.orders", Severity.ERROR, "reads it all", "")
    (told,) = one.told([said])
    assert told.severity is Severity.WARNING
    assert told.message.startswith("reads it all; LIMIT ends that only for a value of note that")


def test_a_list_by_an_unknown_column_is_left_alone() -> None:
    assert found("(note = 'X'::text)", 0.0, limit=20)[1] == {}


def test_a_first_match_that_comes_late_is_told_with_how_late() -> None:
    (one,) = found(distinct=-0.1, limit=1)[1].values()
    assert one.reason.text == (
        "LIMIT ends that after some 18,182 rows only: 10 rows share a value of note"
    )
    assert not one.reason.certain


@pytest.mark.parametrize(("rows", "judged"), [(9_999, True), (10_000, False)])
def test_a_search_beside_a_join_is_judged_where_nothing_else_is_read_at_length(
    rows: float, judged: bool
) -> None:
    assert bool(found("(note ~~ '%ing%'::text)", joined=rows)[1]) is judged


def test_of_a_limit_that_may_be_reached_only_its_own_table_is_spoken_of() -> None:
    said = Candidate("PLN001", "k", "default", "public.customers", Severity.ERROR, "reads it", "")
    (sure,) = found()[1].values()
    (unsure,) = found("(note ~~ '%ing%'::text)")[1].values()
    assert (sure.speaks_of(said), unsure.speaks_of(said)) == (True, False)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT id FROM orders WHERE upper(note) = $1 LIMIT $2 OFFSET 40",
        "SELECT id FROM orders WHERE upper(note) = $1 AND id > $2",
    ],
)
def test_a_page_and_a_limit_inside_are_left_alone(text: str) -> None:
    assert found(query=asked(text, "25", "20"))[1] == {}


def test_the_reason_is_told_with_findings_on_that_table_only() -> None:
    (one,) = found()[1].values()
    said = Candidate("PLN001", "k", "default", "public.orders", Severity.ERROR, "reads it all", "")
    other = msgspec.structs.replace(said, relation="public.customers")

    first, second = one.told([said, other])

    assert first.message.startswith("reads it all; LIMIT does not end that: note hardly has")
    assert second == other


@pytest.mark.parametrize(
    "condition",
    [
        "(note ~~ '%ing%'::text)",
        "(upper((note)::text) ~~ '%ING%'::text)",
        "(note ~~* 'ing%'::text)",
        "(orders.note ~ 'ing'::text)",
    ],
)
def test_a_search_for_text_anywhere_is_judged_as_for_a_rare_text_and_is_no_error(
    condition: str,
) -> None:
    (one,) = found(condition)[1].values()
    said = Candidate("IDX001", "k", "default", "public.orders", Severity.ERROR, "reads it all", "")
    (told,) = one.told([said])
    assert told.severity is Severity.WARNING
    assert told.message.startswith("reads it all; LIMIT ends that only for a text that many rows")


@pytest.mark.parametrize(
    "condition", ["(note ~~ 'ing%'::text)", "(note !~~ '%ing%'::text)", "('x'::text ~~ note)"]
)
def test_a_beginning_what_differs_and_a_stored_pattern_are_no_search(condition: str) -> None:
    assert found(condition)[1] == {}
