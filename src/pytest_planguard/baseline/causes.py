"""Why a plan changed: which of schema, settings, server and sizes moved since the baseline."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import msgspec

from pytest_planguard.baseline.entries import INVALID
from pytest_planguard.model.baseline import PlanEntry, World

ROWS_MOVED = 0.10
"""Share by which a table's size must move to be named (planning.md: ties are within 10 %)."""

_MOST = 4
"""Sentences of one kind; a partitioned table can lose hundreds of indexes at once."""

_TABLE = re.compile(r" ON (?:ONLY )?(\S+) USING ")
_NAME = re.compile(r"^CREATE (UNIQUE )?INDEX \S+ ON ")


class Cause(msgspec.Struct, frozen=True):
    """What moved, the most telling first; nothing: unknown, and never guessed."""

    sentences: tuple[str, ...] = ()
    statistics_only: bool = False
    """Nothing but sizes and distributions moved."""


def cause_of(before: PlanEntry, after: PlanEntry, old: World | None, now: World) -> Cause:
    """What moved between two plans of one query.

    Args:
        before: The old plan: its indexes are looked for.
        after: The new one.
        old: The world of the old plan; None where the baseline has none: then only an index
            that is gone can be named.
        now: Today's.
    """
    indexes = _used_indexes(before, old, now)
    if old is None:
        return Cause(tuple(_some(indexes)))
    touched = {*before.relations.values(), *after.relations.values()}
    schema = indexes + _schema(_with_partitions(touched, old, now), old, now, bool(indexes))
    others = _settings(old, now) + _server(old, now)
    sizes = _sizes(touched, old, now)
    moved = bool(sizes) or old.statistics_digest != now.statistics_digest
    if not sizes and moved and not schema and not others:
        sizes = ["the statistics changed, the sizes of its tables did not"]
    return Cause(
        (*_some(schema), *_some(others), *_some(sizes)),
        statistics_only=moved and not schema and not others,
    )


def _used_indexes(before: PlanEntry, old: World | None, now: World) -> list[str]:
    """Indexes of the old plan that are not what they were."""
    sentences: list[str] = []
    for alias, names in sorted(before.indexes.items()):
        schema = before.relations.get(alias, "").rpartition(".")[0]
        for name in names:
            sentence = _index(name, schema, old.indexes if old is not None else {}, now.indexes)
            if sentence and sentence not in sentences:
                sentences.append(sentence)
    return sentences


def _index(name: str, schema: str, old: Mapping[str, str], now: Mapping[str, str]) -> str:
    was, is_now = _find(name, schema, old), _find(name, schema, now)
    if is_now is None:
        if was is not None and _anonymous(was) in map(_anonymous, now.values()):
            return ""  # renamed: it still serves
        return f"index {name} is gone since the baseline"
    if was is None or was == is_now:
        return ""
    if is_now.endswith(INVALID):
        return f"index {name} is invalid since the baseline"
    return f"index {name} changed: {was} → {is_now}"


def _find(name: str, schema: str, indexes: Mapping[str, str]) -> str | None:
    """EXPLAIN gives no schema; an index is in its table's, a partition's may be in another."""
    exact = indexes.get(f"{schema}.{name}")
    if exact is not None:
        return exact
    return next((text for full, text in indexes.items() if full.rpartition(".")[2] == name), None)


def _anonymous(definition: str) -> str:
    return _NAME.sub(r"CREATE \1INDEX ON ", definition)


def _with_partitions(touched: set[str], old: World, now: World) -> set[str]:
    """The tables and everything that is a partition of them."""
    tables = set(touched)
    for world in (old, now):
        parents = {name: _parent(facts) for name, facts in world.tables.items()}
        tables |= {name for name in parents if _root(name, parents) in touched}
    return tables


def _parent(facts: Iterable[str]) -> str:
    line = next((fact for fact in facts if fact.startswith("partition of ")), "")
    return line.removeprefix("partition of ").partition(" ")[0]


def _root(name: str, parents: Mapping[str, str]) -> str:
    for _ in range(len(parents)):
        if not parents.get(name):
            break
        name = parents[name]
    return name


def _schema(tables: set[str], old: World, now: World, known: bool) -> list[str]:
    """Other facts of the touched tables that moved; an index that is explained is not again."""
    sentences: list[str] = []
    for table in sorted(tables):
        was, is_now = old.tables.get(table, ()), now.tables.get(table, ())
        sentences += [f"{table} lost: {fact}" for fact in was if fact not in is_now]
        sentences += [f"{table} got: {fact}" for fact in is_now if fact not in was]
    was_indexes, is_indexes = _indexes_on(tables, old), _indexes_on(tables, now)
    new = sorted(is_indexes[text] for text in is_indexes.keys() - was_indexes.keys())
    gone = sorted(was_indexes[text] for text in was_indexes.keys() - is_indexes.keys())
    sentences += [f"new index: {text}" for text in new]
    return sentences + ([] if known else [f"index is gone: {text}" for text in gone])


def _indexes_on(tables: set[str], world: World) -> dict[str, str]:
    """Definitions by themselves without the name: a new name alone moves no plan."""
    return {
        _anonymous(text): text
        for text in world.indexes.values()
        if (match := _TABLE.search(text)) and match[1].replace('"', "") in tables
    }


def _settings(old: World, now: World) -> list[str]:
    names = sorted({*old.settings, *now.settings})
    return [
        f"setting {name} moved: {old.settings.get(name, 'default')} → "
        f"{now.settings.get(name, 'default')}"
        for name in names
        if old.settings.get(name) != now.settings.get(name)
    ]


def _server(old: World, now: World) -> list[str]:
    sentences = []
    if old.server_major != now.server_major:
        sentences.append(f"PostgreSQL moved: {old.server_major} → {now.server_major}")
    if old.collation != now.collation:
        sentences.append(f"the collation moved: {old.collation} → {now.collation}")
    return sentences


def _sizes(tables: set[str], old: World, now: World) -> list[str]:
    sentences = []
    for table in sorted(tables):
        was, is_now = old.rows.get(table), now.rows.get(table)
        if was is None or is_now is None or abs(is_now - was) <= ROWS_MOVED * was:
            continue
        verb = "grew" if is_now > was else "shrank"
        sentences.append(f"{table} {verb} from {was:,.0f} to {is_now:,.0f} rows")
    return sentences


def _some(sentences: list[str]) -> list[str]:
    """The first few, and how many more."""
    if len(sentences) <= _MOST:
        return sentences
    return [*sentences[: _MOST - 1], f"and {len(sentences) - _MOST + 1} more like it"]
