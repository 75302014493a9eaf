import pytest

from pytest_planguard.sql.unbind import unbind


def test_compared_values_become_parameters_and_the_codes_own_constants_stay():
    text = "SELECT a FROM t WHERE id = 12 AND kind = 'x' AND name = 'it''s' ORDER BY 1 LIMIT 20"
    found = unbind(text, ["12", "'it''s'"])
    assert found.text == (
        "SELECT a FROM t WHERE id = $1 AND kind = 'x' AND name = $2 ORDER BY 1 LIMIT 20"
    )
    assert (found.types, found.values) == (("23", None), ("12", "it's"))
    assert [found.text[start:end] for start, end, _ in found.spans] == ["$1", "$2"]


def test_a_cast_stays_and_an_instant_has_its_type():
    text = "SELECT 1 FROM t WHERE at < '2020-01-13 02:00:00+00:00'::timestamptz"
    found = unbind(text, ["'2020-01-13 02:00:00+00:00'::timestamptz"])
    assert found.text == "SELECT 1 FROM t WHERE at < $1::timestamptz"
    assert (found.types, found.values) == (("1184",), ("2020-01-13 02:00:00+00:00",))


def test_lists_and_both_ends_of_a_range_are_compared_too():
    found = unbind("SELECT a FROM t WHERE b IN (1, 2) AND c BETWEEN 3 AND 4", ["1", "2", "3", "4"])
    assert found.text == "SELECT a FROM t WHERE b IN ($1, $2) AND c BETWEEN $3 AND $4"


def test_equal_values_are_one_parameter_so_that_equal_expressions_stay_equal():
    text = "SELECT CASE WHEN a = 5 THEN b END FROM t GROUP BY CASE WHEN a = 5 THEN b END"
    assert unbind(text, ["5", "5"]).text.count("$1") == 2


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("SELECT 1 AS a FROM t LIMIT 1", ["1"]),
        ("SELECT a FROM t ORDER BY 1", ["1"]),
        ("SELECT a FROM t WHERE b = NULL", ["NULL"]),
        ("SELECT a FROM t WHERE b = E'x\\\\y'", ["E'x\\\\y'"]),
        ("UPDATE t SET a = -5", [" -5"]),
    ],
)
def test_what_is_not_compared_or_not_plainly_written_stays(text, values):
    assert unbind(text, values) is None


@pytest.mark.parametrize(
    ("value", "oid"), [("2147483647", "23"), ("2147483648", "20"), ("1.5", "1700")]
)
def test_a_number_has_the_type_its_constant_has(value, oid):
    assert unbind(f"SELECT a FROM t WHERE b = {value}", [value]).types == (oid,)
