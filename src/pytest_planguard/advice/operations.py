"""The same indexes as operations of the tools that migrate the project's databases."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence

from pytest_planguard.advice.ddl import statements
from pytest_planguard.advice.naming import index_name
from pytest_planguard.advice.suite import Suite, Tool
from pytest_planguard.model.capture import DjangoModel
from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.ports import HypotheticalIndex, quoted

DJANGO_NAME_BYTES = 30
"""``models.Index.max_name_length``."""

_CLASSES = {"btree": "models.Index", "gin": "GinIndex", "gist": "GistIndex", "brin": "BrinIndex"}


def operations(
    indexes: Sequence[HypotheticalIndex], catalog: Catalog, suite: Suite
) -> dict[str, tuple[str, ...]]:
    """Lines of Python by tool, for each tool of the project."""
    return {
        tool.value: tuple(_WRITERS[tool](indexes, catalog, suite)) for tool in sorted(suite.tools)
    }


def _alembic(indexes: Iterable[HypotheticalIndex], catalog: Catalog, _: Suite) -> Iterable[str]:
    """CONCURRENTLY is refused in a transaction: Alembic has a block without one."""
    yield "with op.get_context().autocommit_block():"
    for index in indexes:
        table = catalog.tables.get(index.table)
        if table is not None and table.kind == "p":
            yield from (
                f"    op.execute({_string(text.rstrip(';'))})"
                for text in statements(index, catalog)
            )
        else:
            yield f"    op.create_index({', '.join(_alembic_arguments(index))})"


def _alembic_arguments(index: HypotheticalIndex) -> Iterable[str]:
    schema, _, table = index.table.partition(".")
    keys = ", ".join(
        _string(_bare(key)) if _bare(key) is not None else f"sa.text({_string(key)})"
        for key in index.columns
    )
    yield from (_string(index.name), _string(table), f"[{keys}]")
    if schema != "public":
        yield f"schema={_string(schema)}"
    if index.method != "btree":
        yield f"postgresql_using={_string(index.method)}"
    if index.include:
        yield f"postgresql_include=[{', '.join(map(_string, map(_bare, index.include)))}]"
    if index.predicate:
        yield f"postgresql_where=sa.text({_string(index.predicate)})"
    yield "postgresql_concurrently=True"


def _django(indexes: Iterable[HypotheticalIndex], catalog: Catalog, suite: Suite) -> Iterable[str]:
    """By the model where it is known and says it all, else as SQL."""
    yield "atomic = False"
    for index in indexes:
        table = catalog.tables.get(index.table)
        model = suite.models.get(index.table)
        declared = _declared(index, model) if model is not None else None
        if table is not None and table.kind == "p":
            declared = None
        if declared is not None and model is not None:
            yield f"AddIndexConcurrently({_string(model.name)}, {declared}),"
        else:
            yield from _run_sql(index, catalog)


def _run_sql(index: HypotheticalIndex, catalog: Catalog) -> Iterable[str]:
    schema = quoted(index.table.partition(".")[0])
    made = statements(index, catalog)
    for number, text in enumerate(made):
        back = f"DROP INDEX CONCURRENTLY {schema}.{quoted(index.name)}"
        undo = _string(back) if len(made) == 1 else "migrations.RunSQL.noop"
        if number == 0 and len(made) > 1:
            undo = _string(back.replace(" CONCURRENTLY", ""))
        yield f"migrations.RunSQL({_string(text.rstrip(';'))}, {undo}),"


def _declared(index: HypotheticalIndex, model: DjangoModel) -> str | None:
    """The index as a model's ``Meta`` has it; None where fields can't say it."""
    if index.predicate:
        return None
    fields, classes = [], []
    for key in index.columns:
        column, _, rest = key.partition(" ")
        field = model.fields.get(_bare(column) or "")
        if field is None or rest not in ("", "DESC", *_CLASS_NAMES):
            return None
        fields.append(f"-{field}" if rest == "DESC" else field)
        classes.append(rest if rest in _CLASS_NAMES else "")
    include = [model.fields.get(_bare(name) or "") for name in index.include]
    if None in include:
        return None
    arguments = [f"fields={fields!r}", f"name={_string(_django_name(index))}"]
    if any(classes):
        arguments.append(f"opclasses={classes!r}")
    if include:
        arguments.append(f"include={include!r}")
    return f"{_CLASSES[index.method]}({', '.join(arguments)})".replace("'", '"')


_CLASS_NAMES = frozenset({
    "jsonb_path_ops", "gin_trgm_ops", "inet_ops", "text_pattern_ops", "varchar_pattern_ops",
    "bpchar_pattern_ops",
})  # fmt: skip


def _django_name(index: HypotheticalIndex) -> str:
    if len(index.name.encode()) <= DJANGO_NAME_BYTES:
        return index.name
    return index_name(index.name.removesuffix("_idx"), [], DJANGO_NAME_BYTES)


def _bare(key: str) -> str | None:
    """The column's name where the key is nothing else; None: it is more."""
    if key.startswith('"') and key.endswith('"') and '"' not in key[1:-1].replace('""', ""):
        return key[1:-1].replace('""', '"')
    return key if quoted(key) == key else None


def _string(text: str | None) -> str:
    return json.dumps(text, ensure_ascii=False)


_WRITERS: dict[Tool, Callable[[Sequence[HypotheticalIndex], Catalog, Suite], Iterable[str]]] = {
    Tool.ALEMBIC: _alembic,
    Tool.DJANGO: _django,
}
