"""Comments on the lines that ask, read from the project's files."""

from __future__ import annotations

from textwrap import dedent

import pytest

from pytest_planguard.capture.remarks import remarks, remarks_in
from pytest_planguard.capture.taken import Taken
from pytest_planguard.model.capture import Capture
from pytest_planguard.model.silence import Silence
from pytest_planguard.model.statement import (
    Layer,
    Origin,
    Phase,
    Place,
    Session,
    Statement,
)

MODULE = '''
def listing(connection):
    """planguard: ignore[PLN001] a text is no comment."""
    connection.execute("SELECT 1")  # planguard: ignore[PLN001] 42 rows  # noqa: S608
    connection.execute(
        "SELECT 2"
        " FROM orders"
    )  # planguard: ignore[QRY007, IDX] exported once a year
    with connection.cursor() as one, connection.execute(  # planguard: ignore[PLN] in the head
        "SELECT 3"
    ):
        one.execute("SELECT 4")
'''


def lines(text: str) -> list[tuple[int, int, int, tuple[str, ...]]]:
    return [(one.line, one.first, one.last, one.silence.codes) for one in remarks_in("a.py", text)]


def test_a_comment_belongs_to_the_whole_statement_it_stands_in():
    assert lines(MODULE) == [
        (4, 4, 4, ("PLN001",)),
        (8, 5, 8, ("QRY007", "IDX")),
        (9, 9, 11, ("PLN",)),
    ]


def test_its_reason_ends_where_another_comment_begins():
    first, *_ = remarks_in("a.py", MODULE)

    assert first.silence == Silence(("PLN001",), "42 rows")


@pytest.mark.parametrize("text", ["def (:  # planguard: ignore[PLN001] x", "'''"])
def test_what_is_no_python_says_nothing(text):
    assert lines(text) == []


def test_files_of_the_project_that_sent_something_are_read(tmp_path):
    (tmp_path / "app.py").write_text(dedent(MODULE))
    (tmp_path / "idle.py").write_text(dedent(MODULE))
    (tmp_path / "odd.py").write_bytes(b"# planguard: ignore[PLN001] \xff")

    def sent(file: str, layer: Layer) -> Statement:
        place = Place(Origin(file, 4, "f", layer), "t.py::a", Phase.CALL)
        return Statement("SELECT 1", (), Session("app", "psycopg"), places=(place,))

    files = {"app.py": Layer.APPLICATION, "odd.py": Layer.TEST, "gone.py": Layer.APPLICATION,
             "lib:celery": Layer.APPLICATION, "idle.py": Layer.MIGRATION}  # fmt: skip
    capture = Capture(tuple(sent(name, layer) for name, layer in files.items()))

    assert {one.file for one in remarks(Taken.of(capture), tmp_path)} == {"app.py"}
