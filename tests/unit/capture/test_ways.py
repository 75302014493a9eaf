from __future__ import annotations

from types import FrameType
from typing import Any

import pytest

from pytest_planguard.capture.ways import Ways

CARRIER, LIBRARY, APPLICATION = "carrier.py", "library.py", "app.py"


def function(file: str, name: str, body: str = "return next_one(*given)") -> Any:
    """A function that calls the next one, as of a file."""
    names: dict[str, Any] = {}
    text = f"def {name}(next_one, *given):\n    {body}\n"
    exec(compile(text, file, "exec"), names)
    return names[name]


def carriers(count: int) -> list[Any]:
    return [function(CARRIER, f"carry_{number}") for number in range(count)]


@pytest.fixture
def ways() -> Ways:
    return Ways({CARRIER, LIBRARY, __file__}, {CARRIER})


class Counting(Ways):
    """How often frames had to be walked from the start."""

    __slots__ = ("learnt",)

    def __init__(self) -> None:
        super().__init__({CARRIER, LIBRARY, __file__}, {CARRIER})
        self.learnt = 0

    def learn(self, frame: FrameType | None) -> FrameType | None:
        self.learnt += 1
        return super().learn(frame)


def found(ways: Ways, *calls: Any) -> str | None:
    """The function that is found when these call one another, the first one outermost."""

    def look() -> str | None:
        frame = ways.out(1)
        return None if frame is None else frame.f_code.co_name

    first, *rest = *calls, look
    answer: str | None = first(*rest)
    return answer


def test_who_asks_is_found_and_the_way_is_walked_once() -> None:
    ways, way = Counting(), carriers(9)
    for name in ("one", "other", "one"):
        assert found(ways, function(APPLICATION, name), *way) == name
    assert ways.learnt == 1


def test_a_few_frames_are_walked_each_time() -> None:
    ways, way = Counting(), carriers(2)
    for _ in range(3):
        assert found(ways, function(APPLICATION, "ask"), *way) == "ask"
    assert ways.learnt == 3


def test_an_application_between_the_carriers_is_not_passed_over(ways: Ways) -> None:
    outer, hook = function(APPLICATION, "ask"), function(APPLICATION, "hook")
    way = carriers(9)
    assert found(ways, outer, *way) == "ask"
    for number in (1, 2, 4):
        # As deep as before, and the ORM is entered by the same function
        assert found(ways, outer, *way[:number], hook, *way[number + 1 :]) == "hook"
    assert found(ways, outer, *way[:6], hook, *way) == "hook"
    assert found(ways, outer, *way) == "ask"


def test_a_library_between_the_carriers_and_the_application_is_walked(ways: Ways) -> None:
    library, hook = function(LIBRARY, "wrapped"), function(APPLICATION, "hook")
    outer, way = function(APPLICATION, "ask"), carriers(9)
    for _ in range(2):
        assert found(ways, outer, library, *way) == "ask"
        assert found(ways, outer, library, hook, *way) == "hook"


def test_a_file_that_was_not_met_yet_is_given_to_be_looked_at(ways: Ways) -> None:
    new, way = function("new.py", "new"), carriers(9)
    assert found(ways, function(APPLICATION, "ask"), *way, new) == "new"
    assert found(ways, function(APPLICATION, "ask"), new, *way) == "new"


def test_a_shorter_stack_than_before_is_no_error(ways: Ways) -> None:
    way = carriers(400)
    assert found(ways, function(APPLICATION, "ask"), *way) == "ask"
    assert found(ways, function(APPLICATION, "ask"), *way[:5]) == "ask"


def test_more_kinds_of_ways_than_are_remembered_are_found_all_the_same() -> None:
    ways = Counting()
    several = [carriers(count) for count in range(5, 25)]
    for _ in range(2):
        for way in several:
            assert found(ways, function(APPLICATION, "ask"), *way) == "ask"
    assert ways.learnt == 2 * len(several)
    assert found(ways, function(APPLICATION, "ask"), *several[-1]) == "ask"
    assert ways.learnt == 2 * len(several)
