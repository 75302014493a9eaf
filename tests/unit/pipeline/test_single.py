import pytest

from pytest_planguard.config import load
from pytest_planguard.errors import ConfigurationError
from pytest_planguard.model.capture import Capture
from pytest_planguard.model.statement import Session, Statement
from pytest_planguard.model.tenants import Tenants
from pytest_planguard.pipeline import explain
from pytest_planguard.pipeline.single import _of_key
from pytest_planguard.sql.normalise import queries


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "there is no statement"),
        ("SELECT 1; DELETE FROM orders", "found 2 statements, wanted one"),
        ("/* nothing */ -- at all", "found no statement, wanted one"),
        ("BEGIN WORK", "the statement has no plan: BEGIN WORK"),
        ("CALL tidy (1)", "the statement cannot be planned: CALL runs a procedure"),
        ("SELEC 1", 'the parser rejects it: syntax error at or near "SELEC"'),
        ("0123456789ab", 'nothing is captured yet: no captured query has the key "0123456789ab"'),
    ],
)
def test_what_is_no_single_statement_is_refused_before_a_server_is_started(tmp_path, text, found):
    with pytest.raises(ConfigurationError, match=found) as refused:
        explain(load(tmp_path), text)
    assert refused.value.hint


def test_an_unknown_key_is_told_where_queries_were_captured(tmp_path):
    with pytest.raises(ConfigurationError, match="no captured query has the key"):
        explain(load(tmp_path), "0123456789ab", Capture(()))


def test_a_key_of_tenants_queries_is_found(tmp_path):
    (tmp_path / "pyproject.toml").write_text(
        "[tool.pytest-planguard]\ntenant-schemas = 't_*'\ntenant-model = 't_1'\n"
    )
    texts = [f"SELECT a FROM t_{number}.orders" for number in (7, 8)]
    sent = tuple(Statement(text, (), Session("app", "psycopg")) for text in texts)
    (query,) = queries(Capture(sent), tenants=Tenants("t_*", "t_1"))
    found = _of_key(load(tmp_path), query.key, Capture(sent))
    assert [one.text for one in found.statements] == texts[:1]
