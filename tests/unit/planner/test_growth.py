import pytest

from pytest_planguard.model.growth import Order
from pytest_planguard.model.plan import Access, AccessPath, Plan, PlanNode, SampleKind
from pytest_planguard.model.query import Query
from pytest_planguard.planner.growth import Followed, Seen, follow
from pytest_planguard.planner.smaller import Searched, smallest

ROWS = 1_000_000.0
LARGE = 10_000.0


def plan(cost, **access):
    """A plan that reads each alias, a table of the same name, in some way."""
    paths = {alias: AccessPath(f"public.{alias}", way) for alias, way in access.items()}
    return Plan(SampleKind.CAPTURED, PlanNode(node_type="Limit", total_cost=cost), paths)


class Databases:
    """Plans a query by a function of the size; counts the databases."""

    def __init__(self, planned, rows=ROWS, grows=True):
        self.planned, self.rows, self.grows = planned, rows, grows
        self.sizes = []

    def seen(self, factor):
        made = self.planned(factor)
        rows = self.rows * (factor if self.grows else 1.0)
        return made and Seen(made, {path.relation: rows for path in made.access.values()})

    def __call__(self, factor, asked):
        self.sizes.append(factor)
        return [self.seen(factor) for _ in asked]

    def growth(self):
        today = self.seen(1.0)
        query = Query("k", "default", "", (), (), ())
        (found,) = follow([Followed(query, today.plan)], [today], self, LARGE)
        return found


def test_a_page_through_an_index_is_constant():
    found = Databases(lambda size: plan(8.0 + size / 1e4, orders=Access.INDEX)).growth()
    assert found.order is Order.CONSTANT
    assert found.turn is None
    assert [(stage.factor, stage.rows) for stage in found.stages] == [
        (1, 1e6), (3, 3e6), (10, 1e7), (100, 1e8),
    ]  # fmt: skip


@pytest.mark.parametrize(("power", "order"), [(1, Order.LINEAR), (2, Order.WORSE)])
def test_growth_is_told_by_its_order(power, order):
    assert (
        Databases(lambda size: plan(100 * size**power, orders=Access.SEQ)).growth().order is order
    )


def test_the_size_at_which_the_plan_turns_is_looked_for():
    world = Databases(
        lambda size: plan(9.0, orders=Access.INDEX if size < 2.2 else Access.INDEX_FILTER)
    )
    turn = world.growth().turn
    assert turn.is_fall
    assert turn.last < 2.2 <= turn.factor < 2.5
    assert turn.rows == turn.factor * ROWS
    assert world.sizes[:3] == [3, 10, 100]


def test_an_index_that_comes_to_be_used_is_no_fall_and_not_looked_for():
    world = Databases(lambda size: plan(9.0, orders=Access.SEQ if size < 2.2 else Access.INDEX))
    turn = world.growth().turn
    assert not turn.is_fall
    assert (turn.last, turn.factor) == (1, 3)
    assert world.sizes == [3, 10, 100]


def test_how_a_small_table_is_read_does_not_matter():
    world = Databases(
        lambda size: plan(9.0, orders=Access.INDEX if size < 2.2 else Access.SEQ), rows=50
    )
    assert world.growth().turn is None


def test_a_bitmap_instead_of_an_index_scan_is_no_turn():
    world = Databases(lambda size: plan(9.0, orders=Access.INDEX if size < 2 else Access.BITMAP))
    assert world.growth().turn is None


def test_what_reads_nothing_that_grows_has_no_growth():
    assert Databases(lambda _: plan(9.0, countries=Access.SEQ), grows=False).growth() is None


def test_a_query_refused_at_every_other_size_has_no_growth():
    assert Databases(lambda size: plan(9.0, a=Access.SEQ) if size == 1 else None).growth() is None


def least(planned):
    world = Databases(planned)
    asked = Searched(Followed(Query("k", "default", "", (), (), ()), planned(1.0)), "public.a")
    return smallest([asked], world, 0.01)[0], world


def test_a_table_without_an_index_is_searched_from_the_smallest_size_on():
    found, world = least(lambda _: plan(9.0, a=Access.SEQ))
    assert (found, world.sizes) == (0.01, [0.01])


def test_else_it_is_searched_from_where_its_plan_turns():
    found, world = least(lambda size: plan(9.0, a=Access.SEQ if size >= 0.3 else Access.INDEX))
    assert 0.3 <= found < 0.5
    assert len(world.sizes) <= 6
