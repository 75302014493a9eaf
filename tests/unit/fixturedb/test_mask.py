import ipaddress
import itertools
import json
import random
import re
import uuid

import msgspec
import pytest

from pytest_planguard.errors import ConfigurationError
from pytest_planguard.fixturedb.scale.mask import masked, without_values
from pytest_planguard.fixturedb.scale.masking import arrays
from pytest_planguard.model.statistics import (
    ColumnStatistics,
    ExtendedNumbers,
    ExtendedStatistics,
    IndexStatistics,
    ScaleSource,
    Statistics,
    TableStatistics,
    TypeFacts,
    ValuePolicy,
)

WORDS = ("Ada", "bob", "Über", "señor", "x y", "Zoë", "O'Neil", 'say "hi"', "a,b", "北京", "{}")


def collate(texts, _):
    assert len(set(texts)) == len(texts)
    return sorted(texts)


def statistics(tables, types=None):
    return Statistics(tables, "2026-01-01", ScaleSource.PRODUCTION, types=types or {})


def table(types, columns, **facts):
    return TableStatistics(1000, 10, types=types, columns=columns, **facts)


def common(*values):
    return ColumnStatistics(
        most_common_values=values, most_common_freqs=tuple(0.5 / 2**n for n in range(len(values)))
    )


def bounds(*values):
    return ColumnStatistics(histogram_bounds=values)


def mask(tables, types=None, keep=()):
    return masked(statistics(tables, types), keep=frozenset(keep), collate=collate)


def one(type_text, facts, types=None, **more):
    """A table of one column, masked: the column, and the sentences about it."""
    found = mask({"public.t": table({"c": type_text}, {"c": facts}, **more)}, types)
    return found.tables["public.t"].columns["c"], found.unseen


def texts(seed, count=300):
    chance = random.Random(seed)
    made = {
        "".join(
            chance.choice(WORDS) if chance.random() < 0.3 else chr(chance.randint(65, 90))
            for _ in range(chance.choice((1, 2, 3, 8, 20)))
        )
        for _ in range(count)
    }
    return sorted(made)


@pytest.mark.parametrize("seed", range(5))
def test_texts_keep_equality_order_characters_and_bytes(seed):
    values = texts(seed)
    chance = random.Random(seed)
    one_side, other = (tuple(sorted(chance.sample(values, 150))) for _ in range(2))
    found = mask(
        {
            "public.a": table({"x": "text not null"}, {"x": bounds(*one_side)}),
            "public.b": table({"y": "character varying(400)"}, {"y": common(*other)}),
        }
    )
    a = found.tables["public.a"].columns["x"].histogram_bounds
    b = found.tables["public.b"].columns["y"].most_common_values
    assert list(a) == sorted(a)
    assert list(b) == sorted(b)
    pairs = dict(zip(one_side + other, a + b, strict=True))
    assert len(pairs) == len(set(pairs.values()))  # equal stay equal, unequal unequal
    assert [pairs[v] for v in one_side] == list(a)
    for value, standin in pairs.items():
        if len(value) > 2:  # there are far fewer texts than two letters have room for
            assert len(standin) == len(value)
        if len(value) > 2 and len(value.encode()) - len(value) < len(value):
            assert len(standin.encode()) == len(value.encode())


def test_short_texts_become_as_little_longer_as_can_be():
    values = tuple(chr(65 + n) for n in range(26)) + tuple(chr(0xC0 + n) for n in range(22))
    found, _ = one("text", bounds(*values))
    assert list(found.histogram_bounds) == sorted(set(found.histogram_bounds))
    assert {len(value) for value in found.histogram_bounds} == {1, 2}
    found, _ = one("text", bounds(*values[:30]))
    assert {len(value) for value in found.histogram_bounds} == {1}


def test_a_type_that_is_too_short_for_so_many_loses_its_values_and_that_is_said():
    values = tuple(chr(0x400 + n) for n in range(40))
    found, unseen = one("character varying(1)", common(*values))
    assert found == ColumnStatistics(masked=True)
    assert unseen == (
        (
            "values of public.t.c (character varying(1)) were left out:"
            " too many for stand-ins of 1 characters"
        ),
    )


