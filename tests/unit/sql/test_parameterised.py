from __future__ import annotations

import pytest

from pytest_planguard.sql.parameterised import parameterised


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("UPDATE a SET b = 'x'", "UPDATE a SET b = $1"),
        ("UPDATE a SET b = -5, c = 1.5e3", "UPDATE a SET b = -$1, c = $2"),
        ("UPDATE a SET b = $1 WHERE c = 'x'", "UPDATE a SET b = $1 WHERE c = $2"),
        ("DELETE FROM a WHERE b IN (1, 2, 3)", "DELETE FROM a WHERE b IN ($1, $2, $3)"),
        ("DELETE FROM a WHERE b = $q$x$q$", "DELETE FROM a WHERE b = $1"),
        ("DELETE FROM a WHERE ö = 'ä' AND c = 'ü'", "DELETE FROM a WHERE ö = $1 AND c = $2"),
        ("DELETE FROM a WHERE b IS NULL AND c", "DELETE FROM a WHERE b IS NULL AND c"),
        ("DELETE FROM a WHERE b = '1'::numeric(9)", "DELETE FROM a WHERE b = $1::numeric(9)"),
        (
            "DELETE FROM a WHERE b < now() - interval '30 days'",
            "DELETE FROM a WHERE b < now() - $1::interval",
        ),
        (
            "DELETE FROM a WHERE b < timestamp with time zone '2024-01-01'",
            "DELETE FROM a WHERE b < $1::timestamp with time zone",
        ),
        ("DELETE FROM a WHERE b < interval '1' day", "DELETE FROM a WHERE b < $1::interval day"),
        ("DELETE FROM a -- password=x\n/* y */ WHERE b = 'x'", "DELETE FROM a  \n  WHERE b = $1"),
    ],
)  # fmt: skip
def test_every_constant_is_a_parameter_and_the_rest_stays(text, without):
    assert parameterised(text) == without


@pytest.mark.parametrize("text", ["UPDAET a SET b = 'x'", "DELETE FROM a WHERE b = 'x", "'"])
def test_where_no_parameter_may_stand_nothing_is_said(text):
    assert parameterised(text) is None
