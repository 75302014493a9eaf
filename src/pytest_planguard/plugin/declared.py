"""Tables and columns of the configuration that no schema names: told before the tests have run.

The fixture database decides, when it is built after the tests; a suite of twenty minutes is a long
way to a misspelt name. What is told here is certain but for what a schema makes without naming it
(extensions' tables, names put together by functions), so it stops nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress

from pytest_planguard.config import Config
from pytest_planguard.fixturedb.scale.declarations import did_you_mean
from pytest_planguard.model.capture import Database
from pytest_planguard.model.spec import DatabaseSpec, TableDeclaration

_TABLE = re.compile(r'\bTABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?(?:ONLY\s+)?([\w."]+)', re.IGNORECASE)
_WORD = re.compile(r"[^\W\d]\w*")
_INCLUDES = re.compile(r"^\s*\\ir?\b", re.MULTILINE)
"""psql's commands that read another file."""


class Declared:
    """What is declared and has not been looked up yet.

    Args:
        config: The configuration.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        wanted = {name: one for name, one in config.databases.items() if one.tables}
        self._wanted = {name: one for name, one in wanted.items() if not one.as_is}

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to look up."""
        return not self._wanted

    def in_files(self) -> list[str]:
        """A sentence for each name that the schema's file lacks; other schemas wait."""
        found: list[str] = []
        for name, spec in list(self._wanted.items()):
            if spec.schema == "clone":
                continue
            del self._wanted[name]
            with suppress(OSError, ValueError):  # it is a command, or whoever builds it will tell
                text = (spec.root / spec.schema).read_text(encoding="utf-8")
                if not _INCLUDES.search(text):
                    found += unnamed(spec.tables, text, spec.schema)
        return found

    def in_clones(self, databases: Mapping[str, Database]) -> list[str]:
        """The same for the schemas that were read so far of the tests' own databases."""
        found: list[str] = []
        for name, one in databases.items():
            if one.schema is None:
                continue
            database = self._config.database_of(name, one.aliases) or ""
            spec: DatabaseSpec | None = self._wanted.pop(database, None)
            if spec is not None:
                text = "\n".join(item.ddl for item in one.schema.objects)
                found += unnamed(spec.tables, text, "the tests' database, so far,")
        return found


def unnamed(tables: Mapping[str, TableDeclaration], text: str, where: str) -> Iterator[str]:
    """A sentence for each declared table and column that an SQL text never mentions.

    >>> sql = "CREATE TABLE public.loans (id bigint, due date);"
    >>> list(unnamed({"loan": TableDeclaration(9)}, sql, "schema.sql"))
    ['tables.loan: schema.sql has no such table (did you mean "loans"?)']
    """
    for name, declaration in tables.items():
        if not _mentions(text, name):
            plain = (found.replace('"', "").rpartition(".")[2] for found in _TABLE.findall(text))
            yield f"tables.{name}: {where} has no such table{_meant(name, plain)}"
            continue
        for column in declaration.columns:
            if not _mentions(text, column):
                meant = _meant(column, _WORD.findall(text))
                yield f"tables.{name}.columns.{column}: {where} has no such column{meant}"


def _mentions(text: str, name: str) -> bool:
    bare = re.escape(name.rpartition(".")[2])
    return re.search(rf"(?<!\w){bare}(?!\w)", text, re.IGNORECASE) is not None


def _meant(name: str, known: Iterable[str]) -> str:
    return did_you_mean(name.rpartition(".")[2], sorted(set(known)))
