"""What is certain to have a value, from the expression alone."""

from __future__ import annotations

import pytest

from pytest_planguard.sql.never_null import is_never_null

CERTAIN = (
    "(i)::integer",
    "CASE WHEN ((i * 7 + 5) % 20) < 10 THEN '0'::integer ELSE (i * 3 / 4)::integer END",
    "(timestamptz '1970-01-01 00:00:00+00' + interval '1 microsecond' * (i)::float8)::timestamptz",
    "md5('x' || i)::uuid",
    "((i)::numeric / 100)::numeric(12,2)",
    "least(NULL, i)",
    "i % 2 = 0",
    "-i",
)
UNCERTAIN = (
    "NULL::integer",
    "CASE WHEN i < 5 THEN i END",
    "CASE WHEN i < 5 THEN NULL ELSE i END",
    "(ARRAY['a', 'b'])[i]",
    "nullif(i, 5)",
    "now()",
    "public.round(i)",
    "i IN (1, 2)",
    "g.i",
    "j",
    "1, 2",
    "not SQL",
)


@pytest.mark.parametrize("expression", CERTAIN)
def test_an_expression_of_values_has_a_value(expression: str) -> None:
    assert is_never_null(expression, {"i"})


@pytest.mark.parametrize("expression", UNCERTAIN)
def test_what_may_lack_a_value_is_not_called_certain(expression: str) -> None:
    assert not is_never_null(expression, {"i"})


def test_only_columns_that_are_filled_count() -> None:
    assert not is_never_null("i", frozenset())
