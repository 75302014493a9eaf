from pytest_planguard.model.catalog import Catalog, Server, Table
from pytest_planguard.model.plan import PlanNode
from pytest_planguard.sql.bindings import bindings
from pytest_planguard.sql.probes import probe_of

CATALOG = Catalog(Server(180006, "18.6"), {"public.orders": Table("public", "orders", "r", ())}, {})


def scan(**fields):
    return PlanNode(
        node_type="Index Scan", relation_name="orders", schema="public", alias="o", **fields
    )


def bound(**fields):
    return [(b.parameter, b.column, b.operator) for b in bindings(scan(**fields))]


def test_comparisons_are_read_from_index_conditions_and_filters():
    found = bound(
        index_cond="((o.customer_id = $1) AND (o.placed_at >= $2))",
        filter="((o.status)::text = ANY ($3))",
    )
    assert found == [
        (1, "customer_id", "="), (2, "placed_at", ">="), (3, "status", "= ANY")
    ]  # fmt: skip


def test_a_comparison_the_other_way_round_is_turned():
    assert bound(filter="($1 < o.total)") == [(1, "total", ">")]


def test_patterns_and_casts_of_the_parameter_are_seen_through():
    assert bound(filter="(o.number ~~ ($1)::text)") == [(1, "number", "~~")]


def test_each_element_of_a_list_is_compared_by_itself():
    assert bound(filter="((o.status)::text = ANY (ARRAY[$1, 'open', ($2)::text]))") == [
        (1, "status", "="), (2, "status", "=")
    ]  # fmt: skip
    assert bound(filter="(o.status <> ALL (ARRAY[$1, $2]))") == [
        (1, "status", "<>"), (2, "status", "<>")
    ]  # fmt: skip


def test_the_result_of_a_subplan_is_no_parameter():
    assert bound(filter="((o.total > $0) AND (o.id = $1))") == [(1, "id", "=")]


def test_what_is_no_comparison_of_a_bare_column_binds_nothing():
    assert bound(filter="((upper(o.number) = $1) AND ((o.a + $2) = 4))") == []
    assert bound(filter="(NOT (hashed SubPlan 1) AND $1)") == []


def test_a_probe_leaves_open_what_the_index_condition_compares_with():
    node = scan(
        index_cond="((o.customer_id = c.id) AND (o.number = 'a.b'::text) AND (o.x = $4))",
        filter="(o.total > 5)",
    )
    probe = probe_of(node, CATALOG)
    assert probe.text == (
        "SELECT FROM public.orders o WHERE "
        "((o.customer_id = $1) AND (o.number = 'a.b'::text) AND (o.x = $2))"
    )
    assert probe.parameters == 2


def test_there_is_nothing_to_probe_without_a_filter_or_behind_a_subplan():
    assert probe_of(scan(index_cond="(o.id = 1)"), CATALOG) is None
    assert (
        probe_of(scan(index_cond="(o.id = (InitPlan 1).col1)", filter="(o.x = 1)"), CATALOG) is None
    )
