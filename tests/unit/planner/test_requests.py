from pytest_planguard.model.plan import SampleKind
from pytest_planguard.model.query import Variant
from pytest_planguard.model.statement import Sample, Session
from pytest_planguard.planner import requests
from pytest_planguard.planner.parameters import Choice
from pytest_planguard.planner.wire import Prepare, Run
from pytest_planguard.sql.statement_text import analyse

SESSION = Session("app", "psycopg")


def variant(text, types=(), *samples, session=SESSION):
    (analysis,) = analyse(text)
    return Variant(
        text, types, session, tuple(Sample(tuple(values)) for values in samples),
        analysis.plannable, analysis.literal, analysis.spans,
    )  # fmt: skip


def test_a_generic_plan_keeps_the_largest_limit_and_booleans_as_literals():
    one = variant(
        "SELECT a FROM t WHERE b = $1 AND c = $2 LIMIT $3",
        ("23", "16", "21"),
        ["1", "t", "5"],
        ["2", "t", "20"],
    )
    request = requests.generic(0, 0, one)
    assert request.text == "SELECT a FROM t WHERE b = $1 AND c = 't'::boolean LIMIT '20'"
    assert request.values == ((None, None, None),)


def test_an_untyped_parameter_that_became_a_literal_still_has_a_type():
    request = requests.generic(0, 0, variant("SELECT a FROM t LIMIT $1", (None,), ["7"]))
    assert (request.text, request.types) == ("SELECT a FROM t LIMIT '20'", ("25",))


def test_a_statement_without_parameters_is_explained_as_it_is():
    request = requests.generic(0, 0, variant("SELECT a FROM t"))
    sent = requests.steps(request, "p1", {})
    assert sent.unit == (Run(f"{requests.EXPLAIN} SELECT a FROM t"),)
    assert sent.plans == (0,)


def test_values_with_the_same_types_share_one_prepared_statement():
    one = variant("SELECT a FROM t WHERE b = $1", ("21",))
    choices = [Choice(("5",), ("21",)), Choice(("7",), ("21",)), Choice(("70000",), ("23",))]
    first, second = requests.captured(0, 0, one, choices)
    sent = requests.steps(first, "p1", {})
    assert sent.unit[0] == Prepare("p1", "SELECT a FROM t WHERE b = $1", (21,))
    assert [step.text for step in sent.unit[1:]] == [
        f"{requests.EXPLAIN} EXECUTE p1('5')",
        f"{requests.EXPLAIN} EXECUTE p1('7')",
    ]
    assert sent.plans == (1, 2)
    assert requests.steps(second, "p2", {}).unit[0].oids == (23,)


def test_what_was_prepared_once_is_only_executed():
    one = variant("SELECT a FROM t WHERE b = $1", ("21",))
    (request,) = requests.captured(0, 0, one, [Choice(("5",), ("21",))])
    sent = requests.steps(request, "p1", {}, prepared=True)
    assert sent.unit == (Run(f"{requests.EXPLAIN} EXECUTE p1('5')"),)
    assert request.preparation == requests.generic(0, 0, one).preparation


def test_types_of_the_database_are_sent_by_the_oid_they_have_here():
    one = variant("SELECT a FROM t WHERE s = $1", ("public.status",), ["open"])
    (request,) = requests.captured(0, 0, one, [Choice(("it's",), ("public.status",))])
    unit = requests.steps(request, "p1", {"public.status": 16500}).unit
    assert unit[0].oids == (16500,)
    assert unit[1].text.endswith("EXECUTE p1('it''s')")


def test_the_sessions_path_and_settings_hold_for_the_unit_only():
    session = Session("app", "psycopg", "tenant_1, public", settings={"work_mem": "64MB"})
    request = requests.generic(0, 0, variant("SELECT a FROM t", session=session))
    texts = [step.text for step in requests.steps(request, "p1", {}).unit]
    assert texts[:2] == [
        "SELECT set_config('search_path', 'tenant_1, public', true)",
        "SELECT set_config('work_mem', '64MB', true)",
    ]
    assert request.sample is SampleKind.GENERIC
