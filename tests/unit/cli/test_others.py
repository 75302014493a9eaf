from __future__ import annotations

import io
from types import SimpleNamespace

import msgspec
import pytest

import fix_readers
import fix_reports
import pytest_planguard
from pytest_planguard import registry
from pytest_planguard.cli import common, doctor
from pytest_planguard.cli.growth_table import growth_lines
from pytest_planguard.model.finding import RuleFacts, Severity
from pytest_planguard.model.growth import Growth, Stage, Turn
from pytest_planguard.model.plan import Access, AccessPath, Planned

FACTS = RuleFacts(
    "PLN001",
    "seq-scan-large-table",
    Severity.ERROR,
    "a large table is read in full to keep a small part",
    "every call reads the whole table",
    "an index on the condition",
    "PostgreSQL documentation, 14.1",
)


@pytest.fixture
def rules(monkeypatch):
    fake = SimpleNamespace(rules=lambda: {"PLN001": SimpleNamespace(FACTS=FACTS)})
    monkeypatch.setattr(pytest_planguard, "registry", fake, raising=False)


@pytest.fixture
def declared(project):
    (project / "schema.sql").write_text("")
    (project / "pyproject.toml").write_text(
        '[tool.pytest-planguard.database]\nschema = "schema.sql"\n'
        "[tool.pytest-planguard.tables.orders]\nrows = 5\n"
    )
    return project


@pytest.mark.parametrize("code", ["PLN001", "pln001", "seq-scan-large-table"])
def test_rule_tells_condition_effect_remedy_and_source(rules, say, code):
    said = say("rule", code)
    assert said.status == 0
    assert said.out.startswith("PLN001 seq-scan-large-table (error at worst)\n\nwhen\n")
    for text in (FACTS.condition, FACTS.effect, FACTS.remedy, FACTS.source):
        assert text in said.out


@pytest.mark.parametrize("code", sorted(registry.rules()))
def test_every_rule_explains_itself(say, code):
    facts = registry.rules()[code].FACTS
    said = say("rule", code)
    assert said.status == 0
    assert said.out.startswith(f"{code} {facts.name} (")
    titles = [line for line in said.out.splitlines() if line and not line.startswith(" ")]
    assert titles[1:] == ["when", "what happens", "what to do", "source"]
    assert all(len(line) <= 80 for line in said.out.splitlines())


def test_an_unknown_rule_is_status_2_with_a_guess(rules, say):
    said = say("rule", "PLN01")
    assert said.status == 2
    assert 'there is no rule "PLN01"; did you mean "PLN001"?' in said.err


def test_rule_without_a_code_lists_all(rules, say):
    assert say("rule").out == "PLN001  error    seq-scan-large-table\n"


def test_explain_shows_plans_findings_and_how_exact_they_are(project, pipeline, say):
    pipeline.report = fix_reports.one_finding()
    said = say("explain", "SELECT 1")
    assert said.status == 0
    assert said.out.startswith("PostgreSQL 18.6 · exact: production statistics of 2026-11-02")
    assert "  captured: cost 152,000, 20 rows\n      cost            rows\n" in said.out
    assert "     100 %              20  Seq Scan\n" in said.out
    assert "^ E IDX001 missing-index\n" in said.out
    assert "E IDX001 missing-index" in said.out
    assert pipeline.calls[0].text == "SELECT 1"


def stage(factor, cost, access):
    return Stage(factor, 47e6 * factor, fix_reports.plan(access, cost))


GROWTH = Growth(
    "public.orders",
    (
        stage(1.0, 8.6, Access.INDEX),
        stage(2.3, 2_450_000, Access.SEQ),
        stage(3.0, 3_170_000, Access.SEQ),
        stage(100.0, 106_000_000, Access.SEQ),
    ),
    Turn(
        "o",
        AccessPath("public.orders", Access.INDEX),
        AccessPath("public.orders", Access.SEQ),
        2.3,
        2.0,
        47e6 * 2.3,
    ),
)


