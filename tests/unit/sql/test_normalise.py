import random

import msgspec
import pytest

from pytest_planguard.model.capture import Capture, Database
from pytest_planguard.model.statement import (
    Layer,
    Origin,
    Phase,
    Place,
    Sample,
    Session,
    Statement,
)
from pytest_planguard.model.tenants import Tenants
from pytest_planguard.sql.normalise import MIGRATED, MOST_UNBOUND, queries

SESSION = Session("app", "psycopg")


def statement(text, types=(), samples=(), *, line=1, test="t.py::test", layer=Layer.APPLICATION):
    place = Place(Origin("app/x.py", line, "f", layer), test, Phase.CALL)
    return Statement(text, types, SESSION, tuple(Sample(tuple(v)) for v in samples), (place,))


def capture(*statements, types=None):
    return Capture(tuple(statements), {"app": Database("app", types=types or {})})


def test_integers_of_all_sizes_are_one_query_and_a_numeric_is_another():
    text = "SELECT a FROM t WHERE id = $1"
    found = queries(capture(*(statement(text, (oid,), [["5"]]) for oid in (20, 21, 23, 1700))))
    assert sorted(query.parameter_types for query in found) == [("integer",), ("numeric",)]
    integer = next(query for query in found if query.parameter_types == ("integer",))
    assert integer.executions == 3
    assert [variant.parameter_types for variant in integer.variants] == [("21",)]


def test_a_null_joins_the_query_that_has_a_type():
    text = "SELECT a FROM t WHERE id = $1"
    (query,) = queries(capture(statement(text, (0,), [[None]]), statement(text, (23,), [["5"]])))
    assert query.parameter_types == ("integer",)
    assert query.executions == 2


@pytest.mark.parametrize("empty", ["{}", "{NULL}", "{NULL,NULL}"])
def test_an_array_of_nothing_joins_the_query_whose_array_has_a_type(empty):
    text = "SELECT a FROM t WHERE id = ANY($1)"
    (query,) = queries(
        capture(statement(text, (0,), [[empty]]), statement(text, (1007,), [["{5}"]]))
    )
    assert query.parameter_types == ("integer[]",)
    assert query.executions == 2


def test_a_text_that_looks_like_an_array_is_a_text():
    text = "SELECT a FROM t WHERE b = $1"
    found = queries(
        capture(statement(text, (0,), [["{}"], ["{a}"]]), statement(text, (1007,), [["{5}"]]))
    )
    assert sorted(query.parameter_types for query in found) == [("integer[]",), ("text",)]


def test_arrays_of_all_lengths_that_are_written_out_are_one_query_for_each_size_class():
    texts = ["ARRAY[$1, $2]", "ARRAY[$1, $2, $3]", "ARRAY['a', 'b', 'c', 'd']"]
    (bound, constant) = queries(
        capture(
            *(
                statement(
                    f"SELECT a FROM t WHERE b @> {text}", (25,) * text.count("$"), [["a"] * 3]
                )
                for text in texts
            )
        )
    )
    assert {bound.sql, constant.sql} == {"SELECT a FROM t WHERE b @> ARRAY[$1, ...5]"}
    assert sorted([bound.parameter_types, constant.parameter_types]) == [(), ("text",)]


def test_a_null_alone_counts_as_text():
    (query,) = queries(capture(statement("SELECT a FROM t WHERE id = $1", (0,), [[None]])))
    assert query.parameter_types == ("text",)


def test_own_types_go_by_their_name_and_not_by_their_oid():
    text = "SELECT a FROM t WHERE s = $1"
    one = queries(capture(statement(text, (16400,)), types={16400: "public.status"}))
    other = queries(capture(statement(text, (17777,)), types={17777: "public.status"}))
    assert one[0].key == other[0].key
    assert one[0].parameter_types == ("public.status",)


def test_the_key_does_not_depend_on_the_order_of_the_tests():
    statements = [
        statement(f"SELECT a FROM t WHERE id IN ({', '.join(f'${n}' for n in range(1, size))})",
                  (23,) * (size - 1), [["1"] * (size - 1)], line=size)
        for size in (2, 3, 4, 9, 12)
    ]  # fmt: skip
    first = queries(capture(*statements))
    random.Random(1).shuffle(statements)
    assert queries(capture(*statements)) == first


