"""SQL that is longer than a line stands in ``.sql`` files; this finds it by name."""

from __future__ import annotations

from importlib.resources import files


def named_queries(package: str, resource: str) -> dict[str, str]:
    """The queries of a ``.sql`` file in a package, by their ``-- name:`` lines, in order.

    >>> sorted(named_queries("pytest_planguard.fixturedb.inflate", "statistics.sql"))[:2]
    ['attributes', 'neutral']
    """
    text = files(package).joinpath(resource).read_text(encoding="utf-8")
    parts = (part.partition("\n") for part in text.split("-- name: ")[1:])
    return {name.strip(): body.strip() for name, _, body in parts}
