from __future__ import annotations

import pytest

import fix_forges
from pytest_planguard.forge.patience import Patience
from pytest_planguard.forge.refusals import (
    FailedError,
    MissingError,
    ReadOnlyError,
    UnavailableError,
    refusal,
)


class Host:
    """Fails as told, then answers."""

    def __init__(self, *failures: FailedError) -> None:
        self.failures = list(failures)
        self.asked = 0

    def __call__(self) -> str:
        self.asked += 1
        if self.failures:
            raise self.failures.pop(0)
        return "answer"


@pytest.fixture
def sleeps():
    return fix_forges.Sleeps()


@pytest.fixture
def patience(sleeps):
    return Patience(sleep=sleeps)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429, None])
def test_what_may_pass_is_tried_again_with_a_longer_wait_each_time(patience, sleeps, status):
    host = Host(*(FailedError(status, "no") for _ in range(3)))
    assert patience.ask(host) == "answer"
    assert sleeps == [1.0, 2.0, 4.0]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_what_does_not_pass_is_asked_once(patience, sleeps, status):
    host = Host(FailedError(status, "no"))
    with pytest.raises(FailedError):
        patience.ask(host)
    assert (host.asked, sleeps) == (1, [])


def test_it_ends(patience, sleeps):
    host = Host(*(FailedError(502, "no") for _ in range(99)))
    with pytest.raises(FailedError):
        patience.ask(host)
    assert host.asked == 5
    assert len(sleeps) == 4


def test_the_host_says_how_long_to_wait_also_with_403(patience, sleeps):
    assert patience.ask(Host(FailedError(403, "slow down", wait=17, limited=True))) == "answer"
    assert sleeps == [17]


def test_an_hour_is_not_waited(patience, sleeps):
    host = Host(FailedError(429, "no", wait=3600.0))
    with pytest.raises(FailedError):
        patience.ask(host)
    assert (host.asked, sleeps) == (1, [])


def test_what_was_done_although_its_answer_was_lost_is_not_done_again(patience):
    host = Host(FailedError(502, "lost"))
    assert patience.ask(host, lambda: "found") == "found"
    assert host.asked == 1


def test_the_last_attempt_too_may_have_been_carried_out():
    host = Host(FailedError(None, "timeout"))
    patience = Patience(attempts=1, sleep=lambda _: None)
    assert patience.ask(host, lambda: "found") == "found"


def test_looking_while_the_host_is_down_changes_nothing(patience):
    def look() -> str:
        raise FailedError(502, "still down")

    host = Host(FailedError(502, "down"))
    assert patience.ask(host, look) == "answer"
    assert host.asked == 2


@pytest.mark.parametrize(
    ("failed", "kind", "words"),
    [
        (FailedError(403, "Resource not accessible by integration"), ReadOnlyError, "two workflo"),
        (FailedError(403, "issue is locked"), ReadOnlyError, "unlock the conversation"),
        (FailedError(404, "Not Found"), MissingError, "check repository and number"),
        (FailedError(429, "slow"), UnavailableError, "run the job again"),
        (FailedError(403, "limit", limited=True), UnavailableError, "run the job again"),
        (FailedError(None, "no answer"), UnavailableError, "run the job again"),
    ],
)
def test_a_refusal_says_what_to_do(failed, kind, words):
    error = refusal(failed, "shop/app#7", ())
    assert type(error) is kind
    assert words in str(error)


def test_no_secret_is_in_a_refusal_whatever_the_host_quotes():
    failed = FailedError(422, "body\n says " + "x" * 500 + " ghs_t0psecret")
    error = refusal(FailedError(422, "bad ghs_t0psecret\n token"), "a/b#1", ("ghs_t0psecret", ""))
    assert error.message == "a/b#1: 422 bad *** token"
    assert len(refusal(failed, "a/b#1", ()).message) < 250
