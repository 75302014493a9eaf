"""Statements: what a test suite sent to PostgreSQL, from where, and in which session."""

from __future__ import annotations

import enum

import msgspec


class Phase(enum.StrEnum):
    """When, in the life of a test, a statement was sent."""

    SETUP = "setup"
    CALL = "call"
    TEARDOWN = "teardown"
    OUTSIDE = "outside"
    """Between tests: collection, session hooks, background threads."""
    SHARED = "shared"
    """While a fixture of several tests (of a class, a module, the session) is made or undone."""


class Layer(enum.StrEnum):
    """Whose line of code asked."""

    APPLICATION = "application"
    LIBRARY = "library"
    """No line of the project is on the stack; the origin's file is ``lib:<package>``."""
    MIGRATION = "migration"
    """A migration, or the tool that runs them: sent once, to a schema that is gone since."""
    TEST = "test"
    """Only the suite's own code (tests, factories, fixtures) is on the stack."""


class Via(enum.StrEnum):
    """Through which interface a line asked; what to write instead depends on it."""

    DRIVER = "driver"
    CORE = "sqlalchemy-core"
    """A connection of SQLAlchemy, without a session or mapped classes."""
    ORM = "sqlalchemy-orm"
    DJANGO = "django"
    """A cursor of Django."""
    DJANGO_ORM = "django-orm"


class Origin(msgspec.Struct, frozen=True, order=True, gc=False):
    """The innermost line of the project's own code that led to a statement."""

    file: str
    """Relative to pytest's root, forward slashes; ``lib:<package>`` for a library."""
    line: int
    function: str
    layer: Layer = Layer.APPLICATION
    via: Via = Via.DRIVER


MOST_DISTINCT = 5
"""Lists of values of one place that are told apart: enough for a rule on loops."""


class Place(msgspec.Struct, frozen=True, order=True, gc=False):
    """One place a statement came from: a line, a test and the test's phase."""

    origin: Origin
    test: str
    """Node id; empty outside of tests."""
    phase: Phase
    executions: int = 1
    distinct: int = 0
    """How many different ones (texts with their values) the line sent for one call of the suite's,
    counted up to ``MOST_DISTINCT``; 0 where the suite itself repeats the call."""
    scope: str = ""
    """Of a shared fixture: the node id of the class, module or folder that has it."""
    process: str = ""
    """Of a merged capture: which of its processes sent it, where each does so for itself."""

    @property
    def is_of_process(self) -> bool:
        """Whether each process of a run sends it once more, however the tests are divided.

        Then it counts as often as in the process that sent it most: as often as in one that runs
        all tests.
        """
        return self.phase in (Phase.OUTSIDE, Phase.SHARED)


class Session(msgspec.Struct, frozen=True):
    """What in a connection's state changes how a statement is planned."""

    database: str
    """The database as the capture has it, by its name and server (``capture.label_of``)."""
    driver: str
    search_path: str | None = None
    """None: the server's default."""
    role: str | None = None
    settings: dict[str, str] = {}
    """Planner and custom settings that differ from the server's default."""
    isolation: str | None = None
    """Of the transaction; None: the server's default."""
    prepares: bool = False
    """The driver prepares repeated statements on the server, so generic plans occur."""


class Sample(msgspec.Struct, frozen=True, gc=False):
    """Parameter values one execution was sent with.

    ``values[i]`` is None for NULL, else the text form, or the hexadecimal digits of the binary
    form where ``binary`` holds ``i``.
    """

    values: tuple[str | None, ...]
    binary: tuple[int, ...] = ()


class Statement(msgspec.Struct, frozen=True):
    """One text sent with one list of parameter types in one kind of session."""

    text: str
    """As the server gets it: placeholders are ``$1``, ``$2`` …"""
    parameter_types: tuple[int, ...]
    """Type OIDs as the driver sent them; 0 is untyped. See ``Database.types`` for names."""
    session: Session
    samples: tuple[Sample, ...] = ()
    places: tuple[Place, ...] = ()
    many: bool = False
    """Sent by ``executemany`` and its kin: one place counts once, whatever the rows."""
    stream: bool = False
    """Read through a server-side cursor, COPY or row by row: nobody holds the whole result."""
    redacted: tuple[int, ...] = ()
    """Numbers of the parameters whose values are stand-ins, because of their columns."""

    @property
    def executions(self) -> int:
        """How often it was sent, over all places."""
        return sum(place.executions for place in self.places)
