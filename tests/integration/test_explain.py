import pytest

from pytest_planguard.model.plan import Access, Planned, SampleKind
from pytest_planguard.model.query import Query, Variant
from pytest_planguard.model.statement import Sample, Session
from pytest_planguard.model.statistics import (
    ColumnStatistics,
    ScaleSource,
    Statistics,
    TableStatistics,
)
from pytest_planguard.pipeline.fixtures import read_catalog_at
from pytest_planguard.planner.explain import Explainer
from pytest_planguard.planner.wire import Wire
from pytest_planguard.sql.statement_text import analyse
from pytest_planguard.sql.unbind import unbind

NUMBERS = ColumnStatistics(n_distinct=-1, histogram_bounds=tuple(map(str, range(0, 1010, 10))))
SCHEMA = """
CREATE TABLE jobs (id int PRIMARY KEY, kind int NOT NULL, payload text);
CREATE INDEX jobs_urgent ON jobs (id) WHERE kind = 3;
"""


@pytest.fixture
def explainer(database_url):
    with Wire(database_url) as wire:
        for text in filter(str.strip, SCHEMA.split(";")):
            wire.execute(text)
        wire.execute("SET enable_seqscan = off")
        columns = {"id": NUMBERS, "kind": NUMBERS}
        tables = {"public.jobs": TableStatistics(1000, 10, ScaleSource.DECLARED, columns=columns)}
        statistics = Statistics(tables, "2026-01-01T00:00:00+00:00", ScaleSource.DECLARED)
        yield Explainer(wire, read_catalog_at(database_url), statistics)


def bound_by_client(text, *values):
    (analysis,) = analyse(text)
    found = unbind(analysis.plannable, values)
    variant = Variant(
        text, found.types, Session("app", "psycopg"), (Sample(found.values),), found.text, (),
        found.spans, analysis.plannable,
    )  # fmt: skip
    return Query("abc", "default", text, (), (variant,), ())


def test_a_clients_values_are_snapped_like_parameters(explainer):
    first = bound_by_client("SELECT * FROM jobs WHERE id = 17", "17")
    other = bound_by_client("SELECT * FROM jobs WHERE id = 923", "923")
    one, two = explainer.explain([first, other])
    assert one.worst.values == two.worst.values == ("500",)
    assert one.worst.sample is SampleKind.CAPTURED


def test_a_value_that_decides_for_a_partial_index_stays_itself(explainer):
    text = "SELECT id FROM jobs WHERE kind = 3 ORDER BY id LIMIT 1"
    (planned,) = explainer.explain([bound_by_client(text, "3")])
    assert planned.worst.values == ("3",)
    assert planned.worst.access["jobs"].indexes == ("jobs_urgent",)


def test_what_the_server_refuses_with_parameters_is_planned_as_it_was_sent(explainer):
    text = "SELECT id FROM jobs WHERE id = 5"
    query = bound_by_client(text, "5")
    (variant,) = query.variants
    refused = Variant(
        text, (None,), variant.session, variant.samples, "SELECT id FROM jobs WHERE id = $1::nope",
        as_sent=text,
    )  # fmt: skip
    query = Query("abc", "default", text, (), (refused,), ())
    (planned,) = explainer.explain([query])
    assert isinstance(planned, Planned)
    assert planned.worst.access["jobs"].access in (Access.INDEX, Access.INDEX_ONLY)
    (again,) = explainer.again([(query, planned)])
    assert again.worst.shape == planned.worst.shape


def test_a_literal_on_a_masked_column_makes_a_plan_approximate_and_a_parameter_does_not(
    database_url,
):
    masked = ColumnStatistics(n_distinct=-1, histogram_bounds=("bb", "kk", "mm"), masked=True)
    columns = {"id": NUMBERS, "payload": masked}
    tables = {"public.jobs": TableStatistics(1000, 10, columns=columns)}
    statistics = Statistics(tables, "2026-01-01T00:00:00+00:00", ScaleSource.PRODUCTION)
    with Wire(database_url) as wire:
        for text in filter(str.strip, SCHEMA.split(";")):
            wire.execute(text)
        explainer = Explainer(wire, read_catalog_at(database_url), statistics)
        found = [
            as_prepared("SELECT id FROM jobs WHERE payload = $1 AND id > 5", ("25",), "Ada"),
            as_prepared("SELECT id FROM jobs WHERE payload LIKE 'Ada%' AND id = $1", ("23",), "5"),
            as_prepared("SELECT id FROM jobs WHERE payload = 'Ada'", ()),
            as_prepared("SELECT id FROM jobs WHERE payload IS NULL", ()),
        ]
        outcomes = explainer.explain(found)
        said = ("the literal on public.jobs.payload meets masked statistics",)
        assert [{plan.approximate for plan in planned.plans} for planned in outcomes] == [
            {()},
            {said},
            {said},
            {()},
        ]
        assert outcomes[0].worst.values == ("kk",)
        again = explainer.again([(found[1], outcomes[1])])
        assert {plan.approximate for plan in again[0].plans} == {said}


