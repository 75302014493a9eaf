import json
import math
from pathlib import Path

import msgspec
import pytest

from pytest_planguard.errors import StatisticsError
from pytest_planguard.fixturedb.scale.statistics_file import decode, encode, read, write
from pytest_planguard.model.statistics import (
    ColumnStatistics,
    ExtendedNumbers,
    ExtendedStatistics,
    GinPages,
    IndexStatistics,
    ProductionCall,
    ScaleSource,
    Statistics,
    TableStatistics,
    ValuePolicy,
)

COLUMN = ColumnStatistics(
    null_frac=0.25,
    avg_width=8,
    n_distinct=3.0,
    most_common_values=("a", 'b"\n', "ü→"),
    most_common_freqs=(0.5, 0.10000000149011612, 1 / 3),
    histogram_bounds=("c", "d"),
    correlation=0.0,
    range_length_histogram=(1.0, math.inf),
)
TABLE = TableStatistics(
    rows=47_000_000.0,
    pages=500_000,
    columns={"state": COLUMN, "id": ColumnStatistics(0.0, 8, -1.0, correlation=1.0)},
    indexes={
        "t_idx": IndexStatistics(5, 10.0, 1, order=1, gin=GinPages(0, 5, 1, 2, 70)),
    },
    extended={
        "public.both": ExtendedStatistics(
            "CREATE STATISTICS …",
            ("a", "b"),
            ExtendedNumbers({"a, b": 7.0}, {"a => b": 1.0}, (("1", None),), (0.5,), (0.25,)),
        )
    },
    types={"state": "text", "id": "bigint not null"},
    parents=("public.whole",),
)
STATISTICS = Statistics(
    {"public.t": TABLE, "public.a": TableStatistics(-1.0, 0, kind="p")},
    "2026-11-02T03:04:05+00:00",
    ScaleSource.PRODUCTION,
    server_version=180006,
    settings={"work_mem": "64MB"},
    values=ValuePolicy.MASKED,
    unseen=("nothing",),
    calls=(ProductionCall("SELECT $1", 5, 0.25, 5),),
)


def test_what_was_written_reads_back():
    again = decode(encode(STATISTICS), "file")
    assert again.tables["public.a"] == STATISTICS.tables["public.a"]
    column = again.tables["public.t"].columns["state"]
    assert column.most_common_freqs == (0.5, 0.1, 1 / 3)
    assert column.range_length_histogram == (1.0, math.inf)
    assert column.correlation == 0.0
    assert encode(again) == encode(STATISTICS)


def test_keys_are_sorted_a_list_is_a_line_and_numbers_have_no_more_digits_than_needed():
    lines = encode(STATISTICS).splitlines()
    assert encode(STATISTICS).endswith("}\n")
    assert '     "common": ["a", 0.5, "b\\"\\n", 0.1, "ü→", 0.3333333333333333],' in lines
    assert '    "id": "bigint not null; 8 bytes; unique; correlation 1",' in lines
    assert '   "rows": 47000000' in lines
    value = json.loads(encode(STATISTICS), object_pairs_hook=list)

    def check(node):
        if isinstance(node, list) and node and isinstance(node[0], tuple):
            keys = [key for key, _ in node]
            assert keys == sorted(keys)
            for _, item in node:
                check(item)

    check(value)


def test_a_file_of_the_first_schema_is_read_and_written_in_this_one():
    old = Path(__file__).with_name("statistics_schema_1.json").read_text()
    assert '"schema": 1' in old
    again = decode(old, "file")
    assert encode(again) == encode(STATISTICS)
    assert again == decode(encode(STATISTICS), "file")


def test_the_order_things_were_found_in_makes_no_difference():
    turned = msgspec.structs.replace(
        STATISTICS, tables=dict(reversed(list(STATISTICS.tables.items())))
    )
    assert encode(turned) == encode(STATISTICS)


def test_unknown_fields_of_this_version_are_passed_over():
    value = json.loads(encode(STATISTICS))
    value["weather"] = "fair"
    value["tables"]["public.t"]["mood"] = {"good": True}
    assert decode(json.dumps(value), "file") == decode(encode(STATISTICS), "file")


GOOD = encode(STATISTICS)


