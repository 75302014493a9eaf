"""Which line of the project's own code asked for a statement."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from contextvars import ContextVar, Token
from pathlib import Path
from threading import get_ident
from types import CodeType, FrameType
from typing import NamedTuple, TypeAlias

import msgspec

from pytest_planguard.capture.files import Files, Owner, SourceFile
from pytest_planguard.capture.suite_calls import SuiteCall, SuiteCalls
from pytest_planguard.capture.ways import Ways
from pytest_planguard.model.statement import Layer, Origin, Via

_CARRIER_NAMES = """
psycopg psycopg_c psycopg_binary psycopg_pool psycopg2 asyncpg sqlalchemy django greenlet gevent
eventlet anyio trio uvloop
"""
_CARRIERS = frozenset(_CARRIER_NAMES.split())
"""Drivers, ORMs and loops: they carry what others ask."""

_OURS = (f"{Path(__file__).parent}{os.sep}", "<sqlalchemy generated ")
"""How other names of files begin that stand between a driver and who asks."""

_MOST_NEAR = 20_000
"""Lines and stacks remembered; with more than that they are looked up again."""

_DEPTHS = {via: depth for depth, via in enumerate(Via)}
"""An ORM stands above its library's plain interface, which stands above the driver."""

_TEST_TOOL_NAMES = """
pytest pluggy xdist execnet coverage factory faker model_bakery polyfactory hypothesis
"""
_TEST_TOOLS = frozenset(_TEST_TOOL_NAMES.split())

_TEST, _RUNNER = Owner.TEST, Owner.RUNNER
"""At hand: Python 3.11 looks members of enumerations up by a function of its own."""


Near: TypeAlias = tuple[int, int] | tuple[tuple[int, int], ...]
"""Identity of the code and the instruction of an application's frame; of the suite's, of every
frame out to pytest that is not a library's: the application may have called the suite's helper."""


class Site:
    """An origin with identity: counting by it costs no hashing of its fields."""

    __slots__ = ("codes", "near", "origin")

    def __init__(
        self, origin: Origin, near: Near | None = None, codes: tuple[CodeType, ...] = ()
    ) -> None:
        self.origin = origin
        self.near = near
        """What of a stack decides, where that is quick to tell."""
        self.codes = codes
        """The code of those frames: held, so that no other one gets its identity."""

    @property
    def line(self) -> tuple[CodeType, int] | None:
        """Code and instruction of an application's line; None where more decides."""
        match self.near:
            case (int(), int() as instruction):
                return self.codes[0], instruction
        return None


class Handed(NamedTuple):
    """Who asked in one thread for what runs in another."""

    finder: OriginFinder
    thread: int
    site: Site
    call: SuiteCall | None


_HANDED: ContextVar[Handed | None] = ContextVar("planguard_handed_over", default=None)
"""Only a context is copied from thread to thread."""


class _Seen:
    """What stands further in than the frame that is looked at."""

    __slots__ = ("libraries", "migrating", "test", "test_via", "via")

    def __init__(self) -> None:
        self.test: FrameType | None = None
        self.test_via = self.via = Via.DRIVER
        self.migrating = False
        self.libraries: list[str] = []

    def pass_by(self, frame: FrameType, file: SourceFile) -> None:
        """Takes note of a frame that is not the application's."""
        if file.owner is Owner.LIBRARY:
            self.libraries.append(file.name)
            if _DEPTHS[file.via] > _DEPTHS[self.via]:
                self.via = file.via
        elif file.owner is Owner.TEST:
            if self.test is None:
                self.test, self.test_via = frame, self.via
        elif file.owner is Owner.MIGRATOR:
            self.migrating = self.test is None


