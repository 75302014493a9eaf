"""What every host must do: one contract for all of them, against servers that speak as they do."""

from __future__ import annotations

import pytest

import fix_forges
from pytest_planguard.errors import ForgeError
from pytest_planguard.forge.behavior import Behavior, carry_out, decide
from pytest_planguard.forge.refusals import MissingError, ReadOnlyError, UnavailableError

MARKER = "<!-- pytest-planguard -->"
RED = f"{MARKER}\n### ❌ planguard failed: 1 error\n"


@pytest.fixture(params=[fix_forges.GitHub, fix_forges.GitLab])
def host(request):
    with fix_forges.serving(request.param()) as forge:
        yield forge
    assert forge.objections == []


@pytest.fixture
def sleeps():
    return fix_forges.Sleeps()


def say(there, text=RED, behavior=Behavior.UPDATE, *, wanted=True):
    steps = decide(there.own(MARKER), text, behavior, wanted=wanted)
    return carry_out(steps, there, text, MARKER)


def test_two_runs_post_once_and_update_once(host):
    there = host.client()
    done = [say(there), say(there, RED + "2"), say(there, RED + "2")]
    assert [one.what for one in done] == ["posted", "updated", "unchanged"]
    assert host.visible() == [RED + "2"]
    assert done[0].comment.url.endswith("101")
    assert done[1].comment.url == done[0].comment.url
    assert len(host.said("POST")) == 1


def test_ours_is_found_by_marker_and_author_over_all_pages(host):
    host.write_as_another(RED)
    host.write("> " + RED)
    for number in range(230):
        host.write_as_another(f"comment {number}")
    host.write(f"{MARKER.replace(' -->', ': orders -->')}\n### another tag")
    ours = host.write(RED.replace("\n", "\r\n"))
    (found,) = host.client().own(MARKER)
    assert found.id.split()[0] == str(ours["id"])
    pages = [one for one in host.said("GET") if one.path.endswith(host.endpoint)]
    assert len(pages) == 3
    assert {one.query["per_page"] for one in pages} == {"100"}


def test_of_two_comments_with_the_marker_the_newest_is_kept_and_the_other_folded(host):
    host.write(RED)
    host.write(RED)
    say(host.client(), RED + "2")
    assert host.visible() == [RED + "2"]
    assert len(host.comments) == 2


def test_earlier_comments_are_hidden(host):
    host.write(RED)
    host.write_as_another("by hand")
    there = host.client()
    for text in (RED + "2", RED + "3"):
        assert say(there, text, Behavior.HIDE_AND_NEW).problems == ()
    assert host.visible() == ["by hand", RED + "3"]
    assert len(host.comments) == 4


def test_earlier_comments_are_deleted_after_the_new_one_stands(host):
    host.write(RED)
    host.write_as_another("by hand")
    say(host.client(), RED + "2", Behavior.DELETE_AND_NEW)
    assert host.visible() == ["by hand", RED + "2"]
    assert [one.method for one in host.asked if one.method in ("POST", "DELETE")][-1] == "DELETE"


def test_a_comment_somebody_deletes_meanwhile_is_posted_anew(host):
    ours = host.write(RED)
    there = host.client()
    steps = decide(there.own(MARKER), RED + "2", Behavior.UPDATE, wanted=True)
    host.comments.remove(ours)
    assert carry_out(steps, there, RED + "2", MARKER).what == "posted"
    assert host.visible() == [RED + "2"]


def test_deleting_what_is_gone_is_no_error(host):
    gone = host.write(RED)
    there = host.client()
    (found,) = there.own(MARKER)
    host.comments.remove(gone)
    there.delete(found)
    assert (host.asked[-1].method, host.comments) == ("DELETE", [])


@pytest.mark.parametrize(("status", "delay", "timeout"), [(502, 0.0, 5.0), (201, 1.2, 0.8)])
def test_a_lost_or_late_answer_never_makes_a_second_comment(host, status, delay, timeout):
    host.fail("POST", host.endpoint, status, after=True, delay=delay)
    assert say(host.client(timeout=timeout)).what == "posted"
    assert host.visible() == [RED]
    assert len(host.said("POST")) == 1


def test_the_same_text_of_an_earlier_run_is_not_taken_for_the_lost_answer(host):
    host.write(RED)
    host.fail("POST", host.endpoint, 502)
    host.client().post(RED, MARKER)
    assert len(host.comments) == 2


@pytest.mark.parametrize(
    ("status", "headers", "waits"),
    [(502, {}, [1.0]), (503, {}, [1.0]), (429, {"Retry-After": "7"}, [7.0])],
)
def test_it_is_tried_again_when_the_host_is_down_or_limits_our_rate(
    host, sleeps, status, headers, waits
):
    host.fail("POST", host.endpoint, status, headers=headers)
    assert say(host.client(sleeps)).what == "posted"
    assert sleeps == waits
    assert host.visible() == [RED]


def test_a_host_that_stays_down_is_told_after_five_attempts(host, sleeps):
    host.fail("GET", host.endpoint, 502, message="Bad Gateway", times=99)
    with pytest.raises(UnavailableError, match="502 Bad Gateway"):
        host.client(sleeps).own(MARKER)
    assert sleeps == [1.0, 2.0, 4.0, 8.0]


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
def test_what_is_refused_is_told_in_the_hosts_words_and_without_the_token(
    host, sleeps, status, message, kind
):
    host.fail("POST", host.endpoint, status, message=f"{message} {fix_forges.TOKEN}")
    with pytest.raises(ForgeError) as caught:
        say(host.client(sleeps))
    assert type(caught.value) is kind
    assert message in caught.value.message
    assert fix_forges.TOKEN not in repr(caught.value) + str(caught.value)
    assert caught.value.__cause__ is None
    assert (sleeps, host.comments) == ([], [])


def test_a_token_that_is_wrong_is_told_and_not_shown(host):
    with pytest.raises(ForgeError, match="the token is not accepted") as caught:
        host.client(token="another-secret").own(MARKER)
    assert "another-secret" not in str(caught.value)


def test_a_host_nobody_listens_on_is_told_without_its_exceptions(host, sleeps):
    host.url = "http://127.0.0.1:9"
    with pytest.raises(
        UnavailableError, match=r"no answer \(Connect\w*Error\)|\(ConnectionError\)"
    ):
        host.client(sleeps).own(MARKER)


def test_an_address_that_answers_something_else_is_told(host):
    host.fail("GET", host.endpoint, 200, message="not a list", times=9)
    with pytest.raises(ForgeError):
        host.client().own(MARKER)