def test_blanks_that_fill_up_a_character_type_do_not_count():
    found = mask(
        {
            "public.a": table({"x": "character(6)"}, {"x": common("Ada   ", "Bob   ")}),
            "public.b": table({"y": "text"}, {"y": common("Bob", "Zed")}),
        }
    )
    a = found.tables["public.a"].columns["x"].most_common_values
    b = found.tables["public.b"].columns["y"].most_common_values
    assert [len(value) for value in a] == [6, 6]
    assert a[1].rstrip() == b[0]


@pytest.mark.parametrize(
    "type_text",
    [
        "integer not null", "numeric(12,2)", "double precision", "money", "boolean", "date",
        "timestamp(3) with time zone", "interval day to second(3)", "bit varying(8)", "oid",
        "int4range", "tstzmultirange", "bigint[]", "app.status", "app.price[]", "app.window",
    ],
)  # fmt: skip
def test_values_of_harmless_types_stay(type_text):
    facts = ColumnStatistics(
        most_common_values=("1", "2"), most_common_elems=("7",), range_bounds_histogram=("[1,2)",)
    )
    types = {
        "app.status": TypeFacts("enum"),
        "app.price": TypeFacts("numeric"),
        "app.window": TypeFacts("range of timestamp without time zone"),
    }
    assert one(type_text, facts, types) == (facts, ())


@pytest.mark.parametrize(
    "type_text",
    ["", "app.address", "geometry(Point,4326)", '"char"', "point", "app.names", "app.thing[]"],
)
def test_a_type_not_known_to_be_harmless_loses_its_values_and_that_is_said(type_text):
    types = {
        "app.address": TypeFacts("composite"),
        "app.names": TypeFacts("range of text"),
        "app.thing": TypeFacts(""),
    }
    facts = ColumnStatistics(
        null_frac=0.5, n_distinct=7, most_common_values=("secret",), most_common_freqs=(0.5,),
        range_bounds_histogram=("[secret,x)",), range_length_histogram=(5.0,),
        elem_count_histogram=(1.0, 2.0),
    )  # fmt: skip
    found, unseen = one(type_text, facts, types)
    assert found == ColumnStatistics(
        null_frac=0.5, n_distinct=7, elem_count_histogram=(1.0, 2.0), masked=True
    )
    assert unseen == (
        (
            f"values of public.t.c ({type_text or 'of unknown type'}) were left out:"
            " no stand-ins can be made for its type"
        ),
    )


def test_a_domain_counts_as_its_base_type():
    types = {"app.email": TypeFacts("character varying"), "app.emails": TypeFacts("app.email[]")}
    found, _ = one("app.email not null", common("ada@example.org"), types)
    assert re.fullmatch("[0-9a-z]{15}", found.most_common_values[0])
    found, _ = one("app.emails", common("{ada@example.org,NULL}"), types)
    assert re.fullmatch(r"\{[0-9a-z]{15},NULL\}", found.most_common_values[0])


def test_values_of_a_domain_that_its_own_check_names_stay():
    types = {
        "app.size": TypeFacts("text", ("CHECK ((VALUE = ANY (ARRAY['S'::text, 'M'::text])))",))
    }
    assert one("app.size", common("M", "S"), types)[0] == common("M", "S")


def test_uuids_keep_their_order_and_look_like_uuids():
    chance = random.Random(4)
    values = sorted(str(uuid.UUID(int=chance.getrandbits(128))) for _ in range(200))
    found, _ = one("uuid", bounds(*values))
    made = found.histogram_bounds
    assert all(str(uuid.UUID(value)) == value for value in made)
    assert [uuid.UUID(value).int for value in made] == sorted({uuid.UUID(v).int for v in made})
    assert not set(values) & set(made)


