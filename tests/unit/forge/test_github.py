from __future__ import annotations

import time

import pytest

import fix_forges
from pytest_planguard.forge.github_actions import Head
from pytest_planguard.forge.refusals import UnavailableError

MARKER = "<!-- pytest-planguard -->"
RED = f"{MARKER}\n### ❌ planguard failed: 1 error\n"


@pytest.fixture
def host():
    with fix_forges.serving(fix_forges.GitHub()) as forge:
        yield forge
    assert forge.objections == []


def test_an_account_is_a_person_or_an_app_never_both(host):
    host.write(RED, "github-actions", "User")
    assert host.client().own(MARKER) == []


def test_an_app_is_known_also_where_its_name_comes_without_what_is_behind_it(host):
    host.login = "github-actions"
    host.write(RED)
    host.write(RED, "github-actions[bot]", "User")
    assert len(host.client().own(MARKER)) == 1


def test_many_comments_are_hidden_by_one_request(host):
    for number in range(3):
        host.write(RED + str(number))
    there = host.client()
    there.hide(there.own(MARKER))
    assert host.visible() == []
    assert sum("minimizeComment" in one.body.get("query", "") for one in host.asked) == 1


def test_a_limit_of_requests_comes_as_403_and_is_waited_for(host):
    sleeps = fix_forges.Sleeps()
    host.fail("POST", "/comments", 403, headers={"Retry-After": "9"})
    host.client(sleeps).post(RED, MARKER)
    assert sleeps == [9.0]


def test_a_limit_that_ends_in_an_hour_is_told(host):
    sleeps = fix_forges.Sleeps()
    reset = str(int(time.time()) + 3600)
    limit = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}
    host.fail("POST", "/comments", 403, message="API rate limit exceeded", headers=limit)
    with pytest.raises(UnavailableError, match="API rate limit exceeded"):
        host.client(sleeps).post(RED, MARKER)
    assert (sleeps, host.comments) == ([], [])


def test_an_enterprise_server_has_both_interfaces_below_api():
    with fix_forges.serving(fix_forges.GitHub("/api/v3")) as host:
        host.write(RED)
        there = host.client()
        there.hide(there.own(MARKER))
        assert host.visible() == []
        assert {one.path for one in host.asked if "graphql" in one.path} == {"/api/graphql"}
    assert host.objections == []


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (Head("fork:feature", "abc"), 7),
        (Head("fork:feature", "older"), None),
        (Head("fork:other", "abc"), None),
    ],
)
def test_the_pull_request_of_a_branch_at_a_commit_is_found(host, head, found):
    host.pulls = [
        {"number": 7, "state": "open", "head": {"label": "fork:feature", "sha": "abc"}},
        {"number": 6, "state": "closed", "head": {"label": "fork:feature", "sha": "abc"}},
    ]
    assert host.client(number=0).find(head) == found
