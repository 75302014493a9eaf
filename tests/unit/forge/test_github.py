from __future__ import annotations

import pytest

import fix_forges
from pytest_planguard.errors import ForgeError
from pytest_planguard.forge.behavior import Behavior, carry_out, decide
from pytest_planguard.forge.github import GitHubComments
from pytest_planguard.forge.github_actions import Head
from pytest_planguard.forge.patience import Patience
from pytest_planguard.forge.refusals import MissingError, ReadOnlyError, UnavailableError

MARKER = "<!-- pytest-planguard -->"
RED = f"{MARKER}\n### ❌ planguard failed: 1 error\n"


@pytest.fixture
def host():
    with fix_forges.serving(fix_forges.GitHub()) as forge:
        yield forge
    assert forge.objections == []


@pytest.fixture
def sleeps():
    return fix_forges.Sleeps()


def client(forge, sleeps=None, **rest):
    patience = Patience(sleep=sleeps if sleeps is not None else fix_forges.Sleeps())
    values = {"token": fix_forges.TOKEN, "timeout": 5.0, "number": 7} | rest
    return GitHubComments(
        forge.url + forge.prefix, repository="shop/app", patience=patience, **values
    )


def say(there, text=RED, behavior=Behavior.UPDATE, *, wanted=True):
    steps = decide(there.own(MARKER), text, behavior, wanted=wanted)
    return carry_out(steps, there, text, MARKER)


def test_two_runs_post_once_and_update_once(host):
    there = client(host)
    first = say(there)
    second = say(there, RED + "two errors\n")
    third = say(there, RED + "two errors\n")
    assert [first.what, second.what, third.what] == ["posted", "updated", "unchanged"]
    assert [one["body"] for one in host.comments] == [RED + "two errors\n"]
    assert first.comment.url == "https://github.example/shop/app/pull/7#issuecomment-101"
    assert [len(host.said(verb)) for verb in ("POST", "PATCH")] == [1, 1]


def test_ours_is_found_by_marker_and_author_over_all_pages(host):
    host.write(RED, "mallory", "User")
    host.write(RED, "github-actions", "User")
    host.write("> " + RED)
    for number in range(230):
        host.write(f"comment {number}", "octocat", "User")
    host.write(f"{MARKER.replace(' -->', ': orders -->')}\n### another tag")
    ours = host.write(RED.replace("\n", "\r\n"))
    there = client(host)
    assert [one.id for one in there.own(MARKER)] == [f"{ours['id']} {ours['node_id']}"]
    assert [one.query["page"] for one in host.said("GET")] == ["1", "2", "3"]
    assert {one.query["per_page"] for one in host.said("GET")} == {"100"}


def test_an_app_is_known_also_where_its_name_comes_without_what_is_behind_it(host):
    host.login = "github-actions"
    host.write(RED)
    host.write(RED, "github-actions[bot]", "User")
    assert len(client(host).own(MARKER)) == 1


def test_of_two_comments_with_the_marker_the_newest_is_kept_up_to_date(host):
    older, newer = host.write(RED), host.write(RED)
    say(client(host), RED + "more")
    assert (older["body"], newer["body"]) == (RED, RED + "more")
    assert host.hidden == {older["node_id"]}


def test_earlier_comments_are_hidden_by_one_request(host):
    old = [host.write(RED), host.write(RED + "2")]
    assert say(client(host), RED + "3", Behavior.HIDE_AND_NEW).problems == ()
    assert host.hidden == {one["node_id"] for one in old}
    assert len(host.comments) == 3


def test_earlier_comments_are_deleted_after_the_new_one_stands(host):
    host.write(RED)
    host.write("by hand", "octocat", "User")
    say(client(host), RED + "2", Behavior.DELETE_AND_NEW)
    assert [one["body"] for one in host.comments] == ["by hand", RED + "2"]
    assert [one.method for one in host.asked if one.method in ("POST", "DELETE")][-1] == "DELETE"


def test_a_comment_somebody_deletes_meanwhile_is_posted_anew(host):
    ours = host.write(RED)
    there = client(host)
    steps = decide(there.own(MARKER), RED + "2", Behavior.UPDATE, wanted=True)
    host.comments.remove(ours)
    assert carry_out(steps, there, RED + "2", MARKER).what == "posted"
    assert [one["body"] for one in host.comments] == [RED + "2"]


def test_deleting_what_is_gone_is_no_error(host):
    gone = host.write(RED)
    there = client(host)
    (found,) = there.own(MARKER)
    host.comments.remove(gone)
    there.delete(found)


