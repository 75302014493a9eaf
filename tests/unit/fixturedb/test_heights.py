import struct

import pytest

from pytest_planguard.fixturedb.scale.heights import gin_pages, height_from_cost, reads_no_table
from pytest_planguard.model.statistics import GinPages


@pytest.mark.parametrize("height", range(6))
@pytest.mark.parametrize("comparisons", [0, 1, 17, 40])
def test_the_cost_of_a_descent_tells_the_height_whatever_the_rows(height, comparisons):
    assert height_from_cost(50.0 * (height + 1) + comparisons) == height


@pytest.mark.parametrize(
    ("predicate", "harmless"),
    [
        ("", True),
        ("(deleted_at IS NULL)", True),
        ("((state = 'open'::status) AND (NOT archived))", True),
        ("(state = ANY (ARRAY['a'::text, '>'::text]))", True),
        ('("a<b" <> 3)', True),
        ("(total >= (890)::numeric)", False),
        ("(at > '2026-01-01'::date)", False),
        ("(name ~~ 'A%'::text)", False),
        ("starts_with(name, 'A'::text)", False),
        ("(tags @> '{a}'::text[])", False),
    ],
)
def test_predicates_the_planner_might_look_up_are_not_asked_about(predicate, harmless):
    assert reads_no_table(predicate) is harmless


def test_a_gin_metapage_is_read_and_one_that_was_never_written_is_not():
    page = bytes(24) + struct.pack("<IIIIqIII4xqi", 9, 9, 0, 3, 40, 100, 20, 70, 5_000, 2)
    assert gin_pages(page) == GinPages(3, 100, 20, 70, 5_000)
    assert gin_pages(bytes(8192)) is None
    assert gin_pages(b"") is None
