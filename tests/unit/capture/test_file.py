from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import msgspec
import pytest

from pytest_planguard.capture import file
from pytest_planguard.errors import CaptureError
from pytest_planguard.model.capture import Capture, Database
from pytest_planguard.model.statement import Sample, Session, Statement

CAPTURE = Capture(
    statements=(),
    databases={"b": Database("b"), "a": Database("a", types={20_000: "public.mood", 9: "x"})},
    commit="c",
)


def sampled(value: str, position: int) -> bytes:
    """The file of a capture with one sample, whose value there is said to be binary."""
    session = Session(database="shop", driver="psycopg")
    sample = Sample((value,), (position,))
    return file.encode(Capture((Statement("SELECT $1", (23,), session, (sample,), ()),)))


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "new" / "capture.json.gz"
    file.write(CAPTURE, path)
    assert file.read(path) == CAPTURE
    assert [child.name for child in path.parent.iterdir()] == ["capture.json.gz"]


def test_the_same_capture_is_the_same_bytes() -> None:
    other = Capture(statements=(), databases=dict(reversed(CAPTURE.databases.items())), commit="c")
    assert file.encode(CAPTURE) == file.encode(other)


def test_a_file_is_one_line_of_json_whose_keys_are_sorted() -> None:
    settings = {"work_mem": "1MB", "app.tenant": "é"}
    statements = [
        Statement(text, (23,), Session("shop", "psycopg", settings=settings), (Sample(("1",)),))
        for text in ("SELECT $1", "SELECT $1, 'é'", 'SELECT "statements":[')
    ]
    capture = msgspec.structs.replace(CAPTURE, statements=tuple(statements))
    text = gzip.decompress(file.encode(capture)).decode()
    options = {"ensure_ascii": False, "sort_keys": True, "separators": (",", ":")}
    assert text == json.dumps(json.loads(text), **options)
    assert file.decode(gzip.compress(text.encode()), "x") == capture


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "is not a capture"),
        (b"select 1", "is not a capture"),
        (file.encode(CAPTURE)[:40], "was cut off"),
        (file.encode(CAPTURE)[:-8] + b"\0" * 8, "damaged"),
        (gzip.compress(b"[1, 2]"), "is not a capture"),
        (gzip.compress(b"{}"), "is not a capture"),
        (gzip.compress(b"\xff\xfe"), "is not a capture"),
        (gzip.compress(b'{"schema": 1, "statements": [1]}'), "damaged"),
        (gzip.compress(b"[" * 100_000), "is not a capture"),
        (
            gzip.compress(b'{"schema": 1, "statements": ' + b"[" * 100_000 + b"}"),
            "is not a capture",
        ),
        (sampled("zz", 0), "damaged: .*hexadecimal"),
        (sampled("00", 1), "damaged: a sample has no value 1"),
        (sampled("00", -1), "damaged: a sample has no value -1"),
        (gzip.compress(b'{"schema": 7, "statements": {}}'), "has schema 7, this planguard reads 1"),
    ],
)
def test_what_is_no_capture_says_what_it_is(tmp_path: Path, content: bytes, found: str) -> None:
    path = tmp_path / "capture.json.gz"
    path.write_bytes(content)
    with pytest.raises(CaptureError, match=found) as error:
        file.read(path)
    assert str(path) in error.value.message
    assert error.value.hint


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="No such file") as error:
        file.read(tmp_path / "none")
    assert "--planguard-capture-only" in error.value.hint


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "LIMIT", 1 << 20)
    with pytest.raises(CaptureError, match="more than 1 MB"):
        file.decode(gzip.compress(b" " * (2 << 20)), "bomb")


def test_a_file_without_an_end_is_refused_by_its_first_bytes() -> None:
    with pytest.raises(CaptureError, match="/dev/zero is not a capture"):
        file.read(Path("/dev/zero"))


def test_a_pipe_is_read(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.write(writing, file.encode(CAPTURE))
    os.close(writing)
    assert file.read(Path(f"/dev/fd/{reading}")) == CAPTURE
    os.close(reading)


def test_a_folder_is_no_capture(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="cannot be read: Is a directory"):
        file.read(tmp_path)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(CaptureError, match="cannot be written") as error:
        file.write(CAPTURE, tmp_path / "taken" / "capture.json.gz")
    assert "--planguard-capture-file" in error.value.hint


def test_unknown_fields_of_the_same_schema_are_ignored() -> None:
    content = gzip.compress(json.dumps({"schema": 1, "statements": [], "more": 1}).encode())
    assert file.decode(content, "x") == Capture(statements=())
