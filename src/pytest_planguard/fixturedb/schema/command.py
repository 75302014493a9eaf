"""The schema from a command of the project's own, as ``alembic upgrade head``."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from pytest_planguard.conninfo import without_password
from pytest_planguard.errors import SchemaError

TIME_LIMIT = 600
"""Seconds."""

_LAST_LINES = 20
_SHELL = ("&&", "||", "|", ";", ">", "<", "$", "`")
_VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
}


def run(command: str, root: Path, url: str, conninfo: str) -> None:
    """Runs the command with the empty database in its environment.

    Args:
        command: As configured; with shell signs in it, the shell runs it.
        root: Where it runs.
        url: The database, for ``DATABASE_URL`` and ``PLANGUARD_DATABASE_URL``.
        conninfo: The same for libpq's variables.

    Raises:
        SchemaError: It cannot be started, fails or takes longer than ten minutes.
    """
    run_checked(arguments(command), root, environment(os.environ, url, conninfo), command)


def arguments(command: str) -> list[str]:
    """The words of a command, or the shell with it where it needs one.

    >>> arguments("alembic -x 'a b' upgrade head")
    ['alembic', '-x', 'a b', 'upgrade', 'head']
    >>> arguments("make db && ./load")
    ['/bin/sh', '-c', 'make db && ./load']
    """
    if any(sign in command for sign in _SHELL):
        return ["/bin/sh", "-c", command]
    try:
        return shlex.split(command)
    except ValueError as error:
        raise SchemaError(
            f'the command "{command}" is not understood: {str(error).lower()}',
            hint="mend schema in [tool.pytest-planguard.database]",
        ) from error


def environment(inherited: Mapping[str, str], url: str, conninfo: str) -> dict[str, str]:
    """Ours for the command: the database, and this interpreter's programs first."""
    from psycopg.conninfo import conninfo_to_dict

    known = conninfo_to_dict(conninfo)
    libpq = {name: str(known[key]) for key, name in _VARIABLES.items() if known.get(key)}
    programs = [str(Path(sys.executable).parent), inherited.get("PATH", os.defpath)]
    return {
        **inherited,
        **libpq,
        "PATH": os.pathsep.join(programs),
        "DATABASE_URL": url,
        "PLANGUARD_DATABASE_URL": url,
    }


def run_checked(
    words: Sequence[str],
    root: Path,
    variables: Mapping[str, str],
    shown: str,
    *,
    time_limit: float | None = None,
) -> None:
    """Runs a program to its end.

    Args:
        words: Program and arguments.
        root: Where it runs.
        variables: Its whole environment.
        shown: What messages call it.
        time_limit: Seconds after which it is killed; None: ten minutes.

    Raises:
        SchemaError: With the last lines it wrote.
    """
    limit = TIME_LIMIT if time_limit is None else time_limit
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(
                words,
                cwd=root,
                env=dict(variables),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise SchemaError(
                f'the command "{shown}" cannot be run in {root}: {error.strerror}',
                hint="mend schema in [tool.pytest-planguard.database]",
            ) from error
        status = _finished(process, limit)
        output.seek(0)
        text = output.read().decode(errors="replace")
    if status != 0:
        what = f"took longer than {_spoken(limit)}" if status is None else (
            f"ended with status {status}"
        )  # fmt: skip
        raise SchemaError(f'the command "{shown}" {what}', hint=_last_lines(text))


def _spoken(seconds: float) -> str:
    return f"{seconds / 60:g} minutes" if seconds >= 120 else f"{seconds:g} seconds"


def _finished(process: subprocess.Popen[bytes], time_limit: float) -> int | None:
    """The exit status; None after the time limit. Whatever happens, nothing goes on running."""
    try:
        return process.wait(time_limit)
    except subprocess.TimeoutExpired:
        return None
    finally:
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _last_lines(text: str) -> str:
    """What a program wrote in the end; it may quote the address it could not reach."""
    lines = [line for line in without_password(text).rstrip().splitlines() if line.strip()]
    return "\n  ".join(["it wrote:", *lines[-_LAST_LINES:]]) if lines else "it wrote nothing"
