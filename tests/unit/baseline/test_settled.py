from __future__ import annotations

import msgspec
import pytest

import fix_reports
from pytest_planguard.baseline.entries import world_from
from pytest_planguard.baseline.settled import settled

TABLE = "public.orders"
LINES = {"id": "8 bytes; unique", "status": "4 bytes; 5 distinct; common 75%, 20%"}
OLD = msgspec.structs.replace(
    world_from(fix_reports.database()),
    rows={TABLE: 47_000_000.0},
    digests={TABLE: "old"},
    statistics={TABLE: LINES},
)


NOISE = LINES | {"status": "4 bytes; 5 distinct; common 76%, 19%"}


def now(lines=LINES, rows=47_000_000.0, **more):
    return msgspec.structs.replace(
        OLD, rows={TABLE: rows}, digests={TABLE: "new"}, statistics={TABLE: lines}, **more
    )


@pytest.mark.parametrize("source", ["generated", "as-is", "declared"])
def test_another_sample_writes_nothing(source):
    old = msgspec.structs.replace(OLD, scale_source=source)
    assert settled(old, now(NOISE, 48_000_000.0, scale_source=source)) == old


def test_other_statistics_of_production_write_their_digest_and_no_line_that_holds_still():
    found = settled(OLD, now(NOISE, 48_000_000.0))
    assert found == msgspec.structs.replace(OLD, digests={TABLE: "new"})


def test_a_column_that_moved_is_written_with_the_digest_and_no_other_is():
    other = {"id": "8 bytes; 99% distinct", "status": "4 bytes; 40,000 distinct"}
    found = settled(OLD, now(other))
    assert found.statistics == {TABLE: LINES | {"status": other["status"]}}
    assert found.digests == {TABLE: "new"}


def test_sizes_are_written_where_they_moved_by_more_than_is_named():
    assert settled(OLD, now(rows=53_000_000.0)).rows == {TABLE: 53_000_000.0}
    assert settled(OLD, now(rows=43_000_000.0)).rows == OLD.rows


def test_a_header_that_knows_no_lines_gets_them():
    unknown = msgspec.structs.replace(OLD, statistics={})
    assert settled(unknown, now()) == now()


def test_a_column_that_came_is_written():
    more = LINES | {"note": "30 bytes"}
    found = settled(OLD, now(more))
    assert (found.statistics, found.digests) == ({TABLE: more}, {TABLE: "new"})
