import random

import msgspec
import pytest

from fix_large_schema import large_schema
from pytest_planguard.errors import StatisticsError
from pytest_planguard.fixturedb.scale.statistics_file import decode, encode
from pytest_planguard.model.statistics import (
    ColumnStatistics,
    ExtendedNumbers,
    ExtendedStatistics,
    GinPages,
    IndexStatistics,
    ScaleSource,
    Statistics,
    TableStatistics,
)

AWKWARD = (
    "",
    "?",
    "= ?",
    "= ",
    "??",
    ";",
    ";;",
    "; ",
    ";; ; 8 bytes",
    "a;",
    "a; 8 bytes; unique",
    "8 bytes",
    "character varying",
    "character varying(20)[] not null",
    "character varyingly",
    "varchar",
    "varchar(3)",
    "timestamp with time zone",
    "timestamp(3) with time zone",
    "timestamp without time zone[]",
    "timestamp",
    "timestamptz not null",
    'app."odd; ""type"""(3) not null',
    "app.größe",
    "collate x",
    "references t(id)",
    "unique",
    "masked",
    "line\nbreak\ttab",
    '🐘; \\ "',
    "CREATE INDEX",
    "unique btree (x)",
    "primary key btree (x)",
    "CREATE INDEX i ON public.t USING btree (a)",
    "\x00",
    "CREATE UNIQUE INDEX i ON public.t USING btree (id)",
    "CREATE INDEX i ON ONLY public.t USING gin (b)",
    "CREATE UNIQUE INDEX i ON public.t USING unique btree (a)",
    "PRIMARY KEY (id)",
    "UNIQUE (id)",
    "CREATE INDEX i ON public.t USING = btree (a)",
    "CREATE INDEX i ON public.t USING ?",
    "CREATE INDEX i ON public.t USING primary key btree (a)",
    "FOREIGN KEY (c) REFERENCES o(id); x",
    "CREATE INDEX i ON public.t USING btree (a) WHERE (b = 'x; ''y'';'::text)",
)


def back(table, name="public.t"):
    statistics = Statistics({name: table}, "2026-01-01", ScaleSource.PRODUCTION)
    text = encode(statistics)
    again = decode(text, "f.json")
    assert again == statistics
    return text


@pytest.mark.parametrize("kind", ["r", "p"])
@pytest.mark.parametrize("text", AWKWARD)
def test_any_text_of_the_server_reads_back_wherever_it_stands(text, kind):
    facts = ColumnStatistics(0.5, 8, -1.0)
    back(
        TableStatistics(
            5.0,
            1,
            kind=kind,
            columns={"a": facts, text: facts, "none": ColumnStatistics()},
            types={"a": text, "b": text, text: "text", "c": "bigint"},
            collations={"b": text, "only": text},
            inherited={text: facts},
            indexes={
                "i": IndexStatistics(3, 5.0, definition=text),
                text: IndexStatistics(
                    3, 4.0, expressions={"e": facts}, types={"e": text}, definition="?"
                ),
            },
            constraints={"i": text, "t_c_fkey": text, "t_a_fkey": "FOREIGN KEY (c) x", text: text},
            extended={
                text: ExtendedStatistics(
                    text, (text,), ExtendedNumbers(expressions={text: facts}), types={text: text}
                )
            },
        )
    )


def test_chance_finds_no_text_that_reads_back_as_another():
    chance = random.Random(5)
    pieces = [*AWKWARD, ";", "; ", "= ", "collate ", "references ", " ", "x"]
    for _ in range(300):
        one, other = ("".join(chance.choices(pieces, k=chance.randrange(4))) for _ in range(2))
        back(
            TableStatistics(
                5.0,
                1,
                columns={"a": ColumnStatistics(avg_width=3)},
                types={"a": one, "c": "text"},
                collations={"a": other},
                indexes={"i": IndexStatistics(1, 5.0, definition=one)},
                constraints={"i": other, "t_c_fkey": f"FOREIGN KEY (c) REFERENCES {one}"},
            )
        )


@pytest.mark.parametrize("name", ['app."T"', "public.order", "public.Größe", "public.a b", "x.y.z"])
def test_names_that_need_quotes_lose_nothing(name):
    definition = f'CREATE INDEX "I" ON {name} USING btree (a)'
    back(
        TableStatistics(1.0, 1, indexes={"I": IndexStatistics(1, 1.0, definition=definition)}), name
    )


