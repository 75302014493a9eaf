import pytest

from pytest_planguard.planner.bisect import CLOSE, Span, narrowed


class World:
    """Questions that turn at a size each."""

    def __init__(self, *turns, unanswered=()):
        self.turns = turns
        self.unanswered = unanswered
        self.asked = []

    def __call__(self, size, numbers):
        self.asked.append((size, list(numbers)))
        return {n: size >= self.turns[n] for n in numbers if n not in self.unanswered}


@pytest.mark.parametrize("turn", [1.05, 1.7, 2.9])
def test_a_turn_is_found_as_exactly_as_it_matters(turn):
    found = narrowed({0: Span(1, 3)}, World(turn), 9)[0]
    assert found.low < turn <= found.high
    assert found.high / found.low <= 2 * CLOSE


def test_no_more_sizes_are_looked_at_than_allowed():
    world = World(1.05)
    narrowed({0: Span(1, 100)}, world, 2)
    assert len(world.asked) == 2


def test_questions_about_one_span_share_their_sizes():
    world = World(2.9, 2.8)
    narrowed({0: Span(1, 3), 1: Span(1, 3)}, world, 9)
    assert all(numbers == [0, 1] for _, numbers in world.asked)


def test_what_most_questions_are_about_comes_first():
    world = World(50, 2, 2)
    narrowed({0: Span(10, 100), 1: Span(1, 3), 2: Span(1, 3)}, world, 1)
    assert world.asked == [(1.7, [1, 2])]


def test_a_question_without_an_answer_is_not_asked_again():
    world = World(2, unanswered=(0,))
    assert narrowed({0: Span(1, 3)}, world, 9) == {0: Span(1, 3)}
    assert len(world.asked) == 1


def test_close_ends_are_left_as_they_are():
    world = World(1.05)
    assert narrowed({0: Span(1, 1.1)}, world, 9) == {0: Span(1, 1.1)}
    assert world.asked == []
