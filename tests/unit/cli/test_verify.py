from __future__ import annotations

import msgspec
import pytest

import fix_plans
from fix_secrets import UNREACHABLE, leaked
from pytest_planguard.cli.verify import lines, real_database
from pytest_planguard.errors import ConfigurationError
from pytest_planguard.model.plan import Plan, SampleKind
from pytest_planguard.model.verification import Comparison, Likeness, Verification, VerifiedQuery

LIBPQ = ("PGSERVICE", "PGHOST", "PGHOSTADDR", "PGDATABASE")


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    for name in ("PLANGUARD_VERIFY_URL", "PLANGUARD_STATISTICS_URL", *LIBPQ):
        monkeypatch.delenv(name, raising=False)


def plan(name: str) -> Plan:
    return fix_plans.planned(fix_plans.root(name), fix_plans.catalog()).worst


def dearer(one: Plan, factor: float) -> Plan:
    root = msgspec.structs.replace(one.root, total_cost=one.root.total_cost * factor)
    return msgspec.structs.replace(one, root=root)


def verification(*compared: Comparison, **more) -> Verification:
    facts = {"here": "18.6", "there": "17.2", "in_recovery": True,
             "clock": "2026-11-02T00:00:00+00:00"}  # fmt: skip
    queries = tuple(
        VerifiedQuery(fix_plans.query(f"SELECT {n}", f"key{n}"), (one,))
        for n, one in enumerate(compared)
    )
    return Verification(**facts | {"queries": queries} | more)


PRIMARY = plan("primary_key")
SAME = Comparison(PRIMARY, dearer(PRIMARY, 1.005))
COST = Comparison(PRIMARY, dearer(PRIMARY, 1.5), reasons=("public.orders has grown",))
OTHER = Comparison(PRIMARY, plan("seq_equality"), reasons=("an index is missing there: …",))
REFUSED = Comparison(PRIMARY, None, "permission denied for table orders")


def test_costs_within_a_hundredth_are_the_same():
    assert SAME.likeness is Likeness.IDENTICAL
    assert Comparison(PRIMARY, dearer(PRIMARY, 1.02)).likeness is Likeness.COST


def test_the_rounding_of_tiny_costs_is_no_difference():
    tiny = msgspec.structs.replace(
        PRIMARY, root=msgspec.structs.replace(PRIMARY.root, total_cost=0.29)
    )
    other = msgspec.structs.replace(tiny, root=msgspec.structs.replace(tiny.root, total_cost=0.3))
    assert Comparison(tiny, other).likeness is Likeness.IDENTICAL


@pytest.mark.parametrize(
    ("compared", "status"),
    [((SAME,), 0), ((SAME, COST), 1), ((OTHER,), 1), ((REFUSED,), 3), ((REFUSED, OTHER), 1),
     ((), 3)],
)  # fmt: skip
def test_the_exit_status_says_how_alike_they_are(compared, status):
    assert verification(*compared).exit_status == status


def test_losing_the_server_is_incomplete_even_where_all_seen_are_identical():
    assert verification(SAME, incomplete="after 1 queries: the server was lost").exit_status == 3


def test_the_worst_differences_come_last_to_first_and_all_counts_first():
    text = "\n".join(
        lines(
            verification(
                SAME, COST, REFUSED, OTHER,
                settings=(("work_mem", "4MB", "64MB"),),
                unplanned={"CALL runs a procedure": 2},
            )
        )
    )  # fmt: skip

    assert text.startswith(
        "1 of 4 identical (1 another plan; 1 same plan, other cost; 1 not planned there)\n"
        "planned here by PostgreSQL 18.6 at 2026-11-02, there by 17.2, a standby\n"
        "settings that differ: work_mem 4MB here, 64MB there\n"
        "2 not plannable: CALL runs a procedure\n"
        "\n"
        "key3  SELECT 3\n"
        "  app/orders.py:41 list_orders\n"
        "  another plan, captured values\n"
        "    here: cost "
    )
    assert text.index("key3") < text.index("key1") < text.index("key2")
    assert "    - public.orders has grown" in text
    assert "    there: permission denied for table orders" in text
    assert max(map(len, text.splitlines())) <= 80


