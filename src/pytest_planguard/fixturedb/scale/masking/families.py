"""Stand-ins of each family of types: valid, of like length, in the order of the values.

Every maker gets the distinct values of a family over all columns and returns stand-ins by value;
a value it cannot read or has no room for is missing, and its column then loses its values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

import msgspec

from pytest_planguard.fixturedb.scale.masking import networks
from pytest_planguard.fixturedb.scale.masking.codes import (
    LETTERS,
    Collate,
    alphabet,
    avoiding,
    codes,
)

_BYTES = "".join(map(chr, range(256)))
_LONGEST_LABEL = 255
"""Of an ltree before PostgreSQL 16."""
_WIDER = {2: "\u00e9", 3: "\u4e2d", 4: "\U0001f600"}
"""Letters of as many bytes in UTF-8."""

_JSON = frozenset({"{}", "[]", "null"})
_EMPTY = {"json": _JSON, "jsonb": _JSON, "bytea": frozenset({r"\x"})}


class Request(msgspec.Struct, frozen=True):
    """What stand-ins are wanted for."""

    values: frozenset[str]
    taken: frozenset[str]
    """Values that stay, which no stand-in may be taken for."""
    collation: str
    collate: Collate
    is_utf8: bool


def is_empty(family: str, value: str) -> bool:
    """Whether a value says nothing; such values stay."""
    return not value or value in _EMPTY.get(family, ())


def standins(family: str, request: Request) -> dict[str, str]:
    """Stand-ins by value, of values that are not empty."""
    return _MAKERS[family](request)


def _text(request: Request) -> dict[str, str]:
    """In the collation's order, of as many characters and bytes."""
    ordered = request.collate(sorted(request.values), request.collation)
    letters = alphabet(request.collate, request.collation) if ordered else LETTERS

    def padded(code: str, n: int, length: int) -> str:
        octets = len(ordered[n].encode(errors="replace")) if request.is_utf8 else length
        return code + _filling(length - len(code), octets - len(code), letters)

    found = avoiding([len(value) for value in ordered], letters, padded, request.taken)
    return dict(zip(ordered, found, strict=True))


def _citext(request: Request) -> dict[str, str]:
    """Values that differ in case only are equal."""
    folded = msgspec.structs.replace(
        request,
        values=frozenset(map(str.lower, request.values)),
        taken=frozenset(map(str.lower, request.taken)),
    )
    found = _text(folded)
    return {value: found[value.lower()] for value in request.values}


