"""Candidates are made all at once; of those the server refuses, each by itself is known."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
import pytest

from pytest_planguard.fixturedb.whatif import _create
from pytest_planguard.model.ports import HypotheticalIndex


class Server:
    """Refuses what is wrong, and more statements at once than it has locks for."""

    def __init__(self, *, most: int = 100, lost: bool = False) -> None:
        self.sent = 0
        self.made: list[str] = []
        self._most = most
        self._lost = lost

    def execute(self, text: str) -> None:
        self.sent += 1
        names = [one.split()[2] for one in text.split("; ")]
        if self._lost:
            raise psycopg.OperationalError("the connection is closed")
        if len(names) > self._most:
            raise psycopg.errors.OutOfMemory("out of shared memory")
        if any(name.startswith("wrong") for name in names):
            raise psycopg.errors.UndefinedColumn('column "b" does not exist')
        self.made += names


def made(server: Server, names: Sequence[str]) -> dict[str, str]:
    wanted = [HypotheticalIndex(name, "public.t", "btree", ("b",)) for name in names]
    return _create(server, wanted)


def test_all_candidates_are_made_by_one_message_in_their_order() -> None:
    server = Server()
    assert made(server, ["c", "a", "b"]) == {}
    assert (server.made, server.sent) == (["c", "a", "b"], 1)
    assert made(server, []) == {}
    assert server.sent == 1


def test_those_that_are_refused_are_named_and_all_others_keep_their_order() -> None:
    server = Server()
    refused = made(server, ["a", "wrong_1", "b", "c", "wrong_2", "d", "e"])
    assert refused.keys() == {"wrong_1", "wrong_2"}
    assert server.made == ["a", "b", "c", "d", "e"]


def test_more_than_the_server_has_locks_for_are_made_in_parts() -> None:
    server = Server(most=2)
    assert made(server, ["a", "b", "c", "d", "e"]) == {}
    assert server.made == ["a", "b", "c", "d", "e"]


def test_a_server_that_is_lost_is_no_refusal() -> None:
    with pytest.raises(psycopg.OperationalError, match="closed"):
        made(Server(lost=True), ["a", "b"])
