from __future__ import annotations

from pytest_planguard.model.catalog import Catalog, Column, Constraint, Index, Server, Table
from pytest_planguard.model.statistics import (
    IndexStatistics,
    ScaleSource,
    Statistics,
    TableStatistics,
)
from pytest_planguard.sql.drift import Drift, Part, drift

KEY = "FOREIGN KEY (owner) REFERENCES o(id)"


def index(name: str, table: str, columns: str) -> Index:
    text = f"CREATE INDEX {name} ON public.{table} USING btree ({columns})"
    return Index(name, "public", f"public.{table}", "btree", (columns,), definition=text)


def table(name: str, kind: str = "r", **more: object) -> Table:
    columns = (Column("id", "bigint", 1, not_null=True), Column("owner", "integer", 2))
    return Table("public", name, kind, columns, **more)  # type: ignore[arg-type]


def catalog(tables: list[Table], *indexes: Index) -> Catalog:
    return Catalog(
        Server(180_006, "18.6"),
        {one.qualified: one for one in tables},
        {f"public.{one.name}": one for one in indexes},
    )


def there(*indexes: Index, **more: object) -> TableStatistics:
    types = {"id": "bigint not null", "owner": "integer"}
    known = {one.name: IndexStatistics(1, 1.0, definition=one.definition) for one in indexes}
    return TableStatistics(10.0, 1, **{"types": types, "indexes": known} | more)  # type: ignore[arg-type]


def source(**tables: TableStatistics) -> Statistics:
    named = {f"public.{name}": one for name, one in tables.items()}
    return Statistics(named, "2026-01-01", ScaleSource.PRODUCTION)


def test_equal_schemas_do_not_drift():
    ours = catalog([table("t", constraints=(Constraint("x", "f", ("owner",), KEY),))],
                   index("a", "t", "owner"))  # fmt: skip
    theirs = source(t=there(index("b", "t", "owner"), constraints={"y": KEY}))
    assert drift(theirs, ours) == Drift()


def test_each_side_is_told_from_the_other():
    ours = catalog([table("t"), table("new")], index("a", "t", "owner"))
    theirs = source(
        t=there(
            index("b", "t", "id"),
            types={"id": "integer not null", "legacy": "text"},
            constraints={"y": KEY, "t_pkey": "PRIMARY KEY (id)", "n": "NOT NULL id"},
        ),
        old=there(),
    )
    found = drift(theirs, ours)

    assert found.indexes_only_there == (
        Part("public.t", "CREATE INDEX b ON public.t USING btree (id)"),
    )
    assert found.indexes_only_here == (
        Part("public.t", "CREATE INDEX a ON public.t USING btree (owner)"),
    )
    assert found.columns_only_there == (Part("public.t", "legacy text"),)
    assert found.columns_only_here == (Part("public.t", "owner integer"),)
    assert found.types == (Part("public.t", "id: integer not null there, bigint not null here"),)
    assert found.constraints_only_there == (Part("public.t", KEY),)
    assert found.tables_only_there == ("public.old",)
    assert found.tables_only_here == ("public.new",)


def test_partitions_are_counted_by_their_root():
    part = {"parents": ("public.p",), "partition_bound": "DEFAULT"}
    ours = catalog([table("p", "p"), table("p_1", **part), table("p_9", **part)])
    theirs = source(
        p=there(kind="p"),
        p_1=there(parents=("public.p",)),
        p_2=there(parents=("public.p",)),
        p_3=there(parents=("public.p",)),
    )
    found = drift(theirs, ours)

    assert found.partitions_only_there == {"public.p": 2}
    assert found.partitions_only_here == {"public.p": 1}
    assert found.tables_only_there == found.tables_only_here == ()


def test_what_a_partition_lacks_because_its_root_does_is_told_once():
    part = {"parents": ("public.p",), "partition_bound": "DEFAULT"}
    ours = catalog([table("p", "p"), table("p_1", **part)])
    theirs = source(
        p=there(index("a", "p", "owner"), kind="p"),
        p_1=there(index("a_1", "p_1", "owner"), index("own", "p_1", "id"), parents=("public.p",)),
    )
    tables = [part.table for part in drift(theirs, ours).indexes_only_there]

    assert tables == ["public.p", "public.p_1"]


def test_what_the_file_does_not_tell_is_not_compared():
    ours = catalog([table("t")], index("a", "t", "owner"))
    sizes_only = TableStatistics(10.0, 1, indexes={"a": IndexStatistics(1, 1.0)})

    assert drift(source(t=sizes_only), ours) == Drift()
    assert drift(source(t=TableStatistics(10.0, 1)), ours) == Drift()
    assert drift(source(t=there()), ours).indexes_only_here != ()


def test_definitions_that_were_not_read_are_nobodys_alone():
    """Somebody had the table exclusively while its statistics were pulled."""
    ours = catalog([table("t", constraints=(Constraint("x", "f", ("owner",), KEY),))],
                   index("a", "t", "owner"))  # fmt: skip
    locked = {"a": IndexStatistics(1, 1.0), "b": IndexStatistics(1, 1.0)}
    theirs = there(indexes=locked, constraints={"x": "", "t_pkey": ""})
    assert drift(source(t=theirs), ours) == Drift()
    other = index("c", "t", "id")
    one = {"a": IndexStatistics(1, 1.0), "c": IndexStatistics(1, 1.0, definition=other.definition)}
    found = drift(source(t=there(indexes=one, constraints={"x": KEY})), ours)
    assert found == Drift(indexes_only_there=(Part("public.t", other.definition),))
