"""Keys a GIN index has of one value, from the value's text: documents, texts, words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

_LONGEST = 125
"""``JGIN_MAXLENGTH``: longer texts are stored as 8 digits of a hash."""
_WORD = re.compile(r"[^\W_]+")

Place = str
"""Where in a value a key comes from; keys of different places hardly ever are the same."""
_NAMES: Place = ""


def of_document(text: str) -> list[tuple[Place, str]] | None:
    """Keys of a jsonb value by ``jsonb_ops``: names, and texts of scalars; None: it is no JSON.

    The names of an object, and texts that are elements of an array, are keys of one kind.

    >>> of_document('{"a": [1, "x"], "b": null}')
    [('', 'a'), ('$.a[]', '1'), ('$.a[]', 'x'), ('', 'b'), ('$.b', '')]
    """
    value = _parsed(text)
    return None if value is None else list(dict.fromkeys(_names_and_scalars(value[0], "$")))


def of_paths(text: str) -> list[tuple[Place, str]] | None:
    """Keys by ``jsonb_path_ops``: a hash of each scalar and its path."""
    keys = of_document(text)
    return None if keys is None else [key for key in keys if key[0] != _NAMES]


def of_trigrams(text: str) -> list[tuple[Place, str]]:
    """Keys by ``gin_trgm_ops``: each three letters of a word with two blanks before, one after.

    >>> [key for _, key in of_trigrams("Ab-a")]
    ['  a', ' ab', 'ab ', ' a ']
    """
    words = [f"  {word} " for word in _WORD.findall(text.lower())]
    found = dict.fromkeys(word[n : n + 3] for word in words for n in range(len(word) - 2))
    return [("", key) for key in found]


def width(key: str) -> int:
    """Bytes of a text key in an index: a short header, the kind's flag, at most a hash.

    >>> width("page"), width("x" * 200)
    (6, 10)
    """
    length = len(key.encode())
    return 2 + (length if length <= _LONGEST else 8)


def _parsed(text: str) -> tuple[object] | None:
    try:
        return (json.loads(text, parse_float=str, parse_int=str),)
    except ValueError:
        return None


def _names_and_scalars(value: object, place: str) -> Iterator[tuple[Place, str]]:
    match value:
        case dict():
            for name, inner in value.items():
                yield _NAMES, name
                yield from _names_and_scalars(inner, f"{place}.{name}")
        case list():
            for inner in value:
                yield from _names_and_scalars(inner, f"{place}[]")
        case None:
            yield place, ""
        case bool():
            yield place, "t" if value else "f"
        case _:
            yield place, str(value)
