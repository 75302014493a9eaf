"""Where GitHub Actions runs us: the repository, its pull request and what it is compared with."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from pytest_planguard.errors import ConfigurationError

API = "https://api.github.com"

_PULL = re.compile(r"refs/pull/(\d+)/(merge|head)")


class Head(msgspec.Struct, frozen=True):
    """The branch a pull request comes from, where its number is not told."""

    label: str
    """``owner:branch``."""
    commit: str


class Place(msgspec.Struct, frozen=True):
    """What the environment tells."""

    api: str
    repository: str
    """``owner/name``; empty: not told."""
    number: int | None
    """Of the pull request."""
    head: Head | None = None
    """Of a run that another workflow's end started: a fork's has no number in the event. The pull
    request of a push is not asked for: the run of its own event comments."""
    bases: tuple[str, ...] = ()
    """Revisions the pull request is compared with, best first; not all need to be fetched."""
    link: str = ""
    """Of the run."""


def where(environ: Mapping[str, str]) -> Place:
    """The place that ``GITHUB_*`` and the event's file describe.

    Raises:
        ConfigurationError: The event's file cannot be read.
    """
    event = _event(environ.get("GITHUB_EVENT_PATH", ""))
    repository = environ.get("GITHUB_REPOSITORY", "")
    server = environ.get("GITHUB_SERVER_URL", "").rstrip("/")
    run = environ.get("GITHUB_RUN_ID", "")
    return Place(
        api=environ.get("GITHUB_API_URL", "") or API,
        repository=repository,
        number=_number(event, environ.get("GITHUB_REF", "")),
        head=_head(event),
        bases=_bases(event, environ),
        link=f"{server}/{repository}/actions/runs/{run}" if server and run else "",
    )


def _event(path: str) -> dict[str, Any]:
    if not path:
        return {}
    try:
        event = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise ConfigurationError(
            "the file GITHUB_EVENT_PATH names cannot be read",
            hint="name the pull request: --pull-request NUMBER",
        ) from None
    return event if isinstance(event, dict) else {}


def _number(event: Mapping[str, Any], ref: str) -> int | None:
    for name in ("pull_request", "issue"):
        number = _table(event, name).get("number")
        if isinstance(number, int) and (name != "issue" or _table(event, name, "pull_request")):
            return number
    found = _PULL.fullmatch(ref)
    return int(found[1]) if found else None


def _head(event: Mapping[str, Any]) -> Head | None:
    run = _table(event, "workflow_run")
    owner = _table(run, "head_repository", "owner").get("login")
    branch, commit = run.get("head_branch"), run.get("head_sha")
    if not (isinstance(owner, str) and isinstance(branch, str) and isinstance(commit, str)):
        return None
    return Head(f"{owner}:{branch}", commit)


def _bases(event: Mapping[str, Any], environ: Mapping[str, str]) -> tuple[str, ...]:
    """The base's branch, the commit GitHub merged with, and the one of the event."""
    branch = environ.get("GITHUB_BASE_REF", "")
    ref, commit = environ.get("GITHUB_REF", ""), environ.get("GITHUB_SHA", "")
    base = _table(event, "pull_request", "base").get("sha")
    candidates = (
        f"{commit}^1" if commit and ref.endswith("/merge") and _PULL.fullmatch(ref) else "",
        f"origin/{branch}" if branch else "",
        base if isinstance(base, str) else "",
    )
    return tuple(filter(None, candidates))


def _table(value: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    for name in path:
        inner = value.get(name)
        value = inner if isinstance(inner, dict) else {}
    return value