def _filling(count: int, octets: int, letters: str) -> str:
    """What follows a code that is no other's beginning: so many characters, and bytes if it can be.

    Wider characters come first; a code is in ASCII, so what follows makes up for its bytes.
    """
    if octets <= count:
        return letters[len(letters) // 2] * count
    out = []
    while count > 0:
        width = max(1, min(4, octets - (count - 1)))
        out.append(_WIDER.get(width, letters[len(letters) // 2]))
        count, octets = count - 1, octets - width
    return "".join(out)


def _wrapped(before: str, after: str, longest: int = 0) -> Callable[[Request], dict[str, str]]:
    """Values of an inner structure become one text between two signs, in any one order."""

    def make(request: Request) -> dict[str, str]:
        ordered = sorted(request.values)
        letters = alphabet(request.collate, request.collation) if ordered else LETTERS
        signs = len(before) + len(after)
        lengths = [min(max(1, len(value) - signs), longest or len(value)) for value in ordered]

        def standin(code: str, _: int, length: int) -> str:
            return before + code.ljust(length, letters[len(letters) // 2]) + after

        return dict(zip(ordered, avoiding(lengths, letters, standin, request.taken), strict=True))

    return make


def _bytea(request: Request) -> dict[str, str]:
    r"""``\x…``, in the order of bytes."""
    raw = {value: text for value in request.values if (text := _raw(value)) is not None}
    ordered = sorted(raw, key=raw.__getitem__)

    def standin(code: str, _: int, length: int) -> str:
        return r"\x" + code.ljust(length, _BYTES[128]).encode("latin-1").hex()

    lengths = [len(raw[value]) for value in ordered]
    return dict(zip(ordered, avoiding(lengths, _BYTES, standin, request.taken), strict=True))


def _raw(value: str) -> bytes | None:
    try:
        return bytes.fromhex(value.removeprefix(r"\x")) if value.startswith(r"\x") else None
    except ValueError:
        return None


def _number(bits: int, printed: Callable[[str], str]) -> Callable[[Request], dict[str, str]]:
    """Types that are a number of fixed width, printed as hexadecimal digits and signs."""

    def make(request: Request) -> dict[str, str]:
        read = {value: re.sub(r"[^0-9a-f]", "", value.lower()) for value in request.values}
        digits = {value: text for value, text in read.items() if len(text) == bits // 4}
        distinct = sorted(set(digits.values()))
        step = (1 << bits) // (len(distinct) + 1)
        found: dict[str, str] = {}
        taken = set(map(str.lower, request.taken))
        for place, text in enumerate(distinct, 1):
            number = place * step
            while (candidate := printed(f"{number:0{bits // 4}x}")) in taken:
                number += 1
            found[text] = candidate
        return {value: found[text] for value, text in digits.items()}

    return make


def _uuid(digits: str) -> str:
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _mac(digits: str) -> str:
    return ":".join(re.findall("..", digits))


def _network(request: Request) -> dict[str, str]:
    return networks.standins(request.values, request.taken)


def _lexemes(request: Request) -> dict[str, str]:
    """Shorter ones first, then by bytes (ts_typanalyze.c); the planner looks them up that way."""
    ordered = sorted(request.values, key=_lexeme_order)
    found: dict[str, str] = {}
    held: list[str] = []
    length = place = 0
    while place < len(ordered) or held:
        length += 1
        while place < len(ordered) and len(ordered[place].encode()) <= length:
            held.append(ordered[place])
            place += 1
        if len(held) > len(LETTERS) ** length:
            continue  # no room: all of them become longer, or they would not be in order
        full = _of_length(held, length, request.taken)
        if full is not None:
            found |= full
            held = []
    return found


def _lexeme_order(value: str) -> tuple[int, bytes]:
    return len(value.encode()), value.encode()


def _of_length(values: list[str], length: int, taken: frozenset[str]) -> dict[str, str] | None:
    made = [code.ljust(length, "m") for code in codes([length] * len(values), LETTERS)]
    if taken & set(made) or any(len(code) > length for code in made):
        return None
    return dict(zip(values, made, strict=True))


_MAKERS: Mapping[str, Callable[[Request], dict[str, str]]] = {
    "text": _text,
    "citext": _citext,
    "json": _wrapped('"', '"'),
    "jsonb": _wrapped('"', '"'),
    "xml": _wrapped("<a>", "</a>"),
    "hstore": _wrapped('"', '"=>""'),
    "ltree": _wrapped("", "", _LONGEST_LABEL),
    "bytea": _bytea,
    "uuid": _number(128, _uuid),
    "macaddr": _number(48, _mac),
    "macaddr8": _number(64, _mac),
    "network": _network,
    "tsvector": _lexemes,
}

UNORDERED = frozenset({"json", "jsonb", "xml", "hstore", "ltree"})
"""Families whose stand-ins are not in the order of the values: they have one of their own."""
_JSON_RANK = {"[]": 0, "null": 1, "{}": 3}
"""Among texts (compareJsonbContainers in jsonb_util.c)."""


def in_order(family: str, values: Iterable[str], collate: Collate, collation: str) -> list[str]:
    """Stand-ins and values that stay, in the order of their type; equal ones stay beside."""
    listed = list(values)
    if family in UNORDERED:
        return sorted(listed, key=lambda value: (_JSON_RANK.get(value, 2), value))
    if family == "tsvector":
        return sorted(listed, key=_lexeme_order)
    if family in ("text", "citext"):
        fold = str.lower if family == "citext" else str
        folded = [fold(value) for value in listed]
        place = {v: n for n, v in enumerate(collate(sorted(set(folded)), collation))}
        return sorted(listed, key=lambda value: place[fold(value)])
    if family == "network":
        return sorted(listed, key=networks.order)
    return sorted(listed)