def test_a_lost_answer_never_makes_a_second_comment(host, sleeps):
    host.fail("POST", "/comments", 502, after=True)
    assert say(client(host, sleeps)).comment.text == RED
    assert len(host.comments) == 1
    assert len(host.said("POST")) == 1


def test_an_answer_that_comes_too_late_never_makes_a_second_comment(host):
    host.fail("POST", "/comments", 201, after=True, delay=0.4)
    say(client(host, timeout=0.2))
    assert len(host.comments) == 1


def test_the_same_text_of_an_earlier_run_is_not_taken_for_the_lost_answer(host):
    host.write(RED)
    host.fail("POST", "/comments", 502, times=1)
    client(host).post(RED, MARKER)
    assert len(host.comments) == 2


@pytest.mark.parametrize(
    ("status", "headers", "waits"),
    [
        (502, {}, [1.0]),
        (503, {}, [1.0]),
        (429, {"Retry-After": "7"}, [7.0]),
        (403, {"Retry-After": "9"}, [9.0]),
    ],
)
def test_it_is_tried_again_when_the_host_is_down_or_limits_our_rate(
    host, sleeps, status, headers, waits
):
    host.fail("POST", "/comments", status, headers=headers)
    assert say(client(host, sleeps)).what == "posted"
    assert sleeps == waits
    assert len(host.comments) == 1


def test_a_host_that_stays_down_is_told_after_five_attempts(host, sleeps):
    host.fail("GET", "/comments", 502, message="Bad Gateway", times=99)
    with pytest.raises(UnavailableError, match="shop/app#7: 502 Bad Gateway"):
        client(host, sleeps).own(MARKER)
    assert len(host.said("GET")) == 5


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (401, "Bad credentials", ForgeError),
        (403, "Resource not accessible by integration", ReadOnlyError),
        (403, "Unable to create comment because issue is locked.", ReadOnlyError),
        (404, "Not Found", MissingError),
        (422, "Validation Failed", ForgeError),
    ],
)
def test_what_github_refuses_is_told_in_its_words_and_without_the_token(
    host, sleeps, status, message, kind
):
    host.fail("POST", "/comments", status, message=f"{message} {fix_forges.TOKEN}")
    with pytest.raises(kind) as caught:
        say(client(host, sleeps))
    assert type(caught.value) is kind
    assert message in caught.value.message
    assert fix_forges.TOKEN not in repr(caught.value) + str(caught.value)
    assert caught.value.__cause__ is None
    assert (sleeps, host.comments) == ([], [])


def test_a_token_that_is_wrong_is_told_and_not_shown(host):
    with pytest.raises(ForgeError, match="the token is not accepted") as caught:
        client(host, token="ghs_another").own(MARKER)
    assert "ghs_another" not in str(caught.value)


def test_a_host_nobody_listens_on_is_told_without_its_exceptions(sleeps):
    there = GitHubComments(
        "http://127.0.0.1:9", fix_forges.TOKEN, "shop/app", 7, patience=Patience(sleep=sleeps)
    )
    with pytest.raises(UnavailableError, match=r"no answer \(ConnectError\)"):
        there.own(MARKER)


def test_an_address_that_answers_something_else_is_told(host):
    host.fail("GET", "/comments", 200, message="not a list", times=9)
    with pytest.raises(ForgeError, match="the answer is none of GitHub's"):
        client(host).own(MARKER)


def test_an_enterprise_server_has_both_interfaces_below_api():
    with fix_forges.serving(fix_forges.GitHub("/api/v3")) as host:
        old = host.write(RED)
        say(client(host), RED + "2", Behavior.HIDE_AND_NEW)
        assert host.hidden == {old["node_id"]}
        assert {one.path for one in host.asked if "graphql" in one.path} == {"/api/graphql"}
    assert host.objections == []


@pytest.mark.parametrize(
    ("head", "commit", "found"),
    [
        (Head("fork:feature", "abc"), "", 7),
        (Head("fork:feature", "older"), "", None),
        (Head("fork:other", "abc"), "", None),
        (None, "abc", 7),
        (None, "d0d0", None),
    ],
)
def test_the_pull_request_of_a_branch_or_a_commit_is_found(host, head, commit, found):
    host.pulls = [
        {"number": 7, "state": "open", "head": {"label": "fork:feature", "sha": "abc"}},
        {"number": 6, "state": "closed", "head": {"label": "fork:feature", "sha": "abc"}},
    ]
    assert client(host, number=0).find(head, commit) == found
