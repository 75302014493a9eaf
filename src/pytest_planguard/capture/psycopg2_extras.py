"""Rows that ``execute_values`` and ``execute_batch`` of psycopg 2 put into one text.

Both join what they were given and call the cursor's ``execute``. The statement the application
wrote, and its rows one by one, are still in their frame. Which pages belong to one call of
``execute_batch`` its frame does not tell (CPython uses frames again, and rows may be one object):
the function that makes them marks them.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable, Iterator
from types import CodeType, FrameType
from typing import Any, NamedTuple

from pytest_planguard.capture.origin import Site
from pytest_planguard.capture.psycopg2_composed import text_of
from pytest_planguard.capture.shapes import Apart, asked

_MOST_CURSORS = 1_000
"""Remembered at most; forgetting one counts its next page as another call."""


class Rows:
    """The rows of one page; ``site`` is None until the first one was counted."""

    def __init__(self, rows: Iterator[Apart], last: _Call) -> None:
        self._rows = rows
        self._last = last

    def __iter__(self) -> Iterator[Apart]:
        return self._rows

    @property
    def site(self) -> Site | None:
        """Where the call came from that this page belongs to."""
        return self._last.site

    @site.setter
    def site(self, site: Site | None) -> None:
        self._last.site = site


class _Call:
    """One call of ``execute_values`` or ``execute_batch``, which may send many pages."""

    __slots__ = ("site", "token")

    def __init__(self, token: object) -> None:
        self.token = token
        self.site: Site | None = None


class _Codes(NamedTuple):
    """The code of the library's functions."""

    file: str
    values: CodeType
    batch: CodeType


class _Page(list[Any]):
    """Rows that are sent together; ``call`` is one object for all pages of a call."""

    __slots__ = ("call",)

    def __init__(self, call: object, rows: Iterable[Any]) -> None:
        super().__init__(rows)
        self.call = call


def marked(original: Callable[..., Any]) -> Callable[..., Any]:
    """The library's ``_paginate``, whose pages say which call they belong to.

    ``map`` has no frame of its own, so an error of the application's iterator keeps its traceback.
    """

    @functools.wraps(original)
    def paginate(*args: Any, **kwargs: Any) -> Any:
        return map(functools.partial(_Page, object()), original(*args, **kwargs))

    return paginate


class Pages:
    """Tells pages from statements, and which pages belong together."""

    def __init__(self) -> None:
        self.file = ""
        """Whose code sends pages; empty until the library's extras were imported."""
        self._codes: _Codes | None = None
        self._calls: dict[int, _Call] = {}

    def find(self) -> None:
        """Looks for the library's functions, once its extras were imported."""
        extras = sys.modules.get("psycopg2.extras")
        values = getattr(getattr(extras, "execute_values", None), "__code__", None)
        batch = getattr(getattr(extras, "execute_batch", None), "__code__", None)
        if values is not None and batch is not None:
            self.file = values.co_filename
            self._codes = _Codes(values.co_filename, values, batch)

    def read(self, cursor: Any, caller: FrameType | None) -> Rows | None:
        """The rows of what a cursor has sent just now.

        Args:
            cursor: The library's.
            caller: The frame that called ``execute``.

        Returns:
            None where it was no page.
        """
        codes = self._codes
        if codes is None or caller is None or caller.f_code.co_filename != codes.file:
            return None
        frame: FrameType | None = caller
        while frame is not None and frame.f_code.co_filename == codes.file:
            if frame.f_code is codes.values:
                return self._values(cursor, frame.f_locals)
            if frame.f_code is codes.batch:
                return self._batch(cursor, frame.f_locals)
            frame = frame.f_back
        return None

    def _values(self, cursor: Any, names: dict[str, Any]) -> Rows:
        before, after = names["pre"], names["post"]
        template = names["template"]
        template = template if isinstance(template, bytes) else str(template).encode()
        rows = names["parts"][len(before) : len(names["parts"]) - len(after) : 2]
        # The list of pieces is made once for each call.
        call = self._call(cursor, before)
        return Rows(_read_values(b"".join(before), rows, b"".join(after), template), call)

    def _batch(self, cursor: Any, names: dict[str, Any]) -> Rows:
        query, page = names["sql"], names["page"]
        if hasattr(query, "as_string"):
            query = text_of(query, cursor, literal="%s") or ""
        query = query if isinstance(query, bytes) else str(query).encode()
        # A page without a mark, of a library that changed, is a call of its own.
        call = self._call(cursor, page.call if isinstance(page, _Page) else object())
        return Rows(_read_batch(query, names["sqls"]), call)

    def _call(self, cursor: Any, token: object) -> _Call:
        call = self._calls.get(id(cursor))
        if call is None or call.token is not token:
            if len(self._calls) >= _MOST_CURSORS:
                self._calls.clear()
            call = self._calls[id(cursor)] = _Call(token)
        return call


def _read_values(head: bytes, rows: list[bytes], tail: bytes, template: bytes) -> Iterator[Apart]:
    for row in rows:
        text, types, values = asked(template).bound(row)
        yield head + text + tail, types, values


def _read_batch(query: bytes, rows: list[bytes]) -> Iterator[Apart]:
    return map(asked(query).bound, rows)