class OriginFinder:
    """Walks frames outward to the innermost line of the application.

    Args:
        files: Whose code a file is.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        self._known: dict[str, SourceFile] = {}
        self.suite_calls = SuiteCalls(self._file, self._handed)
        self._sites: dict[tuple[str, int, str, Layer, Via], Site] = {}
        self._libraries: dict[tuple[str, Layer], Site] = {}
        self._handed_sites: dict[Origin, Site] = {}
        self.passed: set[str] = set()
        """File names of libraries and of nobody: what stands further out decides."""
        self._carried: set[str] = set()
        """Among them those of drivers and ORMs, of code these generate, and planguard's own."""
        self.near: dict[Near, Site] = {}
        """A line's number is looked up once."""
        self.owners: dict[str, Owner] = {}
        """By file name, of those that were met."""

    def ways(self) -> Ways:
        """Short cuts outward from a place that is to be walked from again and again."""
        return Ways(self.passed, self._carried)

    def owner_of(self, frame: FrameType) -> Owner:
        """Whose code a frame runs."""
        return self._file(frame).owner

    def application_file(self, filename: str) -> str | None:
        """A file's name from the root, if it is the application's."""
        file = self._files.classify(filename, "")
        return file.name if file.owner is Owner.APPLICATION else None

    def find_near(self, *stacks: FrameType | None) -> Site:
        """``find``, quick where a line of the application asks again."""
        return self.find_from(self.innermost(stacks), stacks)

    def find_from(
        self, start: Sequence[FrameType | None], stacks: Sequence[FrameType | None]
    ) -> Site:
        """Likewise, where ``innermost`` of the stacks is known."""
        inner, *outer = start
        if inner is None:
            return self.find(stacks)
        line = id(inner.f_code), inner.f_lasti
        stack = None if line in self.near else self.stack_of(inner, outer)
        found = self.near.get(stack or line)
        if found is not None:
            return found
        site = self.find(stacks)
        if self._known[inner.f_code.co_filename].owner is Owner.APPLICATION:
            is_plain = site.origin.layer is Layer.APPLICATION
            return self._keep(site.origin, line, (inner.f_code,)) if is_plain else site
        stack = self.stack_of(inner, outer)  # now all its files are known
        if not stack:
            return site
        return self._keep(site.origin, stack, self._codes((inner, *outer), len(stack)))

    def innermost(self, stacks: Sequence[FrameType | None]) -> Sequence[FrameType | None]:
        """The innermost frame that is not a library's, and the stacks further out.

        A file that was not met yet is nobody's here. None alone: there is none.
        """
        passed = self.passed
        for number, start in enumerate(stacks):
            frame = start
            while frame is not None and frame.f_code.co_filename in passed:
                frame = frame.f_back
            if frame is not None:
                return frame, *stacks[number + 1 :]
        return (None,)

    def stack_of(
        self, frame: FrameType, outer: Iterable[FrameType | None] = ()
    ) -> tuple[tuple[int, int], ...] | None:
        """What decides where a statement of the suite's own code comes from.

        Args:
            frame: The innermost one that is not a library's.
            outer: The stacks further out than its own, as for ``find``.

        Returns:
            None where it is not the suite's, or some file was not met yet.
        """
        passed, known = self.passed, self._known
        found: list[tuple[int, int]] = []
        for start in (frame, *outer):
            current: FrameType | None = start
            while current is not None:
                code = current.f_code
                if code.co_filename not in passed:
                    file = known.get(code.co_filename)
                    if file is None or not (found or file.owner is _TEST):
                        return None
                    if file.owner is _RUNNER:
                        return tuple(found)
                    found.append((id(code), current.f_lasti))
                current = current.f_back
        return tuple(found)

    def _codes(self, stacks: Iterable[FrameType | None], count: int) -> tuple[CodeType, ...]:
        """The code of the frames that ``stack_of`` has numbered."""
        found: list[CodeType] = []
        for start in stacks:
            frame = start
            while frame is not None and len(found) < count:
                if frame.f_code.co_filename not in self.passed:
                    found.append(frame.f_code)
                frame = frame.f_back
        return tuple(found)

    def _keep(self, origin: Origin, near: Near, codes: tuple[CodeType, ...]) -> Site:
        if len(self.near) >= _MOST_NEAR:
            self.near.clear()
        site = self.near[near] = Site(origin, near, codes)
        return site

    def find(self, stacks: Iterable[FrameType | None]) -> Site:
        """The origin of what runs at the given frame.

        Args:
            stacks: The frame to start at; where a greenlet's stack ends, the frame its parent
                waits at, and so on outward.

        Returns:
            The innermost application frame, else the innermost test frame, else the outermost
            library that is neither a driver nor an ORM. What a library's view asks is that
            library's; what a migration or the tool that runs it asks has a layer of its own.
        """
        known = self._known
        seen = _Seen()
        for start in stacks:
            frame = start
            while frame is not None:
                file = known.get(frame.f_code.co_filename)
                if file is None:
                    file = self._meet(frame)
                owner = file.owner
                if owner is Owner.APPLICATION or owner is Owner.MIGRATION:
                    migrating = seen.migrating or owner is Owner.MIGRATION
                    layer = Layer.MIGRATION if migrating else Layer.APPLICATION
                    return self._site(frame, file, layer, seen.via)
                if owner is Owner.RUNNER:
                    break
                if seen.test is None and frame.f_code.co_name in file.hands_over:
                    return self._library(seen.libraries or [file.name], Layer.LIBRARY)
                seen.pass_by(frame, file)
                frame = frame.f_back
        return self._without_application(seen)

    def hand_over(self, frame: FrameType) -> Handed:
        """Who asks, for another thread that runs what it asks in a copy of a context.

        Returns:
            What is in effect between ``begin_handing`` and ``end_handing``.
        """
        return Handed(self, get_ident(), self.find((frame,)), self.suite_calls.of(frame))

    def _handed(self) -> Handed | None:
        handed = _HANDED.get()
        if handed is None or handed.finder is not self or handed.thread == get_ident():
            return None
        return handed

    def _without_application(self, seen: _Seen) -> Site:
        if seen.migrating:
            return self._library(seen.libraries, Layer.MIGRATION)
        if seen.test is not None:
            file = self._known[seen.test.f_code.co_filename]
            return self._site(seen.test, file, Layer.TEST, seen.test_via)
        if (handed := self._handed()) is not None:
            return self._with_via(handed.site, seen.via)
        return self._library(seen.libraries)

    def _with_via(self, site: Site, via: Via) -> Site:
        """A site with the interface that was only seen in the other thread."""
        if _DEPTHS[via] <= _DEPTHS[site.origin.via]:
            return site
        origin = msgspec.structs.replace(site.origin, via=via)
        return self._handed_sites.setdefault(origin, Site(origin))

    def _file(self, frame: FrameType) -> SourceFile:
        return self._known.get(frame.f_code.co_filename) or self._meet(frame)

    def _meet(self, frame: FrameType) -> SourceFile:
        filename = frame.f_code.co_filename
        file = self._files.classify(
            filename, str(frame.f_globals.get("__name__", "")), frame.f_globals
        )
        self._known[filename] = file
        self.owners[filename] = file.owner
        if file.owner is Owner.LIBRARY or file.owner is Owner.NOBODY:
            self.passed.add(filename)
            if file.name in _CARRIERS or filename.startswith(_OURS):
                self._carried.add(filename)
        return file

    def _site(self, frame: FrameType, file: SourceFile, layer: Layer, via: Via) -> Site:
        code = frame.f_code
        line = frame.f_lineno or code.co_firstlineno
        key = (code.co_filename, line, code.co_name, layer, via)
        site = self._sites.get(key)
        if site is None:
            origin = Origin(file.name, line, function_name(code), layer, via)
            site = self._sites.setdefault(key, Site(origin))
        return site

    def _library(self, names: list[str], layer: Layer | None = None) -> Site:
        """A package that asked by itself; what only the suite's tools ask is the suite's.

        Args:
            names: Top-level packages on the stack, innermost first.
            layer: The layer, where it is known.
        """
        asking = [name for name in names if name not in _CARRIERS and not _is_test_tool(name)]
        tools = [name for name in names if _is_test_tool(name)]
        name = (asking or tools or names or ["python"])[-1]
        layer = layer or (Layer.TEST if tools and not asking else Layer.LIBRARY)
        site = self._libraries.get((name, layer))
        if site is None:
            origin = Origin(file=f"lib:{name}", line=0, function="", layer=layer)
            site = self._libraries.setdefault((name, layer), Site(origin))
        return site


def begin_handing(handed: Handed) -> Token[Handed | None]:
    """Puts who asks into this context."""
    return _HANDED.set(handed)


def end_handing(token: Token[Handed | None]) -> None:
    """Takes it out again, unless a coroutine is closed in another context than it began in."""
    with suppress(ValueError):
        _HANDED.reset(token)


def function_name(code: CodeType) -> str:
    """A function's name as people say it, alike in every Python version.

    Comprehensions and lambdas count as the function they stand in, as Python 3.12 has it for
    comprehensions.
    """
    return code.co_qualname.split(".<locals>.<")[0].replace(".<locals>", "")


def _is_test_tool(name: str) -> bool:
    return name in _TEST_TOOLS or name.startswith("pytest")
