import pytest

from pytest_planguard.fixturedb.scale.fractions import kept_fraction
from pytest_planguard.model.statistics import ColumnStatistics

COLUMNS = {
    "status": ColumnStatistics(
        n_distinct=5, most_common_values=("sent", "open"), most_common_freqs=(0.7, 0.1)
    ),
    "deleted_at": ColumnStatistics(null_frac=0.75),
    "active": ColumnStatistics(
        n_distinct=2, most_common_values=("t", "f"), most_common_freqs=(0.9, 0.1)
    ),
    "Kind": ColumnStatistics(n_distinct=4),
    "code": ColumnStatistics(
        n_distinct=2, most_common_values=("IN   ", "OUT  "), most_common_freqs=(0.7, 0.3)
    ),
}


@pytest.mark.parametrize(
    ("predicate", "share"),
    [
        ("status = 'open'::order_status", 0.1),
        ("(status)::text = 'open'::text", 0.1),
        ("status = 'other'::order_status", 0.2 / 3),
        ("status = ANY (ARRAY['open'::st, 'sent'::st])", 0.8),
        ("status::text <> 'open'::text", 0.9),
        ("deleted_at IS NULL", 0.75),
        ("deleted_at IS NOT NULL AND active", 0.25 * 0.9),
        ("NOT active", 0.1),
        ("active IS TRUE", 0.9),
        ('"Kind" = 3', 0.25),
        ("code = 'OUT'::bpchar", 0.3),
        ("lower(status) = 'x'::text", 0.5),
        ("deleted_at > '2020-01-01'::date", 0.5),
    ],
)
def test_a_predicate_keeps_the_share_its_columns_have(predicate, share):
    assert kept_fraction(predicate, COLUMNS, 1e6) == pytest.approx(share)
