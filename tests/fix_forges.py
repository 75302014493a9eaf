"""A small GitHub and a small GitLab on a loopback port: endpoints for comments, and faults."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

import fix_openapi
from pytest_planguard.forge.conversation import Conversation
from pytest_planguard.forge.github import GitHubComments
from pytest_planguard.forge.gitlab import OUTDATED, GitLabComments
from pytest_planguard.forge.patience import Patience

TOKEN = "ghs_t0psecret"
ME = "github-actions[bot]"
WEB = "https://gitlab.example/shop/app"


class Asked(msgspec.Struct):
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    body: dict[str, Any]


class Fault(msgspec.Struct):
    """What goes wrong with the next requests of a kind."""

    method: str
    path: str
    """Part of it."""
    status: int
    message: str = ""
    headers: dict[str, str] = {}
    times: int = 1
    after: bool = False
    """The request is carried out, and then its answer is lost."""
    delay: float = 0.0


Answer = tuple[int, Any, dict[str, str]]


class Forge:
    """State and routes of one host."""

    endpoint = ""
    """The end of the path of its comments."""

    def __init__(self) -> None:
        self.comments: list[dict[str, Any]] = []
        self.asked: list[Asked] = []
        self.faults: list[Fault] = []
        self.objections: list[str] = []
        """Requests that the host's published description does not allow."""
        self.url = ""
        self.page_size = 100
        self.lock = threading.Lock()

    def routes(self) -> list[tuple[str, str, Callable[..., Answer]]]:
        raise NotImplementedError

    def client(self, sleeps: Sleeps | None = None, **rest: Any) -> Conversation:
        """Our client for it, which never really waits."""
        raise NotImplementedError

    def visible(self) -> list[str]:
        """What a reader of the pull request sees unfolded."""
        raise NotImplementedError

    def authorised(self, headers: Any) -> bool:
        return headers.get("Authorization") in (f"token {TOKEN}", f"Bearer {TOKEN}")

    def fail(self, method: str, path: str, status: int, **rest: Any) -> None:
        self.faults.append(Fault(method, path, status, **rest))

    def said(self, method: str) -> list[Asked]:
        """Requests of a kind, in order, without GraphQL's."""
        return [
            one for one in self.asked if one.method == method and not one.path.endswith("graphql")
        ]

    def answer(self, asked: Asked, headers: Any) -> Answer:
        with self.lock:
            self.asked.append(asked)
            fault = self._fault(asked)
        if fault is not None:
            if fault.after:
                self._route(asked)
            time.sleep(fault.delay)
            return fault.status, {"message": fault.message}, fault.headers
        if not self.authorised(headers):
            return 401, {"message": "Bad credentials"}, {}
        return self._route(asked)

    def _fault(self, asked: Asked) -> Fault | None:
        for fault in self.faults:
            if fault.times and fault.method == asked.method and fault.path in asked.path:
                fault.times -= 1
                return fault
        return None

    def _route(self, asked: Asked) -> Answer:
        for method, pattern, action in self.routes():
            found = re.fullmatch(pattern, asked.path)
            if method == asked.method and found:
                with self.lock:
                    return action(asked, *found.groups())
        return 404, {"message": "Not Found"}, {}

    def page(self, asked: Asked, items: list[Any]) -> Answer:
        number = int(asked.query.get("page", 1))
        size = min(int(asked.query.get("per_page", 30)), self.page_size)
        shown = items[(number - 1) * size : number * size]
        more = number * size < len(items)
        link = f'<{self.url}{asked.path}?per_page={size}&page={number + 1}>; rel="next"'
        return 200, shown, {"Link": link} if more else {}