def test_explain_shows_how_the_query_grows_in_lines_of_eighty_columns(project, pipeline, say):
    part, finding = fix_reports.missing_index()
    pipeline.report = fix_reports.report((msgspec.structs.replace(part, growth=GROWTH), finding))
    said = say("explain", "SELECT 1").out.splitlines()
    start = next(n for n, line in enumerate(said) if "growth" in line)
    assert said[start : start + 6] == [
        "  growth of the worst plan: worse than linear; it turns at 2.3× (108.1M rows)",
        "      size                    rows of orders  read by                 cost",
        "     today                             47.0M  index                    8.6",
        "      2.3×                            108.1M  seq                2,450,000",
        "        3×                            141.0M  seq                3,170,000",
        "      100×                              4.7B  seq              106,000,000",
    ]
    assert all(len(line) <= 80 for line in said[start : start + 6])


def test_a_turn_that_was_not_looked_for_is_told_between_two_sizes():
    turn = msgspec.structs.replace(GROWTH.turn, factor=100.0, last=10.0)
    wide = msgspec.structs.replace(
        GROWTH, relation="public.a_table_with_a_very_long_name", turn=turn
    )
    first, second, *_ = growth_lines(wide)
    assert first.endswith("; it turns between 10× and 100×")
    assert len(second) <= 80


def test_explain_shows_values_only_where_they_are_asked_for(project, pipeline, say):
    report = fix_reports.one_finding()
    (query,) = report.queries
    (plan, *_) = query.outcome.plans
    plan = msgspec.structs.replace(plan, values=("secret", None))
    query = msgspec.structs.replace(query, outcome=Planned((plan,)))
    pipeline.report = msgspec.structs.replace(report, queries=(query,))
    assert "secret" not in say("explain", "SELECT 1").out
    assert "with secret, NULL" in say("explain", "SELECT 1", "--values").out


@pytest.mark.parametrize(
    ("tty", "environ", "colored"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
    ],
)
def test_colours_are_shown_on_a_terminal_that_wants_them(tty, environ, colored, monkeypatch):
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdout", SimpleNamespace(isatty=lambda: tty))
    assert common.colored() is colored


@pytest.mark.parametrize("sample", ["hostile", "huge"])
def test_explain_lets_nothing_act_on_a_terminal_and_shows_the_beginning_of_megabytes(
    project, pipeline, say, sample
):
    pipeline.report = fix_reports.SAMPLES[sample]()
    said = say("explain", "SELECT 1").out
    assert any("^ E IDX001" in line for line in fix_readers.lines(said))
    assert len(said) < 30_000


def test_explain_reads_a_statement_from_standard_input(project, pipeline, say, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("SELECT 2"))
    say("explain", "-")
    assert pipeline.calls[0].text == "SELECT 2"


def test_a_statement_that_cannot_be_planned_is_status_3_with_the_reason(project, pipeline, say):
    pipeline.report = fix_reports.report(unexplained=(fix_reports.unplanned("a utility command"),))
    said = say("explain", "VACUUM")
    assert said.status == 3
    assert "not planned: a utility command" in said.out


def test_db_build_lists_sizes_largest_first_and_what_is_lacking(declared, pipeline, say):
    assert say("db", "build").out.splitlines() == [
        "public.orders  47.0M rows  6.6 GB  declared",
        "public.tags  12 rows  8.2 kB  assumed",
        "! extension postgis is missing",
    ]


def test_db_url_prints_how_to_connect_until_input_ends(declared, pipeline, say, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert say("db", "url").out == "host=/run/x dbname=planguard_1\n"


def test_a_database_that_is_not_configured_is_status_2(declared, pipeline, say):
    said = say("db", "build", "--database", "defalt")
    assert said.status == 2
    assert 'there is no database "defalt"; did you mean "default"?' in said.err


def test_a_schema_to_clone_that_was_never_seen_is_told(project, pipeline, say):
    said = say("db", "build")
    assert said.status == 3
    assert "could not be cloned" in said.err


def test_the_weightiest_tables_are_those_read_in_full_by_dear_plans():
    assert doctor.weightiest(fix_reports.mixed()) == [
        "public.orders",
        "public.events",
        "public.customers",
    ]


def test_no_more_than_five_tables_are_asked_for():
    parts = []
    for number in range(8):
        query, finding = fix_reports.missing_index(f"{number:012x}")
        plan = fix_reports.plan(cost=1_000.0 * number, relation=f"public.t{number}")
        outcome = msgspec.structs.replace(query.outcome, plans=(plan,))
        parts.append((msgspec.structs.replace(query, outcome=outcome), finding))
    tables = doctor.weightiest(fix_reports.report(*parts))
    assert tables == [f"public.t{number}" for number in (7, 6, 5, 4, 3)]
