"""The safe way to the same schema: a statement of a migration → parts that make nobody wait."""

from __future__ import annotations

from pytest_planguard.model.migrating import MigrationContext
from pytest_planguard.sql.safe.parts import Part, Recipe, written
from pytest_planguard.sql.safe.recipes import batches, outside, recipe

__all__ = ["Part", "Recipe", "batches", "instead_of", "outside", "recipe", "written"]


def instead_of(statement: str, context: MigrationContext, otherwise: str) -> str:
    """The remedy for a statement of a migration: the safe way as its project writes it.

    Args:
        statement: As reports show it.
        context: Of the migration.
        otherwise: What to say where there is no such way.
    """
    better = recipe(statement, context.before, context.before.server.major)
    if better is None:
        return otherwise
    return f"instead:\n{written(better, context.migration.tool, context.models)}"
