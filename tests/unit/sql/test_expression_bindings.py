"""Parameters that are compared with expressions."""

from pytest_planguard.model.plan import PlanNode
from pytest_planguard.sql.expression_bindings import expression_bindings


def found(condition):
    node = PlanNode(
        node_type="Seq Scan", relation_name="users", schema="public", alias="u", filter=condition
    )
    return [(one.parameter, one.column, one.operator) for one in expression_bindings(node)]


def test_an_expression_is_named_as_its_index_prints_it():
    assert found("((u.settings ->> 'plan'::text) = $1)") == [(1, "settings ->> 'plan'::text", "=")]
    assert found("((lower(u.email) ~~ $2) AND (u.id = $1))") == [(2, "lower(email)", "~~")]


def test_columns_other_operators_and_results_of_subplans_are_left_out():
    assert found("((u.email)::text = $1)") == []
    assert found("((u.settings -> 'a'::text) @> $1)") == []
    assert found("(lower(u.email) = $0)") == []
