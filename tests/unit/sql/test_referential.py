from __future__ import annotations

from typing import Any

import pytest

from pytest_planguard.model.catalog import Catalog, Column, Constraint, Server, Table
from pytest_planguard.sql.referential import Check, checks, references


def column(name: str, base: str = "int8") -> Column:
    return Column(name, "bigint" if base == "int8" else "numeric", 1, base_type=base)


def table(name: str, *constraints: Constraint, columns: Any = (), **facts: Any) -> Table:
    named = columns or (column("id"), column("a"), column("b"), column("parent_id"))
    return Table("public", name, facts.pop("kind", "r"), named, constraints, **facts)


def foreign(
    child: tuple[str, ...], parent: str, of: tuple[str, ...] = ("id",), rest: str = ""
) -> Constraint:
    definition = f"FOREIGN KEY ({', '.join(child)}) REFERENCES {parent}({', '.join(of)}){rest}"
    return Constraint(f"{'_'.join(child)}_fkey", "f", child, definition, f"public.{parent}", of)


def catalog(*tables: Table) -> Catalog:
    return Catalog(Server(180000, "18.0"), {one.qualified: one for one in tables}, {})


def behind(of: Catalog, columns: tuple[str, ...] | None = None) -> tuple[Check, ...]:
    return checks("public.p", references(of), columns=columns)


def texts(of: Catalog, columns: tuple[str, ...] | None = None) -> list[str]:
    return [one.text for one in behind(of, columns)]


LOOKUP = "SELECT 1 FROM ONLY public.c x WHERE $1 = parent_id FOR KEY SHARE OF x"


@pytest.mark.parametrize("rest", ["", " ON UPDATE CASCADE", " ON DELETE RESTRICT", " NOT VALID"])
def test_a_row_that_goes_is_looked_for_in_what_refers_to_it(rest: str) -> None:
    assert texts(catalog(table("p"), table("c", foreign(("parent_id",), "p", rest=rest)))) == [
        LOOKUP
    ]


@pytest.mark.parametrize(
    ("rest", "text"),
    [
        (" ON DELETE CASCADE", "DELETE FROM ONLY public.c WHERE $1 = parent_id"),
        (
            " ON DELETE SET NULL",
            "UPDATE ONLY public.c SET parent_id = NULL WHERE $1 = parent_id",
        ),
    ],
)
def test_what_a_cascade_runs_is_what_is_planned(rest: str, text: str) -> None:
    assert texts(catalog(table("p"), table("c", foreign(("parent_id",), "p", rest=rest)))) == [text]


def test_an_update_is_checked_only_where_it_sets_what_is_referred_to() -> None:
    of = catalog(table("p"), table("c", foreign(("parent_id",), "p")))

    assert texts(of, ("note",)) == []
    assert texts(of, ("id", "note")) == [LOOKUP]


def test_a_key_of_several_columns_is_looked_for_by_all_of_them() -> None:
    of = catalog(table("p"), table("c", foreign(("a", "b"), "p", ("id", "b"))))

    assert texts(of) == ["SELECT 1 FROM ONLY public.c x WHERE $1 = a AND $2 = b FOR KEY SHARE OF x"]
    assert texts(of, ("b",)) != []


def chain(*actions: str) -> Catalog:
    """p ← c ← d ← e, with an action each."""
    names = ["p", "c", "d", "e"]
    return catalog(
        table("p"),
        *(
            table(child, foreign(("parent_id",), parent, rest=action))
            for parent, child, action in zip(names, names[1:], actions, strict=False)
        ),
    )


def test_what_a_cascade_deletes_is_checked_in_its_turn() -> None:
    found = behind(chain(" ON DELETE CASCADE", " ON DELETE CASCADE", ""))

    assert [one.path for one in found] == [
        ("public.p", "public.c"),
        ("public.p", "public.c", "public.d"),
        ("public.p", "public.c", "public.d", "public.e"),
    ]


def test_nothing_lies_behind_a_check_that_changes_nothing() -> None:
    assert [one.path[-1] for one in behind(chain("", " ON DELETE CASCADE"))] == ["public.c"]


def test_set_null_sets_columns_and_so_only_keys_among_them_are_checked_further() -> None:
    plain = chain(" ON DELETE SET NULL", " ON DELETE CASCADE")
    keyed = catalog(
        table("p"),
        table("c", foreign(("parent_id",), "p", rest=" ON DELETE SET NULL")),
        table("d", foreign(("a",), "c", ("parent_id",), " ON UPDATE CASCADE")),
    )

    assert [one.path[-1] for one in behind(plain)] == ["public.c"]
    assert [one.text for one in behind(keyed)][1] == "UPDATE ONLY public.d SET a = a WHERE $1 = a"


def test_a_circle_is_gone_round_once() -> None:
    tree = table("p", foreign(("parent_id",), "p", rest=" ON DELETE CASCADE"))

    assert [one.path for one in behind(catalog(tree))] == [("public.p", "public.p")]


def test_a_partitioned_child_is_read_as_a_whole_and_its_partitions_keys_are_its_own() -> None:
    root = table("c", foreign(("parent_id",), "p"), kind="p", partition_key="LIST (a)")
    part = table(
        "c_1", foreign(("parent_id",), "p"), parents=("public.c",), partition_bound="FOR VALUES"
    )

    assert texts(catalog(table("p"), root, part)) == [LOOKUP.replace("ONLY ", "")]


def test_a_partition_that_is_deleted_from_counts_as_its_root() -> None:
    root = table("p", kind="p", partition_key="LIST (a)")

    assert set(references(catalog(root, table("c", foreign(("parent_id",), "p"))))) == {"public.p"}


@pytest.mark.parametrize("rest", [" NOT ENFORCED", ", PERIOD valid)"])
def test_what_has_no_such_check_is_left_out(rest: str) -> None:
    assert texts(catalog(table("p"), table("c", foreign(("parent_id",), "p", rest=rest)))) == []


def test_a_value_has_its_parents_type_where_the_child_has_another() -> None:
    numeric = (column("id", "numeric"),)
    of = catalog(table("p", columns=numeric), table("c", foreign(("parent_id",), "p")))

    assert behind(of)[0].reference.types == ("numeric",)
    assert behind(chain(""))[0].reference.types == (None,)


def test_names_are_quoted_where_they_must_be() -> None:
    odd = Table("My Shop", "Order", "r", (column("User"),), (foreign(("User",), "p"),))

    (text,) = texts(catalog(table("p"), odd))

    assert text == 'SELECT 1 FROM ONLY "My Shop"."Order" x WHERE $1 = "User" FOR KEY SHARE OF x'
