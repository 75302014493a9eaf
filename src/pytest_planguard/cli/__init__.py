"""The command line: results on standard output, everything else on standard error."""

from __future__ import annotations

import importlib
import importlib.metadata
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

import click

from pytest_planguard.errors import PlanguardError

COMMANDS = {
    "baseline": "Look at what was accepted, and accept more.",
    "check": "Plan, judge and compare what test runs captured.",
    "comment": "A pull request's comment, from JSON reports.",
    "db": "The fixture database: build, look, connect, stop.",
    "doctor": "Versions, drivers, servers, and whether sizes come out right.",
    "explain": "One statement at production scale, with findings and advice.",
    "migrations": "What a migration locks, reads and rewrites at production's size.",
    "rule": "What a rule means and does.",
    "statistics": "Production's statistics: pull, look, grow.",
    "upgrade": "What another server major makes of the captured queries.",
    "verify": "Whether a real database plans the captured queries alike.",
}
"""By name: what ``--help`` says, without importing any."""

INTERRUPTED = 130
"""What shells expect after Ctrl-C."""


class Commands(click.Group):
    """Imports a command only when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Names, sorted."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name; None where there is none."""
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        module = importlib.import_module(f"{__name__}.{cmd_name}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Adds a guess to click's error."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from pytest_planguard.cli.common import did_you_mean

            sentence = error.message.rstrip(".") + did_you_mean(args[0], COMMANDS)
            raise click.UsageError(sentence, ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Name and sentence of each."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))


@click.command(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit status: 0 nothing at or above the level, 1 findings, 2 usage or configuration, "
    "3 environment or incomplete data.",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda ctx, _, wanted: _show_version(ctx) if wanted else None,
    help="Show the version and exit.",
)
def commands() -> None:
    """Fails the build when a query of your test suite would plan badly at production scale."""


def _show_version(ctx: click.Context) -> None:
    try:
        version = importlib.metadata.version("pytest-planguard")
    except importlib.metadata.PackageNotFoundError:
        version = "(from a folder, not installed)"
    click.echo(f"pytest-planguard {version}")
    ctx.exit()


def run(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and gives its exit status.

    Args:
        arguments: Of the command line, without the program's name; None: this process's.
    """
    _allow_any_character()
    try:
        status = commands.main(
            args=list(arguments) if arguments is not None else None,
            prog_name="pytest-planguard",
            standalone_mode=False,
        )
    except click.exceptions.Abort:
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except click.ClickException as error:
        error.show()
        return 2
    except PlanguardError as error:
        click.echo(f"error: {error}", err=True)
        return error.exit_status
    except BrokenPipeError:
        sys.stderr.close()  # nobody reads on; Python would complain while it flushes
        return 3
    except Exception:  # noqa: BLE001 - Python's own status 1 would mean findings
        traceback.print_exc()
        return 3
    return status if isinstance(status, int) else 0


def main() -> NoReturn:
    """The console script."""
    sys.exit(run())


def _allow_any_character() -> None:
    """A terminal that knows no arrow gets an escape instead of an error."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
