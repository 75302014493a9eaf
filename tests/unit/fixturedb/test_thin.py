import msgspec
import pytest

from fix_large_schema import large_schema
from pytest_planguard.fixturedb.scale.statistics_file import decode, encode
from pytest_planguard.fixturedb.scale.thin import limit_for, thinned
from pytest_planguard.model.statistics import (
    ColumnStatistics,
    ExtendedNumbers,
    ExtendedStatistics,
    IndexStatistics,
    ProductionCall,
    ScaleSource,
    Statistics,
    TableStatistics,
)

BOUNDS = tuple(f"{n:08d}" for n in range(101))
COMMON = tuple(f"v{n:03d}" for n in range(100))
FREQS = tuple(round(0.009 - n / 20_000, 7) for n in range(100))
FULL = ColumnStatistics(0.0, 8, 4321.0, COMMON, FREQS, BOUNDS, 0.1234567)


def table(rows, columns=8):
    names = ["id", "owner_id", *(f"column_{n}" for n in range(columns - 2))]
    return TableStatistics(
        float(rows),
        rows // 50 + 1,
        columns=dict.fromkeys(names, FULL),
        types=dict.fromkeys(names, "character varying(40) not null"),
        constraints={"t_pkey": "PRIMARY KEY (id)"},
        indexes={
            "t_owner": IndexStatistics(
                9,
                float(rows),
                1,
                order=2,
                definition="CREATE INDEX t_owner ON t USING btree (owner_id)",
            )
        },
    )


def database(tables):
    return Statistics(tables, "2026-01-01T00:00:00+00:00", ScaleSource.PRODUCTION)


def size(statistics):
    return len(encode(statistics).encode())


def test_five_hundred_tables_of_twelve_columns_and_three_indexes_take_a_megabyte():
    full = large_schema(500)
    small = thinned(full)
    assert size(small) <= 1_000_000
    for table in small.tables.values():
        used = [facts for name, facts in table.columns.items() if name in ("id", "created_at")]
        assert min(len(facts.histogram_bounds) for facts in used) >= 2
        assert table.columns["status"].most_common_values
    assert decode(encode(small), "file") == small


@pytest.mark.parametrize("columns", [4, 12])
def test_five_hundred_tables_become_small_and_keep_what_their_indexes_use(columns):
    full = database({f"public.table_{n:03d}": table(1_000 * (n + 1), columns) for n in range(500)})
    assert size(full) > 5_000_000
    small = thinned(full)
    assert size(small) <= 1_000_000
    assert "were shortened" in small.thinned
    used = [one.columns["owner_id"] for one in small.tables.values()]
    assert min(len(facts.histogram_bounds) for facts in used) >= 6
    assert min(len(facts.most_common_values) for facts in used) >= 5
    assert thinned(full) == small
    assert {name: facts.rows for name, facts in small.tables.items()} == {
        name: facts.rows for name, facts in full.tables.items()
    }


def test_what_fits_stays_as_it_is():
    one = database({"public.t": table(5_000)})
    assert thinned(one) is one
    assert limit_for(one) == 1_000_000
    assert limit_for(database(dict.fromkeys(map(str, range(2_000)), table(1)))) == 4_000_000


def test_columns_of_no_index_and_small_tables_go_first_and_both_ends_of_a_histogram_stay():
    full = database({"public.large": table(9_000_000), "public.small": table(5)})
    small = thinned(full, size(full) - 3_000)
    large = small.tables["public.large"].columns
    assert {facts.histogram_bounds for facts in large.values()} == {BOUNDS}
    assert {facts.most_common_values for facts in large.values()} == {COMMON}
    assert large["id"] == large["owner_id"] == FULL
    assert large["column_0"].correlation == 0.1235
    columns = small.tables["public.small"].columns
    assert columns["id"] == columns["owner_id"] == FULL
    bounds = columns["column_0"].histogram_bounds
    assert len(bounds) == 51
    assert (bounds[0], bounds[1], bounds[-1]) == (BOUNDS[0], BOUNDS[2], BOUNDS[-1])
    assert columns["column_0"].most_common_values == COMMON
    assert small.thinned == (
        "to keep the file near 0.0 MB, numbers were rounded, and histograms of 6 columns and most "
        "common values of 0 were shortened"
    )


def test_values_and_frequencies_are_cut_together_at_the_rare_end():
    full = database({"public.t": table(9)})
    columns = thinned(full, size(full) - 18_000).tables["public.t"].columns
    assert columns["column_0"].most_common_values == COMMON[:5]
    assert columns["column_0"].most_common_freqs == FREQS[:5]
    assert columns["id"].most_common_values == COMMON


def test_elements_keep_their_order_and_the_smallest_frequency_is_the_kept_ones():
    facts = msgspec.structs.replace(
        FULL,
        most_common_elems=("a", "b", "c", *(f"e{n}" for n in range(200))),
        most_common_elem_freqs=(0.1, 0.9, 0.5, *(0.01,) * 200, 0.01, 0.9, 0.25),
        elem_count_histogram=(*map(float, range(100)), 2.5),
    )
    full = database({"public.t": TableStatistics(9.0, 1, columns={"tags": facts})})
    found = thinned(full, 700).tables["public.t"].columns["tags"]
    assert found.most_common_elems == ("b", "c")
    assert found.most_common_elem_freqs == (0.9, 0.5, 0.5, 0.9, 0.25)
    assert found.elem_count_histogram == (0.0, 99.0, 2.5)


def test_extended_statistics_are_cut_last():
    numbers = ExtendedNumbers(
        values=tuple((str(n), None) for n in range(100)), freqs=FREQS, base_freqs=FREQS
    )
    one = ExtendedStatistics("CREATE STATISTICS s ON a, b FROM t", ("a", "b"), numbers)
    full = database({"public.t": TableStatistics(9.0, 1, extended={"public.s": one})})
    found = thinned(full, 1_200).tables["public.t"].extended["public.s"].own
    assert len(found.values) == len(found.freqs) == len(found.base_freqs) == 5


def test_calls_take_no_room_from_statistics_and_lose_those_of_least_time():
    calls = tuple(
        ProductionCall(f"SELECT {'column, ' * 800} FROM t WHERE id = ${n}", 900 - n, 1.0, 1)
        for n in range(500)
    )
    full = database({"public.t": table(5_000)})
    small = thinned(msgspec.structs.replace(full, calls=calls))
    assert small.tables == full.tables
    assert small.thinned == ""
    assert 0 < len(small.calls) < 500
    assert small.calls == calls[: len(small.calls)]
    assert 190_000 < size(small) - size(full) < 201_000
    lost = 500 - len(small.calls)
    assert small.besides == (f"the {lost} calls of least time: all have 0.2 MB of the file",)
    few = msgspec.structs.replace(full, calls=calls[:3])
    assert thinned(few) is few