def test_hostile_text_does_not_reach_the_terminal():
    hostile = Comparison(PRIMARY, None, "\x1b[31mno", ("say \x07",))
    text = "\n".join(lines(verification(hostile)))
    assert "\x1b" not in text
    assert "\x07" not in text


def test_samples_that_differ_alike_are_told_once():
    twice = VerifiedQuery(fix_plans.query("SELECT 1"), (REFUSED, REFUSED))
    text = "\n".join(lines(verification(queries=(twice,))))
    assert text.count("permission denied") == 1
    assert SampleKind.CAPTURED.value in text


def test_the_option_beats_both_variables_and_the_first_of_them_the_second():
    both = {"PLANGUARD_VERIFY_URL": "host=b", "PLANGUARD_STATISTICS_URL": "host=c"}
    assert "host=a" in real_database("host=a", both)
    assert "host=b" in real_database(None, both)
    assert "host=c" in real_database(None, {"PLANGUARD_STATISTICS_URL": "host=c"})


def test_libpqs_own_environment_will_do():
    assert real_database(None, {"PGSERVICE": "replica"}) == "connect_timeout=10"


def test_no_database_at_all_is_a_mistake_that_says_what_to_set(project, say):
    said = say("verify")
    assert said.status == 2
    assert "there is no database to verify on" in said.err
    assert "PLANGUARD_VERIFY_URL" in said.err


@pytest.mark.parametrize("url", UNREACHABLE)
def test_no_part_of_a_password_is_told(project, say, url, monkeypatch):
    by_option = say("verify", "--url", url)
    monkeypatch.setenv("PLANGUARD_VERIFY_URL", url)
    by_variable = say("verify")
    assert {by_option.status, by_variable.status} <= {2, 3}
    assert not leaked(by_option.out, by_option.err, by_variable.out, by_variable.err)


def test_a_url_that_cannot_be_read_is_a_mistake_of_whoever_named_it(project, say):
    said = say("verify", "--url", "postgresql://u:top%secret@h/db?connect_timeout=3")
    assert said.status == 2
    assert "--url is no connection string" in said.err
    with pytest.raises(ConfigurationError, match="PLANGUARD_VERIFY_URL is no"):
        real_database(None, {"PLANGUARD_VERIFY_URL": "nonsense connect_timeout"})


def test_the_time_to_connect_is_limited_unless_the_url_limits_it():
    assert "connect_timeout=10" in real_database("host=h dbname=connect_timeout", {})
    assert real_database("host=h connect_timeout=3", {}) == "host=h connect_timeout=3"


def test_a_password_on_the_command_line_is_warned_of(project, pipeline, say):
    pipeline.verification = verification(SAME)
    warned = "the password stands in the list of processes: set PLANGUARD_VERIFY_URL"
    assert warned in say("verify", "--url", "host=r password=hunter2").err
    assert warned not in say("verify", "--url", "host=r").err


def test_a_server_that_is_not_there_is_status_3_without_its_password(project, say, tmp_path):
    said = say("verify", "--url", f"postgresql://u:secret@/db?host={tmp_path}")
    assert said.status == 3
    assert "the database to verify on can't be read" in said.err
    assert "secret" not in said.err


def test_the_pipeline_gets_the_options_and_its_outcome_is_printed(project, pipeline, say):
    pipeline.verification = verification(SAME)
    said = say("verify", "--url", "host=r dbname=d", "--timeout", "2.5")
    assert said.status == 0
    assert said.out.splitlines()[0] == "1 of 1 identical"
    (call,) = pipeline.calls
    assert (call.timeout, call.database) == (2.5, "default")
    assert "dbname=d" in call.conninfo


def test_an_unknown_database_of_the_configuration_is_named(project, say):
    said = say("verify", "--url", "host=r", "--database", "ledger")
    assert said.status == 2
    assert 'there is no database "ledger"' in said.err