def test_places_are_summed_and_the_application_comes_first():
    text = "SELECT a FROM t"
    (query,) = queries(
        capture(statement(text, layer=Layer.TEST), statement(text, line=7), statement(text, line=7))
    )
    assert query.layer is Layer.APPLICATION
    assert sorted(place.executions for place in query.places) == [1, 2]


def test_probes_and_utility_statements_are_no_queries():
    assert queries(capture(statement("SELECT pg_catalog.version()"), statement("BEGIN"))) == []


def test_what_cannot_be_planned_stays_with_its_reason():
    (query,) = queries(capture(statement("SELEC 1")))
    assert query.why_not_explainable.startswith("the parser rejects it")


def test_a_migrations_query_is_kept_with_its_reason_unless_the_application_asks_it_too():
    text = "UPDATE t SET a = 1 WHERE b"
    (query,) = queries(
        capture(statement(text, layer=Layer.MIGRATION), statement(text, layer=Layer.TEST))
    )
    assert query.why_not_explainable == MIGRATED
    (query,) = queries(capture(statement(text, layer=Layer.MIGRATION), statement(text)))
    assert query.why_not_explainable == ""


def test_texts_with_a_clients_values_are_one_query_with_a_sample_for_each():
    texts = {f"SELECT a FROM t WHERE id = {n} LIMIT 1": [[str(n)]] for n in (7, 8)}
    (query,) = queries(capture(*(statement(text, (), values) for text, values in texts.items())))
    (variant,) = query.variants
    assert variant.plannable == "SELECT a FROM t WHERE id = $1 LIMIT 1"
    assert variant.as_sent == "SELECT a FROM t WHERE id = 7 LIMIT 1"
    assert [sample.values for sample in variant.samples] == [("7",), ("8",)]


def test_of_thousands_of_such_texts_some_are_read():
    texts = [statement(f"SELECT a FROM t WHERE id = {n}", (), [[str(n)]]) for n in range(500)]
    (query,) = queries(capture(*texts))
    assert query.executions == 500
    assert len(query.variants[0].samples) == MOST_UNBOUND


def test_constants_of_the_code_itself_stay_in_the_text():
    (query,) = queries(capture(statement("SELECT a FROM t WHERE id = 7", (), [])))
    assert (query.variants[0].plannable, query.variants[0].as_sent) == (
        "SELECT a FROM t WHERE id = 7", "",
    )  # fmt: skip


TENANTS = Tenants("tenant_*", "tenant_1")


def in_schema(text, path=None, settings=None):
    session = Session("app", "psycopg", search_path=path, settings=settings or {})
    return msgspec.structs.replace(statement(text, (23,), [["5"]]), session=session)


def test_a_query_of_any_tenant_is_one_and_is_planned_where_it_was_sent():
    text = "SELECT a FROM t WHERE id = $1"
    sent = [in_schema(text, f"tenant_{name}, public") for name in "bac"]
    (query,) = queries(capture(*sent), tenants=TENANTS)
    assert query.executions == 3
    assert [one.session.search_path for one in query.variants] == ["tenant_a, public"]
    (untold,) = queries(capture(*sent))
    assert untold.key == query.key
    assert len(untold.variants) == 3


def test_a_tenants_schema_in_the_text_makes_no_other_query():
    sent = [
        in_schema(f"SELECT {schema}.t.a FROM {schema}.t JOIN public.u USING (a) WHERE id = $1")
        for schema in ("tenant_b", '"tenant_A"', "tenant_a")
    ]
    (query,) = queries(capture(*sent), tenants=TENANTS)
    assert query.sql == (
        "SELECT tenant_1.t.a FROM tenant_1.t JOIN public.u USING (a) WHERE id = $1"
    )
    (variant,) = query.variants
    assert variant.plannable == query.sql
    assert variant.spans == ((71, 73, 1),)
    assert len(queries(capture(*sent))) == 3


def test_what_writes_to_a_tenants_schema_is_one_query_too():
    sent = [
        in_schema(f"INSERT INTO {schema}.t (id) VALUES ($1)") for schema in ("tenant_b", "tenant_c")
    ]
    (query,) = queries(capture(*sent), tenants=TENANTS)
    assert query.variants[0].plannable == "INSERT INTO tenant_1.t (id) VALUES ($1)"


