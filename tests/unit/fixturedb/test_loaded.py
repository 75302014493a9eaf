from __future__ import annotations

from typing import Any

import pytest

from pytest_planguard.fixturedb.scale.loaded import vacuum
from pytest_planguard.model.catalog import Table


class _Server:
    """Answers whether all pages of a table are known as visible."""

    def __init__(self, *, visible: bool) -> None:
        self._visible = visible
        self.sent: list[str] = []

    def execute(self, text: str, _: object = None) -> _Server:
        if text.startswith("VACUUM"):
            self.sent.append(text)
        return self

    def fetchone(self) -> tuple[bool]:
        return (self._visible,)


@pytest.mark.parametrize(
    ("visible", "sent"),
    [
        (True, ["VACUUM public.t"]),
        (False, ["VACUUM public.t", "VACUUM (FREEZE, DISABLE_PAGE_SKIPPING) public.t"]),
    ],
)
def test_a_table_of_which_a_page_was_passed_over_is_read_again_as_a_whole(
    visible: bool, sent: list[str]
) -> None:
    server: Any = _Server(visible=visible)

    vacuum(server, Table("public", "t", "r", ()))

    assert server.sent == sent
