from __future__ import annotations

import pytest

from pytest_planguard.sql.definitions import constraint_meaning, index_meaning, type_meaning


@pytest.mark.parametrize(
    "other",
    [
        "CREATE INDEX other ON t USING btree (a, b DESC) WHERE (kind = 'x'::kind)",
        "CREATE INDEX i ON ONLY shop.t USING btree (a, b DESC) WHERE (kind = 'x'::shop.kind)",
        "CREATE INDEX i ON shop.t (a, b DESC) WHERE kind = 'x'::shop.kind",
    ],
)
def test_names_schemas_and_defaults_are_no_difference(other):
    one = "CREATE INDEX i ON shop.t USING btree (a, b DESC) WHERE (kind = 'x'::shop.kind)"
    assert index_meaning(one) == index_meaning(other)


@pytest.mark.parametrize(
    "other",
    [
        "CREATE INDEX i ON t USING btree (a, b)",
        "CREATE INDEX i ON t USING btree (b DESC, a)",
        "CREATE INDEX i ON t USING gin (a, b)",
        "CREATE UNIQUE INDEX i ON t USING btree (a, b DESC)",
        "CREATE INDEX i ON t USING btree (a text_pattern_ops, b DESC)",
        "CREATE INDEX i ON t USING btree (a, b DESC) INCLUDE (c)",
        "CREATE INDEX i ON t USING btree (a, b DESC) WHERE (a > 0)",
        "CREATE INDEX i ON t USING btree (a, b DESC) WITH (fillfactor='70')",
    ],
)
def test_what_changes_an_index_is_a_difference(other):
    assert index_meaning("CREATE INDEX i ON t USING btree (a, b DESC)") != index_meaning(other)


def test_a_definition_the_parser_does_not_know_is_compared_by_its_text():
    new = "CREATE INDEX {} ON t USING btree (a) SOMETHING NEW"
    assert index_meaning(new.format("x")) == index_meaning(new.format("y"))
    assert index_meaning(new.format("x")) != index_meaning("CREATE INDEX x ON t USING btree (a)")


def test_a_foreign_keys_action_counts_and_whether_old_rows_were_checked_does_not():
    key = "FOREIGN KEY (a) REFERENCES public.o(id)"
    assert constraint_meaning(key) == constraint_meaning(f"{key} NOT VALID")
    assert constraint_meaning(key) != constraint_meaning(f"{key} ON DELETE CASCADE")


def test_checks_are_compared_by_their_tree():
    assert constraint_meaning("CHECK ((a > 0))") == constraint_meaning("CHECK (a > 0)")
    assert constraint_meaning("CHECK ((a > 0))") != constraint_meaning("CHECK ((a >= 0))")


def test_a_types_schema_is_no_difference_and_its_length_is():
    assert type_meaning('"Shop".status') == type_meaning("status")
    assert type_meaning("character varying(20)") != type_meaning("character varying(30)")
    assert type_meaning("bigint not null") != type_meaning("bigint")
