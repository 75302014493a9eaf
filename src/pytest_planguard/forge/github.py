"""A pull request's comments on GitHub or GitHub Enterprise, through githubkit.

Comments are listed, written and deleted by the REST interface. Who we are and what is hidden only
GraphQL tells: a workflow's token may not ask ``GET /user``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_planguard.errors import ForgeError
from pytest_planguard.forge.conversation import Comment, is_marked, same_text
from pytest_planguard.forge.github_actions import Head
from pytest_planguard.forge.patience import Patience
from pytest_planguard.forge.refusals import FailedError, MissingError, refusal

if TYPE_CHECKING:
    from githubkit import GitHub, Response, TokenAuthStrategy

_Answer = TypeVar("_Answer")

_PER_PAGE = 100
"""The most GitHub gives."""

_VIEWER = "query { viewer { login } }"


class GitHubComments:
    """The conversation of a pull request.

    Args:
        api: ``https://api.github.com``, or ``https://HOST/api/v3`` of an Enterprise server.
        token: Of a workflow, an app or a person.
        repository: ``owner/name``.
        number: Of the pull request; 0 until it was found.
        patience: With a host that is down or limits our rate.
        timeout: Seconds for one answer.

    Raises:
        ImportError: githubkit is not installed.
    """

    def __init__(
        self,
        api: str,
        token: str,
        repository: str,
        number: int = 0,
        *,
        patience: Patience = Patience(),  # noqa: B008 - a frozen value
        timeout: float = 30.0,
    ) -> None:
        from githubkit import GitHub

        self._client: GitHub[TokenAuthStrategy] = GitHub(
            token,
            base_url=api,
            user_agent="pytest-planguard",
            timeout=timeout,
            http_cache=False,
            auto_retry=False,
        )
        self._token = token
        self._repository = repository
        self.number = number
        self._patience = patience

    @property
    def name(self) -> str:
        """``owner/name#7``."""
        return f"{self._repository}#{self.number}" if self.number else self._repository

    def find(self, head: Head) -> int | None:
        """The number of the one open pull request of a branch at a commit.

        None where there is none: it was closed, or is at another commit meanwhile.

        Raises:
            ForgeError: GitHub refused.
        """
        path, params = self._path("pulls"), {"state": "open", "head": head.label}
        pulls = self._asked(lambda: self._send("GET", path, params=params).json())
        found = [
            one for one in pulls if one["state"] == "open" and one["head"]["sha"] == head.commit
        ]
        return int(found[0]["number"]) if len(found) == 1 else None

    def own(self, marker: str) -> list[Comment]:
        """See ``Conversation``."""
        return self._asked(lambda: self._own(marker))

    def post(self, text: str, marker: str) -> Comment:
        """See ``Conversation``."""
        before = {one.id for one in self.own(marker)}

        def posted() -> Comment | None:
            there = (one for one in self._own(marker) if one.id not in before)
            return next((one for one in there if same_text(one.text, text)), None)

        path = self._path(f"issues/{self.number}/comments")
        return self._asked(
            lambda: _comment(self._send("POST", path, json={"body": text}).json()), posted
        )

    def update(self, comment: Comment, text: str) -> Comment:
        """See ``Conversation``."""
        path = self._path(f"issues/comments/{_rest_id(comment)}")
        return self._asked(lambda: _comment(self._send("PATCH", path, json={"body": text}).json()))

    def hide(self, comments: Sequence[Comment]) -> None:
        """See ``Conversation``."""
        steps = " ".join(
            f"c{number}: minimizeComment(input: {{subjectId: $c{number}, classifier: OUTDATED}}) "
            "{ clientMutationId }"
            for number in range(len(comments))
        )
        names = ", ".join(f"$c{number}: ID!" for number in range(len(comments)))
        variables = {f"c{number}": _node_id(one) for number, one in enumerate(comments)}
        self._asked(lambda: self._graphql(f"mutation ({names}) {{ {steps} }}", variables))

    def delete(self, comment: Comment) -> None:
        """See ``Conversation``."""
        path = self._path(f"issues/comments/{_rest_id(comment)}")
        try:
            self._asked(lambda: self._send("DELETE", path))
        except MissingError:
            return

    def _own(self, marker: str) -> list[Comment]:
        login = str(self._graphql(_VIEWER, {})["viewer"]["login"])
        return [
            _comment(one)
            for one in self._pages(self._path(f"issues/{self.number}/comments"))
            if is_marked(one.get("body") or "", marker) and _wrote(one.get("user") or {}, login)
        ]

    def _pages(self, path: str) -> Iterator[dict[str, Any]]:
        page = 1
        while True:
            answer = self._send("GET", path, params={"per_page": _PER_PAGE, "page": page})
            yield from answer.json()
            if "next" not in answer.raw_response.links:
                return
            page += 1

    def _path(self, rest: str) -> str:
        return f"/repos/{self._repository}/{rest}"

    def _asked(
        self, request: Callable[[], _Answer], done: Callable[[], _Answer | None] | None = None
    ) -> _Answer:
        try:
            with self._client:  # one connection for all pages and attempts
                return self._patience.ask(request, done)
        except FailedError as failed:
            raise refusal(failed, self.name, (self._token,)) from None
        except (AttributeError, KeyError, TypeError, ValueError):
            raise ForgeError(
                f"{self.name}: the answer is none of GitHub's", hint="check the address of the API"
            ) from None

    def _send(self, method: str, path: str, **rest: Any) -> Response[Any]:
        with _failures():
            return self._client.request(method, path, **rest)

    def _graphql(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        with _failures():
            return self._client.graphql(query, variables)


@contextmanager
def _failures() -> Iterator[None]:
    """Githubkit's errors as ours; what they quote of a request stays behind."""
    from githubkit.exception import (
        GraphQLFailed,
        RateLimitExceeded,
        RequestError,
        RequestFailed,
    )

    try:
        yield
    except RateLimitExceeded as error:
        wait = error.retry_after.total_seconds()
        words = _words(error.response)
        raise FailedError(error.response.status_code, words, wait=wait, limited=True) from None
    except RequestFailed as error:
        raise FailedError(error.response.status_code, _words(error.response)) from None
    except RequestError as error:
        raise FailedError(None, f"no answer ({type(error.exc).__name__})") from None
    except GraphQLFailed as error:
        errors = error.response.errors or []
        raise FailedError(403, "; ".join(one.message for one in errors)) from None


def _words(response: Response[Any]) -> str:
    """The message of an answer, which is JSON unless something stood in between."""
    try:
        message = response.json().get("message")
    except (ValueError, AttributeError):
        message = None
    return message if isinstance(message, str) else response.reason_phrase


def _comment(one: dict[str, Any]) -> Comment:
    """REST knows a comment by its number, GraphQL by its node."""
    return Comment(f"{one['id']} {one['node_id']}", one.get("body") or "", one.get("html_url", ""))


def _rest_id(comment: Comment) -> str:
    return comment.id.partition(" ")[0]


def _node_id(comment: Comment) -> str:
    return comment.id.partition(" ")[2]


def _wrote(user: dict[str, Any], login: str) -> bool:
    """Whether the account is ours; an app's has ``[bot]`` behind its name, not in every answer."""
    name = str(user.get("login", ""))
    return name == login or (user.get("type") == "Bot" and name == f"{login}[bot]")
