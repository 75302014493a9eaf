from pathlib import Path

import msgspec
import pytest

from pytest_planguard.fixturedb.cache import (
    PREFIX,
    TemplateRecord,
    record_from,
    record_text,
    template_name,
)
from pytest_planguard.model.spec import DatabaseSpec, TableDeclaration
from pytest_planguard.model.statistics import (
    ColumnStatistics,
    ScaleSource,
    Statistics,
    TableStatistics,
)

SPEC = DatabaseSpec(tables={"t": TableDeclaration(5)})
NAME = template_name(SPEC, 180006, b"schema")


def changed(**facts):
    return template_name(msgspec.structs.replace(SPEC, **facts), 180006, b"schema")


def test_the_name_is_a_valid_one_and_the_same_each_time():
    assert template_name(SPEC, 180006, b"schema") == NAME
    assert NAME.startswith(PREFIX)
    assert len(NAME) < 64


@pytest.mark.parametrize(
    "facts",
    [
        {"tables": {"t": TableDeclaration(6)}},
        {"clock": "2026-02-01T00:00:00+00:00"},
        {"scale": "rows"},
    ],
)
def test_what_makes_another_template_makes_another_name(facts):
    assert changed(**facts) != NAME


def test_schema_and_server_count_too():
    assert template_name(SPEC, 180006, b"other") != NAME
    assert template_name(SPEC, 160014, b"schema") != NAME


def test_settings_and_paths_belong_to_the_copy_and_not_to_the_template():
    assert changed(settings={"work_mem": "1GB"}, root=Path("/elsewhere"), seed=7) == NAME


def test_the_seed_counts_where_rows_are_made():
    assert changed(scale="rows", seed=1) != changed(scale="rows", seed=2)


def test_a_record_keeps_infinite_lengths_of_ranges():
    stay = ColumnStatistics(range_length_histogram=(1.0, 2.5, float("inf")), range_empty_frac=0.1)
    table = TableStatistics(rows=5, pages=1, columns={"stäy": stay})
    statistics = Statistics({"public.t": table}, "2026-01-01", ScaleSource.PRODUCTION)
    record = TemplateRecord(statistics, lacking=("a sentence",))
    assert record_from(record_text(record)) == record
