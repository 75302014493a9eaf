"""What silences a finding, until when, and what is said of what does not."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest

from pytest_planguard.config import Config, Ignore, load
from pytest_planguard.errors import ConfigurationError
from pytest_planguard.model.capture import Capture, Suppression
from pytest_planguard.model.finding import Finding, Severity
from pytest_planguard.model.query import Query
from pytest_planguard.model.silence import Remark, Silence
from pytest_planguard.model.statement import Layer, Origin, Phase, Place
from pytest_planguard.pipeline.suppressions import Suppressions, refuse_malformed

TODAY = dt.date(2026, 11, 26)
SMALL = Silence(("PLN001",), "42 rows")
WHERE = ("default", "abc")


@pytest.fixture
def config(tmp_path) -> Config:
    return load(tmp_path, environ={})


def query(*lines: int, tests: tuple[str, ...] = ("t.py::one",), silences=()) -> Query:
    """One that is asked on these lines of app/x.py."""
    places = tuple(
        Place(Origin("app/x.py", line, "f", Layer.APPLICATION), test, Phase.CALL)
        for line in lines or (7,)
        for test in tests
    )
    return Query("abc", "default", "SELECT 1", (), (), places, silences=silences)


def finding(rule: str = "PLN001", *lines: int) -> Finding:
    origins = tuple(Origin("app/x.py", line, "f") for line in lines or (7,))
    return Finding(
        rule, "n", Severity.ERROR, "abc", "default", "public.orders", 1.0, "m", "r", {}, (), None,
        origins, (), None, is_new=True, fails=False,
    )  # fmt: skip


def remark(line: int = 7, first: int = 0, last: int = 0, silence: Silence = SMALL) -> Remark:
    return Remark("app/x.py", line, first or line, last or line, silence)


def suppressions(config: Config, asked: Query, *remarks: Remark, **capture) -> Suppressions:
    return Suppressions(config, Capture((), remarks=remarks, **capture), [asked], TODAY)


def test_a_comment_silences_what_its_statement_asks(config):
    found = suppressions(config, query(), remark(9, 5, 9))

    assert found.of(finding(), query()).reason == "42 rows"
    assert found.of(finding("IDX001"), query()) is None
    assert suppressions(config, query(), remark(9, 8, 9)).of(finding(), query()) is None


def test_every_line_that_asks_has_to_say_it(config):
    asked = query(7, 30)
    one = suppressions(config, asked, remark(7))
    both = suppressions(config, asked, remark(7), remark(30))

    assert one.of(finding("PLN001", 7, 30), asked) is None
    assert both.of(finding("PLN001", 7, 30), asked) is not None


def test_a_comment_in_sql_silences_its_query(config):
    asked = query(silences=(SMALL,))
    other = msgspec.structs.replace(query(), key="xyz")

    found = suppressions(config, asked)
    assert found.of(finding(), asked) is not None
    assert found.of(finding("QRY007"), asked) is None
    assert found.of(msgspec.structs.replace(finding(), key="xyz"), other) is None


def test_a_marker_holds_where_all_tests_that_ask_have_it(config):
    names = ("t.py::one", "other.py::two")
    marks = tuple(Suppression(name, ("PLN",), "why") for name in names)
    asked = query(tests=names)

    assert suppressions(config, asked, suppressions=marks).of(finding(), asked) is not None
    assert suppressions(config, asked, suppressions=marks[:1]).of(finding(), asked) is None


def test_an_expired_ignore_brings_the_finding_back_and_says_so(config):
    past = Ignore("PLN001", "why", table="orders", expires=dt.date(2026, 11, 25))
    config = msgspec.structs.replace(config, ignores=(past,))
    found = suppressions(config, query())

    assert found.of(finding(), query()) is None
    assert found.notes([finding()], {WHERE: query()}, complete=False) == (
        (
            "ignore[0] of PLN001, table orders in the configuration expired on 2026-11-25: "
            "1 finding is back"
        ),
    )


def test_what_silences_nothing_is_said_on_complete_runs_only(config):
    config = msgspec.structs.replace(config, ignores=(Ignore("PLN001", "why", table="gone"),))
    marks = tuple(Suppression(f"t.py::{name}", ("QRY",), "why") for name in ("one", "two"))
    asked = query(silences=(Silence(("IDX001",), "why"),))
    found = suppressions(
        config, asked, remark(silence=Silence(("PLN004", "QRY007"), "x")), suppressions=marks
    )

    assert found.notes([finding()], {WHERE: asked}, complete=False) == ()
    assert found.notes([finding()], {WHERE: asked}, complete=True) == (
        "ignore[0] of PLN001, table gone in the configuration silences nothing: remove it",
        "the marker of t.py::one and 1 more silences nothing: remove it",
        "the comment of app/x.py:7 silences nothing: remove it",
        "the comment in the SQL of query abc (app/x.py:7) silences nothing: remove it",
    )


def test_what_silences_something_is_not_spoken_of(config):
    found = suppressions(config, query(), remark())

    assert found.notes([finding()], {WHERE: query()}, complete=True) == ()


def test_what_speaks_of_a_rule_that_did_not_run_is_left_alone(tmp_path):
    config = load(tmp_path, {"select": "IDX"}, environ={})

    assert suppressions(config, query(), remark()).notes([], {}, complete=True) == ()


def test_malformed_comments_are_refused_all_at_once():
    wrong = (
        remark(3, silence=Silence(("PLN001",), "", "a reason is missing behind ignore[PLN001]")),
        remark(4, silence=Silence(("PLN101",), "why")),
    )
    asked = query(silences=(Silence((), "", "found nothing"),))

    with pytest.raises(ConfigurationError) as caught:
        refuse_malformed(Capture((), remarks=wrong), [asked])

    assert caught.value.message.splitlines() == [
        "the comment of app/x.py:3: a reason is missing behind ignore[PLN001]",
        '  the comment of app/x.py:4: there is no rule "PLN101"; did you mean "PLN001"?',
        "  the comment in the SQL of query abc (app/x.py:7): found nothing",
    ]
    refuse_malformed(Capture((), remarks=(remark(),)), [query()])
