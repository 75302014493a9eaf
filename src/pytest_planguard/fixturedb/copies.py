"""Copies of a template that outlive their run: small ones, that the next run takes over.

To copy a template is what a run waits for longest: some three hundred files are made, and removed
at its end. So a run gives its copy back instead of dropping it. Its files are cut back to what they
were, nobody may connect to it, and it gets a name of its own. That name is a promise, as a
template's is: the copy is whole, small, and no row or statistic of it was written; which candidate
indexes are shown is said anew before each use. Who takes it renames it, which the server grants to
one run alone, and extends its files anew; the self-check then proves a fixture database as it does
a fresh one. What an interrupted run leaves has that run's name, and is dropped with all else
of a run that is gone.

An inflated database still lives no longer than its run.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, LiteralString

import msgspec

from pytest_planguard.errors import ServerError
from pytest_planguard.fixturedb import cache
from pytest_planguard.fixturedb.connection import connect, drop, freeze, lost_server
from pytest_planguard.fixturedb.inflate.database import inflate
from pytest_planguard.fixturedb.inflate.direct import Extended, deflate_directly
from pytest_planguard.fixturedb.inflate.files import RelationFile
from pytest_planguard.fixturedb.inflate.renumber import rename
from pytest_planguard.fixturedb.parts import FixtureServer
from pytest_planguard.fixturedb.queries import named_queries

if TYPE_CHECKING:
    import psycopg
    from psycopg import sql

PREFIX = "planguard_copy_"

KEPT = 3
"""Copies of each template: of what is planned in, and of the last sets of candidate indexes. A run
gives back the former after the latter, so that these never drive it out."""

_ALONE_SECONDS = 1.0
"""In which backends end whose clients have gone; they take milliseconds."""


class Copy:
    """A copy of a template that is one run's own.

    Args:
        server: Where it is.
        template: What it is a copy of.
        name: Its own.
        kept: The name to keep it by; empty: it is dropped.
    """

    def __init__(self, server: FixtureServer, template: str, name: str, kept: str) -> None:
        self.name = name
        self.kept = kept
        self.taken = False
        """It was kept by a former run: all but its files is as it should be."""
        self._server = server
        self._template = template
        self._extended: list[Extended] = []

    def make(self) -> None:
        """Takes one that was kept, or copies the template.

        Raises:
            psycopg.Error: The server can make no copy.
        """
        if self.kept:
            with connect(self._server) as connection:
                self.taken = _taken(connection, self.kept, self.name)
        if not self.taken:
            self._server.create_database(self.name, template=self._template)

    def make_anew(self) -> None:
        """One that was kept is not what it should be: it is dropped, and the template copied."""
        drop(self._server, self.name)
        self.taken, self._extended = False, []
        self._server.create_database(self.name, template=self._template)

    def to_scale(
        self,
        files: Sequence[RelationFile],
        settings: Mapping[str, str],
        moved: Sequence[tuple[str, str]] = (),
    ) -> None:
        """Brings it to scale, freezes it and lets connections in; nobody is connected to it.

        Args:
            files: What its files become.
            settings: The planner's; one that was kept has them.
            moved: Files the catalog knows by new names already.

        Raises:
            ScaleError: It cannot be done.
        """
        with connect(self._server) as connection:
            cache.mark_copy(connection, self.name, self._template)
            if moved:
                rename(connection, self._server, moved)
            self._extended = inflate(connection, self._server, self.name, files)
            if self.taken:
                admit(connection, self.name)
            else:
                freeze(connection, self.name, settings)

    def give_back(self) -> bool:
        """Keeps it, small again; False where it is to be dropped.

        Raises:
            OSError: A file cannot be cut back.
        """
        if not self.kept or self._server.data_directory is None:
            return False
        with connect(self._server) as connection:
            connection.execute(_altered(self.name, "ALLOW_CONNECTIONS false"))
            if not _is_alone(connection, self.name):  # nobody can come after this
                return False
            deflate_directly(self._server.data_directory, self._extended)
            cache.mark_used(connection, self.name)
            if not _renamed(connection, self.name, self.kept):
                return False
            surplus = _surplus(connection)
        for name in surplus:
            drop(self._server, name)
        return True


@contextmanager
def copy_of(
    server: FixtureServer, template: str, *causes: object, keep: bool = False
) -> Iterator[Copy]:
    """A copy of a template, dropped at the end, or kept where nothing went wrong.

    Args:
        server: Where the template is.
        template: Its name; it counts as used now, if it is one that is kept.
        causes: What will make the copy what it is, besides the template and what its files
            become: as JSON can have it.
        keep: It is only read from when it is yielded on, but for what ``causes`` tells.

    Raises:
        psycopg.Error: The server can make no copy.
    """
    with connect(server) as connection:
        if template.startswith(cache.PREFIX):
            cache.mark_used(connection, template)
        name = free_name(connection, f"planguard_run_{server.run_token}")
        keep = keep and server.data_directory is not None
        kept = kept_name(connection, template, *causes) if keep else ""
    copy = Copy(server, template, name, kept)
    returned = False
    try:
        with lost_server():
            copy.make()
        yield copy
        returned = _given_back(copy)
    finally:
        if not returned:
            drop(server, name)


def _given_back(copy: Copy) -> bool:
    """Whether it is kept; on a server that is gone nothing is."""
    import psycopg

    try:
        return copy.give_back()
    except (psycopg.Error, ServerError, OSError):
        return False


def free_name(connection: psycopg.Connection[Any], prefix: str) -> str:
    """A name for a run's database that is not taken: the prefix and a number."""
    number = 1
    while cache.exists(connection, f"{prefix}_{number}"):
        number += 1
    return f"{prefix}_{number}"


