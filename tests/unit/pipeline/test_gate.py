import datetime as dt
from pathlib import Path

import msgspec
import pytest

from pytest_planguard.config import Ignore, load
from pytest_planguard.model.baseline import Accepted, Baseline, Entry
from pytest_planguard.model.capture import Capture, Suppression
from pytest_planguard.model.catalog import Catalog, Server
from pytest_planguard.model.finding import Candidate, Severity
from pytest_planguard.model.query import Query
from pytest_planguard.model.report import (
    Change,
    ChangeKind,
    DatabaseReport,
    Fidelity,
    Status,
    TableScale,
)
from pytest_planguard.model.settle import Settled, settle
from pytest_planguard.model.statement import Layer, Origin, Phase, Place
from pytest_planguard.model.statistics import ScaleSource
from pytest_planguard.pipeline.gate import Gate, as_configured, verdict

TODAY = dt.date(2026, 11, 21)
WHERE = ("default", "abc")


def query(layer=Layer.APPLICATION, tests=("t.py::one",)):
    origin = Origin("app/x.py", 7, "f", layer)
    places = tuple(Place(origin, test, Phase.CALL) for test in tests)
    return Query("abc", "default", "SELECT 1", (), (), places)


def settled(rule="IDX001", severity=Severity.ERROR):
    return Settled(
        Candidate(rule, "abc", "default", "public.orders", severity, "reads", "mend"), ()
    )


EMPTY = Baseline({}, {})


def gate(tmp_path, baseline=EMPTY, source=ScaleSource.DECLARED, old=None, **changes):
    old = old or source
    given = {
        name: changes.pop(name)
        for name in list(changes)
        if name in {"fail_on", "fail_on_growth", "ignores"}
    }
    config = msgspec.structs.replace(load(tmp_path), **given)
    values = {"changes": {}, "capture": Capture(()), **changes}
    tables = {"public.orders": TableScale(1e6, 9000, source), "public.old": TableScale(9, 1, old)}
    server = Server(180000, "18.0")
    facts = DatabaseReport(
        server, "embedded", source, tables, Fidelity(False, ()), Catalog(server, {}, {})
    )
    return Gate(config, baseline, {"default": facts}, today=TODAY, **values)


def judged(gate, one=None, asked=None):
    asked = asked or query()
    (finding,) = gate.findings([one or settled()], {WHERE: asked})
    return finding


def entry(*accepted):
    return Baseline({WHERE: Entry("abc", "default", "SELECT 1", (), (), (), (), accepted)}, {})


def test_a_new_error_fails(tmp_path):
    finding = judged(gate(tmp_path))
    assert (finding.is_new, finding.fails) == (True, True)


def test_without_a_baseline_nothing_fails_and_the_reason_is_said(tmp_path):
    open_gate = gate(tmp_path, baseline=None)
    finding = judged(open_gate)
    assert (finding.is_new, finding.fails) == (True, False)
    result = verdict(open_gate, [finding], "")
    assert (result.status, result.errors, result.gated) == (Status.PASSED, 1, False)
    assert result.why_not_gated == "there is no baseline yet"


def test_at_assumed_sizes_nothing_fails_and_the_message_says_from_which_size_on(tmp_path):
    finding = judged(gate(tmp_path, source=ScaleSource.ASSUMED))
    assert not finding.fails
    assert finding.message == "reads (if this table has more than 10,000 rows: its size is assumed)"


def test_a_table_nobody_knows_fails_nothing_beside_others_that_are_known(tmp_path):
    known = ScaleSource.PRODUCTION
    assert judged(gate(tmp_path, source=known)).fails
    new = gate(tmp_path, source=ScaleSource.ASSUMED, old=known)
    assert not judged(new).fails
    assert "its size is assumed" in judged(new).message
    assert new.why_open("default") == ""


def test_at_assumed_sizes_the_size_is_told_from_which_on_the_plan_is_such(tmp_path):
    candidate = msgspec.structs.replace(settled().candidate, least_rows=384_216.0)
    finding = judged(gate(tmp_path, source=ScaleSource.ASSUMED), Settled(candidate))
    assert "if this table has more than 380,000 rows" in finding.message


def test_where_no_single_table_is_meant_the_sizes_of_all_are_called_assumed(tmp_path):
    one = settled("QRY007", Severity.WARNING)
    whole = msgspec.structs.replace(one.candidate, relation=None)
    found = judged(gate(tmp_path, source=ScaleSource.ASSUMED), Settled(whole, ()))
    assert found.message == "reads (the sizes of its tables are assumed)"


def test_a_finding_the_baseline_knows_does_not_fail(tmp_path):
    known = entry(Accepted("IDX001", "public.orders", "error"))
    assert not judged(gate(tmp_path, baseline=known)).fails


def test_a_finding_that_got_worse_than_in_the_baseline_fails(tmp_path):
    known = entry(Accepted("IDX001", "public.orders", "warning"))
    assert judged(gate(tmp_path, baseline=known)).fails


@pytest.mark.parametrize(
    ("fail_on", "severity", "fails"),
    [
        (Severity.ERROR, Severity.WARNING, False),
        (Severity.WARNING, Severity.WARNING, True),
        (Severity.WARNING, Severity.INFO, False),
        (None, Severity.ERROR, False),
    ],
)
def test_the_level_decides(tmp_path, fail_on, severity, fails):
    finding = judged(gate(tmp_path, fail_on=fail_on), settled(severity=severity))
    assert finding.fails is fails


def test_what_only_tests_send_is_shown_and_never_fails(tmp_path):
    finding = judged(gate(tmp_path, fail_on=Severity.INFO), asked=query(Layer.TEST))
    assert (finding.severity, finding.fails) == (Severity.INFO, False)


