from __future__ import annotations

import pytest

from pytest_planguard.errors import ForgeError
from pytest_planguard.forge.behavior import Behavior, Steps, carry_out, decide, worded
from pytest_planguard.forge.conversation import Comment
from pytest_planguard.forge.refusals import MissingError

MARKER = "<!-- pytest-planguard -->"
RED = f"{MARKER}\n### ❌ planguard failed: 1 error\n"
GREEN = worded(f"{MARKER}\n### ✅ planguard passed\n", wanted=False)
WARNINGS = worded(f"{MARKER}\n### ✅ planguard passed: 3 warnings shown\n", wanted=True)
OLD = Comment("1", f"{MARKER}\n### ❌ planguard failed: 9 errors\n")
NOW = Comment("2", RED)
EVERY = list(Behavior)


@pytest.mark.parametrize("behavior", EVERY)
def test_a_first_comment_is_made_only_when_there_is_something_to_say(behavior):
    assert decide([], RED, behavior, wanted=True) == Steps(post=True)
    assert decide([], GREEN, behavior, wanted=False) == Steps()


@pytest.mark.parametrize("behavior", EVERY)
def test_what_is_said_already_is_not_said_again(behavior):
    steps = decide([NOW], RED.replace("\n", "\r\n").strip(), behavior, wanted=True)
    assert steps == Steps()


@pytest.mark.parametrize(
    ("behavior", "steps"),
    [
        (Behavior.UPDATE, Steps(update=NOW, hide=(OLD,))),
        (Behavior.NEW, Steps(post=True)),
        (Behavior.HIDE_AND_NEW, Steps(post=True, hide=(OLD, NOW))),
        (Behavior.DELETE_AND_NEW, Steps(post=True, delete=(OLD, NOW))),
    ],
)
def test_each_behaviour_treats_earlier_comments_its_own_way(behavior, steps):
    assert decide([OLD, NOW], RED + "more", behavior, wanted=True) == steps


@pytest.mark.parametrize("behavior", EVERY)
def test_a_comment_that_is_there_turns_green_once(behavior):
    steps = decide([NOW], GREEN, behavior, wanted=False)
    assert steps.update == NOW or steps.post
    if behavior is not Behavior.UPDATE:
        green = Comment("3", GREEN)
        again = decide([green], f"144 tests\n{GREEN}", behavior, wanted=False)
        assert again == Steps()


@pytest.mark.parametrize("behavior", EVERY)
def test_warnings_that_were_mended_do_not_stay_in_a_comment_that_passed(behavior):
    steps = decide([Comment("3", WARNINGS)], GREEN, behavior, wanted=False)
    assert steps.update is not None or steps.post


class Fake:
    """A conversation that remembers what was asked of it."""

    name = "shop/app#7"

    def __init__(self, *, missing: bool = False, stubborn: bool = False) -> None:
        self.did: list[str] = []
        self.missing = missing
        self.stubborn = stubborn

    def own(self, marker: str) -> list[Comment]:
        raise AssertionError("nothing is looked up while steps are carried out")

    def post(self, text: str, marker: str) -> Comment:
        self.did.append("post")
        return Comment("9", text)

    def update(self, comment: Comment, text: str) -> Comment:
        if self.missing:
            raise MissingError("gone")
        self.did.append(f"update {comment.id}")
        return comment

    def hide(self, comments) -> None:
        if self.stubborn:
            raise ForgeError("may not")
        self.did.append(f"hide {' '.join(one.id for one in comments)}")

    def delete(self, comment: Comment) -> None:
        if self.stubborn:
            raise ForgeError("may not")
        self.did.append(f"delete {comment.id}")


def test_what_is_new_comes_first_and_then_what_is_old_goes():
    there = Fake()
    done = carry_out(Steps(post=True, delete=(OLD, NOW)), there, RED, MARKER)
    assert there.did == ["post", "delete 1", "delete 2"]
    assert done.what == "posted"


def test_a_comment_that_was_deleted_meanwhile_is_posted_anew():
    there = Fake(missing=True)
    assert carry_out(Steps(update=NOW), there, RED, MARKER).what == "posted"
    assert there.did == ["post"]


def test_an_old_comment_that_cannot_be_tidied_up_is_told_and_the_new_one_stands():
    there = Fake(stubborn=True)
    done = carry_out(Steps(post=True, hide=(OLD,)), there, RED, MARKER)
    assert done.what == "posted"
    assert done.problems == ("an earlier comment stays as it is: may not",)
