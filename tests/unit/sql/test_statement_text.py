import sys

import pytest

from pytest_planguard.sql.deep import TOO_DEEP, room_for_deep_trees
from pytest_planguard.sql.statement_text import Kind, analyse, inline


def normal(text):
    (analysis,) = analyse(text)
    return analysis.sql


@pytest.mark.parametrize(
    "text",
    [
        "SELECT a, b FROM t WHERE id = $1",
        "select  a,b\nfrom t where id=$1 -- a comment",
        "/* traceparent='00-ab' */ select a, b from t where id = 5;",
        "Select a, b From T Where id = 'x'",
    ],
)
def test_formatting_comments_and_constants_make_no_difference(text):
    assert normal(text) == "SELECT a, b FROM t WHERE id = $1"


def test_quoted_identifiers_keep_their_case_and_others_lose_it():
    assert normal('SELECT "Name", NAME FROM T') == 'SELECT "Name", name FROM t'


@pytest.mark.parametrize(
    ("items", "expected"),
    [(1, "($1)"), (2, "($1, ...5)"), (5, "($1, ...5)"), (6, "($1, ...20)"), (21, "($1, ...)")],
)
def test_lists_are_told_apart_by_size_class_only(items, expected):
    numbers = ", ".join(f"${n}::integer" for n in range(1, items + 1))
    expected = expected.replace("$1", "$1::integer")
    assert normal(f"SELECT a FROM t WHERE b IN ({numbers})") == (
        f"SELECT a FROM t WHERE b IN {expected}"
    )


def test_a_list_with_an_expression_in_it_is_kept():
    assert normal("SELECT a FROM t WHERE b IN ($1, c + 1)") == (
        "SELECT a FROM t WHERE b IN ($1, c + $2)"
    )
    assert normal("SELECT a FROM t WHERE b IN ($1::int + c, 2)") == (
        "SELECT a FROM t WHERE b IN ($1::int + c, $2)"
    )


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        ("ARRAY[$1]", "ARRAY[$1]"),
        ("ARRAY[$1, $2]", "ARRAY[$1, ...5]"),
        ("array['a', 'b', $1]::text[]", "ARRAY[$1, ...5]::text[]"),
        ("ARRAY[$1::int, $2::int, $3::int]", "ARRAY[$1::int, ...5]"),
        ("ARRAY[" + ", ".join("1" * 21) + "]", "ARRAY[$1, ...]"),
        ("ARRAY[ARRAY[1, 2], ARRAY[3, 4]]", "ARRAY[ARRAY[$1, ...5], ...5]"),
        ("ARRAY[[1, 2], [3, 4]]", "ARRAY[[$1, ...5], ...5]"),
        ("ARRAY[]::int[]", "ARRAY[]::int[]"),
        ("ARRAY[b, $1]", "ARRAY[b, $1]"),
        ("ARRAY[1, b + 2]", "ARRAY[$1, b + $2]"),
        ("ARRAY[[1, b]]", "ARRAY[[$1, b]]"),
        ("ARRAY[ARRAY[1, 2] || b]", "ARRAY[ARRAY[$1, ...5] || b]"),
        ("ARRAY[1, NULL]", "ARRAY[$1, NULL]"),
        ("ARRAY(SELECT 1)", "ARRAY (SELECT $1)"),
        ("ARRAY[$1::int + $2, $3]", "ARRAY[$1::int + $2, $3]"),
    ],
)
def test_arrays_that_are_written_out_are_told_apart_by_size_class(array, expected):
    assert normal(f"SELECT a FROM t WHERE b @> {array}") == f"SELECT a FROM t WHERE b @> {expected}"


def test_rows_of_values_that_are_alike_become_one():
    one = normal("INSERT INTO t (a, b) VALUES ($1, now())")
    assert one == normal("INSERT INTO t (a, b) VALUES ($1, now()), ($2, now()), ($3, now())")
    assert one != normal("INSERT INTO t (a, b) VALUES ($1, now()), (DEFAULT, now())")


def test_booleans_nulls_and_column_numbers_are_no_constants():
    text = "SELECT a, 1 FROM t WHERE b = true AND c IS NOT DISTINCT FROM NULL ORDER BY 1, a + 2"
    assert normal(text) == (
        "SELECT a, $1 FROM t WHERE b = TRUE AND c IS NOT DISTINCT FROM NULL ORDER BY 1, a + $2"
    )


def test_a_negative_number_is_one_constant_and_a_difference_is_not():
    assert normal("SELECT a FROM t WHERE b = -5 AND c - 5 > 0") == (
        "SELECT a FROM t WHERE b = $1 AND c - $2 > $3"
    )


def test_lengths_of_types_stay():
    assert normal("SELECT a::varchar(20) FROM t") == "SELECT a::varchar(20) FROM t"


def test_a_parameter_used_twice_keeps_one_number():
    (analysis,) = analyse("SELECT a FROM t WHERE b = $2 OR c = $2 OR d = $1")
    assert analysis.sql == "SELECT a FROM t WHERE b = $1 OR c = $1 OR d = $2"
    assert analysis.parameters == (2, 1)