def test_network_addresses_keep_family_length_and_order():
    chance = random.Random(5)
    hosts = {f"10.{chance.randint(0, 3)}.{chance.randint(0, 255)}.7" for _ in range(150)}
    networks = {f"192.168.{n}.0/24" for n in range(60)} | {"10.0.0.0/8", "172.16.0.0/12"}
    sixes = {f"2001:db8::{n:x}" for n in range(1, 90)} | {"2001:db8::/32"}
    values = sorted(hosts | networks | sixes, key=network_key)
    found, _ = one(
        "inet",
        bounds(
            *values,
        ),
    )
    made = found.histogram_bounds
    assert list(made) == sorted(set(made), key=network_key)
    for value, standin in zip(values, made, strict=True):
        old, new = ipaddress.ip_interface(value), ipaddress.ip_interface(standin)
        assert (old.version, old.network.prefixlen) == (new.version, new.network.prefixlen)
        assert int(new.ip) == int(new.network.network_address)  # as cidr demands
    assert not set(values) & set(made)


def network_key(value):
    """PostgreSQL's order: the bits both have, the length, the rest."""
    at = ipaddress.ip_interface(value)
    bits = f"{int(at.ip):0{at.max_prefixlen}b}"
    return at.version, bits[: at.network.prefixlen], bits


def test_an_address_is_the_same_in_inet_and_cidr():
    found = mask(
        {
            "public.a": table({"x": "inet"}, {"x": common("10.0.0.9", "10.0.0.8")}),
            "public.b": table({"y": "cidr"}, {"y": common("10.0.0.8/32", "0.0.0.0/0")}),
        }
    )
    a = found.tables["public.a"].columns["x"].most_common_values
    b = found.tables["public.b"].columns["y"].most_common_values
    assert (f"{a[1]}/32", "0.0.0.0/0") == b


