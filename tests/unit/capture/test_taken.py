"""A capture whose statements are made one at a time is the one that has them all."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest

from pytest_planguard.capture import file
from pytest_planguard.capture.connection import ConnectionParameters
from pytest_planguard.capture.files import Files
from pytest_planguard.capture.merge import Merger, alone, merge
from pytest_planguard.capture.origin import OriginFinder, Site
from pytest_planguard.capture.places import Moment
from pytest_planguard.capture.recorder import Recorder
from pytest_planguard.capture.redacting import Redactor
from pytest_planguard.capture.taken import Taken
from pytest_planguard.capture.tally import Tally, statement_order
from pytest_planguard.capture.variety import MANY_KINDS
from pytest_planguard.model.capture import Capture
from pytest_planguard.model.redaction import Redaction
from pytest_planguard.model.statement import Origin, Phase, Session

SHOP = ConnectionParameters({"dbname": "shop"})

TEXTS = (
    b"SELECT * FROM item WHERE name = 'a'",
    b"SELECT * FROM item WHERE name = '\xc3\xa9'",
    b"SELECT * FROM item WHERE name = '\xe9'",  # the same one in Latin-1
    b"SELECT * FROM item WHERE name = '\xff'",  # of an encoding we do not know: after U+00E9
    "SELECT * FROM item WHERE name = '\N{FULLWIDTH LATIN SMALL LETTER A}'".encode(),
    "SELECT * FROM item WHERE name = '\N{GRINNING FACE}'".encode(),  # UTF-16 has it before that
    b"SELECT * FROM item WHERE id = $1",
    b"SELECT * FROM item",
)


def recorded(
    seed: int, texts: Sequence[bytes] = TEXTS, numbers: Sequence[int] = range(150)
) -> Recorder:
    """A suite's statements, in some order: of many kinds, tests, phases, sessions and values."""
    recorder = Recorder(OriginFinder(Files(Path("/nowhere"))))
    sent = [(text, number) for text in texts for number in numbers]
    random.Random(seed).shuffle(sent)
    for text, number in sent:
        leave = recorder.enter_shared(f"m{number % 2}.py") if number % 7 == 0 else None
        if leave is None:
            recorder.enter(f"t.py::t{number % 5}" if number % 11 else "", Phase.CALL)
        session = recorder.session(
            "psycopg",
            SHOP,
            search_path=f"tenant_{number:03}" if number % 3 else None,
            settings=(("app.id", str(number)), ("work_mem", "1MB"))[: number % 6 // 2],
        )
        values = [b"\xe9 %d" % number] if b"$1" in text else None
        types = (25,) if values else ()
        recorder.record(text, types, values, None, session, many=number % 13 == 12)
        if leave is not None:
            leave()
    return recorder


def in_file(tmp_path: Path, capture: Capture, taken: Taken | None = None) -> tuple[int, bytes]:
    """How many statements were written, and the file."""
    path = tmp_path / "capture.json.gz"
    count = file.write(capture, path, None if taken is None else taken.statements())
    return count, path.read_bytes()


def test_a_file_written_statement_by_statement_has_the_same_bytes(tmp_path: Path) -> None:
    capture = merge([recorded(1).take()])
    taken = alone(recorded(2).take_apart())
    written = in_file(tmp_path, taken.rest, taken)
    assert written == (len(capture.statements), file.encode(capture))
    assert written == in_file(tmp_path, capture)
    assert MANY_KINDS in capture.notes


def test_a_sum_that_is_taken_apart_is_the_sum(tmp_path: Path) -> None:
    mergers = Merger(), Merger()
    for merger in mergers:
        for seed, worker in enumerate(("gw0", "gw1", "gw0")):
            texts, numbers = TEXTS[4 * seed % 7 :][:4], range(200 - 50 * seed, 300)
            merger.add(recorded(seed, texts, numbers).take(), worker)
    taken = mergers[0].take()
    assert in_file(tmp_path, taken.rest, taken) == in_file(tmp_path, mergers[1].result())


@pytest.mark.parametrize("make", [Taken.of, lambda _: recorded(3).take_apart()])
def test_the_lines_are_known_before_the_statements_are_made(
    make: Callable[[Capture], Taken],
) -> None:
    capture = recorded(3).take()
    taken = make(capture)
    assert taken.origins == {
        place.origin for statement in capture.statements for place in statement.places
    }
    assert taken.rest.statements == ()
    assert taken.whole() == capture


def test_of_nothing_nothing_is_made() -> None:
    taken = alone(Recorder(OriginFinder(Files(Path("/nowhere")))).take_apart())
    assert not taken.origins
    assert list(taken.statements()) == []


TWO = [Session("shop", driver) for driver in ("psycopg", "asyncpg")]
TENANTS = [Session("shop", "psycopg", f"tenant_{number:03}") for number in range(150)]


def tally_of(
    texts: Iterable[bytes], redactor: Redactor | None = None, sessions: Sequence[Session] = TWO
) -> Tally:
    tally, site = Tally(redactor), Site(Origin("db.py", 2, "run"))
    moment = Moment("t::a", Phase.CALL)
    for text in texts:
        for session in sessions:
            key = text, (), id(session), False, False
            tally.count(key, session, site, moment, None, None, repeated=False)
    return tally


@pytest.mark.parametrize("redactor", [None, Redactor(Redaction(values=("'a'",)))])
def test_statements_are_sorted_as_texts_are_whatever_they_are_encoded_in(
    redactor: Redactor | None,
) -> None:
    shuffled = random.Random(4).sample(TEXTS, len(TEXTS))
    found = tally_of(shuffled, redactor).statements()
    assert len(found) == 2 * len(TEXTS)
    assert list(found) == sorted(found, key=statement_order)
    assert [one for same in tally_of(shuffled, redactor).drain() for one in same] == list(found)


def test_what_statements_are_made_of_goes_as_they_are_made() -> None:
    tally = tally_of(TEXTS)
    left = [len(tally.entries) for _ in tally.drain()]
    # Two sessions each, and the one text in two encodings comes as one.
    assert left == [14, 12, 10, 6, 4, 2, 0]


def test_what_was_counted_can_be_asked_for_twice_and_taken_then() -> None:
    tally = tally_of(TEXTS, sessions=TENANTS)
    found = tally.statements()
    assert sum(one.executions for one in found) == len(TEXTS) * len(TENANTS) > 10 * len(found)
    assert tally.statements() == found
    assert tuple(one for same in tally.drain() for one in same) == found
