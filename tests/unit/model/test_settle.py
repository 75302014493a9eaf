from __future__ import annotations

from typing import Any

import msgspec

from pytest_planguard.model.finding import Advice, Candidate, Severity
from pytest_planguard.model.settle import settle

ADVICE = Advice(("CREATE INDEX …;",), 900.0, 9.0, 8192)


def candidate(rule: str, relation: str | None = "public.orders", **more: Any) -> Candidate:
    facts: dict[str, Any] = {
        "severity": Severity.WARNING, "message": rule, "remedy": f"do as {rule} says",
    } | more  # fmt: skip
    return Candidate(rule=rule, key="k", database="default", relation=relation, **facts)


def test_the_first_of_the_precedence_is_the_finding_and_the_others_explain_it() -> None:
    (settled,) = settle([candidate("PLN002"), candidate("PLN001"), candidate("IDX001")])

    assert settled.candidate.rule == "IDX001"
    assert settled.explained_by == ("PLN001", "PLN002")


def test_a_shape_rule_never_stands_alone() -> None:
    assert settle([candidate("QRY001"), candidate("QRY002")]) == ()


def test_a_shape_rules_rewrite_is_the_remedy_and_the_index_stands_beside_it() -> None:
    (settled,) = settle(
        [candidate("IDX001", advice=ADVICE, severity=Severity.ERROR), candidate("QRY001")]
    )

    assert settled.candidate.remedy == "do as QRY001 says"
    assert settled.candidate.advice == ADVICE
    assert settled.explained_by == ("QRY001",)


def test_what_a_pattern_needs_is_the_remedy_where_no_index_was_proven() -> None:
    (words,) = settle([candidate("PLN001"), candidate("QRY003")])
    (proven,) = settle([candidate("IDX001", advice=ADVICE), candidate("QRY003")])
    (other,) = settle([candidate("QRY010"), candidate("PLN001"), candidate("QRY004")])

    assert words.candidate.remedy == "do as QRY003 says"
    assert proven.candidate.remedy == "do as IDX001 says"
    assert other.candidate.remedy == "do as QRY010 says"


def test_a_proven_rewrite_makes_the_finding_an_error() -> None:
    proven = candidate("QRY002", verified=True, evidence={"cost_after": 8.0})

    (settled,) = settle([candidate("PLN001", evidence={"cost": 900.0}), proven])

    assert settled.candidate.severity is Severity.ERROR
    assert settled.candidate.verified
    assert settled.candidate.evidence == {"cost": 900.0, "cost_after": 8.0}


def test_a_regression_says_what_is_gone_before_how_to_rewrite() -> None:
    (settled,) = settle([candidate("PLN003"), candidate("QRY002"), candidate("PLN001")])

    assert settled.candidate.remedy == "do as PLN003 says\ndo as QRY002 says"
    assert settled.explained_by == ("PLN001", "QRY002")


def test_a_finding_is_as_bad_as_the_worst_it_stands_for_and_begins_with_its_remedy() -> None:
    (settled,) = settle(
        [candidate("QRY012", severity=Severity.INFO), candidate("PLN006", severity=Severity.ERROR)]
    )

    assert settled.candidate.rule == "QRY012"
    assert settled.candidate.severity is Severity.ERROR
    assert settled.candidate.remedy == "do as PLN006 says\ndo as QRY012 says"


def test_an_explanation_does_not_make_a_finding_worse() -> None:
    (settled,) = settle([candidate("PLN001"), candidate("QRY003", severity=Severity.ERROR)])

    assert settled.candidate.severity is Severity.WARNING


def test_the_precedence_is_the_one_of_the_catalogue() -> None:
    codes = [
        "PLN003", "PLN008", "IDX001", "IDX005", "QRY005", "QRY012", "PLN001", "PLN004", "PLN005",
        "PLN006", "PLN007", "PLN002",
    ]  # fmt: skip

    for position in range(len(codes) - 1):
        (settled,) = settle(map(candidate, reversed(codes[position:])))
        assert settled.candidate.rule == codes[position]
        assert settled.explained_by == tuple(codes[position + 1 :])


def test_relations_and_queries_do_not_mix() -> None:
    other = Candidate("PLN001", "k2", "default", "public.orders", Severity.INFO, "", "")

    settled = settle([candidate("PLN001"), candidate("PLN001", "public.events"), other])

    assert [(one.candidate.key, one.candidate.relation) for one in settled] == [
        ("k", "public.events"), ("k", "public.orders"), ("k2", "public.orders"),
    ]  # fmt: skip


def test_what_is_said_of_the_query_as_a_whole_stands_by_itself() -> None:
    settled = settle([candidate("PLN001"), candidate("QRY007", None), candidate("PLN003", None)])

    assert {(one.candidate.rule, one.explained_by) for one in settled} == {
        ("PLN001", ()), ("QRY007", ()), ("PLN003", ()),
    }  # fmt: skip


def test_a_rule_from_outside_comes_after_ours() -> None:
    (settled,) = settle([candidate("ACME1"), candidate("PLN002")])

    assert (settled.candidate.rule, settled.explained_by) == ("PLN002", ("ACME1",))


def test_the_order_of_candidates_does_not_matter() -> None:
    found = [candidate(rule) for rule in ("QRY002", "PLN001", "IDX001", "QRY001", "PLN002")]

    assert settle(found) == settle(reversed(found))


def test_whatever_a_rule_says_of_the_run_stands_in_its_own_order() -> None:
    said = ("indexes differ", "columns differ", "a table differs")
    about = [
        msgspec.structs.replace(candidate("ENV005", None, message=text), key="") for text in said
    ]

    assert [one.candidate.message for one in settle(about)] == list(said)