def test_a_query_without_a_line_of_the_project_is_a_warning_at_most(tmp_path):
    assert judged(gate(tmp_path), asked=query(Layer.LIBRARY)).severity is Severity.WARNING


def test_growth_alone_never_fails(tmp_path):
    change = Change(ChangeKind.WORSE, "abc", "default", statistics_only=True)
    grown = gate(tmp_path, changes={WHERE: change})
    assert not judged(grown, settled("PLN003")).fails
    assert not judged(grown, settled("IDX001")).fails
    assert judged(grown, settled("QRY008")).fails
    assert judged(gate(tmp_path), settled("PLN003")).fails


def test_what_growth_alone_is_the_reason_for_is_counted_in_a_note(tmp_path):
    change = Change(ChangeKind.WORSE, "abc", "default", statistics_only=True)
    grown = gate(tmp_path, changes={WHERE: change})
    (note,) = grown.growth_note([judged(grown, settled("PLN003"))])
    assert note.startswith("1 finding is of growth alone")
    assert gate(tmp_path).growth_note([judged(gate(tmp_path))]) == ()
    asked = gate(tmp_path, changes={WHERE: change}, fail_on_growth=True)
    assert asked.growth_note([judged(asked, settled("PLN003"))]) == ()


def test_growth_fails_where_that_is_asked_for(tmp_path):
    change = Change(ChangeKind.WORSE, "abc", "default", statistics_only=True)
    grown = gate(tmp_path, changes={WHERE: change}, fail_on_growth=True)
    finding = judged(grown, settled("PLN003", severity=Severity.WARNING))
    assert (finding.severity, finding.fails) == (Severity.ERROR, True)
    assert judged(grown, settled("IDX001")).fails


def test_an_ignore_counts_until_it_expires(tmp_path):
    last_day = Ignore("IDX", "small in production", table="orders", expires=TODAY)
    finding = judged(gate(tmp_path, ignores=(last_day,)))
    assert finding.suppressed is not None
    assert finding.suppressed.reason == "small in production"
    assert not finding.fails
    past = msgspec.structs.replace(last_day, expires=TODAY - dt.timedelta(days=1))
    assert judged(gate(tmp_path, ignores=(past,))).fails


def test_a_marker_counts_only_where_no_other_test_asks_the_same(tmp_path):
    capture = Capture((), suppressions=(Suppression("t.py::one", ("IDX",), "on purpose"),))
    marked = gate(tmp_path, capture=capture)
    assert judged(marked).suppressed is not None
    assert judged(marked, asked=query(tests=("t.py::one", "t.py::two"))).suppressed is None


def test_origins_are_the_applications_where_tests_ask_too(tmp_path):
    places = (
        *query().places,
        Place(Origin("tests/t.py", 3, "test", Layer.TEST), "t.py::one", Phase.CALL),
    )
    finding = judged(gate(tmp_path), asked=msgspec.structs.replace(query(), places=places))
    assert [origin.file for origin in finding.origins] == ["app/x.py"]


def test_a_rule_that_is_off_says_nothing(tmp_path):
    Path(tmp_path, "pyproject.toml").write_text(
        '[tool.pytest-planguard.severity]\nIDX001 = "off"\n'
    )
    assert as_configured(load(tmp_path), [settled().candidate]) == ()


def test_severities_are_the_configurations_before_rules_are_settled_against_each_other(tmp_path):
    Path(tmp_path, "pyproject.toml").write_text(
        '[tool.pytest-planguard.severity]\nPLN004 = "off"\nPLN = "info"\n'
    )
    found = [settled(rule, Severity.ERROR).candidate for rule in ("PLN004", "PLN006")]

    (one,) = settle(as_configured(load(tmp_path), found))

    assert (one.candidate.rule, one.candidate.severity) == ("PLN006", Severity.INFO)
    assert one.explained_by == ()


@pytest.mark.parametrize(("relation", "fails"), [("public.orders", True), (None, False)])
def test_of_what_is_said_of_the_run_only_a_table_of_the_schema_can_fail(tmp_path, relation, fails):
    said = msgspec.structs.replace(settled("IDX003").candidate, key="", relation=relation)

    (finding,) = gate(tmp_path).findings([Settled(said, ())], {})

    assert finding.fails is fails


def test_a_broken_off_run_is_incomplete_unless_it_failed(tmp_path):
    closed = gate(tmp_path)
    assert verdict(closed, [], "the server was lost").status is Status.INCOMPLETE
    assert verdict(closed, [judged(closed)], "the server was lost").status is Status.FAILED


def test_among_equals_what_production_calls_most_comes_first(tmp_path):
    asked = [query(), msgspec.structs.replace(query(), key="xyz")]
    known = {("default", one.key): one for one in asked}
    found = [
        Settled(msgspec.structs.replace(settled().candidate, key=key, rule=rule), ())
        for key, rule in (("abc", "IDX001"), ("xyz", "PLN001"), ("xyz", "QRY007"))
    ]
    found[2] = msgspec.structs.replace(
        found[2], candidate=msgspec.structs.replace(found[2].candidate, severity=Severity.WARNING)
    )

    def order(**more):
        return [one.rule for one in gate(tmp_path, **more).findings(found, known)]

    assert order() == ["IDX001", "PLN001", "QRY007"]
    assert order(loads={("default", "xyz"): 5.0}) == ["PLN001", "IDX001", "QRY007"]
    assert order(loads={("default", "abc"): 9.0, ("default", "xyz"): 5.0}) == [
        "IDX001",
        "PLN001",
        "QRY007",
    ]
