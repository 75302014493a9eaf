"""What a comment says: reports read back, and what the pull request accepted of each."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from pytest_planguard.errors import BaselineError, ConfigurationError

if TYPE_CHECKING:
    from pytest_planguard.report.comment import Section

_NAMED = re.compile(r"([^/\\=]+)=(.+)")
_OWN_FOLDER = ".planguard"
_NO_BASE = "git's history does not reach back to the base (fetch-depth: 0 would)"
_NO_BASES = "nothing tells what it is compared with (--base would)"
_ONLY_UPDATE = "<!-- only where there is a comment already -->\n"
"""The last line of a text that was left although there was nothing new to say."""


class Source(msgspec.Struct, frozen=True):
    """One report to be told of."""

    title: str
    file: Path


def sources(arguments: Sequence[str], root: Path) -> tuple[Source, ...]:
    """``[NAME=]REPORT.json`` each; none: the one a run writes by itself.

    Raises:
        ConfigurationError: A file is named twice.
    """
    found = tuple(map(_source, arguments)) or (Source("", root / _OWN_FOLDER / "report.json"),)
    found = _told_apart(found, arguments)
    files = [one.file.resolve() for one in found]
    twice = {str(one.file) for one in found if files.count(one.file.resolve()) > 1}
    if twice:
        raise ConfigurationError(
            f"{', '.join(sorted(twice))} is named twice", hint="name each report once"
        )
    return found


def _source(argument: str) -> Source:
    named = _NAMED.fullmatch(argument)
    if named and not Path(argument).exists():
        return Source(named[1], Path(named[2]))
    return Source(_title(Path(argument)), Path(argument))


def _told_apart(found: tuple[Source, ...], arguments: Sequence[str]) -> tuple[Source, ...]:
    """Files of one name are told apart by where they lie; names that were given stay."""
    titles = [one.title for one in found]
    return tuple(
        Source(_where(one.file), one.file)
        if titles.count(one.title) > 1 and Path(argument) == one.file
        else one
        for one, argument in zip(found, arguments or [""], strict=True)
    )


def _title(file: Path) -> str:
    """The service's folder, or the file's own name where that says something.

    >>> _title(Path("services/orders/.planguard/report.json")), _title(Path("orders.json"))
    ('services/orders', 'orders')
    >>> _title(Path("billing/report.json"))
    'billing'
    """
    if file.parent.name == _OWN_FOLDER:
        return _named_folder(file.parent.parent)
    return _named_folder(file.parent) if file.stem == "report" else file.stem


def _named_folder(folder: Path) -> str:
    return folder.as_posix() if folder.name else folder.resolve().name


def _where(file: Path) -> str:
    return file.with_suffix("").as_posix()


def sections(found: Sequence[Source], baseline: Path | None, bases: Sequence[str]) -> list[Section]:
    """What the comment is made of.

    Args:
        found: The reports.
        baseline: Of all of them; None: each one's own, by the configuration beside it.
        bases: Revisions the pull request is compared with.

    Raises:
        ReportError: A report cannot be read.
        ConfigurationError: The configuration beside one is wrong.
    """
    from pytest_planguard.report.comment import Section
    from pytest_planguard.report.read import read

    told: set[Path] = set()
    made = []
    for source in found:
        section = Section(source.title, read(source.file))
        folder = baseline or _baseline_of(source.file)
        if folder.is_dir() and folder.resolve() not in told:
            told.add(folder.resolve())
            section = _with_acceptances(section, folder, bases)
        made.append(section)
    return made


def _baseline_of(report: Path) -> Path:
    """The baseline of the project a report lies in, or of the one we are in."""
    from pytest_planguard.config import find_root, load

    beside = load(find_root(report.parent)).baseline
    return beside if beside.is_dir() else load(find_root(Path.cwd())).baseline


def _with_acceptances(section: Section, folder: Path, bases: Sequence[str]) -> Section:
    from pytest_planguard.baseline import files
    from pytest_planguard.baseline.accepted import accepted
    from pytest_planguard.cli.revisions import baseline_at, merge_base

    why = "there is no git history to ask"
    try:
        base = merge_base(folder, bases)
        if base is None:
            why = _NO_BASE if bases else _NO_BASES
            return msgspec.structs.replace(section, why_unknown=why)
        why = "a file of the baseline cannot be read"
        accepts = accepted(baseline_at(base, folder), files.read(folder))
    except BaselineError:  # its words name paths of this machine
        return msgspec.structs.replace(section, why_unknown=why)
    return msgspec.structs.replace(section, accepted=accepts)


def to_leave(text: str, *, wanted: bool) -> str:
    """The text as a file for another workflow: whether it makes a first comment is kept in it."""
    return text if wanted else text + _ONLY_UPDATE


def left_text(file: Path, marker: str, longest: int) -> tuple[str, bool]:
    """The comment an earlier run left, and whether it makes a first one.

    Raises:
        ConfigurationError: It is not there, too long, or no comment with that marker: whoever may
            write comments must not be made to write others than ours.
    """
    try:
        size = file.stat().st_size
        whole = file.read_text(encoding="utf-8") if size <= 4 * longest else ""
    except (OSError, UnicodeDecodeError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or "it is no UTF-8"
        raise ConfigurationError(
            f"{file} cannot be read: {reason}", hint="name the file that `comment` left"
        ) from None
    text = whole.removesuffix(_ONLY_UPDATE)
    if not text.startswith(f"{marker}\n") or len(text) > longest:
        raise ConfigurationError(
            f"{file} is no comment of planguard's with that tag",
            hint="name the file that `comment` left, and the same --tag",
        )
    return text, text == whole


def append_summary(text: str) -> None:
    """Adds the text to the job's summary, where GitHub Actions has one; that may fail."""
    file = os.environ.get("GITHUB_STEP_SUMMARY", "")
    if not file:
        return
    from contextlib import suppress

    with suppress(OSError), Path(file).open("a", encoding="utf-8") as summary:
        summary.write(text.partition("\n")[2] + "\n")