def test_a_constraint_is_told_with_its_column_or_its_index():
    text = back(
        TableStatistics(
            1.0,
            1,
            types={"id": "bigint not null", "owner": "bigint"},
            indexes={
                "t_pkey": IndexStatistics(
                    9, 1.0, 1, definition="CREATE UNIQUE INDEX t_pkey ON public.t USING btree (id)"
                ),
                "t_owner_key": IndexStatistics(
                    9,
                    -1.0,
                    definition="CREATE UNIQUE INDEX t_owner_key ON public.t USING btree (owner)",
                ),
            },
            constraints={
                "t_pkey": "PRIMARY KEY (id)",
                "t_owner_key": "UNIQUE (owner)",
                "t_owner_fkey": "FOREIGN KEY (owner) REFERENCES owners(id) ON DELETE CASCADE",
            },
        )
    )
    lines = text.splitlines()
    assert '    "owner": "bigint; references owners(id) ON DELETE CASCADE"' in lines
    assert '    "t_pkey": "primary key btree (id); 9 pages; height 1"' in lines
    assert '    "t_owner_key": "unique constraint btree (owner); 9 pages; -1 rows",' in lines
    assert "constraints" not in text


def test_a_deferrable_constraint_is_told_as_it_is():
    index = IndexStatistics(1, 1.0, definition="CREATE UNIQUE INDEX k ON public.t USING btree (a)")
    constraints = {"k": "UNIQUE (a) DEFERRABLE"}
    assert "unique btree (a); 1 pages" in back(
        TableStatistics(1.0, 1, indexes={"k": index}, constraints=constraints)
    )


def test_all_numbers_of_an_index_read_back():
    index = IndexStatistics(
        128_000, 4.5, 0, file_pages=128_010, order=12, gin=GinPages(0, 5_000, 1, 2, 70)
    )
    back(TableStatistics(47_000_000.0, 1, indexes={"i": index}))


def test_a_large_schema_reads_back():
    statistics = large_schema(40)
    assert decode(encode(statistics), "f") == statistics


LISTS = ColumnStatistics(0.0, 8, 4.0, ("a", "b"), (0.5, 0.25), ("c", "d"))
GOOD = encode(
    Statistics(
        {
            "public.T": TableStatistics(
                1.0,
                1,
                columns={"state": LISTS},
                inherited={"state": LISTS},
                types={"state": "text"},
                indexes={"i": IndexStatistics(5, 1.0, 1)},
            )
        },
        "2026-01-01",
        ScaleSource.PRODUCTION,
    )
)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "text; 8 bytes; 4 distinct",
            "text; 8 bytes; 4 distict",
            'public.T.state is "text; 8 bytes; 4 distict": "4 distict" is not understood',
        ),
        (
            "text; 8 bytes",
            "text;8 bytes",
            'public.T.state is "text;8 bytes; 4 distinct": a single ";" has no space behind it',
        ),
        (
            '["8 bytes; 4 distinct"',
            '["4 distinct"',
            'public.T.state is "4 distinct": no part says how many bytes wide it is',
        ),
        (
            "?; 5 pages",
            "?; 5 pages; 6 pages",
            (
                'the index i of public.T is "?; 5 pages; 6 pages; height 1": '
                '"6 pages" says again what is said already'
            ),
        ),
        (
            "?; 5 pages; ",
            "?; ",
            'the index i of public.T is "?; height 1": no part says how many pages it has',
        ),
        (
            '"?; 5 pages; height 1"',
            "7",
            "the index i of public.T is neither a line nor a line with expressions",
        ),
        (
            '["c", "d"]',
            '["c", 4]',
            'the list "histogram" of public.T.state holds "4"',
        ),
        (
            '["a", 0.5, "b", 0.25]',
            '["a", 0.5, true]',
            'the list "common" of public.T.state holds something other than texts and numbers',
        ),
    ],
)
def test_a_damaged_line_is_named_and_quoted(old, new, sentence):
    assert old in GOOD
    with pytest.raises(StatisticsError) as caught:
        decode(GOOD.replace(old, new), "f.json")
    assert caught.value.message == f"f.json is damaged: {sentence}"


def test_lists_of_a_later_version_are_passed_over():
    text = GOOD.replace('"histogram":', '"later": [{}], "histogram":')
    assert decode(text, "f") == decode(GOOD, "f")
    assert msgspec.structs.asdict(decode(GOOD, "f"))["schema"] == 2
