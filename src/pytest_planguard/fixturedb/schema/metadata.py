"""The schema from SQLAlchemy metadata, made in a process of its own.

The project's models are imported there: their side effects stay away from the tests.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest_planguard
from pytest_planguard.fixturedb.schema.command import environment, run_checked


def create_all(target: str, root: Path, url: str, conninfo: str) -> None:
    """Makes the tables of a ``module:attribute`` (declarative base or MetaData).

    Args:
        target: As configured.
        root: The project; it and its ``src`` are imported from.
        url: The empty database, for models that look for it in the environment.
        conninfo: The same, which is connected to.

    Raises:
        SchemaError: It cannot be imported, has no metadata, or the tables cannot be made.
    """
    package = Path(pytest_planguard.__file__).parents[1]
    inherited = os.environ.get("PYTHONPATH")
    folders = [str(root), str(root / "src"), *([inherited] if inherited else []), str(package)]
    variables = environment(os.environ, url, conninfo)
    variables |= {"PYTHONPATH": os.pathsep.join(folders), "PLANGUARD_CONNINFO": conninfo}
    module = "pytest_planguard.fixturedb.schema.create_tables"
    words = [sys.executable, "-m", module, target]
    run_checked(words, root, variables, f"metadata: {target}")
