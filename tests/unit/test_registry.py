from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from pytest_planguard import registry
from pytest_planguard.errors import ConfigurationError
from pytest_planguard.model.finding import RuleFacts, Severity


def rule(code: str = "ACME1", name: str = "acme", **facts: Any) -> Any:
    given = dict.fromkeys(("condition", "effect", "remedy", "source"), "as it says") | facts
    return SimpleNamespace(
        FACTS=RuleFacts(code, name, Severity.ERROR, **given), check=lambda context: ()
    )


def test_every_rule_that_is_built_is_found_by_its_code() -> None:
    assert {"PLN001", "PLN002", "PLN003", "IDX001", "QRY001", "QRY002", "QRY007", "ENV004"} <= set(
        registry.rules()
    )


def test_rules_come_sorted_by_code() -> None:
    found = registry.collected([("b.py", rule("B1", "b")), ("a.py", rule("A1", "a"))])

    assert list(found) == ["A1", "B1"]


def test_two_rules_never_share_a_code_or_a_name() -> None:
    with pytest.raises(ConfigurationError, match=r"b\.py and a\.py are both called ACME1"):
        registry.collected([("a.py", rule()), ("b.py", rule(name="other"))])
    with pytest.raises(ConfigurationError, match=r"both called acme"):
        registry.collected([("a.py", rule()), ("b.py", rule("ACME2"))])


def test_facts_that_say_nothing_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"a\.py says nothing under remedy"):
        registry.collected([("a.py", rule(remedy=" "))])


def test_what_has_no_check_is_no_rule() -> None:
    only_facts = SimpleNamespace(FACTS=rule().FACTS)

    with pytest.raises(ConfigurationError, match=r"a\.py is no rule"):
        registry.collected([("a.py", only_facts), ("b.py", object())])


def test_shape_rules_say_of_themselves_that_they_explain() -> None:
    explaining = {code for code, one in registry.rules().items() if one.FACTS.explains}

    assert explaining == {"QRY001", "QRY002", "QRY003", "QRY004"}
    assert all(msgspec.structs.asdict(one.FACTS) for one in registry.rules().values())
