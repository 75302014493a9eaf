from __future__ import annotations

import pytest

import fix_forges
from pytest_planguard.errors import ForgeError
from pytest_planguard.forge.behavior import Behavior, carry_out, decide
from pytest_planguard.forge.gitlab import OUTDATED, GitLabComments
from pytest_planguard.forge.patience import Patience
from pytest_planguard.forge.refusals import MissingError, ReadOnlyError, UnavailableError

MARKER = "<!-- pytest-planguard -->"
RED = f"{MARKER}\n### ❌ planguard failed: 1 error\n"
WEB = "https://gitlab.example/shop/app"


@pytest.fixture
def host():
    with fix_forges.serving(fix_forges.GitLab()) as forge:
        yield forge


@pytest.fixture
def sleeps():
    return fix_forges.Sleeps()


def client(forge, sleeps=None, **rest):
    patience = Patience(sleep=sleeps if sleeps is not None else fix_forges.Sleeps())
    values = {"token": fix_forges.TOKEN, "timeout": 5.0, "project": "42", "web": WEB} | rest
    return GitLabComments(forge.url, number=7, patience=patience, **values)


def say(there, text=RED, behavior=Behavior.UPDATE, *, wanted=True):
    steps = decide(there.own(MARKER), text, behavior, wanted=wanted)
    return carry_out(steps, there, text, MARKER)


@pytest.mark.parametrize("project", ["42", "shop/app"])
def test_two_runs_post_once_and_update_once(host, project):
    there = client(host, project=project)
    first = say(there)
    second = say(there, RED + "two errors\n")
    third = say(there, RED + "two errors\n")
    assert [first.what, second.what, third.what] == ["posted", "updated", "unchanged"]
    assert [one["body"] for one in host.comments] == [RED + "two errors\n"]
    assert first.comment.url == f"{WEB}/-/merge_requests/7#note_101"
    assert second.comment.url == first.comment.url


def test_ours_is_found_by_marker_and_author_over_all_pages(host):
    host.write(RED, author=6)
    host.write(RED, system=True)
    host.write("> " + RED)
    for number in range(120):
        host.write(f"note {number}", author=6)
    ours = host.write(RED)
    assert [one.id for one in client(host).own(MARKER)] == [str(ours["id"])]
    assert len([one for one in host.said("GET") if one.path.endswith("/notes")]) == 2


def test_a_note_is_folded_away_once_since_gitlab_hides_none(host):
    old = host.write(RED)
    there = client(host)
    say(there, RED + "2", Behavior.HIDE_AND_NEW)
    assert old["body"].startswith(f"{OUTDATED}\n<details>")
    assert RED.strip() in old["body"]
    say(there, RED + "3", Behavior.HIDE_AND_NEW)
    assert old["body"].count("<details>") == 1
    assert len(there.own(MARKER)) == 1


def test_earlier_notes_are_deleted(host):
    host.write(RED)
    host.write("by hand", author=6)
    say(client(host), RED + "2", Behavior.DELETE_AND_NEW)
    assert [one["body"] for one in host.comments] == ["by hand", RED + "2"]


def test_deleting_what_is_gone_is_no_error(host):
    gone = host.write(RED)
    there = client(host)
    (found,) = there.own(MARKER)
    host.comments.remove(gone)
    there.delete(found)


@pytest.mark.parametrize("fault", [{"status": 502}, {"status": 201, "delay": 0.4}])
def test_a_lost_answer_never_makes_a_second_note(host, fault):
    host.fail("POST", "/notes", after=True, **fault)
    say(client(host, timeout=0.2))
    assert len(host.comments) == 1
    assert len(host.said("POST")) == 1


@pytest.mark.parametrize(
    ("status", "headers", "waits"),
    [(502, {}, [1.0]), (429, {"Retry-After": "7"}, [7.0]), (429, {}, [1.0])],
)
def test_it_is_tried_again_when_the_host_is_down_or_limits_our_rate(
    host, sleeps, status, headers, waits
):
    host.fail("POST", "/notes", status, headers=headers)
    assert say(client(host, sleeps)).what == "posted"
    assert sleeps == waits
    assert len(host.comments) == 1


def test_a_host_that_stays_down_is_told_after_five_attempts(host, sleeps):
    host.fail("GET", "/notes", 502, message="Bad Gateway", times=99)
    with pytest.raises(UnavailableError, match="42!7: 502 Bad Gateway"):
        client(host, sleeps).own(MARKER)
    assert len(sleeps) == 4


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (401, "401 Unauthorized", ForgeError),
        (403, "403 Forbidden", ReadOnlyError),
        (404, "404 Not found", MissingError),
        (422, "note is too long", ForgeError),
    ],
)
def test_what_gitlab_refuses_is_told_in_its_words_and_without_the_token(
    host, sleeps, status, message, kind
):
    host.fail("POST", "/notes", status, message=f"{message} {fix_forges.TOKEN}")
    with pytest.raises(ForgeError) as caught:
        say(client(host, sleeps))
    assert type(caught.value) is kind
    assert message in caught.value.message
    assert fix_forges.TOKEN not in repr(caught.value) + str(caught.value)
    assert caught.value.__cause__ is None
    assert (sleeps, host.comments) == ([], [])


def test_a_host_nobody_listens_on_is_told_without_its_exceptions(sleeps):
    there = GitLabComments(
        "http://127.0.0.1:9", fix_forges.TOKEN, "42", 7, patience=Patience(sleep=sleeps)
    )
    with pytest.raises(UnavailableError, match=r"no answer \(ConnectionError\)"):
        there.own(MARKER)
