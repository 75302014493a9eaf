"""What commands share: options, the configuration, captures, progress and output."""

from __future__ import annotations

import difflib
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pytest_planguard.errors import CaptureError, ConfigurationError

if TYPE_CHECKING:
    from pytest_planguard.config import Config
    from pytest_planguard.model.capture import Capture
    from pytest_planguard.model.report import Report
    from pytest_planguard.model.schema import Schema

_Command = TypeVar("_Command", bound=Callable[..., Any])

Progress = Callable[[str], None]
"""Told in a few words what is being done."""

captures_argument = click.argument(
    "captures", nargs=-1, metavar="[CAPTURE]...", type=click.Path(path_type=Path)
)


def server_options(command: _Command) -> _Command:
    """The option every command with a fixture database has."""
    return click.option("--db", metavar="URL", help="A PostgreSQL server to use.")(command)


def run_options(command: _Command) -> _Command:
    """The options pytest has too, without the prefix."""
    options = (
        click.option("--fail-on", metavar="none|error|warning", help="What fails; default error."),
        click.option(
            "--fail-on-growth",
            is_flag=True,
            default=None,
            help="Fail, too, for what got worse because tables grew.",
        ),
        click.option(
            "--report",
            metavar="TYPE[:PATH]",
            multiple=True,
            help="term, github, json, markdown, html, sarif, junit, gitlab; repeatable.",
        ),
        click.option("--baseline", metavar="DIR", help="Default: planguard/baseline."),
        click.option("--select", metavar="CODES", help="Rules to run, as in ruff: PLN, IDX001."),
        click.option("--ignore", metavar="CODES", help="Rules not to run."),
        click.option("-v", "--verbose", is_flag=True, help="Plans before and after."),
        click.option("-q", "--quiet", is_flag=True, help="The verdict, one line a finding."),
        server_options,
    )
    for option in reversed(options):
        command = option(command)
    return command


def load_config(given: Mapping[str, Any] | None = None, *, pulling: bool = False) -> Config:
    """The configuration of the project the current directory is in.

    Args:
        given: Options of the command; those that are none of the configuration's are left out.
        pulling: A statistics file that is named may be missing: it is about to be written.
    """
    from pytest_planguard.config import OPTIONS, find_root, load

    overrides = {name: value for name, value in (given or {}).items() if name in OPTIONS}
    if overrides.get("baseline"):
        overrides["baseline"] = str(Path.cwd() / overrides["baseline"])
    overrides["report"] = [_from_here(one) for one in overrides.get("report") or ()]
    return load(find_root(Path.cwd()), overrides, pulling=pulling)


def _from_here(destination: str) -> str:
    """``TYPE:PATH`` with the path as the caller's shell means it; the configuration's is not."""
    name, colon, path = destination.partition(":")
    return f"{name}:{Path.cwd() / path}" if path and path != "-" else f"{name}{colon}{path}"


def read_captures(config: Config, paths: Sequence[Path]) -> Capture:
    """The captures merged; without a path, the default one.

    Raises:
        CaptureError: One is not there or cannot be read, is of another project, or of another
            commit than the others.
    """
    from pytest_planguard.capture import file, merge
    from pytest_planguard.capture.origins import checked

    if not paths and not config.capture_file.is_file():
        raise CaptureError(
            f"there is no capture at {config.capture_file}",
            hint="run pytest --planguard-capture-only, or name a capture file",
        )
    captures = {str(path): file.read(path) for path in paths or (config.capture_file,)}
    found = checked(captures, config.project)
    return found[0] if len(found) == 1 else merge.merge(found)


def default_capture(config: Config) -> Capture | None:
    """The last run's capture; None where there is none."""
    return read_captures(config, ()) if config.capture_file.is_file() else None


def schema_for(config: Config, database: str) -> Schema | None:
    """The schema the tests' database had, where it is to be cloned; else None.

    Raises:
        ServerError: The server named by its URL can't be reached.
        SchemaError: None was seen.
    """
    from pytest_planguard.fixturedb.providers.url import as_its_role_allows

    spec = config.databases[database]
    if spec.schema != "clone" or as_its_role_allows(spec).as_is:
        return None
    from pytest_planguard.model.capture import Capture
    from pytest_planguard.pipeline.fixtures import cloned_schema

    return cloned_schema(config, database, default_capture(config) or Capture(()))


def chosen_database(config: Config, name: str | None) -> str:
    """The database asked for, or the only one.

    Raises:
        ConfigurationError: There is none of that name, or several and none was named.
    """
    known = sorted(config.databases)
    if name is None and len(known) == 1:
        return known[0]
    if name in known:
        return name
    found = f'there is no database "{name}"' if name else "there are several databases"
    raise ConfigurationError(
        found + did_you_mean(name or "", known), hint=f"--database one of {', '.join(known)}"
    )


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a sentence that names the closest known word, or nothing."""
    close = difflib.get_close_matches(word, sorted(known), n=1)
    return f'; did you mean "{close[0]}"?' if close else ""


def emit(config: Config, report: Report, *, verbose: bool = False, quiet: bool = False) -> None:
    """Writes the reports that are configured.

    Raises:
        PlanguardError: One could not be written; all others are.
    """
    from pytest_planguard.report.write import NotWrittenError, write

    try:
        text = write(
            report,
            config.reports,
            config.root,
            color=colored(),
            width=columns(),
            verbose=verbose,
            quiet=quiet and not verbose,
            wrap=sys.stdout.isatty(),
        )
    except NotWrittenError as error:
        click.echo(error.text, nl=False)
        raise
    click.echo(text, nl=False)


def colored() -> bool:
    """Whether standard output shows colours (https://no-color.org)."""
    is_dumb = os.environ.get("TERM") == "dumb"
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and not is_dumb


def columns() -> int:
    """Width of the terminal, or of COLUMNS; 80 where there is none."""
    return shutil.get_terminal_size((80, 24)).columns


@contextmanager
def progress() -> Iterator[Progress]:
    """Shows what is being done, on a terminal only."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.markup import escape

    with Console(stderr=True).status("planguard") as status:
        yield lambda text: status.update(escape(text))
