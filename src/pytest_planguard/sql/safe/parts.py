"""A recipe's parts, and how each tool that migrates writes them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from pytest_planguard.model.capture import DjangoModel
from pytest_planguard.model.migration import Tool

BATCH = 5_000
"""Rows a batch writes: some tenths of a second, and few locks at a time (pt-archiver and Django's
documentation use 500 to 10,000)."""


class IndexParts(msgspec.Struct, frozen=True):
    """An index of plain columns, for tools that have an operation for it."""

    name: str
    schema: str
    table: str
    columns: tuple[str, ...]
    unique: bool = False


class Batches(msgspec.Struct, frozen=True):
    """A statement that is run for a range of an integer key at a time."""

    statement: str
    """With ``:last`` and ``:next`` for the range's ends."""
    table: str
    """As SQL names it."""
    key: str
    """Likewise."""


class Part(msgspec.Struct, frozen=True):
    """One statement of a recipe, or a sentence where SQL cannot say it."""

    sql: str = ""
    """Without the semicolon."""
    comment: str = ""
    alone: bool = False
    """It must be committed by itself: outside of a transaction, or in one of its own."""
    index: IndexParts | None = None
    batches: Batches | None = None


class Recipe(msgspec.Struct, frozen=True):
    """What to send instead, in this order."""

    parts: tuple[Part, ...]


def written(recipe: Recipe, tool: Tool, models: Mapping[str, DjangoModel] | None = None) -> str:
    """The recipe as lines of the project's own migrations.

    Args:
        recipe: What to send.
        tool: What the migration is written for.
        models: Django's, by schema-qualified table.
    """
    match tool:
        case Tool.ALEMBIC:
            return "\n".join(_alembic(recipe))
        case Tool.DJANGO:
            return "\n".join(_django(recipe, models or {}))
        case Tool.SQL:
            return "\n".join(_sql(recipe))


def _sql(recipe: Recipe) -> Iterator[str]:
    """What commits by itself comes under a line that says so."""
    alone = False
    for number, part in enumerate(recipe.parts):
        if part.comment:
            yield f"-- {part.comment}"
        if part.batches is not None:
            yield f"-- from the least {part.batches.key} to the greatest, each batch committed"
            yield f"{part.batches.statement};"
            alone = True
        elif part.sql:
            if part.alone and not alone:
                yield (
                    "-- then each by itself, after COMMIT"
                    if number
                    else ("-- outside of a transaction")
                )
            alone = part.alone
            yield f"{part.sql};"


def _alembic(recipe: Recipe) -> Iterator[str]:
    """What commits by itself goes into a block without a transaction."""
    inside = False
    for number, part in enumerate(recipe.parts):
        alone = _commits(recipe.parts[number:])
        if alone and not inside:
            yield "with op.get_context().autocommit_block():"
        inside = alone
        indent = "    " if inside else ""
        if part.comment:
            yield f"{indent}# {part.comment}"
        if part.batches is not None:
            yield from (indent + line for line in _alembic_batches(part.batches))
        elif part.index is not None:
            yield indent + _alembic_index(part.index)
        elif part.sql:
            yield f"{indent}op.execute({_string(part.sql)})"


def _commits(parts: Sequence[Part]) -> bool:
    """Whether the first that is no mere comment must be committed by itself."""
    said = next((one for one in parts if one.sql or one.batches is not None), None)
    return said is not None and (said.alone or said.batches is not None)


def _alembic_index(index: IndexParts) -> str:
    keys = ", ".join(map(_string, index.columns))
    schema = f", schema={_string(index.schema)}" if index.schema not in ("", "public") else ""
    unique = ", unique=True" if index.unique else ""
    return (
        f"op.create_index({_string(index.name)}, {_string(index.table)}, [{keys}]{schema}{unique}, "
        "postgresql_concurrently=True)"
    )


def _alembic_batches(one: Batches) -> Iterator[str]:
    top = f"SELECT max({one.key}) FROM {one.table}"  # noqa: S608 - words for a person
    yield f"top = op.get_bind().scalar(sa.text({_string(top)})) or 0"
    yield f"for last in range(0, top, {BATCH}):"
    yield f"    op.get_bind().execute(sa.text({_string(one.statement)}),"
    yield f'                          {{"last": last, "next": last + {BATCH}}})'


def _django(recipe: Recipe, models: Mapping[str, DjangoModel]) -> Iterator[str]:
    if any(part.alone or part.batches for part in recipe.parts):
        yield "atomic = False"
    for part in recipe.parts:
        if part.comment:
            yield f"# {part.comment}"
        if part.batches is not None:
            yield from _django_batches(part.batches)
        elif (index := part.index) is not None and (said := _django_index(index, models)):
            yield said
        elif part.sql:
            yield f"migrations.RunSQL({_string(part.sql)}),"


def _django_index(index: IndexParts, models: Mapping[str, DjangoModel]) -> str:
    """The operation of django.contrib.postgres; empty where the model does not say it."""
    model = models.get(f"{index.schema or 'public'}.{index.table}")
    if model is None or index.unique or any(one not in model.fields for one in index.columns):
        return ""
    fields = ", ".join(_string(model.fields[one]) for one in index.columns)
    made = f"models.Index(fields=[{fields}], name={_string(index.name[:30])})"
    return f"AddIndexConcurrently({_string(model.name)}, {made}),"


def _django_batches(one: Batches) -> Iterator[str]:
    statement = one.statement.replace("%", "%%").replace(":last", "%s").replace(":next", "%s")
    top = f"SELECT coalesce(max({one.key}), 0) FROM {one.table}"  # noqa: S608 - words for a person
    yield "def in_batches(apps, schema_editor):"
    yield "    with schema_editor.connection.cursor() as cursor:"
    yield f"        cursor.execute({_string(top)})"
    yield f"        for last in range(0, cursor.fetchone()[0], {BATCH}):"
    yield f"            cursor.execute({_string(statement)}, [last, last + {BATCH}])"
    yield "migrations.RunPython(in_batches, migrations.RunPython.noop),"


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