def test_places_are_right_behind_letters_of_several_bytes():
    (analysis,) = analyse("SELECT 'ü', é FROM t WHERE ñ = now() AND x = 3 AND y = $1")
    assert analysis.sql == "SELECT $1, é FROM t WHERE ñ = now() AND x = $2 AND y = $3"
    assert analysis.plannable.endswith("WHERE ñ = planguard.now() AND x = 3 AND y = $1")
    ((start, end, number),) = analysis.spans
    assert (analysis.plannable[start:end], number) == ("$1", 1)


@pytest.mark.parametrize(
    ("clock", "planned"),
    [
        ("now()", "planguard.now()"),
        ("pg_catalog.now()", "planguard.now()"),
        ("CURRENT_TIMESTAMP", "planguard.now()"),
        ("current_timestamp(3)", "planguard.now()"),
        ("CURRENT_DATE", "planguard.today()"),
        ("LOCALTIMESTAMP", "planguard.local_now()"),
        ("clock_timestamp()", "clock_timestamp()"),
        ("mine.now()", "mine.now()"),
        ("date_trunc('day', now())", "date_trunc('day', planguard.now())"),
    ],
)
def test_the_clock_is_the_statistics_clock_in_what_is_planned(clock, planned):
    (analysis,) = analyse(f"SELECT a FROM t WHERE b > {clock} AND c = $1")
    assert analysis.plannable == f"SELECT a FROM t WHERE b > {planned} AND c = $1"


def test_a_cursor_and_a_copy_are_planned_as_their_query():
    (cursor,) = analyse('DECLARE "c" NO SCROLL CURSOR FOR SELECT a FROM t WHERE b = $1')
    (copy,) = analyse("COPY (SELECT a FROM t WHERE b = 'x)') TO STDOUT")
    assert cursor.plannable == "SELECT a FROM t WHERE b = $1"
    assert copy.plannable == "SELECT a FROM t WHERE b = 'x)'"
    assert cursor.sql == copy.sql


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("SELECT pg_catalog.version()", Kind.PROBE),
        ("SELECT t.oid FROM pg_type t WHERE typname = $1", Kind.PROBE),
        ("SELECT current_schema()", Kind.PROBE),
        ("SELECT 1", Kind.QUERY),
        ("SELECT a FROM pg_class JOIN mine ON true", Kind.QUERY),
        ("BEGIN", Kind.UTILITY),
        ("SAVEPOINT x", Kind.UTILITY),
        ("SET search_path = a", Kind.UTILITY),
        ("CREATE TABLE t (a int)", Kind.UTILITY),
        ("CALL f(1)", Kind.UNPLANNABLE),
        ("COPY t FROM STDIN", Kind.UNPLANNABLE),
        ("EXPLAIN SELECT 1", Kind.UNPLANNABLE),
    ],
)
def test_what_a_statement_is(text, kind):
    (analysis,) = analyse(text)
    assert analysis.kind is kind


def test_two_statements_in_one_text_are_two():
    first, second = analyse("SELECT a FROM é; DELETE FROM b WHERE c = 3")
    assert first.plannable == "SELECT a FROM é"
    assert second.sql == "DELETE FROM b WHERE c = $1"


def test_a_comment_alone_is_no_statement():
    assert analyse("-- nothing") == ()


def test_what_the_parser_rejects_says_why():
    (analysis,) = analyse("SELEC 1")
    assert analysis.kind is Kind.UNPLANNABLE
    assert analysis.reason == 'the parser rejects it: syntax error at or near "SELEC"'


def test_what_is_nested_too_deeply_is_said_to_be_and_more_is_read_where_there_is_room():
    text = "SELECT a FROM t"
    for _ in range(200):
        text = f"SELECT a FROM ({text}) AS one"
    (analysis,) = analyse(text)
    assert (analysis.kind, analysis.reason) == (Kind.UNPLANNABLE, TOO_DEEP)
    before = sys.getrecursionlimit()
    with room_for_deep_trees():
        (analysis,) = analyse(text)
    assert analysis.kind is Kind.QUERY
    assert sys.getrecursionlimit() == before


def test_parameters_of_a_limit_are_known_and_can_be_written_as_literals():
    (analysis,) = analyse("SELECT a FROM t WHERE b = $1 LIMIT $3::int OFFSET ($2)")
    assert analysis.literal == (2, 3)
    assert inline(analysis.plannable, analysis.spans, {3: "'20'", 2: "'0'"}) == (
        "SELECT a FROM t WHERE b = $1 LIMIT '20'::int OFFSET ('0')"
    )


def test_a_database_without_a_clock_of_ours_is_planned_with_its_own():
    (analysis,) = analyse("SELECT a FROM t WHERE b > now()", own_clock=False)
    assert analysis.plannable == "SELECT a FROM t WHERE b > now()"