def as_prepared(text, types, *values):
    samples = (Sample(values),)
    variant = Variant(text, types, Session("app", "psycopg"), samples, text, (), (), text)
    return Query(text[-9:], "default", text, (), (variant,), ())


def test_literals_on_masked_columns_become_what_captured_values_would(database_url):
    masked = ColumnStatistics(
        most_common_values=("bb", "kk", "mm"), most_common_freqs=(0.7, 0.2, 0.1), masked=True
    )
    tables = {"public.jobs": TableStatistics(1000, 10, columns={"id": NUMBERS, "payload": masked})}
    statistics = Statistics(tables, "2026-01-01T00:00:00+00:00", ScaleSource.PRODUCTION)
    with Wire(database_url) as wire:
        for text in filter(str.strip, SCHEMA.split(";")):
            wire.execute(text)
        explainer = Explainer(wire, read_catalog_at(database_url), statistics)
        queries = [
            as_prepared("SELECT id FROM jobs WHERE payload = 'open' AND id > $1", ("23",), "5"),
            as_prepared("SELECT 'payload' FROM jobs WHERE payload IN ('a', 'b')", ()),
            as_prepared("SELECT id FROM jobs WHERE id = 5", ()),
            as_prepared("SELECT nothing FROM jobs WHERE payload = 'open'", ()),
        ]
        found = [query.variants[0].plannable for query in explainer.fitted(queries)]
        assert found == [
            "SELECT id FROM jobs WHERE payload = 'kk' AND id > $1",
            "SELECT 'payload' FROM jobs WHERE payload IN ('kk', 'mm')",
            "SELECT id FROM jobs WHERE id = 5",
            "SELECT nothing FROM jobs WHERE payload = 'open'",
        ]
        (planned, *_) = explainer.explain(explainer.fitted(queries))
        assert planned.worst.approximate == (
            "the literal on public.jobs.payload meets masked statistics",
        )


PARTITIONED = """
CREATE TABLE orders (id int, region text) PARTITION BY LIST (region);
CREATE TABLE orders_eu PARTITION OF orders FOR VALUES IN ('eu');
CREATE TABLE orders_rest PARTITION OF orders DEFAULT;
"""


@pytest.fixture
def partitioned(database_url):
    region = ColumnStatistics(
        n_distinct=4, most_common_values=("eu", "im", "p6", "p8"),
        most_common_freqs=(0.4, 0.3, 0.2, 0.1), masked=True,
    )  # fmt: skip
    columns = {"id": NUMBERS, "region": region}
    tables = {"public.orders": TableStatistics(1000, 10, inherited=columns)}
    statistics = Statistics(tables, "2026-01-01T00:00:00+00:00", ScaleSource.PRODUCTION)
    with Wire(database_url) as wire:
        for text in filter(str.strip, PARTITIONED.split(";")):
            wire.execute(text)
        yield Explainer(wire, read_catalog_at(database_url), statistics)


def test_values_are_snapped_where_a_parameter_chooses_the_partition(partitioned):
    text = "SELECT id FROM orders WHERE region = $1 AND id = $2"
    queries = [as_prepared(text, ("25", "23"), "eu", number) for number in ("17", "923")]
    one, two = partitioned.explain(queries)
    captured = next(plan for plan in one.plans if plan.sample is SampleKind.CAPTURED)
    assert captured.values == ("eu", "500")
    assert one.plans == two.plans


def test_a_text_no_partition_lists_becomes_a_stand_in_none_lists(partitioned):
    query = as_prepared("SELECT id FROM orders WHERE region IN ('jp', 'eu')", ())
    (fitted,) = partitioned.fitted([query])
    assert fitted.variants[0].plannable == "SELECT id FROM orders WHERE region IN ('p6', 'eu')"
