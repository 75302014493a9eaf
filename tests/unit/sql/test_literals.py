"""Texts that a statement compares columns with."""

from pytest_planguard.sql.literals import compared_literals, replaced


def found(text, *columns):
    return [(text[one.start : one.end], one.value) for one in compared_literals(text, columns)]


def test_every_way_to_compare_a_column_with_a_text_is_seen():
    text = (
        "SELECT 'x' FROM t WHERE a = 'é' AND t.b IN ('y', 'it''s') AND 'z' < c::text"
        " AND a LIKE '%q%' AND b = ANY (ARRAY['k', $1]) AND d = 'other' AND lower(a) = 'l'"
    )
    assert found(text, "a", "b", "c") == [
        ("'é'", "é"),
        ("'y'", "y"),
        ("'it''s'", "it's"),
        ("'z'", "z"),
        ("'%q%'", "%q%"),
        ("'k'", "k"),
        ("'l'", "l"),
    ]


def test_numbers_arithmetic_and_what_the_parser_rejects_are_left_alone():
    assert found("SELECT a || 'x' FROM t WHERE a = 1 AND b -> 'k' @> '1'", "a", "b") == []
    assert found("SELECT 1 FROM t WHERE a ->> 'k' = '1'", "a") == [("'1'", "1")]
    assert found("SELECT FROM WHERE", "a") == []


def test_parameters_behind_an_exchanged_text_move_along():
    text = "SELECT * FROM t WHERE a = 'x' AND b = $1 AND a <> 'y' AND c = $2"
    at = [text.index("$1"), text.index("$2")]
    spans = tuple((start, start + 2, number) for number, start in enumerate(at, 1))
    new = replaced(text, spans, compared_literals(text, {"a"}), lambda n: f"'longer {n}'")
    assert (
        new.text == "SELECT * FROM t WHERE a = 'longer 0' AND b = $1 AND a <> 'longer 1' AND c = $2"
    )
    assert [new.text[start:end] for start, end, _ in new.spans] == ["$1", "$2"]
