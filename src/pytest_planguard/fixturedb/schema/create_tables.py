"""Imports a project's models and makes their tables; run as a program by ``metadata``."""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import MetaData


class NoMetadataError(Exception):
    """What was named is no metadata."""


def find_metadata(target: str) -> MetaData:
    """The metadata named by ``module:attribute``; attributes may be dotted.

    Raises:
        NoMetadataError: There is nothing of that name, or it has no tables.
        ImportError: Of the module.
    """
    from sqlalchemy import MetaData

    module, _, attribute = target.partition(":")
    value: object = importlib.import_module(module.strip())
    for name in attribute.strip().split("."):
        if not hasattr(value, name):
            near = difflib.get_close_matches(name, dir(value), n=1)
            meant = f' (did you mean "{near[0]}"?)' if near else ""
            raise NoMetadataError(f'{module.strip()} has no "{name}"{meant}')
        value = getattr(value, name)
    found = getattr(value, "metadata", value)
    if not isinstance(found, MetaData):
        raise NoMetadataError(f"{target} is {type(value).__name__}, wanted a Base or MetaData")
    if not found.tables:
        raise NoMetadataError(f"{target} has no tables: name the module that imports all models")
    return found


def create(metadata: MetaData, conninfo: str) -> None:
    """Makes the tables' schemas and the tables."""
    import psycopg
    from sqlalchemy import create_engine
    from sqlalchemy.schema import CreateSchema

    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(conninfo))
    with engine.begin() as connection:
        for schema in sorted({one.schema for one in metadata.tables.values() if one.schema}):
            connection.execute(CreateSchema(schema, if_not_exists=True))
        metadata.create_all(connection)
    engine.dispose()


def main(target: str) -> int:
    """Exit status 0, or 2 with a sentence on standard error."""
    try:
        create(find_metadata(target), os.environ["PLANGUARD_CONNINFO"])
    except NoMetadataError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except ModuleNotFoundError as error:
        if error.name is None or not target.startswith(error.name):
            raise
        sys.stderr.write(f"no module {error.name} in {Path.cwd()} or its src folder\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