@pytest.mark.parametrize(
    ("text", "sentence", "hint"),
    [
        (
            GOOD[: len(GOOD) // 2],
            "f.json ends too early, in line",
            "restore it from git, or pull it again",
        ),
        ("", "f.json is empty", "restore it from git"),
        ("{]}", "f.json is no JSON: ", "restore it from git"),
        ("[1]\n", "f.json is not a statistics file of planguard", "statistics pull"),
        ('{"schema": 1}', "f.json is not a statistics file of planguard", "statistics pull"),
        (
            GOOD.replace(' "clock"', '<<<<<<< HEAD\n "clock"'),
            "f.json holds merge-conflict markers (line 10)",
            "git checkout --ours or --theirs",
        ),
        (
            GOOD.replace('"schema": 2', '"schema": 3'),
            "f.json has schema 3, this planguard reads 2 at most",
            "upgrade pytest-planguard",
        ),
        (GOOD.replace('"schema": 2', '"schema": "x"'), "has schema 'x', wanted a number", "git"),
        (
            GOOD.replace('"rows": 47000000', '"rows": "many"'),
            "f.json is damaged: expected `float`, got `str` - at `$.tables[...].rows`",
            "restore",
        ),
        (
            GOOD.replace('0.1, "ü→", 0.3333333333333333]', '"ü→"]'),
            "f.json is damaged: public.t.state has 3 most common values with 1 frequencies",
            "restore",
        ),
        (GOOD.replace("47000000", "NaN"), "f.json is no JSON: NaN is no number", "restore"),
        (GOOD.replace("2026-11-02T", "soon "), 'the clock is "soon 03:04:05+00:00"', "restore"),
        ("[" * 100_000, "f.json is no JSON", "restore"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_clear_error(tmp_path, text, sentence, hint):
    file = tmp_path / "f.json"
    file.write_text(text)
    with pytest.raises(StatisticsError) as caught:
        read(file)
    assert caught.value.exit_status == 3
    assert sentence in caught.value.message
    assert "\n" not in caught.value.message
    assert hint in caught.value.hint


def test_a_file_cut_off_anywhere_says_so():
    for length in range(3, len(GOOD) - 3, 7):
        with pytest.raises(StatisticsError, match="cut off"):
            decode(GOOD[:length], "f.json")


def test_a_newer_schema_is_refused_before_its_contents_are_looked_at():
    with pytest.raises(StatisticsError, match="has schema 9"):
        decode('{"schema": 9, "tables": []}', "f.json")


def test_a_missing_file_and_one_that_is_no_text_are_told_apart(tmp_path):
    with pytest.raises(StatisticsError, match="cannot be read: No such file"):
        read(tmp_path / "no.json")
    (tmp_path / "binary").write_bytes(b"\x89PNG\xff\x00")
    with pytest.raises(StatisticsError, match="it is not text in UTF-8"):
        read(tmp_path / "binary")


def test_a_file_is_written_beside_and_moved_over(tmp_path):
    file = tmp_path / "planguard" / "statistics.json"
    assert write(STATISTICS, file) == len(encode(STATISTICS).encode())
    assert read(file) == decode(encode(STATISTICS), "")
    assert [one.name for one in file.parent.iterdir()] == ["statistics.json"]


def test_where_nothing_can_be_written_the_error_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StatisticsError, match="cannot be written"):
        write(STATISTICS, tmp_path / "file" / "statistics.json")


def test_a_length_that_is_no_number_is_written_as_an_endless_one():
    facts = ColumnStatistics(range_length_histogram=(1.0, math.nan))
    table = TableStatistics(1.0, 1, columns={"r": facts})
    text = encode(Statistics({"public.t": table}, "2026-01-01", ScaleSource.PRODUCTION))
    column = decode(text, "file").tables["public.t"].columns["r"]
    assert column.range_length_histogram == (1.0, math.inf)


UNEVEN = ColumnStatistics(most_common_values=("a",))
INFINITE = ColumnStatistics(n_distinct=math.inf)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        ({"indexes": {"i": IndexStatistics(1, 1.0, expressions={"f": UNEVEN})}},
         "the index i, f, has 1 most common values with 0 frequencies"),
        ({"indexes": {"i": IndexStatistics(1, math.inf)}}, "the index i has inf rows in 1 pages"),
        ({"columns": {"a": INFINITE}}, "public.t.a has an infinite number"),
        ({"columns": {"a": ColumnStatistics(most_common_elems=("x",))}},
         "public.t.a has 1 most common elements with 0 frequencies"),
        ({"own": ExtendedNumbers(expressions={"f(a)": UNEVEN})},
         "public.s, f(a), has 1 most common values with 0 frequencies"),
        ({"inherited": ExtendedNumbers(values=(("1", "2"),), freqs=(0.5,))},
         "public.s has 1 most common combinations with 1 and 0 frequencies"),
        ({"own": ExtendedNumbers(values=(("1",),), freqs=(0.5,), base_freqs=(0.1,))},
         "public.s has a most common combination of 1 values, wanted 2"),
        ({"own": ExtendedNumbers(ndistinct={"a, f(a)": math.inf})},
         "public.s has an infinite number"),
    ],
)  # fmt: skip
def test_numbers_that_contradict_each_other_are_found_wherever_they_stand(damage, sentence):
    sides = {side: damage.pop(side) for side in ("own", "inherited") if side in damage}
    item = ExtendedStatistics("", ("a", "f(a)"), **sides)
    table = TableStatistics(1.0, 1, extended={"public.s": item}, **damage)
    text = encode(Statistics({"public.t": table}, "2026-01-01", ScaleSource.PRODUCTION))
    with pytest.raises(StatisticsError, match="is damaged") as caught:
        decode(text, "f.json")
    assert caught.value.message == f"f.json is damaged: {sentence}"
