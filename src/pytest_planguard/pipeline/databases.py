"""Which configured database stands for one the tests used."""

from __future__ import annotations

from collections.abc import Callable

from pytest_planguard.config import Config
from pytest_planguard.model.capture import Capture


def databases_of(config: Config, capture: Capture) -> Callable[[str], str | None]:
    """Gives a database of a capture its configured name; None: it is not ours."""
    aliases = {name: one.aliases for name, one in capture.databases.items()}
    return lambda name: config.database_of(name, aliases.get(name, ()))
