"""What comments of a statement say about rules; the normal form has no comments."""

from __future__ import annotations

from collections.abc import Iterator

from pglast import parser

from pytest_planguard.model.silence import Silence, may_hold_one, silence_in


def silences(text: str) -> tuple[Silence, ...]:
    """The silences of a text the parser takes, sorted, each once.

    >>> silences("SELECT /* planguard: ignore[PLN001] small */ 1")
    (Silence(codes=('PLN001',), reason='small', mistake=''),)
    """
    return tuple(sorted(set(_found(text)))) if may_hold_one(text) else ()


def _found(text: str) -> Iterator[Silence]:
    for token in parser.scan(text):
        raw = text[token.start : token.end + 1]
        if token.name == "C_COMMENT":
            silence = silence_in(raw[2:-2])
        elif token.name == "SQL_COMMENT":
            silence = silence_in(raw[2:])
        else:
            continue
        if silence is not None:
            yield silence
