from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from pytest_planguard.fixturedb.schema.clone import STEPS, queries_for, read_schema


@pytest.mark.parametrize("version", [130000, 150000, 170000, 180004])
def test_every_step_has_a_query_with_nothing_left_to_fill_in(version: int):
    queries = queries_for(version)
    assert {name for step in STEPS for name in step} | {"lacking"} == queries.keys()
    assert not [name for name, text in queries.items() if "{" in text]


class FakeSession:
    """Answers with one object for some queries, told by a word in them."""

    def __init__(self, answers: dict[str, list[tuple[Any, ...]]]) -> None:
        self.answers = answers

    def __call__(self, text: str) -> Sequence[Sequence[Any]]:
        if "datcollate" in text:
            return [(180004, "C", "UTF8", "app")]
        return next((rows for word, rows in self.answers.items() if word in text), [])


def test_objects_of_a_step_are_merged_in_the_order_they_were_made():
    session = FakeSession(
        {
            "AS ENUM": [(20, "type", "e", "CREATE TYPE e"), (40, "type", "late", "CREATE TYPE l")],
            "pg_get_partkeydef": [(30, "table", "t", "CREATE TABLE t")],
        }
    )
    assert [item.name for item in read_schema(session).objects] == ["e", "t", "late"]


def test_an_object_dropped_meanwhile_is_left_out():
    session = FakeSession({"pg_get_partkeydef": [(30, "table", "t", None)]})
    assert read_schema(session).objects == ()


def test_what_cannot_be_cloned_is_a_sentence():
    session = FakeSession({"'foreign table'": [(1, "foreign table", "f", "it is elsewhere")]})
    assert read_schema(session).lacking == ("foreign table f is left out: it is elsewhere",)
