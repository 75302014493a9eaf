"""Where GitLab CI runs us: the project, its merge request and what it is compared with."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

SERVER = "https://gitlab.com"


class Place(msgspec.Struct, frozen=True):
    """What the environment tells."""

    server: str
    project: str
    """The number or the path of the project that has the merge request; empty: not told."""
    number: int | None
    """Of the merge request, in its project."""
    web: str = ""
    """The project's page."""
    bases: tuple[str, ...] = ()
    """Revisions the merge request is compared with, best first; not all need to be fetched."""
    link: str = ""
    """Of the job."""
    forked: bool = False
    """It comes from another project, whose pipelines have none of our variables."""


def where(environ: Mapping[str, str]) -> Place:
    """The place that ``CI_*`` describe.

    A merge request of a fork is tested in the fork: its project is not ``CI_PROJECT_ID``.
    """
    target = environ.get("CI_MERGE_REQUEST_PROJECT_ID", "")
    source = environ.get("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", "")
    project, number = target or environ.get("CI_PROJECT_ID", ""), _iid(environ)
    if number is None:
        project, number = _only_open(environ.get("CI_OPEN_MERGE_REQUESTS", ""), project)
    branch = environ.get("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "")
    return Place(
        server=_server(environ),
        project=project,
        number=number,
        web=environ.get("CI_MERGE_REQUEST_PROJECT_URL", "") or environ.get("CI_PROJECT_URL", ""),
        bases=tuple(
            filter(
                None,
                (
                    environ.get("CI_MERGE_REQUEST_DIFF_BASE_SHA", ""),
                    f"origin/{branch}" if branch else "",
                ),
            )
        ),
        link=environ.get("CI_JOB_URL", ""),
        forked=bool(target and source and target != source),
    )


def _server(environ: Mapping[str, str]) -> str:
    """Also of a GitLab below a path, as in ``https://code.example/gitlab``."""
    api = environ.get("CI_API_V4_URL", "").rstrip("/")
    return api.removesuffix("/api/v4") or environ.get("CI_SERVER_URL", "") or SERVER


def _iid(environ: Mapping[str, str]) -> int | None:
    text = environ.get("CI_MERGE_REQUEST_IID", "")
    return int(text) if text.isdecimal() else None


def _only_open(text: str, project: str) -> tuple[str, int | None]:
    """Of a branch's pipeline: ``group/project!12``; with several, none is the one meant."""
    path, _, iid = text.partition("!")
    return (path, int(iid)) if path and iid.isdecimal() else (project, None)