class GitHub(Forge):
    """The endpoints a pull request's comments take; below ``/api/v3`` as an Enterprise server."""

    def __init__(self, prefix: str = "") -> None:
        super().__init__()
        self.prefix = prefix
        self.hidden: set[str] = set()
        self.pulls: list[dict[str, Any]] = []
        self.login = ME

    endpoint = "/comments"

    def client(self, sleeps: Sleeps | None = None, **rest: Any) -> GitHubComments:
        values = {"token": TOKEN, "repository": "shop/app", "number": 7, "timeout": 5.0} | rest
        patience = Patience(sleep=Sleeps() if sleeps is None else sleeps)
        return GitHubComments(self.url + self.prefix, patience=patience, **values)

    def visible(self) -> list[str]:
        return [one["body"] for one in self.comments if one["node_id"] not in self.hidden]

    def write_as_another(self, body: str) -> dict[str, Any]:
        return self.write(body, "octocat", "User")

    def routes(self) -> list[tuple[str, str, Callable[..., Answer]]]:
        repo = rf"{self.prefix}/repos/shop/app"
        graphql = "/api/graphql" if self.prefix else "/graphql"
        return [
            ("GET", rf"{repo}/issues/7/comments", lambda asked: self.page(asked, self.comments)),
            ("POST", rf"{repo}/issues/7/comments", self.post),
            ("PATCH", rf"{repo}/issues/comments/(\d+)", self.patch),
            ("DELETE", rf"{repo}/issues/comments/(\d+)", self.delete),
            ("GET", rf"{repo}/pulls", self.by_head),
            ("POST", graphql, self.graphql),
        ]

    def answer(self, asked: Asked, headers: Any) -> Answer:
        if not asked.path.endswith("graphql"):
            path = asked.path.removeprefix(self.prefix)
            self.objections += fix_openapi.objections(asked.method, path, asked.query, asked.body)
        return super().answer(asked, headers)

    def write(self, body: str, login: str = ME, kind: str = "Bot") -> dict[str, Any]:
        """A comment by somebody."""
        number = max((one["id"] for one in self.comments), default=100) + 1
        comment = {
            "id": number,
            "node_id": f"IC_{number}",
            "body": body,
            "html_url": f"https://github.example/shop/app/pull/7#issuecomment-{number}",
            "user": {"login": login, "type": kind},
        }
        self.comments.append(comment)
        return comment

    def post(self, asked: Asked) -> Answer:
        return 201, self.write(asked.body["body"]), {}

    def patch(self, asked: Asked, number: str) -> Answer:
        for comment in self.comments:
            if comment["id"] == int(number):
                comment["body"] = asked.body["body"]
                return 200, comment, {}
        return 404, {"message": "Not Found"}, {}

    def delete(self, asked: Asked, number: str) -> Answer:
        left = [one for one in self.comments if one["id"] != int(number)]
        gone = len(left) < len(self.comments)
        self.comments = left
        return (204, None, {}) if gone else (404, {"message": "Not Found"}, {})

    def by_head(self, asked: Asked) -> Answer:
        label = asked.query.get("head")
        return self.page(asked, [one for one in self.pulls if one["head"]["label"] == label])

    def graphql(self, asked: Asked) -> Answer:
        query = asked.body["query"]
        if "viewer" in query:
            return 200, {"data": {"viewer": {"login": self.login}}}, {}
        nodes = asked.body["variables"].values()
        known = {one["node_id"] for one in self.comments}
        if not set(nodes) <= known:
            return 200, {"data": None, "errors": [{"message": "Could not resolve to a node"}]}, {}
        self.hidden |= set(nodes)
        return 200, {"data": {}}, {}


class GitLab(Forge):
    """The endpoints a merge request's notes take."""

    endpoint = "/notes"

    def client(self, sleeps: Sleeps | None = None, **rest: Any) -> GitLabComments:
        values = {"token": TOKEN, "project": "42", "number": 7, "timeout": 5.0, "web": WEB} | rest
        patience = Patience(sleep=Sleeps() if sleeps is None else sleeps)
        return GitLabComments(self.url, patience=patience, **values)

    def visible(self) -> list[str]:
        return [one["body"] for one in self.comments if not one["body"].startswith(OUTDATED)]

    def write_as_another(self, body: str) -> dict[str, Any]:
        return self.write(body, author=6)

    def authorised(self, headers: Any) -> bool:
        return headers.get("PRIVATE-TOKEN") == TOKEN

    def routes(self) -> list[tuple[str, str, Callable[..., Answer]]]:
        notes = r"/api/v4/projects/(?:42|shop/app)/merge_requests/7/notes"
        return [
            ("GET", "/api/v4/user", lambda asked: (200, {"id": 5, "username": "bot"}, {})),
            ("GET", notes, lambda asked: self.page(asked, self.comments)),
            ("POST", notes, self.post),
            ("PUT", rf"{notes}/(\d+)", self.put),
            ("DELETE", rf"{notes}/(\d+)", self.delete),
        ]

    def write(self, body: str, author: int = 5, *, system: bool = False) -> dict[str, Any]:
        """A note by somebody."""
        number = max((one["id"] for one in self.comments), default=100) + 1
        note = {"id": number, "body": body, "author": {"id": author}, "system": system}
        self.comments.append(note)
        return note

    def post(self, asked: Asked) -> Answer:
        return 201, self.write(asked.body["body"]), {}

    def put(self, asked: Asked, number: str) -> Answer:
        for note in self.comments:
            if note["id"] == int(number):
                note["body"] = asked.body["body"]
                return 200, note, {}
        return 404, {"message": "404 Not found"}, {}

    def delete(self, asked: Asked, number: str) -> Answer:
        left = [one for one in self.comments if one["id"] != int(number)]
        gone = len(left) < len(self.comments)
        self.comments = left
        return (204, None, {}) if gone else (404, {"message": "404 Not found"}, {})


@contextmanager
def serving(forge: Forge) -> Iterator[Forge]:
    """The host on a port of its own; stopped at the end."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            asked = Asked(self.command, unquote(parts.path), query, body)
            status, value, headers = forge.answer(asked, self.headers)
            data = b"" if value is None else json.dumps(value).encode()
            try:
                self.send_response(status)
                for name, text in headers.items():
                    self.send_header(name, text)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            except OSError:
                pass  # whoever asked did not wait

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = answer  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    forge.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield forge
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Sleeps(list[float]):
    """Stands in for ``time.sleep``: remembers how long was to be waited."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)
