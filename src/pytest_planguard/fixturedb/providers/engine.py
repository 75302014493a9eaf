"""Asks for a container, through a keeper of its own, and says what is wrong where there is none."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

from pytest_planguard.errors import ServerError
from pytest_planguard.fixturedb.providers import keeper
from pytest_planguard.fixturedb.providers.cluster import telling_line

START_SECONDS = 120.0
"""The server of a stock image takes connections after two seconds, on a busy machine ten."""

_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "64MB",
    "min_wal_size": "32MB",
    "max_connections": "200",
    "max_prepared_transactions": "20",
    "shared_buffers": "32MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
"""As the embedded server's: nothing waits for a disk, and autovacuum would find inflated tables.
None of these is seen by the planner."""

_INITDB = "--no-sync --encoding=UTF8 --locale=C.UTF-8"
"""The same order of texts as on the embedded server. The image of 18 turns checksums on: they are
written into the pages we make."""


def start_keeper(root: Path, image: str) -> None:
    """Starts a keeper, and with it the container.

    Raises:
        ServerError: With what was found and what would do.
    """
    _give_identity(root)
    settings = [text for name, value in _SETTINGS.items() for text in ("-c", f"{name}={value}")]
    request = {
        "image": image,
        "command": ["postgres", *settings],
        "environment": {
            "POSTGRES_USER": "postgres",
            "POSTGRES_PASSWORD": secrets.token_hex(16),
            "POSTGRES_INITDB_ARGS": _INITDB,
        },
        "seconds": START_SECONDS,
    }
    _ask_keeper(root, image, request)


def remove_left(root: Path) -> None:
    """Removes what a keeper that was killed has left of a folder's containers.

    Raises:
        ServerError: The engine does not answer, or refuses.
    """
    if (root / keeper.PID).exists():
        _ask_keeper(root, "", {})


def _ask_keeper(root: Path, image: str, request: dict[str, object]) -> None:
    """Starts a keeper and waits for its answer."""
    process = subprocess.Popen(
        [sys.executable, "-P", keeper.__file__, str(root)],
        env=_environment(), text=True, start_new_session=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        out, _ = process.communicate(json.dumps(request))
    except BaseException:  # the keeper itself ends when the lock on users is free
        process.kill()
        process.wait()
        raise
    try:
        answer = json.loads(out)
    except ValueError:
        answer = {"problem": keeper.FAULT, "said": "it ended at once"}
    if answer["problem"]:
        _explain(answer["problem"], answer["said"], image, root)


def _environment() -> dict[str, str]:
    """The keeper removes what it started: a reaper would be one more image to have."""
    known = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PG", "PYTHONWARNINGS", "COV_CORE_"))
    }
    return {"TESTCONTAINERS_RYUK_DISABLED": "true", **known}


def _give_identity(root: Path) -> None:
    """Writes down what tells the folder's containers from all others. Under ``start.lock``."""
    file = root / keeper.IDENTITY
    if not file.exists():
        draft = file.with_suffix(".draft")
        draft.write_text(secrets.token_hex(16), encoding="ascii")
        draft.replace(file)


def _explain(problem: str, said: str, image: str, root: Path) -> NoReturn:
    """The error for a keeper's answer."""
    otherwise = 'or set provider = "embedded"'
    match problem:
        case keeper.LIBRARY:
            message = (
                f"the provider container needs testcontainers, which can't be imported: {said}"
            )
            hint = f'pip install "pytest-planguard[docker]", {otherwise}'
        case keeper.ENGINE:
            where = os.environ.get("DOCKER_HOST") or "the usual socket"
            message = f"no container engine answers at {where}: {said}"
            hint = f"start Docker (docker info tells whether it runs), set DOCKER_HOST, {otherwise}"
        case keeper.IMAGE:
            message = f"the image {image} is not here and can't be pulled: {said}"
            hint = (
                f"set image to one that docker image ls shows, or see why docker pull {image} fails"
            )
        case keeper.ENDED:
            message = f"the container of {image} ended by itself: {telling_line(said)}"
            hint = f"is it an image of PostgreSQL? docker run --rm {image} tells more"
        case keeper.UNREACHABLE:
            message = f"the container of {image} runs, but its server can't be reached: {said}"
            hint = "see that nothing between here and the engine blocks the container's port"
        case keeper.BUSY:
            message = f"a keeper of another container still uses {root}"
            hint = "end it (ps -ef | grep keeper.py) and try again"
        case keeper.FAULT:
            message = f"the keeper of a container of {image} failed: {said}"
            hint = f"{root / 'keeper.log'} tells more; please report it"
        case _:
            message = f"the engine does not start a container of {image}: {said}"
            hint = f"see that docker run --rm {image} works"
    raise ServerError(message, hint=hint)