def kept_name(connection: psycopg.Connection[Any], template: str, *causes: object) -> str:
    """The name of a copy that is kept: another one wherever it would be another database.

    Args:
        connection: To the template's server.
        template: What it is a copy of; one that is made anew has other file numbers.
        causes: What else makes it what it is, as JSON can have it.
    """
    query = "SELECT oid::text FROM pg_catalog.pg_database WHERE datname = %s"
    row = connection.execute(query, [template]).fetchone()
    digest = hashlib.sha256(msgspec.json.encode(causes, order="deterministic")).hexdigest()[:16]
    return f"{PREFIX}{row[0] if row else 0}_{digest}"


def _taken(connection: psycopg.Connection[Any], kept: str, name: str) -> bool:
    """Whether a kept copy is this run's now; nobody can connect to it before ``admit``."""
    import psycopg

    try:
        connection.execute(_altered(kept, "RENAME TO {}", name))
    except (psycopg.errors.InvalidCatalogName, psycopg.errors.ObjectInUse):
        return False  # there is none, or another run has it
    return True


def admit(connection: psycopg.Connection[Any], name: str) -> None:
    """Lets connections to a copy that was taken."""
    connection.execute(_altered(name, "ALLOW_CONNECTIONS true"))


def _renamed(connection: psycopg.Connection[Any], name: str, kept: str) -> bool:
    """Whether it has the name that is kept: a run beside this one may have been faster."""
    import psycopg

    errors = psycopg.errors
    try:
        connection.execute(_altered(name, "RENAME TO {}", kept))
    except (errors.DuplicateDatabase, errors.UniqueViolation, errors.ObjectInUse):
        return False
    return True


def _is_alone(connection: psycopg.Connection[Any], name: str) -> bool:
    """Whether the last backend goes in time: the server would wait a tenth of a second at once."""
    query = named_queries(__package__, "copies.sql")["backends"]
    deadline = time.monotonic() + _ALONE_SECONDS
    while (row := connection.execute(query, [name]).fetchone()) and row[0]:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True


def _surplus(connection: psycopg.Connection[Any]) -> list[str]:
    query = named_queries(__package__, "copies.sql")["surplus"]
    parameters = {"prefix": PREFIX, "kept": KEPT, "templates": cache.PREFIX}
    return [name for (name,) in connection.execute(query, parameters)]


def _altered(name: str, action: LiteralString, new: str = "") -> sql.Composed:
    from psycopg import sql

    names = [sql.Identifier(one) for one in (name, new) if one]
    return sql.SQL("ALTER DATABASE {} " + action).format(*names)
