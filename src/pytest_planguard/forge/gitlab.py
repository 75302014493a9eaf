"""A merge request's notes on GitLab, also a self-managed one, through python-gitlab."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_planguard.errors import ForgeError
from pytest_planguard.forge.conversation import Comment, is_marked, same_text
from pytest_planguard.forge.patience import Patience
from pytest_planguard.forge.refusals import FailedError, MissingError, refusal

if TYPE_CHECKING:
    import requests
    from gitlab.v4.objects import ProjectMergeRequestNoteManager

_Answer = TypeVar("_Answer")

_MAY_NOT_WRITE = (
    "the token needs the scope api and a role that may comment; a job's own token never may"
)

OUTDATED = "<!-- pytest-planguard, outdated -->"
"""The first line of a note that was folded away: GitLab cannot hide one."""


class GitLabComments:
    """The conversation of a merge request.

    Args:
        server: ``https://gitlab.com`` or a self-managed server's address.
        token: A project's, a group's or a person's access token with the scope ``api``; a job's
            token may not write notes.
        project: Number or path of the project.
        number: Of the merge request, in its project.
        web: The project's page, for links; may be empty.
        patience: With a host that is down or limits our rate.
        timeout: Seconds for one answer.

    Raises:
        ImportError: python-gitlab is not installed.
    """

    def __init__(
        self,
        server: str,
        token: str,
        project: str,
        number: int,
        *,
        web: str = "",
        patience: Patience = Patience(),  # noqa: B008 - a frozen value
        timeout: float = 30.0,
    ) -> None:
        import gitlab
        import requests

        session = requests.Session()
        session.hooks["response"].append(self._remember)
        self._client = gitlab.Gitlab(
            server,
            private_token=token,
            timeout=timeout,
            user_agent="pytest-planguard",
            keep_base_url=True,
            session=session,
        )
        self._token = token
        self._project = project
        self._number = number
        self._web = web
        self._patience = patience
        self._wait: float | None = None
        merge_request = self._client.projects.get(project, lazy=True).mergerequests.get(
            number, lazy=True
        )
        self._notes: ProjectMergeRequestNoteManager = merge_request.notes

    @property
    def name(self) -> str:
        """``group/project!7``."""
        return f"{self._project}!{self._number}"

    def own(self, marker: str) -> list[Comment]:
        """See ``Conversation``."""
        return self._asked(lambda: self._own(marker))

    def post(self, text: str, marker: str) -> Comment:
        """See ``Conversation``."""
        before = {one.id for one in self.own(marker)}

        def posted() -> Comment | None:
            there = (one for one in self._own(marker) if one.id not in before)
            return next((one for one in there if same_text(one.text, text)), None)

        return self._asked(lambda: self._post(text), posted)

    def update(self, comment: Comment, text: str) -> Comment:
        """See ``Conversation``."""
        self._asked(lambda: self._update(comment, text))
        return Comment(comment.id, text, comment.url)

    def hide(self, comments: Sequence[Comment]) -> None:
        """See ``Conversation``."""
        for comment in comments:
            text = (
                f"{OUTDATED}\n<details><summary>planguard, outdated</summary>\n\n"
                f"{comment.text.strip()}\n\n</details>\n"
            )
            self._asked(partial(self._update, comment, text))

    def delete(self, comment: Comment) -> None:
        """See ``Conversation``."""
        try:
            self._asked(lambda: self._delete(comment))
        except MissingError:
            return

    def _own(self, marker: str) -> list[Comment]:
        with self._failures():
            if self._client.user is None:
                self._client.auth()
            user = self._client.user
            notes = self._notes.list(
                iterator=True,
                per_page=100,
                order_by="created_at",
                sort="asc",
                obey_rate_limit=False,
            )
            return [
                self._comment(one.attributes)
                for one in notes
                if not one.attributes.get("system")
                and is_marked(one.attributes.get("body") or "", marker)
                and user is not None
                and (one.attributes.get("author") or {}).get("id") == user.id
            ]

    def _post(self, text: str) -> Comment:
        with self._failures():
            note = self._notes.create({"body": text}, obey_rate_limit=False)
            return self._comment(note.attributes)

    def _update(self, comment: Comment, text: str) -> None:
        with self._failures():
            self._notes.update(int(comment.id), {"body": text}, obey_rate_limit=False)

    def _delete(self, comment: Comment) -> None:
        with self._failures():
            self._notes.delete(int(comment.id), obey_rate_limit=False)

    def _comment(self, note: dict[str, Any]) -> Comment:
        page = f"{self._web}/-/merge_requests/{self._number}" if self._web else ""
        return Comment(
            str(note["id"]), note.get("body") or "", f"{page}#note_{note['id']}" if page else ""
        )

    def _asked(
        self, request: Callable[[], _Answer], done: Callable[[], _Answer | None] | None = None
    ) -> _Answer:
        try:
            return self._patience.ask(request, done)
        except FailedError as failed:
            raise refusal(failed, self.name, (self._token,), _MAY_NOT_WRITE) from None
        except (AttributeError, KeyError, TypeError, ValueError):
            raise self._no_gitlab() from None

    def _no_gitlab(self) -> ForgeError:
        return ForgeError(
            f"{self.name}: the answer is none of GitLab's", hint="check the server's address"
        )

    def _remember(self, response: requests.Response, **_: object) -> None:
        """How long the host asks us to wait: python-gitlab's errors do not tell."""
        wait = response.headers.get("Retry-After", "")
        self._wait = float(wait) if wait.isdecimal() else None

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """python-gitlab's errors as ours; what they quote of a request stays behind."""
        import requests
        from gitlab.exceptions import GitlabError, GitlabParsingError, RedirectError

        self._wait = None
        try:
            yield
        except GitlabParsingError:  # neither has a status, and no later attempt mends it
            raise self._no_gitlab() from None
        except RedirectError:
            raise ForgeError(
                f"{self.name}: what is written to the server is redirected",
                hint="give the server's own address, with https:// where it has that",
            ) from None
        except GitlabError as error:
            words = str(error.error_message or "")
            raise FailedError(error.response_code, words, wait=self._wait) from None
        except requests.RequestException as error:
            raise FailedError(None, f"no answer ({type(error).__name__})") from None
