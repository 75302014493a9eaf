"""Which host, which pull request, and with which token: from options and the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from pytest_planguard.errors import ConfigurationError
from pytest_planguard.forge.patience import Patience

if TYPE_CHECKING:
    from pytest_planguard.forge.conversation import Conversation

_TOKENS = {"github": ("GITHUB_TOKEN", "GH_TOKEN"), "gitlab": ("GITLAB_TOKEN",)}
"""In the order they are looked for: what a job is given for this purpose comes first."""

PATIENCE = Patience()
"""With a host that is down: half a minute."""

_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")


class Host(msgspec.Struct, frozen=True):
    """Where the comment belongs."""

    kind: str
    """``github`` or ``gitlab``."""
    place: Any
    """``Place`` of ``forge.github_actions`` or ``forge.gitlab_ci``."""

    @property
    def bases(self) -> tuple[str, ...]:
        """Revisions the pull request is compared with, best first."""
        found: tuple[str, ...] = self.place.bases
        return found

    @property
    def link(self) -> str:
        """Of the run, where it can stand in a link."""
        return self.place.link if re.fullmatch(r"https?://[^\s()<>]+", self.place.link) else ""


def chosen(given: Mapping[str, Any], environ: Mapping[str, str]) -> Host:
    """The host that was asked for, or that runs us.

    Raises:
        ConfigurationError: None or two were asked for, or an option is wrong.
    """
    github, gitlab = bool(given["github"]), bool(given["gitlab"])
    if not (github or gitlab):
        github = environ.get("GITHUB_ACTIONS") == "true"
        gitlab = environ.get("GITLAB_CI") == "true"
    if github == gitlab:
        raise ConfigurationError(
            "it is not clear where the comment belongs", hint="give --github or --gitlab"
        )
    return _github(given, environ) if github else _gitlab(given, environ)


def _github(given: Mapping[str, Any], environ: Mapping[str, str]) -> Host:
    from pytest_planguard.forge import github_actions

    place = github_actions.where(environ)
    repository = given["repository"] or place.repository
    if not _REPOSITORY.fullmatch(repository):
        raise ConfigurationError(
            f'"{repository}" is no repository', hint="give --repository OWNER/NAME"
        )
    return Host(
        "github",
        msgspec.structs.replace(
            place,
            api=given["url"] or place.api,
            repository=repository,
            number=given["number"] or place.number,
        ),
    )


def _gitlab(given: Mapping[str, Any], environ: Mapping[str, str]) -> Host:
    from pytest_planguard.forge import gitlab_ci

    place = gitlab_ci.where(environ)
    project = given["repository"] or place.project
    if not project:
        raise ConfigurationError(
            "the project is not known", hint="give --repository GROUP/PROJECT, or its number"
        )
    return Host(
        "gitlab",
        msgspec.structs.replace(
            place,
            server=(given["url"] or place.server).rstrip("/").removesuffix("/api/v4"),
            project=project,
            number=given["number"] or place.number,
        ),
    )


def token_of(kind: str, environ: Mapping[str, str]) -> str:
    """The token; empty where there is none."""
    return next((environ[name] for name in _TOKENS[kind] if environ.get(name)), "")


def no_token(kind: str) -> ConfigurationError:
    """The error for a missing one."""
    names = " or ".join(_TOKENS[kind])
    hints = {
        "github": "in GitHub Actions: env: GITHUB_TOKEN: ${{ github.token }}",
        "gitlab": "a project access token with the scope api; a job's token may not write notes",
    }
    return ConfigurationError(f"there is no token in {names}", hint=hints[kind])


def conversation(host: Host, token: str) -> Conversation | None:
    """The comments of the pull request; None where there is no pull request.

    Raises:
        ConfigurationError: The library is not there.
        ForgeError: The host refused to tell.
    """
    try:
        return _on_github(host, token) if host.kind == "github" else _on_gitlab(host, token)
    except ImportError as error:
        library = {"github": "githubkit", "gitlab": "python-gitlab"}[host.kind]
        raise ConfigurationError(
            f"{library} cannot be imported: {error}",
            hint=f"pip install 'pytest-planguard[{host.kind}]'",
        ) from None


def _on_github(host: Host, token: str) -> Conversation | None:
    from pytest_planguard.forge.github import GitHubComments

    place = host.place
    comments = GitHubComments(
        place.api, token, place.repository, place.number or 0, patience=PATIENCE
    )
    if not comments.number and place.head is not None:
        comments.number = comments.find(place.head) or 0
    return comments if comments.number else None


def _on_gitlab(host: Host, token: str) -> Conversation | None:
    from pytest_planguard.forge.gitlab import GitLabComments

    place = host.place
    if place.number is None:
        return None
    return GitLabComments(
        place.server, token, place.project, place.number, web=place.web, patience=PATIENCE
    )