@pytest.mark.parametrize(("type_text", "digits"), [("macaddr", 12), ("macaddr8", 16)])
def test_hardware_addresses_keep_their_order(type_text, digits):
    chance = random.Random(6)
    values = sorted(
        {":".join(f"{chance.getrandbits(8):02x}" for _ in range(digits // 2)) for _ in range(50)}
    )
    made = one(type_text, bounds(*values))[0].histogram_bounds
    assert list(made) == sorted(set(made))
    assert all(re.fullmatch("([0-9a-f]{2}:)+[0-9a-f]{2}", value) for value in made)
    assert {len(value) for value in made} == {digits // 2 * 3 - 1}


def test_bytes_keep_their_order_and_length():
    chance = random.Random(7)
    raw = sorted({chance.randbytes(chance.choice((1, 2, 16, 40))) for _ in range(200)})
    made = one("bytea", bounds(*(r"\x" + value.hex() for value in raw), r"\x"))[0]
    new = [bytes.fromhex(value[2:]) for value in made.histogram_bounds]
    assert new[0] == b""  # it says nothing, so it stays; the bounds are in order again
    assert new == sorted(set(new))
    assert [len(value) for value in new[1:]] == [len(value) for value in raw]


@pytest.mark.parametrize("type_text", ["json", "jsonb"])
def test_documents_become_texts_of_their_length(type_text):
    values = ('{"name": "Ada"}', "[1, 2, 3]", '"Bob"', "42", "{}", "null")
    made = one(type_text, common(*values))[0].most_common_values
    assert [len(json.loads(value)) + 2 for value in made[:3]] == [len(v) for v in values[:3]]
    assert len(json.loads(made[3])) == 1
    assert made[4:] == ("{}", "null")
    assert len(set(made)) == 6


def test_hstore_xml_and_ltree_stay_valid():
    made = one("public.hstore", common('"name"=>"Ada"'), {"public.hstore": TypeFacts("hstore")})[0]
    assert re.fullmatch('"[0-9a-z]{7}"=>""', made.most_common_values[0])
    made = one("xml", common("<name>Ada</name>"))[0]
    assert re.fullmatch("<a>[0-9a-z]{9}</a>", made.most_common_values[0])
    made = one("public.ltree", common("Top.Ada.Bob"), {"public.ltree": TypeFacts("ltree")})[0]
    assert re.fullmatch("[0-9a-z]{11}", made.most_common_values[0])


def test_citext_values_that_differ_in_case_are_one():
    types = {"public.citext": TypeFacts("citext")}
    found = mask(
        {
            "public.a": table({"x": "public.citext"}, {"x": common("Ada", "bob")}),
            "public.b": table({"x": "public.citext"}, {"x": common("BOB", "ada")}),
        },
        types,
    )
    a, b = (found.tables[f"public.{name}"].columns["x"].most_common_values for name in "ab")
    assert a == b[::-1]


def test_arrays_are_masked_by_element_with_their_common_elements():
    elems = ("Über", "a,b", "bob", "zed zed")
    facts = ColumnStatistics(
        most_common_values=('{bob,"a,b"}', "{}", '{NULL,"zed zed"}'),
        most_common_freqs=(0.3, 0.2, 0.1),
        most_common_elems=tuple(sorted(elems)),
        most_common_elem_freqs=(0.4, 0.3, 0.2, 0.1, 0.1, 0.4, 0.0),
        elem_count_histogram=(0.0, 1.0, 2.0),
    )
    found, unseen = one("text[]", facts)
    assert unseen == ()
    pairs = dict(zip(sorted(elems), found.most_common_elems, strict=True))
    assert list(found.most_common_elems) == sorted(found.most_common_elems)
    assert found.most_common_elem_freqs == facts.most_common_elem_freqs
    assert found.most_common_values[0] == "{" + f"{pairs['bob']},{pairs['a,b']}" + "}"
    assert found.most_common_values[1] == "{}"
    assert arrays.elements(found.most_common_values[2]) == [pairs["zed zed"]]
    assert found.most_common_values[2].startswith("{NULL,")


def test_elements_that_stay_are_in_order_with_their_frequencies():
    facts = ColumnStatistics(
        most_common_elems=("Ada", "vip", "zoe"),
        most_common_elem_freqs=(0.3, 0.2, 0.1, 0.1, 0.3, 0.0),
    )
    checks = {"c": "CHECK ((c <@ ARRAY['vip'::text, 'zoe'::text]))"}
    found, _ = one("text[]", facts, constraints=checks)
    pairs = dict(zip(found.most_common_elems, found.most_common_elem_freqs, strict=False))
    assert list(pairs) == sorted(pairs)
    assert (pairs.pop("vip"), pairs.pop("zoe"), list(pairs.values())) == (0.2, 0.1, [0.3])
    assert found.most_common_elem_freqs[3:] == (0.1, 0.3, 0.0)


def test_lexemes_are_in_the_order_they_are_looked_up_in():
    elems = sorted({w.lower() for w in texts(8)}, key=lambda v: (len(v.encode()), v.encode()))
    facts = ColumnStatistics(
        most_common_elems=tuple(elems), most_common_elem_freqs=(0.1,) * (len(elems) + 2)
    )
    made = one("tsvector", facts)[0].most_common_elems
    assert list(made) == sorted(set(made), key=lambda value: (len(value), value))
    longer = [n for n, value in enumerate(elems) if len(made[n]) != len(value.encode())]
    assert all(len(elems[n].encode()) <= 2 for n in longer)


SCHEMA_NAMES = [
    {"constraints": {"k": "CHECK ((c = ANY (ARRAY['paid'::text, 'it''s'::text])))"}},
    {"constraints": {"k": "CHECK (((c)::text = ANY ('{paid,it''s}'::text[])))"}},
    {
        "indexes": {
            "i": IndexStatistics(
                1, 1, definition="CREATE INDEX i ON public.t USING btree (id) WHERE (c = 'paid')"
            ),
            "j": IndexStatistics(
                1, 1, definition="CREATE INDEX j ON t USING btree (id) WHERE (c <> 'it''s')"
            ),
        }
    },
    {"partition_bound": "FOR VALUES IN ('paid', 'it''s')"},
]


@pytest.mark.parametrize("schema", SCHEMA_NAMES)
def test_values_the_schema_names_stay(schema):
    found, _ = one("text", common("it's", "paid", "Ada L"), **schema)
    assert found.most_common_values[:2] == ("it's", "paid")
    assert found.masked
    assert found.most_common_values[2] != "Ada L"
    assert not one("text", common("it's", "paid"), **schema)[0].masked


def test_bounds_of_a_partition_count_for_its_parent_and_no_other_table():
    found = mask(
        {
            "public.p": TableStatistics(9, 0, types={"c": "text"}, inherited={"c": common("EU")}),
            "public.p1": table(
                {"c": "text"}, {"c": common("EU")}, parents=("public.p",),
                partition_bound="FOR VALUES IN ('EU')",
            ),
            "public.x": table({"c": "text"}, {"c": common("EU")}),
        }
    )  # fmt: skip
    assert found.tables["public.p"].inherited["c"].most_common_values == ("EU",)
    assert found.tables["public.p1"].columns["c"].most_common_values == ("EU",)
    assert found.tables["public.x"].columns["c"].most_common_values != ("EU",)


def test_bounds_among_which_values_stay_are_in_order():
    checks = {"k": "CHECK ((c <> ALL (ARRAY['m'::text, 'zzz'::text])))"}
    found, _ = one("text", bounds("Ada", "Bob", "m", "n", "zzz"), constraints=checks)
    assert list(found.histogram_bounds) == sorted(set(found.histogram_bounds))
    assert {"m", "zzz"} < set(found.histogram_bounds)


def test_no_stand_in_is_a_value_that_stays():
    letters = tuple("0123456789abcdefghijklmnopqrstuvwxyz")
    found = mask(
        {
            "public.a": table({"x": "text"}, {"x": common(*letters)}),
            "public.b": table({"y": "text"}, {"y": common("Ä", "Ö", "Ü")}),
        },
        keep=["a.x"],
    )
    assert found.tables["public.a"].columns["x"] == common(*letters)
    made = found.tables["public.b"].columns["y"].most_common_values
    assert list(made) == sorted(set(made))
    assert not set(made) & set(letters)


def test_kept_columns_keep_their_values_in_partitions_and_expressions_too():
    types = {"name": "text", "note": "text"}
    index = IndexStatistics(
        1, 1, expressions={"lower": common("ada l")}, types={"lower": "text"},
        definition="CREATE INDEX i ON public.p1 USING btree (lower(name))",
    )  # fmt: skip
    both = msgspec.structs.replace(
        index, definition="CREATE INDEX j ON public.p1 USING btree (lower((name || note)))"
    )
    columns = {"name": common("Ada L"), "note": common("Ada L")}
    found = mask(
        {
            "public.p": TableStatistics(9, 0, types=types, inherited=columns),
            "public.p1": table(
                types, columns, parents=("public.p",), indexes={"i": index, "j": both}
            ),
        },
        keep=["p.name"],
    )
    child = found.tables["public.p1"]
    assert found.tables["public.p"].inherited["name"].most_common_values == ("Ada L",)
    assert child.columns["name"].most_common_values == ("Ada L",)
    assert child.columns["note"].most_common_values != ("Ada L",)
    assert child.indexes["i"].expressions["lower"].most_common_values == ("ada l",)
    assert child.indexes["j"].expressions["lower"].most_common_values != ("ada l",)
    assert found.kept == ("p.name",)


@pytest.mark.parametrize(
    ("keys", "kept"),
    [
        ("lower(country)", True),
        ("lower(country)) WHERE (email IS NOT NULL", True),
        ("lower(email)) WHERE (country = 'x'::text", False),
        ("f(users.*)", False),
        ("f(users.*)) WHERE (country = 'x'::text", False),
        ('f("o\'users".*, country)', False),
        ('(("say ""hi""" || country))', False),
        ("(((country || \"o'neil\") || 'x'::text))", False),
        ("(((country || ')'::text) || email))", False),
    ],
)
def test_an_expression_is_kept_where_all_columns_it_reads_are(keys, kept):
    types = dict.fromkeys(("country", "email", 'say "hi"', "o'neil"), "text")
    index = IndexStatistics(
        1, 1, expressions={"f": common("ada l")}, types={"f": "text"},
        definition=f"CREATE INDEX i ON public.users USING btree ({keys})",
    )  # fmt: skip
    text = keys.partition(") WHERE")[0]
    item = ExtendedStatistics(
        "", (text,), ExtendedNumbers(expressions={text: common("ada l")}), types={text: "text"}
    )
    tables = {"public.users": table(types, {}, indexes={"i": index}, extended={"s": item})}
    found = mask(tables, keep=["users.country"]).tables["public.users"]
    assert (found.indexes["i"].expressions["f"] == common("ada l")) is kept
    assert (found.extended["s"].own.expressions[text] == common("ada l")) is kept


def test_expressions_are_masked_by_their_type():
    index = IndexStatistics(
        1, 1, expressions={"lower": common("ada l"), "len": common("5"), "x": common("ada l")},
        types={"lower": "text", "len": "integer"},
    )  # fmt: skip
    found = mask({"public.t": table({"name": "text"}, {}, indexes={"i": index})})
    made = found.tables["public.t"].indexes["i"].expressions
    assert re.fullmatch("[0-9a-z]{5}", made["lower"].most_common_values[0])
    assert made["len"] == common("5")
    assert made["x"].most_common_values == ()
    assert found.unseen == (
        (
            "values of the index i, x (of unknown type) were left out:"
            " no stand-ins can be made for its type"
        ),
    )


def test_combinations_are_masked_like_their_columns():
    numbers = ExtendedNumbers(
        ndistinct={"n, name": 7}, values=(("1", "Ada L"), ("2", None)), freqs=(0.5, 0.2),
        base_freqs=(0.1, 0.1), expressions={"lower(name)": common("ada l")},
    )  # fmt: skip
    item = ExtendedStatistics("", ("n", "name"), own=numbers)
    types = {"n": "integer", "name": "text"}
    extended = {
        "public.s": item,
        "public.o": ExtendedStatistics(
            "", ("n", "lower(name)"), own=numbers, types={"lower(name)": "text"}
        ),
        "public.u": ExtendedStatistics("", ("n", "odd"), inherited=numbers),
    }
    found = mask({"public.t": table(types, {"name": common("Ada L")}, extended=extended)})
    made = found.tables["public.t"]
    name = made.columns["name"].most_common_values[0]
    assert made.extended["public.s"].own.values == (("1", name), ("2", None))
    assert made.extended["public.s"].own.masked
    assert made.extended["public.s"].own.freqs == (0.5, 0.2)
    assert made.extended["public.o"].own.expressions["lower(name)"].most_common_values != ("ada l",)
    assert made.extended["public.u"].inherited.values == ()
    assert made.extended["public.u"].inherited.ndistinct == {"n, name": 7}
    assert any(text.startswith("combinations of public.t.n, ") for text in found.unseen)


def test_nothing_of_a_value_is_left():
    chance = random.Random(9)
    secret = [f"Secret{n:04d}" for n in range(200)]
    chance.shuffle(secret)
    columns = {
        "a": common(*secret[:20]),
        "b": bounds(*sorted(secret[20:40])),
        "c": common(*(f'{{"name": "{v}"}}' for v in secret[40:60])),
        "d": common(*(f"{{{v},{w}}}" for v, w in itertools.pairwise(secret[60:80]))),
        "e": common(*(r"\x" + v.encode().hex() for v in secret[80:90])),
        "f": common(*(f'"{v}"=>"{v}"' for v in secret[90:99])),
        "g": common(*secret[100:120]),
    }
    types = dict(zip("abcdefg", ("text", "name", "jsonb", "text[]", "bytea", "hstore", "app.odd"),
                     strict=True))  # fmt: skip
    facts = {"hstore": TypeFacts("hstore"), "app.odd": TypeFacts("")}
    found = mask({"public.t": table(types, columns)}, facts)
    encoded = msgspec.json.encode(found).decode()
    assert "Secret" not in encoded
    assert "5365637265" not in encoded
    assert all(column.masked for column in found.tables["public.t"].columns.values())
    assert found.values is ValuePolicy.MASKED
    assert found == mask({"public.t": table(types, columns)}, facts)


def test_frequencies_and_counts_are_untouched():
    facts = ColumnStatistics(
        null_frac=0.1, avg_width=9, n_distinct=-0.5, correlation=0.3,
        most_common_values=("Zed", "Ada"), most_common_freqs=(0.4, 0.2),
    )  # fmt: skip
    found, _ = one("text", facts)
    same = msgspec.structs.replace(found, most_common_values=facts.most_common_values, masked=False)
    assert same == facts
    assert found.most_common_values[0] > found.most_common_values[1]


def test_columns_to_keep_that_are_not_there_are_named_all_at_once():
    tables = {
        "public.users": table({"email": "text"}, {}),
        "one.things": table({"name": "text"}, {}),
        "two.things": table({"name": "text"}, {}),
    }
    with pytest.raises(ConfigurationError) as caught:
        mask(tables, keep=["users.emial", "public.user.email", "things.name", "one.things.name"])
    assert caught.value.message.splitlines() == [
        '--keep public.user.email: no such column (did you mean "public.users.email"?)',
        "--keep things.name: in more than one schema, say which: one.things.name, two.things.name",
        '--keep users.emial: no such column (did you mean "users.email"?)',
    ]


def test_a_table_of_the_public_schema_comes_before_others():
    tables = {
        f"{schema}.t": table({"c": "text"}, {"c": common("Ada L")}) for schema in ("public", "x")
    }
    found = mask(tables, keep=["t.c"])
    kept = [name for name, item in found.tables.items() if not item.columns["c"].masked]
    assert kept == ["public.t"]


def test_without_values_only_counts_are_left():
    facts = ColumnStatistics(
        null_frac=0.1, avg_width=9, n_distinct=-0.5, correlation=0.3,
        most_common_values=("1",), most_common_freqs=(0.4,), histogram_bounds=("2", "3"),
        most_common_elems=("1",), most_common_elem_freqs=(0.4,), elem_count_histogram=(1.0,),
        range_bounds_histogram=("[1,2)",), range_length_histogram=(1.0,), range_empty_frac=0.0,
    )  # fmt: skip
    left = ColumnStatistics(
        null_frac=0.1, avg_width=9, n_distinct=-0.5, correlation=0.3, elem_count_histogram=(1.0,),
        masked=True,
    )  # fmt: skip
    numbers = ExtendedNumbers(ndistinct={"a, b": 3}, values=(("1", "2"),), freqs=(1.0,))
    found = without_values(
        statistics(
            {
                "public.t": table(
                    {"a": "integer"}, {"a": facts, "b": ColumnStatistics(null_frac=1)},
                    inherited={"a": facts},
                    indexes={"i": IndexStatistics(1, 1, expressions={"x": facts})},
                    extended={"public.s": ExtendedStatistics("", ("a", "b"), own=numbers)},
                )
            }
        )
    )  # fmt: skip
    made = found.tables["public.t"]
    assert made.columns == {"a": left, "b": ColumnStatistics(null_frac=1)}
    assert made.inherited == {"a": left}
    assert made.indexes["i"].expressions == {"x": left}
    own = made.extended["public.s"].own
    assert own == ExtendedNumbers(ndistinct={"a, b": 3}, masked=True)
    assert (found.values, found.kept) == (ValuePolicy.NONE, ())


def test_an_address_in_the_network_of_everything_does_not_stay():
    found, unseen = one("inet", common("0.0.0.0/0", "10.1.2.3/0"))
    assert found.most_common_values == ()
    assert len(unseen) == 1
    assert one("inet", common("0.0.0.0/0"))[0] == common("0.0.0.0/0")


def test_no_address_is_one_that_stays():
    checks = {"k": "CHECK ((c <> ALL (ARRAY['0.0.0.0'::inet, '128.0.0.0'::inet])))"}
    found, _ = one("inet", common("10.0.0.1", "10.0.0.2", "128.0.0.0"), constraints=checks)
    assert found.most_common_values[2] == "128.0.0.0"
    assert not {"0.0.0.0", "128.0.0.0"} & set(found.most_common_values[:2])


@pytest.mark.parametrize(
    ("check", "is_masked"),
    [
        ("CHECK ((VALUE ~ '@'::text))", False),
        ("CHECK ((VALUE = lower(VALUE)))", False),
        ("CHECK (((length(VALUE) >= 2) AND (char_length(VALUE) < 60)))", True),
        ("CHECK ((VALUE <> ''::text))", True),
        ("CHECK ((VALUE IS NOT NULL))", True),
    ],
)
def test_values_of_a_domain_whose_check_may_refuse_stand_ins_are_left_out(check, is_masked):
    found, unseen = one("app.email", common("ada@x"), {"app.email": TypeFacts("text", (check,))})
    assert bool(found.most_common_values) == is_masked
    assert found.masked
    if not is_masked:
        assert unseen == (
            (
                "values of public.t.c (app.email) were left out:"
                " a check of the domain may refuse stand-ins"
            ),
        )
