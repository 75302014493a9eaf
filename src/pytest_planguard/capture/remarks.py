"""Comments on the lines that asked: read once the tests have run, so that captures carry them."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from pathlib import Path

from pytest_planguard.capture.taken import Taken
from pytest_planguard.model.silence import Remark, may_hold_one, silence_in
from pytest_planguard.model.statement import Layer, Origin

_OURS = frozenset({Layer.APPLICATION, Layer.TEST})


def remarks(taken: Taken, root: Path) -> tuple[Remark, ...]:
    """What the lines say in all files of the project that sent or opened something.

    Args:
        taken: What was sent.
        root: pytest's root, which file names of origins are relative to.
    """
    files = {
        origin.file
        for origin in _origins(taken)
        if origin.layer in _OURS and not origin.file.startswith("lib:")
    }
    return tuple(one for file in sorted(files) for one in _of_file(file, root / file))


def _origins(taken: Taken) -> Iterator[Origin]:
    yield from taken.origins
    yield from (one.origin for one in taken.rest.pools)
    yield from (one.origin for one in taken.rest.opened)
    yield from (one.origin for one in taken.rest.held)


def _of_file(name: str, path: Path) -> Iterator[Remark]:
    try:
        with tokenize.open(path) as file:
            text = file.read()
    except (OSError, SyntaxError, UnicodeDecodeError):
        return  # a template, or a file that is gone: it holds no comment of Python's
    if may_hold_one(text):
        yield from remarks_in(name, text)


def remarks_in(name: str, text: str) -> Iterator[Remark]:
    """The remarks of a module's text; none where it is no Python.

    A statement of several lines is one: the comment may stand on any of them.
    """
    try:
        spans = list(_spans(ast.parse(text)))
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (SyntaxError, ValueError, tokenize.TokenError):
        return
    for token in tokens:
        silence = silence_in(token.string[1:]) if token.type == tokenize.COMMENT else None
        if silence is not None:
            line = token.start[0]
            around = [span for span in spans if span[0] <= line <= span[1]]
            first, last = min(around, key=lambda one: one[1] - one[0], default=(line, line))
            yield Remark(name, line, first, last, silence)


def _spans(tree: ast.Module) -> Iterator[tuple[int, int]]:
    """First and last line of every statement; of a compound one those of its head."""
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            last = node.end_lineno or node.lineno
            yield node.lineno, max(node.lineno, body[0].lineno - 1) if body else last
