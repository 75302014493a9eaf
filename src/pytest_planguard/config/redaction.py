"""``redact`` and ``redact-values``: what must not leave the process that runs the tests."""

from __future__ import annotations

import re

from pytest_planguard.config.checks import Mistakes, Reader, shown
from pytest_planguard.config.options import Options
from pytest_planguard.model.redaction import EVERYTHING, Redaction

_PART = r"(?:[^\s.,]+)"
_COLUMN = re.compile(rf"{_PART}(?:\.{_PART}){{1,2}}")


def read_redaction(reader: Reader, options: Options) -> Redaction:
    """What is to be redacted: what the file says, and an option or the environment besides.

    They add up: nobody takes back by a slip what the file protects.
    """
    columns = list(reader.text_or_texts("redact"))
    for column in columns:
        _check_column(reader.mistakes, reader.name("redact"), column)
    where, given = options.get("redact", ("", ""))
    more = re.split(r"[,\s]+", given) if isinstance(given, str) else list(given)
    for column in filter(None, more):
        _check_column(reader.mistakes, where, column)
        columns.append(column)
    return Redaction(tuple(dict.fromkeys(columns)), _expressions(reader))


def _check_column(mistakes: Mistakes, name: str, column: str) -> None:
    if column != EVERYTHING and not _COLUMN.fullmatch(column):
        mistakes.add(
            name,
            f'found {shown(column)}, wanted TABLE.COLUMN such as "users.email" or "*.token", '
            'or "*" for every value',
        )


def _expressions(reader: Reader) -> tuple[str, ...]:
    found = reader.text_or_texts("redact-values")
    for one in found:
        try:
            is_empty = re.compile(one).search("") is not None
        except re.error as error:
            reader.wrong("redact-values", f"found {shown(one)}, no regular expression: {error}")
            continue
        if is_empty:
            reader.wrong("redact-values", f"found {shown(one)}, which is found in every value")
    return found
