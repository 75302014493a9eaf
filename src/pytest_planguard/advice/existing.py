"""What an existing index has to do with a new one: why it does not serve, and whether it can go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pytest_planguard.advice.naming import existing_keys, plain_key
from pytest_planguard.model.catalog import Catalog, Index
from pytest_planguard.model.judgement import Read
from pytest_planguard.model.ports import HypotheticalIndex
from pytest_planguard.sql.obstacles import conditions_of, unused_indexes
from pytest_planguard.sql.predicates import Kind, columns_of


def why_none_serves(reads: Iterable[Read], catalog: Catalog) -> tuple[str, ...]:
    """Why the indexes there are do not serve what is read of their table, one sentence each."""
    reasons = (
        reason
        for read in reads
        for reason in (*unused_indexes(read, catalog), *_behind_others(read, catalog))
    )
    return tuple(dict.fromkeys(reasons))


def superfluous(index: HypotheticalIndex, catalog: Catalog) -> tuple[str, ...]:
    """Names of indexes all of whose keys the new one begins with; constraints need theirs."""
    keys = [plain_key(column) for column in index.columns]
    return tuple(
        one.name
        for one in catalog.indexes_of(index.table)
        if _could_go(one, index) and keys[: len(one.keys)] == existing_keys(one)
    )


def invalid_twin(index: HypotheticalIndex, catalog: Catalog) -> Index | None:
    """An invalid index of the very definition: a build that failed, to be done again."""
    keys = [plain_key(column) for column in index.columns]
    return next(
        (
            one
            for one in catalog.indexes_of(index.table)
            if not one.valid
            and one.method == index.method
            and (one.predicate or "") == index.predicate
            and one.include == index.include
            and existing_keys(one) == keys
        ),
        None,
    )


def _could_go(one: Index, index: HypotheticalIndex) -> bool:
    return (
        one.valid
        and one.method == index.method == "btree"
        and not (one.unique or one.constraint or one.include or one.parent)
        and (one.predicate or "") == index.predicate
    )


def _behind_others(read: Read, catalog: Catalog) -> Iterator[str]:
    """Indexes that have a compared column, behind ones nothing is compared with."""
    conditions = tuple(
        one for one in conditions_of(read.conditions) if one.kind in (Kind.EQUALITY, Kind.RANGE)
    )
    asked = columns_of(conditions, read.alias)
    for index in catalog.indexes_of(read.relation):
        keys = [key.strip('"') for key in index.keys]
        if not index.valid or index.method != "btree" or not keys or keys[0] in asked:
            continue
        found = next((key for key in keys if key in asked), None)
        if found is not None:
            yield f"index {index.name} has {found} only behind {keys[0]}"
