from __future__ import annotations

from pytest_planguard.fixturedb.schema.restore import sentences
from pytest_planguard.model.schema import SchemaObject


def test_what_only_needs_a_table_that_is_left_out_is_counted_with_it():
    table = SchemaObject("table", "public.t", "")
    index = SchemaObject("index", "public.i", "")
    view = SchemaObject("view", "public.v", "")
    assert sentences(
        [
            (table, 'type "public.citext" does not exist'),
            (index, 'relation "public.t" does not exist'),
            (view, "out of cheese"),
        ]
    ) == [
        'table public.t is left out: type "public.citext" does not exist (and 1 more that need it)',
        "view public.v is left out: out of cheese",
    ]
