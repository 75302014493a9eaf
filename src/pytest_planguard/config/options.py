"""Options and ``PLANGUARD_<OPTION>``: an option beats the environment, which beats the file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from pytest_planguard.config.checks import (
    Mistakes,
    Reader,
    check_choice,
    check_code,
    split_codes,
)

OPTIONS = (
    "baseline", "capture_file", "db", "fail_on", "fail_on_growth", "ignore", "redact", "report",
    "select",
)  # fmt: skip
"""Options the environment (``PLANGUARD_<OPTION>``) and callers may give."""

FAIL_ON = ("none", "error", "warning")
_FLAGS = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}

Options: TypeAlias = dict[str, tuple[str, Any]]
"""By option: where it was given, for messages, and the value."""


def read_options(
    overrides: Mapping[str, Any], environ: Mapping[str, str], mistakes: Mistakes
) -> Options:
    """What was given, an option before the environment.

    Raises:
        TypeError: An option that does not exist: the caller's mistake, not the user's.
    """
    unknown = set(overrides) - set(OPTIONS)
    if unknown:
        raise TypeError(f"unknown options {sorted(unknown)}, known are {list(OPTIONS)}")
    given: Options = {}
    for option in OPTIONS:
        variable = f"PLANGUARD_{option.upper()}"
        value = overrides.get(option)
        if value is not None and value not in ([], ()):
            given[option] = (f"option {option.replace('_', '-')}", value)
        elif environ.get(variable):
            given[option] = (variable, environ[variable])
    if "fail_on" in given:
        name, value = given["fail_on"]
        if not check_choice(mistakes, name, value, FAIL_ON):
            del given["fail_on"]
    if "fail_on_growth" in given:
        name, value = given["fail_on_growth"]
        if check_choice(mistakes, name, str(value).lower(), _FLAGS):
            given["fail_on_growth"] = (name, _FLAGS[str(value).lower()])
        else:
            del given["fail_on_growth"]
    return given


def codes(reader: Reader, key: str, options: Options) -> tuple[str, ...]:
    """Codes of an option; ``ignore`` in the file is another thing, an array of tables."""
    configured = reader.codes(key) if key == "select" else ()
    if key not in options:
        return configured
    name, value = options[key]
    items = [value] if isinstance(value, str) else list(value)
    found = [code for item in items for code in split_codes(item)]
    return tuple(code for code in found if check_code(reader.mistakes, name, code))


def path(reader: Reader, key: str, default: str, root: Path, options: Options) -> Path:
    """A file or folder, relative to the root."""
    text = reader.text(key, default)
    _, given = options.get(key.replace("-", "_"), ("", text))
    return root / str(given)


def reports(reader: Reader, options: Options) -> tuple[str, ...]:
    """Destinations of reports, ``TYPE[:PATH]`` each; the environment puts blanks between."""
    configured = reader.text_or_texts("report") or ("term",)
    if "report" not in options:
        return configured
    value = options["report"][1]
    return tuple(value.split()) if isinstance(value, str) else tuple(value)
