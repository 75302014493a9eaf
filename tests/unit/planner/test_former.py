from __future__ import annotations

from pytest_planguard.model.moved import Undo
from pytest_planguard.planner.former import statements

PART = "CREATE INDEX part ON public.events_1 USING btree (id)"
WHOLE = "CREATE INDEX whole ON ONLY public.events USING btree (id)"
UNIQUE = 'CREATE UNIQUE INDEX "Odd name" ON public.events USING btree (id) WHERE (id > 1)'
NAMES = {
    "public.whole": "public.planguard_old_1",
    "public.part": "public.planguard_old_2",
    "public.Odd name": "public.planguard_old_3",
}


def test_partitions_indexes_are_made_first_and_the_whole_tables_takes_them():
    undo = Undo(indexes={"public.whole": WHOLE, "public.part": PART})
    assert list(statements([undo], NAMES).items()) == [
        ("planguard_old_2", "CREATE INDEX planguard_old_2 ON public.events_1 USING btree (id)"),
        ("planguard_old_1", "CREATE INDEX planguard_old_1 ON public.events USING btree (id)"),
    ]


def test_an_index_is_made_once_with_all_it_is_but_the_name():
    undo = Undo(indexes={"public.Odd name": UNIQUE})
    assert statements([undo, undo], NAMES) == {
        "planguard_old_3": "CREATE UNIQUE INDEX planguard_old_3 ON public.events USING btree (id)"
        " WHERE (id > 1)"
    }
