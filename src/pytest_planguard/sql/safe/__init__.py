"""The safe way to the same schema: a statement of a migration → parts that make nobody wait."""

from __future__ import annotations

from pytest_planguard.sql.safe.parts import Part, Recipe, written
from pytest_planguard.sql.safe.recipes import batches, outside, recipe

__all__ = ["Part", "Recipe", "batches", "outside", "recipe", "written"]