def test_redacted_literals_are_planned_as_parameters_of_no_type():
    text = "SELECT 'redacted' FROM t WHERE a = $1 AND state IN ('redacted', 'redacted-2') LIMIT 5"
    (query,) = queries(capture(statement(text, (23,), [["5"], ["6"]])))
    (variant,) = query.variants
    assert variant.plannable == (
        "SELECT 'redacted' FROM t WHERE a = $1 AND state IN ($2, $3) LIMIT 5"
    )
    assert variant.parameter_types == ("23", None, None)
    assert [one.values for one in variant.samples] == [
        ("5", "redacted", "redacted-2"),
        ("6", "redacted", "redacted-2"),
    ]
    assert [variant.plannable[start:end] for start, end, _ in variant.spans] == ["$1", "$2", "$3"]
    (same,) = queries(capture(statement(text.replace("redacted", "open"), (23,), [["5"]])))
    assert (same.key, same.variants[0].plannable) == (query.key, text.replace("redacted", "open"))


def test_a_text_without_parameters_has_its_redacted_literals_as_such_and_as_they_are():
    text = "SELECT a FROM t WHERE state = 'redacted' AND kind = 'b'"
    (query,) = queries(capture(statement(text)))
    (variant,) = query.variants
    assert (variant.plannable, variant.as_sent) == (text.replace("'redacted'", "$1"), text)
    assert [one.values for one in variant.samples] == [("redacted",)]


def test_an_alias_that_is_called_like_a_tenant_stays():
    sent = in_schema("SELECT tenant_x.a FROM t tenant_x WHERE tenant_x.id = $1")
    (query,) = queries(capture(sent), tenants=TENANTS)
    assert "tenant_x.a" in query.sql


def test_values_of_a_custom_setting_are_one_way_of_sending_and_of_a_planner_setting_two():
    text = "SELECT a FROM t WHERE id = $1"
    custom = [in_schema(text, settings={"app.tenant": str(number)}) for number in range(9)]
    (query,) = queries(capture(*custom))
    assert [one.session.settings for one in query.variants] == [{"app.tenant": "0"}]
    planner = [in_schema(text, settings={"work_mem": size}) for size in ("4MB", "1GB")]
    (query,) = queries(capture(*planner))
    assert len(query.variants) == 2


def test_a_librarys_ping_is_no_query_and_the_applications_is_one():
    assert queries(capture(statement("SELECT 1", layer=Layer.APPLICATION))) != []
    ping = statement("SELECT 1")
    place = Place(Origin("lib:django", 0, "", Layer.LIBRARY), "", Phase.OUTSIDE)
    assert queries(capture(msgspec.structs.replace(ping, places=(place,)))) == []


def silences(*statements):
    (query,) = queries(capture(*statements))
    return [(one.codes, one.reason or one.mistake) for one in query.silences]


def test_a_comment_counts_where_every_text_of_a_query_has_it():
    said = statement("SELECT /* planguard: ignore[PLN001] small */ a FROM t")
    also = statement("SELECT a FROM t -- planguard: ignore[PLN001] small", line=2)
    bare = statement("SELECT a FROM t", line=3)
    assert silences(said, also) == [(("PLN001",), "small")]
    assert silences(said, also, bare) == []
    suites = statement("SELECT a  FROM t", layer=Layer.TEST)
    assert silences(said, also, suites) == [(("PLN001",), "small")]


def test_a_malformed_comment_in_any_text_is_kept_to_be_told():
    wrong = statement("SELECT /* planguard: ignore[PLN001] */ a FROM t")
    assert silences(wrong, statement("SELECT a FROM t", line=2)) == [
        (("PLN001",), "a reason is missing behind ignore[PLN001]")
    ]


def test_a_text_in_quotes_is_no_comment():
    assert silences(statement("SELECT 'planguard: ignore[PLN001] x', a FROM t")) == []


def test_the_longest_list_of_all_texts_is_known():
    short, long = (f"SELECT a FROM t WHERE b IN ({', '.join(['1'] * n)})" for n in (21, 2_501))
    (query,) = queries(capture(statement(long), statement(short, line=2)))
    assert query.longest_list == 2_501
