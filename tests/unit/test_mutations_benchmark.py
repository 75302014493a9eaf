"""What the benchmark of single changes counts as right: one that cannot fail proves nothing."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace

import pytest

from pytest_planguard.baseline import worse
from pytest_planguard.model.statement import Sample, Session, Statement

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SENT = Statement(
    "SELECT * FROM t WHERE a = $1 AND b = $2 LIMIT $3",
    (20, 25, 23),
    Session("app", "psycopg"),
    (Sample(("0000000000000007", "x", "00000014"), (0, 2)),),
)


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from mutations_parts import bands, change, outcome, project, schema_changes, truth

    return SimpleNamespace(
        bands=bands,
        change=change,
        outcome=outcome,
        project=project,
        schema=schema_changes,
        truth=truth,
    )


@pytest.fixture
def tried(parts):
    def tried(before, after, *failed, causes=(), cause="index a is gone"):
        effects = (parts.truth.Effect("k", before, after),)
        return parts.outcome.Outcome("kind", "n", cause, effects, failed, causes)

    return tried


@pytest.mark.parametrize(
    ("before", "after", "harm"),
    [
        (10, 110, "harmful"), (10, math.inf, "harmful"), (10, 34, "harmless"),
        (1_000, 1_400, "harmless"), (10, 60, "in between"), (4, 3, "harmless"),
    ],
)  # fmt: skip
def test_blocks_decide_what_is_harmful(parts, tried, before, after, harm):
    one = tried(before, after)
    assert one.harm() == harm
    assert one.harm(parts.bands.STRICT) == harm.replace("in between", "harmless")


def test_the_figures_of_the_bands_are_those_a_plan_is_worse_by(parts):
    assert (worse.STEP_RATIO, worse.COST_UNITS) == (parts.bands.RATIO, parts.bands.UNITS)


def test_right_is_what_is_harmful_and_fails_or_neither(parts, tried):
    assert [tried(10, 500, "x").is_right(), tried(10, 10).is_right()] == [True, True]
    assert [tried(10, 500).is_right(), tried(10, 10, "x").is_right()] == [False, False]
    assert [tried(10, 60).is_right(), tried(10, 60, "x").is_right()] == [False, False]
    assert [tried(10, 60).is_decided(), tried(10, 500).is_decided()] == [False, True]
    strict = parts.bands.STRICT
    assert [tried(10, 60).is_right(strict), tried(10, 60, "x").is_right(strict)] == [True, False]


def test_what_was_measured_is_read_as_it_was_written(parts, tried, tmp_path):
    found = [tried(10, math.inf, "x", causes=("index a is gone",)), tried(10, 10)]
    for one in found:
        parts.outcome.write(tmp_path / "record", one)
    assert parts.outcome.read(tmp_path / "record") == found


def test_each_goal_that_is_missed_is_told(parts, tried):
    right = [tried(10, 500, "x", causes=("index a is gone",))] * 60 + [tried(10, 10)] * 60
    assert parts.outcome.missed_goals(right) == []
    few, many_wrong = right[:99], right + [tried(10, 500)] * 3
    assert parts.outcome.missed_goals(few) == ["99 changes are decided, wanted 100"]
    assert parts.outcome.missed_goals([*few, tried(10, 60)]) == parts.outcome.missed_goals(few)
    assert parts.outcome.missed_goals([*right, *[tried(10, 60)] * 50]) == []
    assert "wanted 98%" in parts.outcome.missed_goals(many_wrong)[0]
    (false,) = parts.outcome.missed_goals([*right, tried(10, 10, "x")])
    assert false.startswith("harmless and failed: ")
    other = tried(10, 500, "x", causes=("setting s moved",))
    assert parts.outcome.missed_goals([*right, other]) == ["another cause was told: kind: n"]
    assert list(parts.outcome.wrong(other))[-1] == "  because setting s moved"


def test_the_table_counts_by_harm_and_outcome(parts, tried):
    found = [tried(10, 500, "x", causes=("index a is gone",)), tried(10, 500), tried(10, 10)]
    table = parts.outcome.confusion(found)
    assert "| harmful | 1 | 1 |\n| in between | 0 | 0 |\n| harmless | 0 | 1 |" in table
    assert "right: 2 of 3 (66.7%)" in table
    assert "| kind | 3 | 2 | 0 | 1 | 2 |" in parts.outcome.by_kind(found)


def test_what_is_in_between_has_a_line_unless_there_is_no_room(parts, tried):
    found = [tried(10, 60, "x")]
    assert "| in between | 1 | 0 |" in parts.outcome.confusion(found)
    assert "| harmless | 1 | 0 |" in parts.outcome.confusion(found, parts.bands.STRICT)


def test_a_parameter_that_goes_takes_its_type_and_values_along(parts):
    changed = parts.change.replaced(r"a = \$1 AND ", "", 1)(SENT)
    assert changed.text == "SELECT * FROM t WHERE b = $1 LIMIT $2"
    assert changed.parameter_types == (25, 23)
    assert changed.samples == (Sample(("x", "00000014"), (1,)),)


def test_a_parameter_of_another_type_keeps_its_value_as_text(parts):
    changed = parts.change.retyped(r"a = \$1", 1, 1700)(SENT)
    assert changed.parameter_types == (1700, 25, 23)
    assert changed.samples == (Sample(("7", "x", "00000014"), (2,)),)


def test_an_edit_that_no_longer_fits_the_application_is_refused(parts):
    from pytest_planguard.model.capture import Capture

    change = parts.change.Change("kind", "n", edit=parts.change.replaced("nowhere", ""))
    with pytest.raises(ValueError, match="changes nothing that shop sends"):
        parts.change.edited(Capture((SENT,)), change)


def test_large_tables_become_smaller_with_their_many_values_and_others_stay(parts):
    declared = (
        "[tables.a]\nrows = 4_000_000\n[tables.a.columns]\nx = { distinct = 800 }\n"
        "y = { distinct = 2_000_000, width = 4 }\n[tables.b]\nrows = 800\n"
        "[tables.b.columns]\nz = { distinct = 2_000 }\n"
    )
    assert parts.project.smaller(declared, 100).splitlines()[1:5] == [
        "rows = 40000", "[tables.a.columns]", "x = { distinct = 800 }",
        "y = { distinct = 20000, width = 4 }",
    ]  # fmt: skip
    assert "rows = 800" in parts.project.smaller(declared, 100)
    assert "z = { distinct = 2000 }" in parts.project.smaller(declared, 100)


def test_keys_of_an_index_are_split_at_the_outer_commas(parts):
    text = "CREATE INDEX i ON public.t USING btree (coalesce(a, 0), b DESC) WHERE (c = ANY (d))"
    assert parts.schema._keys(text) == ["coalesce(a, 0)", "b DESC"]
