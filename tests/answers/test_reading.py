"""How an answer is compared with what was said: a key that forgives all would prove nothing."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

import fix_answers
import fix_reports
from fix_answers import index_of
from pytest_planguard.model.finding import Finding, Severity

CASES = fix_answers.cases()


def test_a_file_says_nothing_that_is_not_understood() -> None:
    known = {*fix_answers.FACTS, "types", "values"}
    said = {
        (case.name, word)
        for case in CASES
        for word in re.findall(r"^-- ([\w-]+): ", case.path.read_text(), re.MULTILINE)
    }

    assert {(name, word) for name, word in said if word not in known} == set()


def test_what_is_found_fault_with_has_a_remedy_the_oracle_can_try() -> None:
    loud = [one for one in CASES if not one.is_silent]
    lacking = [one.name for one in loud if not (one.indexes or one.serving or one.rewrite)]

    assert lacking == []


def index(text: str) -> fix_answers.Index:
    found = index_of(f"CREATE INDEX ON {text}")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("advised", "wanted"),
    [
        ("shop.orders USING btree (customer_id)", "orders (customer_id)"),
        ("orders (customer_id, placed_at DESC)", "orders (customer_id, placed_at)"),
        ("orders (a DESC, b)", "orders (a ASC, b DESC)"),
        ("orders (a DESC NULLS LAST)", "orders (a ASC NULLS FIRST)"),
        ("orders (lower((email)::text))", "orders (lower(email))"),
        ("orders (id) WHERE (status = 'open'::text)", "orders (id) WHERE status = 'open'"),
    ],
)
def test_the_same_index_in_other_words_is_the_same(advised: str, wanted: str) -> None:
    assert index(advised).serves_as(index(wanted))


@pytest.mark.parametrize(
    ("advised", "wanted"),
    [
        ("orders (b, a)", "orders (a, b)"),
        ("orders (a)", "orders (a, b)"),
        ("orders (a)", "lines (a)"),
        ("orders USING gin (a)", "orders (a)"),
        ("orders (a) WHERE b = 1", "orders (a)"),
        ("orders (a) INCLUDE (b)", "orders (a)"),
        ("orders (a text_pattern_ops)", "orders (a)"),
        ("orders (a, b)", "orders (a ASC, b DESC)"),
        ("orders (a DESC)", "orders (a DESC NULLS LAST)"),
    ],
)
def test_another_index_is_another(advised: str, wanted: str) -> None:
    assert not index(advised).serves_as(index(wanted))


def case(folder: Path, header: str) -> fix_answers.Case:
    path = folder / "topic" / "case.sql"
    path.parent.mkdir(parents=True)
    path.write_text(
        f"-- A case.\n-- source: a book\n{header}-- rows: orders = 100\n"
        "CREATE TABLE orders (id bigint);\n-- query\nSELECT 1;\n"
    )
    return fix_answers.read(path)


def said(rule: str, ddl: str = "", severity: Severity = Severity.ERROR) -> Finding:
    _, finding = fix_reports.missing_index()
    assert finding.advice is not None
    return msgspec.structs.replace(
        finding,
        rule=rule,
        relation="topic_case.orders",
        severity=severity,
        advice=msgspec.structs.replace(finding.advice, ddl=(ddl,)) if ddl else None,
    )


def test_what_is_missing_and_what_is_said_besides_are_mistakes(tmp_path: Path) -> None:
    key = case(tmp_path, "-- expect: IDX001 orders\n-- index: orders (id)\n")
    right = said("IDX001", "CREATE INDEX CONCURRENTLY x ON topic_case.orders (id);")

    assert key.mistakes([right]) == []
    assert key.mistakes([]) == ["missing: IDX001 orders"]
    assert key.mistakes([right, said("PLN001")]) == ["said besides: PLN001 orders"]
    assert key.mistakes([said("IDX001")]) == ["advised: no index"]


def test_silence_bears_information_and_nothing_bears_none(tmp_path: Path) -> None:
    information = said("PLN002", severity=Severity.INFO)

    assert case(tmp_path / "a", "-- expect: silence\n").mistakes([information]) == []
    assert case(tmp_path / "b", "-- expect: nothing\n").mistakes([information]) != []
    assert case(tmp_path / "c", "-- expect: silence\n").mistakes([said("PLN001")]) != []
