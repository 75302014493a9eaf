import pytest

from pytest_planguard.model.plan import PlanNode
from pytest_planguard.sql.constants import Constant, constants


def scan(condition, where="filter", **more):
    return PlanNode(
        node_type="Seq Scan", relation_name="users", schema="public", alias="u",
        **{where: condition}, **more,
    )  # fmt: skip


def email(**more):
    return Constant("public.users", "email", **{"is_bare": True, **more})


@pytest.mark.parametrize(
    "condition",
    [
        "(u.email = 'ada@example.org'::text)",
        "('ada@example.org'::text = (u.email)::text)",
        "((u.email)::text ~~ 'ada%'::text)",
        "((u.email)::text = ANY ('{a,b}'::text[]))",
        "(u.email = ANY (ARRAY['a'::text, $1]))",
        "(email > 'm'::text)",
        "((u.id = $1) AND (u.active OR (u.email <> 'x'::text)))",
        "(NOT (u.email ~ '^a'::text))",
        "(u.email IS DISTINCT FROM 'x'::text)",
        "(ROW(u.email) > ROW('m'::text))",
        "((hashed SubPlan 1) OR (u.email = 'x'::text))",
    ],
)
def test_a_column_compared_with_a_literal_is_found(condition):
    assert constants(scan(condition)) == (email(),)


@pytest.mark.parametrize(
    "condition",
    [
        "(u.email IS NULL)",
        "(u.email IS NOT NULL)",
        "(u.email = $1)",
        "((u.email)::character varying(20) = ($1)::character varying(20))",
        "(u.email ~~ $1)",
        "(u.email = NULL::text)",
        "(u.email = u.login)",
        "(u.email = lower('ADA'::text))",
        "((alternatives: SubPlan 1 or hashed SubPlan 2))",
    ],
)
def test_no_literal_is_seen_where_none_is_compared(condition):
    assert constants(scan(condition)) == ()


def test_an_expression_is_told_from_its_column():
    (found,) = constants(scan("(lower((u.email)::text) = 'x'::text)"))
    assert found == email(is_bare=False)
    (found,) = constants(scan("((u.data ->> 'kind'::text) = 'x'::text)"))
    assert (found.column, found.is_bare) == ("data", False)
    assert constants(scan("((u.data ->> 'kind'::text) = $1)")) == ()


def test_a_parameter_no_value_is_fitted_for_counts_as_such():
    assert constants(scan("(u.email && $1)")) == (email(is_parameter=True),)
    assert constants(scan("(u.email && '{a}'::text[])")) == (email(),)


def test_conditions_of_indexes_and_joins_are_read_and_other_relations_left_out():
    other = PlanNode(
        node_type="Index Scan", relation_name="orders", schema="shop", alias="o",
        index_cond="((o.code = 'x'::text) AND (o.id = u.id))", children=(scan(None),),
    )  # fmt: skip
    join = PlanNode(
        node_type="Nested Loop", children=(other,),
        join_filter="((u.email = 'a'::text) OR (o.code <> 'b'::text) OR (gone.c = 'x'::text))",
    )  # fmt: skip
    assert constants(join) == (email(), Constant("shop.orders", "code", is_bare=True))
