from __future__ import annotations

from typing import Any

import pytest

from pytest_planguard.model.catalog import Catalog, Index, Server
from pytest_planguard.sql.redundant import redundant


def index(name: str, *keys: str, **facts: Any) -> Index:
    facts = {
        "opclasses": ("int8_ops",) * len(keys),
        "descending": (False,) * len(keys),
        "collations": (None,) * len(keys),
        "definition": f"CREATE INDEX {name} ON public.t USING btree ({', '.join(keys)})",
    } | facts
    return Index(name, "public", "public.t", "btree", keys, **facts)


def pairs(*indexes: Index) -> list[tuple[str, str]]:
    catalog = Catalog(Server(180000, "18.0"), {}, {f"public.{one.name}": one for one in indexes})
    return [(found.index.name, found.by.name) for found in redundant(catalog)]


def test_the_leading_keys_of_another_index_are_superfluous() -> None:
    assert pairs(index("t_a", "a"), index("t_a_b", "a", "b"), index("t_b", "b")) == [
        ("t_a", "t_a_b")
    ]


def test_of_two_that_are_alike_one_stays() -> None:
    found = pairs(index("t_a", "a", "b"), index("t_a_again", "a", "b"), index("t_a_too", "a", "b"))

    assert found == [("t_a_again", "t_a"), ("t_a_too", "t_a")]


def test_a_key_makes_an_index_beside_it_superfluous_and_never_is() -> None:
    key = index("t_pkey", "a", unique=True, primary=True, constraint="t_pkey")

    assert pairs(key, index("a_idx", "a")) == [("a_idx", "t_pkey")]
    assert pairs(key, index("t_a_b", "a", "b")) == []


@pytest.mark.parametrize(
    "other",
    [
        {"predicate": "a > 0"},
        {"opclasses": ("int8_minmax_ops", "int8_ops")},
        {"collations": ("C", None)},
        {"valid": False},
        {"descending": (True, False), "keys": 2},
        {"parent": "public.root_idx"},
    ],
    ids=str,
)
def test_what_differs_in_meaning_replaces_nothing(other: dict[str, Any]) -> None:
    keys = ("a", "b", "c") if other.pop("keys", 0) else ("a", "b")
    narrow = index("t_a", *keys[:-1]) if len(keys) == 3 else index("t_a", "a")
    wide = index("t_wide", *keys, **_padded(other, len(keys)))

    assert pairs(narrow, wide) == []


def _padded(facts: dict[str, Any], count: int) -> dict[str, Any]:
    return {
        name: (*value, *(value[-1:] * count))[:count] if isinstance(value, tuple) else value
        for name, value in facts.items()
    }


def test_a_unique_index_is_replaced_by_a_unique_one_of_the_same_keys_only() -> None:
    unique = index("t_key", "a", unique=True)

    assert pairs(unique, index("t_a_b", "a", "b")) == []
    assert pairs(unique, index("t_a_b_key", "a", "b", unique=True)) == []
    assert pairs(unique, index("t_a", "a")) == [("t_a", "t_key")]
    assert pairs(unique, index("t_key_again", "a", unique=True)) == [("t_key_again", "t_key")]


def test_included_columns_must_be_held_by_the_other() -> None:
    covering = index("t_a_covers", "a", include=("c",))

    assert pairs(covering, index("t_a_b", "a", "b")) == []
    assert pairs(covering, index("t_a_c", "a", "c")) == [("t_a_covers", "t_a_c")]
    assert pairs(covering, index("t_a", "a")) == [("t_a", "t_a_covers")]


def test_a_btree_that_is_read_backwards_serves_as_well() -> None:
    down = index("t_a_down", "a", descending=(True,))
    both = index("t_a_b", "a", "b")
    nulls = index(
        "t_a_nulls", "a", descending=(True,),
        definition="CREATE INDEX t_a_nulls ON public.t USING btree (a DESC NULLS LAST)",
    )  # fmt: skip

    assert pairs(down, both) == [("t_a_down", "t_a_b")]
    assert pairs(nulls, both) == []


def test_nulls_are_read_off_the_definition_key_by_key() -> None:
    text = "CREATE INDEX {} ON public.t USING btree (coalesce(a, b), c DESC NULLS LAST{})"
    one = index("t_x", "coalesce(a, b)", "c", descending=(False, True),
                definition=text.format("t_x", ""))  # fmt: skip
    two = index("t_y", "coalesce(a, b)", "c", "d", descending=(False, True, False),
                definition=text.format("t_y", ", d"))  # fmt: skip

    assert pairs(one, two) == [("t_x", "t_y")]


def test_methods_without_an_order_need_all_keys() -> None:
    def gin(name: str, *keys: str) -> Index:
        return Index(name, "public", "public.t", "gin", keys)

    assert pairs(gin("t_a", "a"), gin("t_a_b", "a", "b")) == []
    assert pairs(gin("t_a", "a"), gin("t_a_too", "a")) == [("t_a_too", "t_a")]
