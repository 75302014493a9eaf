"""Reads a TOML table key by key and collects every mistake instead of stopping at the first."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any

RULE_CODE = re.compile(r"[A-Z]{1,3}|[A-Z]{3}\d{1,3}")
"""A rule's code or the beginning of one: ``P``, ``PLN``, ``PLN0``, ``PLN001``."""


class Mistakes:
    """What is wrong, by dotted name, in the order of reading."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def add(self, name: str, sentence: str) -> None:
        """Notes one mistake."""
        self.found.append(f"{name}: {sentence}")


class Reader:
    """One table; every key that is asked for is known, all others are mistakes.

    Args:
        values: The table, as ``tomllib`` gives it.
        path: Its dotted name, empty for the top.
        mistakes: Where mistakes go.
    """

    def __init__(self, values: Mapping[str, Any], path: str, mistakes: Mistakes) -> None:
        self.values = values
        self.path = path
        self.mistakes = mistakes
        self._known: set[str] = set()

    def name(self, key: str) -> str:
        """The dotted name of a key."""
        return f"{self.path}.{key}" if self.path else key

    def wrong(self, key: str, sentence: str) -> None:
        """Notes a mistake at a key."""
        self.mistakes.add(self.name(key), sentence)

    def has(self, key: str) -> bool:
        """Whether the key is given."""
        self._known.add(key)
        return key in self.values

    def text(self, key: str, default: str = "") -> str:
        """A string that is not empty."""
        value: str = self._typed(key, str, "a string", default)
        if self.has(key) and value == "":
            self.wrong(key, 'found "", wanted a string that is not empty')
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """An array of strings."""
        value = self._typed(key, list, "an array of strings", [])
        good = [item for item in value if isinstance(item, str)]
        for item in value:
            if not isinstance(item, str):
                self.wrong(key, f"found {shown(item)} in the array, wanted strings")
        return tuple(good)

    def text_or_texts(self, key: str) -> tuple[str, ...]:
        """A string or an array of them."""
        if isinstance(self.values.get(key), str):
            return (self.text(key),)
        return self.texts(key)

    def flag(self, key: str, default: bool = False) -> bool:
        """``true`` or ``false``."""
        value: bool = self._typed(key, bool, "true or false", default)
        return value

    def number(
        self, key: str, default: float | None, least: float, most: float | None = None
    ) -> float | None:
        """A number from ``least`` to ``most``."""
        value = self.values.get(key)
        if not self.has(key):
            return default
        top = "" if most is None else f" to {most:g}"
        wanted = f"a number from {least:g}{top}" if top else f"a number of at least {least:g}"
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            self.wrong(key, f"found {shown(value)}, wanted {wanted}")
            return default
        if not least <= value <= (most if most is not None else float("inf")):
            self.wrong(key, f"found {value}, wanted {wanted}")
            return default
        return float(value)

    def integer(self, key: str, default: int | None, least: int) -> int | None:
        """A whole number of at least ``least``."""
        value = self.number(key, default, least)
        if value is not None and value != int(value):
            self.wrong(key, f"found {value:g}, wanted a whole number")
            return default
        return None if value is None else int(value)

    def choice(self, key: str, choices: Iterable[str], default: str) -> str:
        """One of a few words."""
        value = self._typed(key, str, "a string", default)
        return value if check_choice(self.mistakes, self.name(key), value, choices) else default

    def codes(self, key: str) -> tuple[str, ...]:
        """Codes of rules or their beginnings, as an array or with commas between."""
        codes = tuple(code for item in self.text_or_texts(key) for code in split_codes(item))
        return tuple(code for code in codes if check_code(self.mistakes, self.name(key), code))

    def table(self, key: str) -> Reader:
        """A table below this one; empty where it is not given."""
        return Reader(self._typed(key, dict, "a table", {}), self.name(key), self.mistakes)

    def tables(self, key: str) -> list[Reader]:
        """An array of tables."""
        items = self._typed(key, list, f"an array of tables, [[…{key}]]", [])
        readers = []
        for position, item in enumerate(items):
            if isinstance(item, dict):
                readers.append(Reader(item, f"{self.name(key)}[{position}]", self.mistakes))
            else:
                self.wrong(key, f"found {shown(item)} in the array, wanted tables [[…{key}]]")
        return readers

    def each(self) -> list[tuple[str, Reader]]:
        """The tables below, whatever their names; for tables whose keys are names."""
        return [(key, self.table(key)) for key in self.values]

    def finish(self) -> None:
        """Notes every key nobody asked for."""
        for key in self.values:
            if key not in self._known:
                self.wrong(key, f"unknown key{did_you_mean(key, self._known)}")

    def _typed(self, key: str, kind: type, wanted: str, default: Any) -> Any:
        if not self.has(key):
            return default
        value = self.values[key]
        if isinstance(value, kind):
            return value
        self.wrong(key, f"found {shown(value)}, wanted {wanted}")
        return default


def check_choice(mistakes: Mistakes, name: str, value: str, choices: Iterable[str]) -> bool:
    """Notes a value that is none of the choices; whether it is one."""
    known = list(choices)
    if value in known:
        return True
    words = ", ".join(known)
    found = f'found "{value}", wanted one of {words}{did_you_mean(value, known)}'
    mistakes.add(name, found)
    return False


def check_code(mistakes: Mistakes, name: str, code: str) -> bool:
    """Notes what is no rule's code nor the beginning of one; whether it is one."""
    if wrong := wrong_code(code):
        mistakes.add(name, wrong)
    return not wrong


def wrong_code(code: str) -> str:
    """What is wrong with a rule's code or the beginning of one; empty: nothing.

    Raises:
        ConfigurationError: A rule of another distribution can't be loaded.
    """
    upper = code.upper()
    if not RULE_CODE.fullmatch(code):
        guess = f'; did you mean "{upper}"?' if RULE_CODE.fullmatch(upper) else ""
        return f'found "{code}", wanted a rule code such as PLN001 or PLN{guess}'
    from pytest_planguard import registry  # rules bring the parser: only who names one pays for it

    known = registry.rules().keys()
    if any(one.startswith(code) for one in known):
        return ""
    return f'there is no rule "{code}"{did_you_mean(code, known)}'


def split_codes(text: str) -> list[str]:
    """Codes between commas or blanks."""
    return [code for code in re.split(r"[,\s]+", text) if code]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a sentence that names the closest known word, or nothing."""
    close = difflib.get_close_matches(word.replace("_", "-"), sorted(known), n=1, cutoff=0.55)
    return f'; did you mean "{close[0]}"?' if close else ""


def shown(value: object) -> str:
    """A value as a message shows it: short, and as TOML would write it."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return f'"{value}"' if len(value) < 60 else f'"{value[:57]}…"'
        case dict():
            return "a table"
        case list():
            return "an array"
        case _:
            return str(value)
